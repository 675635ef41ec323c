"""Uses what the worked examples of CONTRIBUTING.md add, in a copy of the project that has them: for test_contributing.

Takes the connection string of an empty database, its owner's, a home, and a file of assessments. Ends with an
AssertionError where something that should follow from an example does not.
"""

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any, get_args

from click.testing import CliRunner
from pydantic import SecretStr
from starlette.testclient import TestClient

from service.cli.main import main
from service.client import requests
from service.client.paths import Subject
from service.daybook import open_daybook
from service.settings import Settings
from service.storing.migrations.roles import as_service
from service.web.application import application
from service.web.entry.access import Access

TOKEN = "a-recorder's-token"
VIEW = "/api/v1/views/supplier-assessments"
ORGANIZATIONS = ("baidu", "huawei", "kunlunxin")
ASKED = {"effective_on": "2023-12-31"}


def use(database: str, home: Path, file: Path) -> None:
    """Record, ask and import what is new, over HTTP and by the commands."""
    settings = Settings(home=home, database_url=SecretStr(as_service(database)), migrations_url=SecretStr(database))
    with (
        open_daybook(settings) as daybook,
        TestClient(
            application(daybook, settings, Access.of([(TOKEN, "recorder-7")])),
            headers={"Authorization": f"Bearer {TOKEN}"},
        ) as http,
    ):
        record(http)
        ask(http)
        describe(http)
    by_command(settings, file)


def record(http: TestClient) -> None:
    """An assessment is recorded where its path word says, by the client's own call and as an event."""
    for organization in ORGANIZATIONS:
        named = {"organization_id": organization, "name": organization.title(), "country": "CN"}
        assert http.post("/api/v1/organizations", json={**named, "effective_on": "2018"}).status_code == 201
    assert "assessments" in get_args(Subject)
    given: dict[str, Any] = {"assessor_id": "baidu", "grade": "conditional", "effective_on": "2023-09-01"}
    call = requests.happen("organizations", "huawei", "assessments", **given)
    answer = http.request(call.method, call.path, content=call.body, headers=dict(call.headers))
    placed = call.answered(answer.status_code, answer.headers, answer.content)
    assert (placed.stream, placed.version) == ("organization/huawei", 2)
    event = {
        "type": "organization-assessed",
        "effective_on": "2023-09-05",
        "data": {"organization_id": "kunlunxin", "assessor_id": "baidu", "grade": "approved"},
    }
    assert http.post("/api/v1/events", json=event).status_code == 201
    unknown = {**given, "grade": "splendid", "assessor_id": "nobody"}
    refused = http.post("/api/v1/organizations/huawei/assessments", json=unknown)
    assert refused.status_code == 422, refused.text
    assert [one["pointer"] for one in refused.json()["errors"]] == ["/grade"]
    found = http.get("/api/v1/events", params={"subject": "huawei"}).json()["events"]
    assert [one["type"] for one in found] == ["organization-registered", "organization-assessed"]


def ask(http: TestClient) -> None:
    """The view answers over HTTP as JSON and as CSV, as of any time."""
    answer = http.get(VIEW, params=ASKED).json()
    assert [(one["supplier"], one["grade"], one["assessed_on"]) for one in answer["assessments"]] == [
        ("huawei", "conditional", "2023-09-01"),
        ("kunlunxin", "approved", "2023-09-05"),
    ]
    only = http.get(VIEW, params={**ASKED, "grade": "approved", "format": "csv"}).text
    assert [row["supplier"] for row in csv.DictReader(io.StringIO(only))] == ["kunlunxin"]
    assert http.get(VIEW, params={"effective_on": "2023-08-31"}).json()["assessments"] == []
    assert http.get(VIEW, params={"grade": "splendid"}).status_code == 422


def describe(http: TestClient) -> None:
    """OpenAPI has the route with its example, the event, and the view with its parameters and its shape."""
    document = http.get("/openapi.json").json()
    post = document["paths"]["/api/v1/organizations/{identifier}/assessments"]["post"]
    assert post["requestBody"]["content"]["application/json"]["example"]["grade"] == "conditional"
    assert "organization-assessed" in document["components"]["schemas"]["Event"]["discriminator"]["mapping"]
    get = document["paths"][VIEW]["get"]
    assert {"grade", "known_on"} <= {one.get("name") for one in get["parameters"]}
    assert get["responses"]["200"]["content"]["application/json"]["schema"]["$ref"].endswith("/SupplierAssessments")


def by_command(settings: Settings, file: Path) -> None:
    """A file is imported once, however often it is sent, and the command asks the view."""
    assert settings.database_url is not None
    assert settings.migrations_url is not None
    variables = {
        "DAYBOOK_HOME": str(settings.home),
        "DAYBOOK_DATABASE_URL": settings.database_url.get_secret_value(),
        "DAYBOOK_MIGRATIONS_URL": settings.migrations_url.get_secret_value(),
    }

    def command(*arguments: str) -> Any:
        done = CliRunner(env=variables).invoke(main, arguments)
        assert done.exit_code == 0, f"{arguments}: {done.output} {done.exception!r}"
        return json.loads(done.stdout)

    for expected in ((2, 0), (0, 2)):
        imported = command("import", str(file), "--json")
        assert (imported["format"], imported["recorded"], imported["replayed"]) == ("assessments", *expected)
    answer = command("query", "assessments", "--effective-on", "2023-12-31", "--json")
    assert [(one["supplier"], one["grade"]) for one in answer["assessments"]] == [
        ("huawei", "approved"),
        ("kunlunxin", "rejected"),
    ]


if __name__ == "__main__":
    use(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
