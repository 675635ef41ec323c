"""The views over HTTP: the worked answers, the clocks, who is let in, and what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from service.daybook import Daybook
from service.settings import Settings
from service.web.application import application
from service.web.entry.access import Access
from tests.service.web.conftest import EVENTS, SEED
from tests.test_reference import as_written

GOLDEN = Path(__file__).parents[2] / "golden"
WORKED = json.loads((GOLDEN / "ai-accelerators-expected.json").read_bytes())["vendor-dependence"]
VIEW = "/api/v1/views/vendor-dependence"


@pytest.mark.parametrize("worked", WORKED, ids=lambda worked: json.dumps(worked["query"]))
def test_the_worked_answers_hold(reader: TestClient, worked: dict[str, Any]) -> None:
    answer = reader.get(VIEW, params=worked["query"]).json()
    answer["rows"] = {row["key"]: row for row in answer["rows"]}
    assert answer["rows"].keys() == worked["rows"].keys()
    for part in ("rows", "total", "metrics"):
        assert as_written(worked[part], answer[part]) == worked[part]


def test_an_answer_says_what_moment_it_is_of(reader: TestClient) -> None:
    answer = reader.get(VIEW, params={"buyer": "baidu", "effective_on": "2023-08-31", "position": "40"}).json()
    resolved = answer["resolved"]
    assert (resolved["effective_on"], resolved["known_on"], resolved["position"]) == ("2023-08-31", None, 40)
    assert resolved["recorded_at"] == reader.get(f"{EVENTS}/40").json()["recorded_at"]
    assert answer["parameters"] | {"buyer": ["baidu"], "by": "vendor", "window": None} == answer["parameters"]


def test_recorded_at_finds_the_position(reader: TestClient) -> None:
    at_40 = reader.get(f"{EVENTS}/40").json()["recorded_at"]
    answer = reader.get(VIEW, params={"recorded_at": at_40}).json()
    assert answer["resolved"]["position"] == 40


def test_a_writer_reads_its_own_writes(client: TestClient) -> None:
    for line in SEED.splitlines()[:8]:
        position = client.post(EVENTS, content=line, headers={"Content-Type": "application/json"}).json()[
            "last_position"
        ]
        answer = client.get("/api/v1/organizations", params={"min_position": str(position)}).json()
        assert len(answer["organizations"]) == position


def test_evidence_adds_up_to_its_row(reader: TestClient) -> None:
    answer = reader.get(VIEW, params={"buyer": "baidu", "measure": "capacity", "effective_on": "2023-08-31"}).json()
    for row in answer["rows"]:
        found = reader.get(row["evidence"]).json()
        assert sum(float(part["value"] or 0) for part in found["contributions"]) == float(row["value"] or 0)
        assert found["contributions"]


def test_rows_by_an_attribute_link_to_their_evidence(reader: TestClient) -> None:
    asked = {"buyer": "baidu", "measure": "units", "effective_on": "2023-08-31", "by": "attribute:datacentre"}
    answer = reader.get(VIEW, params=asked).json()
    assert answer["parameters"]["by"] == "attribute:datacentre"
    for row in answer["rows"]:
        found = reader.get(row["evidence"]).json()
        assert sum(float(part["value"] or 0) for part in found["contributions"]) == float(row["value"] or 0)
        assert found["parameters"]["key"] == row["key"] == row["name"]
    short = reader.get(VIEW, params=asked | {"by": "site"}).json()
    assert [(row["key"], short["parameters"]["by"]) for row in short["rows"]] == [(None, "attribute:site")]


BAD_QUESTIONS = {
    "an unknown parameter": ({"colour": "red"}, 422, "/colour"),
    "an unknown measure": ({"measure": "weight"}, 422, "/measure"),
    "rows by nothing known": ({"by": "sites"}, 422, "/by"),
    "rows by no attribute": ({"by": "attribute:"}, 422, "/by"),
    "an unknown buyer": ({"buyer": "badu"}, 422, "/buyer"),
    "a parameter twice": ([("by", "maker"), ("by", "vendor")], 422, "/by"),
    "a day that is not": ({"effective_on": "2023-02-30"}, 422, "/effective_on"),
    "a number for a day": ({"known_on": "1693440000"}, 422, "/known_on"),
    "a window of what is open": ({"window": "P1Y", "status": "open"}, 422, "/window"),
    "a window with hours": ({"window": "PT1H"}, 422, "/window"),
    "no currency": ({"currency": "USX"}, 422, "/currency"),
    "no country": ({"home": "ZZ"}, 422, "/home"),
    "a position and an instant": ({"position": "1", "recorded_at": "2026-01-01T00:00:00Z"}, 422, "/position"),
    "a negative position": ({"position": "-1"}, 422, "/position"),
    "a position beyond the head": ({"position": "57"}, 400, None),
    "a min_position beyond the head": ({"min_position": "57"}, 400, None),
    "an instant in the future": ({"recorded_at": "2999-01-01T00:00:00Z"}, 400, None),
    "an instant without its zone": ({"recorded_at": "2026-01-01T00:00:00"}, 422, "/recorded_at"),
}


@pytest.mark.parametrize("what", BAD_QUESTIONS)
def test_a_bad_question_is_refused_with_where_and_what(reader: TestClient, what: str) -> None:
    asked, status, pointer = BAD_QUESTIONS[what]
    answer = reader.get(VIEW, params=asked)
    assert answer.status_code == status, answer.text
    if pointer is not None:
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("organizations/kunlunxin", True),
        ("organizations/kunlun", False),
        ("products/hw-910b", True),
        ("products/hw-911", False),
        ("partnerships/baidu-huawei-ai", True),
        ("partnerships/none", False),
        ("orders/cn4-nvidia-2023", True),
        ("orders/none", False),
        ("views/orders/baidu-huawei-2023-08", True),
    ],
)
def test_one_thing_is_read_as_of_a_moment_or_is_not_there(reader: TestClient, path: str, there: bool) -> None:
    known = {"effective_on": "2024-12-31"}
    before = {"effective_on": "1999-01-01"}
    assert reader.get(f"/api/v1/{path}", params=known).status_code == (200 if there else 404)
    assert reader.get(f"/api/v1/{path}", params=before).status_code == 404


def test_events_are_paged_in_order_and_streamed_byte_for_byte(reader: TestClient) -> None:
    first = reader.get(EVENTS, params={"limit": 30}).json()
    rest = reader.get(EVENTS, params={"after": first["last_position"]}).json()
    events = first["events"] + rest["events"]
    assert [event["position"] for event in events] == list(range(1, 57))
    lines = reader.get(EVENTS, headers={"Accept": "application/x-ndjson"}).content.splitlines()
    assert lines == [reader.get(f"{EVENTS}/{n}").content for n in range(1, 57)]
    of_one = reader.get(EVENTS, params={"stream": "regulation/us-3a090", "type": "regulation-amended"}).json()
    assert [event["position"] for event in of_one["events"]] == [37, 41, 44] or len(of_one["events"]) == 3


@pytest.mark.parametrize("header", [None, "Bearer wrong", "Basic YTpi", "Bearer"])
def test_nobody_comes_in_without_a_token(client: TestClient, header: str | None) -> None:
    client.headers.pop("Authorization")
    headers = {} if header is None else {"Authorization": header}
    for answer in (client.get(VIEW, headers=headers), client.post(EVENTS, content=SEED, headers=headers)):
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert client.get("/livez").status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "127.0.0.1:8000"}, 200),
        ({"Host": "localhost:8000", "Origin": "http://localhost:8000"}, 200),
        ({"Host": "daybook.example"}, 403),
        ({"Host": "127.0.0.1:8000", "Origin": "https://elsewhere.example"}, 403),
    ],
)
def test_the_demonstration_answers_this_machine_alone(
    daybook: Daybook, settings: Settings, headers: dict[str, str], status: int
) -> None:
    with TestClient(application(daybook, settings, Access(open=True))) as client:
        assert client.get(VIEW, headers=headers).status_code == status


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/api/v1/none", 404), ("DELETE", EVENTS, 405)])
def test_what_is_not_there_is_a_problem_too(client: TestClient, method: str, path: str, status: int) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert client.get(answer.json()["type"]).json()["status"] == status


def test_a_representation_that_is_not_offered_is_a_406(reader: TestClient) -> None:
    assert reader.get(VIEW, headers={"Accept": "application/xml"}).status_code == 406


def test_evidence_series_and_differences_say_what_is_missing_too(reader: TestClient) -> None:
    params = {"buyer": "baidu", "currency": "EUR", "by": "product"}
    view = reader.get(VIEW, params={**params, "effective_on": "2023-12-31"}).json()
    assert {remark["kind"] for remark in view["remarks"]} >= {"no-currency"}
    counts: dict[tuple[str, str], int] = {}
    for row in view["rows"]:
        for remark in reader.get(row["evidence"]).json()["remarks"]:
            about = remark["kind"], remark["subject"]
            counts[about] = counts.get(about, 0) + remark["count"]
    assert counts == {(remark["kind"], remark["subject"]): remark["count"] for remark in view["remarks"]}
    ends = {"from": "2023-06-30", "to": "2023-12-31"}
    assert reader.get(f"{VIEW}/series", params={**params, **ends}).json()["remarks"] == view["remarks"]
    sides = reader.get(f"{VIEW}/diff", params={**params, "effective_on": ["2023-06-30", "2023-12-31"]}).json()
    before = reader.get(VIEW, params={**params, "effective_on": "2023-06-30"}).json()
    assert sides["remarks"] == {"before": before["remarks"], "after": view["remarks"]}
    for path, clocks in (("series", ends), ("diff", {"effective_on": ["2023-06-30", "2023-12-31"]})):
        asked = {**params, **clocks, "format": "csv", "table": "remarks"}
        assert "no-currency" in reader.get(f"{VIEW}/{path}", params=asked).text
