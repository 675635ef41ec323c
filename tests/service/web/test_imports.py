"""Imports over HTTP: what is said at once, and what becomes of a file in the background."""

import csv
import gzip
import io
import json
import os
import resource
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from service.cli.main import main
from service.daybook import Daybook
from service.importing.orders.mapping import shipped
from service.importing.queue.contents import Arrival, DiskRoom
from service.importing.queue.registry import NoSpace
from service.importing.queue.worker import Worker
from service.postgres.embedded import EmbeddedPostgres
from service.settings import Settings
from service.storing.tokens import Tokens
from service.web.application import application
from service.web.entry.access import Access
from tests.service.importing.conftest import EXAMPLES, REGULATIONS, SCREENING_LIST, SEED
from tests.service.importing.order_tables import as_toml, mapping, rows_csv
from tests.service.importing.orders.test_scms import DATA_SET
from tests.service.postgres_owner import open_within, wait_until
from tests.service.web.conftest import TOKEN, head

IMPORTS = "/api/v1/imports"
MAPPINGS = "/api/v1/mappings"
SUGGESTIONS = "/api/v1/mapping-suggestions"
CSV = {"Content-Type": "text/csv"}
LINES = {"Content-Type": "application/x-ndjson"}
SCMS_ROWS = 120


@pytest.fixture
def client(daybook: Daybook, settings: Settings) -> Iterator[TestClient]:
    """A client of a service whose imports wait until `working` has them run."""
    app = application(daybook, settings, Access.of([(TOKEN, "recorder-7")]))
    with TestClient(app, headers={"Authorization": f"Bearer {TOKEN}"}) as opened:
        yield opened


@contextmanager
def working(client: TestClient) -> Iterator[Worker]:
    """Imports are run in the block."""
    app: Any = client.app
    worker: Worker = app.state.context.imports
    worker.start()
    try:
        yield worker
    finally:
        worker.close()


def sent(client: TestClient, data: bytes, headers: dict[str, str] | None = None, **parameters: Any) -> dict[str, Any]:
    """The import that a file makes."""
    answer = client.post(IMPORTS, content=data, headers=headers or {}, params=parameters)
    assert answer.status_code == 202, answer.text
    job: dict[str, Any] = answer.json()
    assert answer.headers["Location"] == f"{IMPORTS}/{job['id']}"
    return job


