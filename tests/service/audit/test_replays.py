"""Replays: everything built anew from the stored bytes is what answers, or what differs is named."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import httpx2 as httpx
import pytest

from projections.engine import fingerprint
from service.asking.clocks import ClockReader
from service.audit.questions import read_saved
from service.audit.remote import Remote, ServiceRefuses
from service.audit.replay import replay
from service.cli import audit
from service.cli.seed import SEED
from service.daybook import open_daybook
from service.settings import Settings
from tests.service.audit.conftest import Run
from tests.service.processes import command, serving

NDJSON_BODY = {"Content-Type": "application/x-ndjson"}
#: A few of the questions that come with a replay, for what does not depend on which they are.
FEW = ("vendor-dependence?measure=units&by=maker", "regulatory-exposure?status=ordered", "organizations")


@pytest.fixture
def few_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replays of this test ask little."""
    monkeypatch.setattr(audit, "SAVED", FEW)


@pytest.fixture
def tamper(run: Run, seeded: Settings) -> Callable[[str], None]:
    """Change the live projection's file while nobody holds it."""
    with open_daybook(seeded, follow=False):
        pass

    def change(statement: str) -> None:
        (file,) = (seeded.home / "projections").glob("*.duckdb")
        with duckdb.connect(str(file)) as connection:
            (changed,) = connection.execute(statement).fetchone() or (0,)
        assert changed

    return change


def test_a_replay_finds_what_answers_as_it_should_be(run: Run) -> None:
    done = run("replay", "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["equal"], found["position"], found["queries"]) == (True, 56, len(audit.SAVED))
    assert found["tables"] > 20
    assert found["queries"] > 60


@pytest.mark.usefixtures("few_questions")
@pytest.mark.parametrize("position", [0, 1, 30, 55])
def test_a_replay_at_an_earlier_position_is_as_if_nothing_had_come_after(run: Run, position: int) -> None:
    done = run("replay", "--position", str(position), "--json")
    assert done.exit_code == 0, done.output
    found = json.loads(done.stdout)
    assert (found["equal"], found["position"], found["queries"]) == (True, position, len(FEW))


@pytest.mark.usefixtures("few_questions")
def test_a_replay_ends_where_the_ledger_stood_at_an_instant(run: Run, seeded: Settings) -> None:
    with open_daybook(seeded, follow=False) as daybook:
        (row,) = daybook.ledger.recorder.rows_after(41, 1)
    done = run("replay", "--recorded-at", json.loads(row.state)["recorded_at"], "--json")
    assert (done.exit_code, json.loads(done.stdout)["position"]) == (0, 42)


@pytest.mark.usefixtures("few_questions")
def test_a_posting_that_was_changed_in_the_projection_is_found(run: Run, tamper: Callable[[str], None]) -> None:
    last = "(select max(position) from posting)"
    tamper(f"update posting set quantity_value = quantity_value + 1 where position = {last}")
    done = run("replay", "--json")
    assert done.exit_code == 5
    found = json.loads(done.stdout)
    (table,) = found["differing_tables"]
    assert (table["where"], table["table"]) == ("live", "posting")
    assert (len(table["rows_found"]), len(table["rows_replayed"])) == (1, 1)
    # Before that posting was made, everything is as it should be.
    assert run("replay", "--position", "30").exit_code == 0


@pytest.mark.usefixtures("few_questions")
def test_answers_that_differ_are_named_with_the_place(run: Run, tamper: Callable[[str], None]) -> None:
    tamper(
        "update posting set quantity_value = 9999, quantity_low = 9999 where quantity_value > 0;"
        "update irregular_posting set quantity_value = 9999, quantity_low = 9999 where quantity_value > 0"
    )
    done = run("replay")
    assert done.exit_code == 5
    assert "table irregular_posting differs (live)" in done.stdout
    told = [line for line in done.stdout.splitlines() if line.startswith(FEW[0])]
    assert any(": /total/value is " in line and ", replayed " in line for line in told), done.stdout
    assert done.stdout.splitlines()[-1].startswith("position 56: ")


@pytest.mark.usefixtures("few_questions")
@pytest.mark.parametrize(
    "statement",
    [
        "update term set word = 'nvidiа' where word = 'nvidia'",
        "delete from retraction",
        "insert into steady from steady limit 1",
        "update joint_buyer set buyer = buyer + 1 where buyer = (select min(buyer) from joint_buyer)",
        "update order_line set line = line || '?'",
        "update regulation_event set data = '{}'",
    ],
)
def test_whatever_is_changed_is_found(run: Run, tamper: Callable[[str], None], statement: str) -> None:
    tamper(statement)
    assert run("replay").exit_code == 5


@pytest.mark.usefixtures("few_questions")
def test_questions_of_a_file_are_asked_as_well(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "questions"
    file.write_text(
        "\ufeff# what the board asks\r\n\n"
        "vendor-dependence?buyer=baidu&measure=units&effective_on=2023-08-31&known_on=2023-11-08\n"
        "vendor-dependence/series?buyer=baidu&measure=units&from=2023-01-01&to=2023-12-31&step=P1M\n"
        "vendor-dependence/diff?buyer=baidu&known_on=2023-08-31&known_on=2023-12-31\n"
        "vendor-dependence/diff?position=20&position=40&effective_on=2023-12-31\n"
        "orders/baidu-huawei-2023-08\n"
        "orders/po-none\n"
        "# a note\u2028of two lines\u2029or three\u0085or four\n"
        "regulations/us-3a090?effective_on=2023-11-17\n"
    )
    done = run("replay", "--queries", str(file), "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["queries"] == len(FEW) + 7


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("vendor-independence?buyer=baidu", "line 2: there is no view"),
        ("vendor-dependence?position=57", "line 2: /position: 57 is beyond 56"),
        ("vendor-dependence?recorded_at=yesterday", "line 2: /recorded_at"),
        ("vendor-dependence?recorded_at=2999-01-01T00:00:00Z", "is in the future"),
    ],
)
def test_a_question_that_cannot_be_asked_is_named_with_its_line(
    run: Run, tmp_path: Path, line: str, message: str
) -> None:
    file = tmp_path / "questions"
    file.write_text(f"organizations\n{line}\n")
    done = run("replay", "--queries", str(file))
    assert (done.exit_code, message in done.stderr) == (2, True), done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--position", "57"), "position 57 is beyond the head, 56"),
        (("--position", "1", "--recorded-at", "2023-01-01T00:00:00Z"), "not both"),
        (("--only",), "give --queries"),
        (("--url", "http://127.0.0.1:1"), "the environment has no DAYBOOK_TOKEN"),
    ],
)
def test_what_cannot_be_replayed_is_a_usage_error(run: Run, arguments: tuple[str, ...], message: str) -> None:
    done = run("replay", *arguments)
    assert (done.exit_code, message in done.stderr) == (2, True), done.stderr