def asked(client: TestClient, job: dict[str, Any]) -> dict[str, Any]:
    """How far an import is."""
    answer = client.get(f"{IMPORTS}/{job['id']}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def ended(client: TestClient, job: dict[str, Any]) -> dict[str, Any]:
    """How an import ended."""
    assert wait_until(lambda: asked(client, job)["state"] in ("done", "failed", "cancelled"), 60), asked(client, job)
    return asked(client, job)


def said(events: str) -> list[dict[str, Any]]:
    """Events of a ledger as NDJSON without what says when and by whom they were recorded."""
    left_out = ("recorded_at", "actor", "position")
    return [
        {name: value for name, value in json.loads(line).items() if name not in left_out}
        for line in events.splitlines()
    ]


def scms_slice(rows: int = SCMS_ROWS) -> bytes:
    """The first rows of the SCMS delivery history, compressed."""
    with gzip.open(DATA_SET, "rt", encoding="utf-8-sig", newline="") as file:
        taken = [row for _, row in zip(range(rows + 1), csv.reader(file), strict=False)]
    text = io.StringIO()
    csv.writer(text).writerows(taken)
    return gzip.compress(text.getvalue().encode())


@pytest.fixture
def other_database(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[str]:
    """Another empty ledger."""
    name = f"{template_database}_other"
    with psycopg.connect(postgres_server.conninfo_of("postgres"), autocommit=True) as connection:
        connection.execute(f"create database {name} template {template_database}".encode())
        yield postgres_server.conninfo_of(name)
        connection.execute(f"drop database {name} with (force)".encode())


def test_order_lines_make_the_same_ledger_as_from_the_command_line(
    client: TestClient, tmp_path: Path, other_database: str
) -> None:
    data = scms_slice()
    with working(client):
        job = ended(client, sent(client, data, CSV, mapping="scms", file="scms.csv.gz"))
    assert (job["state"], job["format"], job["rows"], job["rejected"]) == ("done", "csv", SCMS_ROWS, 0)
    assert (job["file"], job["actor"], job["faults"], job["detail"]) == ("scms.csv.gz", "recorder-7", [], None)
    assert job["recorded"] == head(client) == sum(job["types"].values())
    over_http = client.get("/api/v1/events", headers={"Accept": "application/x-ndjson"}).text

    path = tmp_path / "scms.csv.gz"
    path.write_bytes(data)
    command = CliRunner(env={"DAYBOOK_HOME": str(tmp_path / "other"), "DAYBOOK_DATABASE_URL": other_database})
    imported = command.invoke(main, ["import", str(path), "--mapping", "scms", "--json"])
    assert imported.exit_code == 0, imported.stderr
    by_command = command.invoke(main, ["events"]).stdout
    assert said(over_http) == said(by_command)
    assert {json.loads(line)["actor"] for line in over_http.splitlines()} == {"recorder-7"}


def test_imports_run_in_the_order_in_which_they_came(client: TestClient) -> None:
    first = sent(client, SEED.read_bytes(), LINES)
    second = sent(client, REGULATIONS.read_bytes(), CSV)
    assert [first["state"], second["state"]] == ["queued", "queued"]
    with working(client):
        after = ended(client, second)
        before = asked(client, first)
    assert (before["state"], before["recorded"], after["state"], after["recorded"]) == ("done", 56, "done", 32)
    assert before["finished_at"] <= after["started_at"]
    assert {remark["row"] for remark in after["remarks"]["known"]} >= {"US-2022-3A090", "CN-2023-MICRON"}
    listed = client.get(IMPORTS).json()["imports"]
    assert [job["id"] for job in listed] == [second["id"], first["id"]]
    assert client.get(IMPORTS, params={"state": "queued"}).json() == {"imports": []}
    assert len(client.get(IMPORTS, params={"limit": 1}).json()["imports"]) == 1


def test_the_same_file_is_the_same_import_while_it_is_not_recorded(client: TestClient) -> None:
    data = SEED.read_bytes()
    first = sent(client, data, LINES)
    again = client.post(IMPORTS, content=data, headers=LINES)
    assert (again.status_code, again.json()["id"]) == (200, first["id"])
    assert again.headers["Idempotent-Replayed"] == "true"
    assert sent(client, data, LINES, dry_run=True)["id"] != first["id"]
    with working(client):
        ended(client, first)
        later = ended(client, sent(client, data, LINES))
    assert (later["recorded"], later["replayed"]) == (0, 56)
    assert later["id"] != first["id"]


def test_an_idempotency_key_names_one_import_also_after_its_end(client: TestClient) -> None:
    named = {**LINES, "Idempotency-Key": "seed-1"}
    first = sent(client, SEED.read_bytes(), named)
    with working(client):
        ended(client, first)
    again = client.post(IMPORTS, content=SEED.read_bytes(), headers=named)
    assert (again.status_code, again.json()["id"], again.json()["state"]) == (200, first["id"], "done")
    other = client.post(IMPORTS, content=REGULATIONS.read_bytes(), headers={**named, **CSV})
    assert (other.status_code, other.json()["type"]) == (422, "/problems/idempotency-key-reused")


def test_an_idempotency_key_of_other_requests_is_none_of_a_file(client: TestClient) -> None:
    key = {"Idempotency-Key": '"k-9"'}
    event = {"type": "organization-registered", "effective_on": "2024-01-01"}
    data = {"organization_id": "acme", "name": "Acme", "country": "DE"}
    assert client.post("/api/v1/events", json={**event, "data": data}, headers=key).status_code == 201
    refused = client.post(IMPORTS, content=SEED.read_bytes(), headers={**LINES, **key})
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/idempotency-key-reused")
    first = client.post(IMPORTS, content=SEED.read_bytes(), headers={**LINES, "Idempotency-Key": '"k-10"'})
    assert first.status_code == 202
    other = client.post("/api/v1/events", json={**event, "data": data}, headers={"Idempotency-Key": '"k-10"'})
    assert (other.status_code, other.json()["type"]) == (422, "/problems/idempotency-key-reused")


def test_the_list_is_read_by_pages_along_their_links(client: TestClient) -> None:
    came = [sent(client, f"{number}".encode(), format="ndjson")["id"] for number in range(5)]
    pages, url = [], f"{IMPORTS}?limit=2&state=queued&state=done"
    while url:
        answer = client.get(url)
        pages.append([job["id"] for job in answer.json()["imports"]])
        assert answer.links["first"]["url"] == f"{IMPORTS}?limit=2&state=queued&state=done"
        following = answer.links.get("next")
        assert (following is None) == ("next_cursor" not in answer.json())
        url = "" if following is None else following["url"]
    assert pages == [came[:2:-1], came[2:0:-1], came[:1]]
    for cursor in ("x", "-1", "9" * 19, ""):
        assert client.get(IMPORTS, params={"cursor": cursor}).status_code == 422, cursor


def test_what_was_left_out_of_an_old_import_is_no_longer_kept(client: TestClient, declared: str) -> None:
    data = rows_csv({}, {"Qty": "many"})
    headers = {**CSV, "Idempotency-Key": "k-1"}
    asked_for = {"mapping": declared, "continue_on_error": True}
    with working(client) as worker:
        answer = client.post(IMPORTS, content=data, headers=headers, params=asked_for)
        job = ended(client, answer.json())
        rejects = client.get(job["rejects"])
        assert int(rejects.headers["Content-Length"]) == len(rejects.content) > 0
        assert rejects.headers["Content-Disposition"] == f'attachment; filename="rejects-{job["id"]}.ndjson"'
        worker.imports.clear_away(-86_400)
    old = asked(client, job)
    assert (old["recorded"], old["rejected"], old["faults"], old["rejects"]) == (
        job["recorded"],
        job["rejected"],
        [],
        None,
    )
    gone = client.get(job["rejects"])
    assert (gone.status_code, "no longer kept" in gone.json()["detail"]) == (404, True)
    again = client.post(IMPORTS, content=data, headers=headers, params=asked_for)
    assert (again.status_code, again.json()["id"]) == (200, job["id"])


def test_a_dry_run_says_what_would_be_recorded(client: TestClient) -> None:
    with working(client):
        job = ended(client, sent(client, SEED.read_bytes(), dry_run=True))
    assert (job["state"], job["recorded"], head(client)) == ("done", 56, 0)


ORDERS = rows_csv({}, {"PO": "PO-2", "Qty": "many"}, {"PO": "PO-3"})


@pytest.fixture
def declared(client: TestClient) -> str:
    """The name of a mapping that was given to the service."""
    answer = client.put(f"{MAPPINGS}/pumps", content=as_toml(mapping()).encode())
    assert (answer.status_code, answer.headers["Location"]) == (201, f"{MAPPINGS}/pumps")
    return "pumps"


def test_what_is_wrong_is_named_by_line_and_nothing_is_recorded(client: TestClient, declared: str) -> None:
    with working(client):
        job = ended(client, sent(client, ORDERS, CSV, mapping=declared, file="orders.csv"))
    fault = {"line": 3, "row": "", "message": "Qty: 'many' is not a number such as 1600.50"}
    assert (job["state"], job["faults"]) == ("failed", [fault])
    assert job["detail"] == "the file is wrong; nothing is recorded"
    assert head(client) == 0
    refused = client.get(f"{IMPORTS}/{job['id']}/rejects")
    assert (refused.status_code, "without continue_on_error" in refused.json()["detail"]) == (404, True)


@pytest.mark.parametrize("lines", [b"{}\n", SEED.read_bytes(), SEED.read_bytes() + b"{}\n"])
def test_an_import_that_ended_well_is_done_with_every_row(client: TestClient, lines: bytes) -> None:
    with working(client):
        job = ended(client, sent(client, lines, LINES, format="ndjson", continue_on_error=True))
    assert (job["state"], job["done"]) == ("done", job["rows"])
    assert job["rows"] == lines.count(b"\n")


def test_what_is_left_out_can_be_fetched(client: TestClient, declared: str) -> None:
    with working(client):
        job = ended(client, sent(client, ORDERS, CSV, mapping=declared, continue_on_error=True))
    assert (job["state"], job["recorded"], job["rejected"]) == ("done", 8, 1)
    assert job["detail"] == "1 rows are left out"
    answer = client.get(job["rejects"])
    assert answer.headers["Content-Type"].startswith("application/x-ndjson")
    [left_out] = [json.loads(line) for line in answer.text.splitlines()]
    assert (left_out["line"], left_out["row"], left_out["raw"][0]["Qty"]) == (3, "PO-2", "many")


def test_what_the_ledger_refuses_is_named_by_line(client: TestClient, declared: str) -> None:
    with working(client):
        ended(client, sent(client, rows_csv({}), CSV, mapping=declared))
        job = ended(client, sent(client, rows_csv({"Qty": "4"}), CSV, mapping=declared))
    assert (job["state"], job["detail"]) == ("failed", "the ledger refused line 2; nothing is recorded")
    assert [(fault["line"], fault["row"]) for fault in job["faults"]] == [(2, "PO-1")]


def test_a_mapping_that_does_not_go_with_the_file_is_named_by_key(client: TestClient) -> None:
    with working(client):
        job = ended(client, sent(client, ORDERS, CSV, mapping="scms"))
    assert (job["state"], job["detail"]) == ("failed", "the mapping does not go with the file; nothing is recorded")
    assert job["faults"][0]["line"] is None
    assert "mapping scms: order.id.column names the column 'PO / SO #'" in job["faults"][0]["message"]


def test_organisations_of_a_screening_list_are_registered_where_that_is_wished(client: TestClient) -> None:
    data = SCREENING_LIST.read_bytes()
    with working(client):
        reported = ended(client, sent(client, data, CSV))
        registered = ended(client, sent(client, data, CSV, unknown="register"))
    assert (reported["recorded"], reported["rejected"], registered["recorded"]) == (0, 15, 45)
    assert (reported["faults"][0]["line"], reported["faults"][0]["row"]) == (2, "32 Group China Ltd.")


def test_other_tables_are_known_by_their_columns_or_a_mapping_of_their_kind(client: TestClient) -> None:
    xlsx = {"Content-Type": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
    plan = client.put(f"{MAPPINGS}/budget", content=b'kind = "rates"\n[columns]\nday = "When"\nrate = "Plan"\n')
    assert plan.status_code == 201, plan.text
    with working(client):
        rehearsed = ended(client, sent(client, (EXAMPLES / "organizations.csv").read_bytes(), CSV, dry_run=True))
        found = [
            ended(client, sent(client, (EXAMPLES / "organizations.csv").read_bytes(), CSV)),
            ended(client, sent(client, (EXAMPLES / "ecb-data-portal.xml").read_bytes(), {"Content-Type": "text/xml"})),
            ended(client, sent(client, (EXAMPLES / "ocds-flattened.xlsx").read_bytes(), xlsx, lenient=True)),
            ended(client, sent(client, b"When,Currency,Plan\n2024-01,USD,1.1\n", CSV, mapping="budget")),
        ]
    assert rehearsed["overview"]["records"]["new"] == 4
    assert [(one["format"], one["state"], one["recorded"] > 0) for one in found] == [
        ("organizations", "done", True),
        ("ecb-xml", "done", True),
        ("ocds-workbook", "done", True),
        ("rates", "done", True),
    ]
    assert found[2]["lenient"] is True


def test_an_import_is_called_off_before_its_turn(client: TestClient) -> None:
    job = sent(client, SEED.read_bytes(), LINES)
    answer = client.delete(f"{IMPORTS}/{job['id']}")
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert answer.json()["detail"] == "it was called off: nothing is recorded"
    # What is called off no longer stands for the file.
    other = sent(client, SEED.read_bytes(), LINES)
    with working(client):
        assert ended(client, other)["recorded"] == 56
    assert asked(client, job)["recorded"] == 0
    assert client.delete(f"{IMPORTS}/{job['id']}").status_code == 200
    late = client.delete(f"{IMPORTS}/{other['id']}")
    assert (late.status_code, late.json()["type"]) == (409, "/problems/import-ended")


FORM = {"Content-Type": "multipart/form-data; boundary=x"}


#: What is sent, with what is said of it, and the answer.
WRONG: tuple[tuple[bytes, dict[str, str], dict[str, Any], int, str], ...] = (
    (b"", {}, {}, 422, "the file is empty"),
    (b"\n\n", CSV, {}, 422, "line 1: the file is empty"),
    (b"a,b\n", {}, {"format": "xml"}, 422, "/format: there is no format 'xml'"),
    (b"colour,size\n", CSV, {}, 422, "line 1: is the header of no known format"),
    (b"a,b\n", CSV, {"format": "csv"}, 422, "/mapping: a table of order lines needs a mapping"),
    (b"a,b\n", CSV, {"mapping": "nobody"}, 422, "/mapping: there is no mapping 'nobody' (there are: coupa, "),
    (b"a,b\n", CSV, {"mapping": "../admin-token"}, 422, "/mapping: there is no mapping '../admin-token'"),
    (b"a,b\n", CSV, {"mapping": "/etc/passwd"}, 422, "/mapping: there is no mapping '/etc/passwd'"),
    (b"{}\n", LINES, {"format": "ndjson", "mapping": "scms"}, 422, "/mapping: is for tables of order lines"),
    (b"{}\n", LINES, {"format": "ndjson", "lenient": "true"}, 422, "/lenient: is for open contracting data"),
    (b"{}\n", LINES, {"unknown": "register"}, 422, "/unknown: is for screening lists"),
    (b"x", CSV, {"format": "regulations", "continue_on_error": True}, 422, "/continue_on_error: is for ndjson"),
    (b"{}\n", CSV, {}, 415, "the file is ndjson by how it begins, and by its Content-Type one of csv"),
    (b"x", {"Content-Type": "application/pdf"}, {}, 415, "no file of type 'application/pdf' is imported"),
    (b"x", FORM, {}, 415, "the body is the file itself, not a form"),
    (b"x", {"Content-Encoding": "br"}, {}, 415, "a file is compressed by gzip or not at all, not by 'br'"),
    (b"{}\n", {**LINES, "Idempotency-Key": ""}, {}, 400, "Idempotency-Key is empty"),
    (b"\x1f\x8b\x08\x00\x00", {}, {}, 422, "the gzip file is cut short"),
)


def test_what_is_known_at_once_is_said_at_once(client: TestClient) -> None:
    for data, headers, parameters, status, message in WRONG:
        answer = client.post(IMPORTS, content=data, headers=headers, params=parameters)
        assert (answer.status_code, message in answer.json()["detail"]) == (status, True), answer.text
    assert client.get(IMPORTS).json() == {"imports": []}
    assert left_behind(client) == []


def left_behind(client: TestClient) -> list[Path]:
    """What lies where files arrive."""
    app: Any = client.app
    return [
        *(app.state.context.settings.home / "imports").iterdir(),
        *open_within(app.state.context.settings.home, os.getpid()),
    ]


def test_a_file_beyond_the_limit_is_refused_and_gone(daybook: Daybook, settings: Settings) -> None:
    small = settings.model_copy(update={"import_limit_bytes": 3_000_000, "body_limit_bytes": 1_000})
    app = application(daybook, small, Access.of([(TOKEN, "recorder-7")]))
    with TestClient(app, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        declared = client.post(IMPORTS, content=b"x" * 3_000_001)
        streamed = client.post(IMPORTS, content=(b"{}\n" * 100_000 for _ in range(11)))
        # More than other bodies may have, less than a file may.
        taken = client.post(IMPORTS, content=(b'{"type": "x"}\n' * 100_000 for _ in range(2)))
        assert (declared.status_code, streamed.status_code, taken.status_code) == (413, 413, 202)
        assert "the file has 3,000,001 bytes, more than 3,000,000" in declared.json()["detail"]
        assert (taken.json()["size_bytes"], left_behind(client)) == (2_800_000, [])


def test_a_file_that_the_disk_does_not_take_is_refused_and_gone(client: TestClient) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, limits[1]))
    try:
        answer = client.post(IMPORTS, content=(b"x" * 1_000_000 for _ in range(5)), headers=LINES)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (answer.status_code, answer.json()["type"]) == (507, "/problems/no-space")
    assert answer.json()["detail"] == "the disk takes no more of the file: File too large"
    assert (left_behind(client), client.get(IMPORTS).json()) == ([], {"imports": []})


def test_the_last_of_the_disk_is_left_to_the_database(client: TestClient) -> None:
    app: Any = client.app
    with pytest.raises(NoSpace, match=r"the disk has no room for a file of 7 bytes or more"):
        Arrival(DiskRoom(app.state.context.settings.home / "imports", reserve_bytes=1 << 60), declared_bytes=7)
    assert left_behind(client) == []


def test_a_folder_that_was_removed_under_a_service_is_made_again(client: TestClient) -> None:
    app: Any = client.app
    shutil.rmtree(app.state.context.settings.home / "imports")
    assert client.post(IMPORTS, content=SEED.read_bytes(), headers=LINES).status_code == 202


def test_unknown_imports_are_not_found(client: TestClient) -> None:
    for name in ("1", "..", ".arriving", "0190c4a1-0000-7000-8000-000000000000"):
        for answer in (client.get(f"{IMPORTS}/{name}/rejects"), client.delete(f"{IMPORTS}/{name}")):
            assert answer.status_code in (404, 405), (name, answer.text)


def test_each_role_may_do_what_is_its_own(daybook: Daybook, settings: Settings) -> None:
    tokens = Tokens(daybook.ledger.recorder.datastore)
    texts = {role: tokens.create(role, role) for role in ("viewer", "auditor", "recorder", "admin")}
    with TestClient(application(daybook, settings, Access(tokens=tokens))) as client:
        found: dict[str, tuple[int, ...]] = {}
        for role, (_, text) in texts.items():
            bearer = {"Authorization": f"Bearer {text}"}
            posted = client.post(IMPORTS, content=SEED.read_bytes(), headers=bearer)
            found[role] = (posted.status_code, client.get(IMPORTS, headers=bearer).status_code)
        bearer = {"Authorization": f"Bearer {texts['recorder'][1]}"}
        [job] = client.get(IMPORTS, headers=bearer).json()["imports"]
        assert client.post(IMPORTS, content=b"{}\n").status_code == 401
    assert found == {"viewer": (403, 403), "auditor": (403, 403), "recorder": (202, 200), "admin": (200, 200)}
    assert job["actor"] == f"token:{texts['recorder'][0].id}"


def test_mappings_are_kept_read_and_removed(client: TestClient, declared: str) -> None:
    there = dict(sorted({"pumps": False, **dict.fromkeys(shipped(), True)}.items()))
    listed = [{"name": name, "shipped": came} for name, came in there.items()]
    assert client.get(MAPPINGS).json() == {"mappings": listed}
    assert client.get(f"{MAPPINGS}/{declared}").content == as_toml(mapping()).encode()
    assert client.put(f"{MAPPINGS}/pumps", content=as_toml(mapping()).encode()).status_code == 200
    assert client.get(f"{MAPPINGS}/scms").headers["Content-Type"].startswith("application/toml")
    assert client.put(f"{MAPPINGS}/scms", content=b"").status_code == 403
    assert client.delete(f"{MAPPINGS}/scms").status_code == 403
    assert [client.delete(f"{MAPPINGS}/pumps").status_code for _ in range(2)] == [204, 404]
    assert client.get(f"{MAPPINGS}/pumps").status_code == 404


UNUSABLE = (
    ("pumps", b"= 1", "mapping pumps: is not TOML"),
    ("pumps", b"\xff", "mapping pumps: is not TOML"),
    ("pumps", as_toml({**mapping(), "colour": "red"}).encode(), "mapping pumps: colour: is no key of a mapping here"),
    (".hidden", b"", "a name is made of letters"),
)


def test_a_mapping_that_cannot_be_used_is_not_kept(client: TestClient) -> None:
    for name, content, message in UNUSABLE:
        answer = client.put(f"{MAPPINGS}/{name}", content=content)
        assert (answer.status_code, message in answer.json()["detail"]) == (422, True), answer.text
    assert client.get(MAPPINGS).json() == {"mappings": [{"name": name, "shipped": True} for name in shipped()]}


def test_what_will_not_do_what_it_seems_to_is_said_by_kind(client: TestClient) -> None:
    rule = {"rule_id": "r", "effect": "prohibited", "categories": ["ai-acelerator"]}
    about = {"jurisdiction": "US", "authority": "BIS", "title": "A rule", "citation": "88 FR 1"}
    datas = [{"regulation_id": f"r-{n}", **about, "rules": [rule]} for n in range(7)]
    enacted = [{"type": "regulation-enacted", "effective_on": "2024", "data": data} for data in datas]
    job = sent(client, SEED.read_bytes() + b"".join(json.dumps(one).encode() + b"\n" for one in enacted), LINES)
    with working(client):
        remarks = ended(client, job)["remarks"]["unknown-category"]
    assert (remarks[0]["line"], remarks[0]["row"]) == (None, "r-0/r")
    assert [one["message"] for one in remarks[5:]] == ["and 2 more"]


def test_a_mapping_is_suggested_for_a_table_and_imports_it(client: TestClient) -> None:
    answer = client.post(SUGGESTIONS, content=ORDERS, headers=CSV, params={"file": "pumps.csv"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/toml")
    assert "# 1 x Qty: ... is not a number such as 1600.50 (line 3)" in answer.text
    assert client.put(f"{MAPPINGS}/mine", content=answer.content).status_code == 201
    with working(client):
        job = ended(client, sent(client, ORDERS, CSV, mapping="mine", dry_run=True, continue_on_error=True))
    assert (job["overview"]["orders"], job["rejected"]) == (2, 1)
    assert [cause["count"] for cause in job["causes"]] == [1]
    for body, message in ((b"", "the file is empty"), (b"a,b\n1,2\n", "no column looks like a date of orders")):
        answer = client.post(SUGGESTIONS, content=body, headers=CSV)
        assert (answer.status_code, message in answer.json()["detail"]) == (422, True), answer.text