def test_a_service_that_cannot_be_asked_is_named(run: Run) -> None:
    done = run("replay", "--url", "http://127.0.0.1:1", "--token-env", "TOKEN", TOKEN="none")
    assert done.exit_code == 1
    assert "http://127.0.0.1:1 cannot be asked" in done.stderr


def test_a_running_service_is_compared_as_well(ledger_home: Path, tmp_path: Path) -> None:
    questions = tmp_path / "questions"
    questions.write_text("vendor-dependence?buyer=baidu&measure=units\nregulatory-exposure?buyer=baidu\n")
    with serving(ledger_home) as service, service.client() as client:
        assert client.post("/api/v1/events", content=SEED.read_bytes(), headers=NDJSON_BODY).status_code == 201
        asked = ("replay", "--url", service.address, "--token-env", "DAYBOOK_ADMIN_TOKEN", "--json")
        done = command(ledger_home, *asked, "--position", "40", "--queries", str(questions), "--only")
        assert done.returncode == 0, done.stdout + done.stderr
        told = json.loads(done.stdout)
        assert (told["compared"], told["queries"]) == (["live", service.address], 2)
        head = client.get("/api/v1/projection/digest").json()
        assert head["position"] == 56
        assert head["tables"]["event"].startswith("56 ")
        before = client.get("/api/v1/projection/digest?position=40").json()
        assert before["tables"]["event"].startswith("40 ")
        assert client.get("/api/v1/projection/digest?position=57").status_code == 400
        assert client.get("/api/v1/projection/digest?position=x").status_code == 422


def test_what_a_service_has_otherwise_is_named(run: Run, seeded: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that says something else, in the place of one whose projection was changed."""

    def other(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/projection/digest"):
            return httpx.Response(200, json={"position": 56, "fingerprint": fingerprint(), "tables": {"event": "56 0"}})
        return httpx.Response(200, json={"rows": []})

    with open_daybook(seeded, follow=False) as daybook, Remote("http://service", "token") as remote:
        monkeypatch.setattr(
            remote, "_client", httpx.Client(base_url="http://service", transport=httpx.MockTransport(other))
        )
        saved = read_saved(["organizations"], ClockReader(daybook, 10), 56)
        found = replay(daybook, 56, saved, folder=seeded.home, wait_s=10, remote=remote)
    assert {"event", "posting"} <= {table.table for table in found.differing_tables}
    assert {table.where for table in found.differing_tables} == {"http://service"}
    assert "/organizations" in {answer.path for answer in found.differing_answers}


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [(401, {"detail": "no"}, "states no digest of its projection: 401"), (200, {}, "states no digest")],
)
def test_a_service_that_answers_otherwise_is_refused(status: int, body: Any, message: str) -> None:
    with Remote("http://service", "token") as remote:
        transport = httpx.MockTransport(lambda request: httpx.Response(status, json=body))
        remote._client = httpx.Client(base_url="http://service", transport=transport)
        with pytest.raises(ServiceRefuses, match=message):
            remote.digest(1)
