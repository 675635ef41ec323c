"""`daybook import`: the summary on stdout, everything else on stderr, and an exit code for each way it can end."""

import gzip
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from psycopg import Connection

from service.cli.main import main
from tests.service.importing.conftest import REGULATIONS, SCREENING_LIST, SEED, change, changes_csv
from tests.service.importing.order_tables import as_toml, mapping, rows_csv
from tests.service.postgres_owner import ROOT, wait_until
from tests.service.purchases import appends_wait, later_appends_held

Run = Callable[..., Result]


@pytest.fixture
def run(database: str, tmp_path: Path) -> Run:
    """Run `daybook import` on an empty ledger."""
    environment = {"DAYBOOK_DATABASE_URL": database, "DAYBOOK_HOME": str(tmp_path / "home")}

    def invoke(*arguments: str | Path, stdin: bytes | None = None) -> Result:
        return CliRunner().invoke(main, ["import", *map(str, arguments)], input=stdin, env=environment)

    return invoke


def test_files_are_imported_by_name_and_from_stdin(run: Run) -> None:
    first = run(SEED)
    assert (first.exit_code, first.stderr) == (0, "")
    assert f"{SEED}: 56 rows of ndjson\nrecorded: 56 events\nreplayed: 0 events" in first.stdout
    second = run("-", "--json", stdin=REGULATIONS.read_bytes())
    assert second.exit_code == 0
    summary = json.loads(second.stdout)
    assert (summary["file"], summary["format"], summary["rows"]) == ("-", "regulations", 30)
    assert (summary["recorded"], summary["replayed"], summary["reported"]) == (32, 0, [])
    assert {remark["row"] for remark in summary["known"]} >= {"US-2022-3A090", "CN-2023-MICRON"}


def test_a_dry_run_lists_the_events_that_it_would_record(run: Run) -> None:
    text = run(REGULATIONS, "--dry-run").stdout
    assert "recorded: 61 events (dry run: nothing is)" in text
    assert "line 8: US-2023-MACAU: regulation-amended US-2022-3A090" in text
    summary = json.loads(run(REGULATIONS, "--dry-run", "--json").stdout)
    assert summary["events"][0]["id"] == "regulation-events:US-2019-EL-HUAWEI"
    assert (summary["recorded"], summary["replayed"]) == (61, 0)


def test_a_dry_run_lists_the_events_of_order_lines_and_of_lines_of_events_too(run: Run, tmp_path: Path) -> None:
    pumps = tmp_path / "pumps.toml"
    pumps.write_text(as_toml(mapping()), encoding="utf-8")
    lines = tmp_path / "lines.csv"
    lines.write_bytes(rows_csv({}, {"PO": "PO-2", "Supplier": "Pompes\u2028et fils"}))
    asked = (lines, "--mapping", pumps, "--dry-run")
    summary = json.loads(run(*asked, "--json").stdout)
    assert len(summary["events"]) == summary["recorded"] == 9
    placed = [event for event in summary["events"] if event["type"] == "order-placed"]
    assert [(event["line"], event["data"]["order_id"]) for event in placed] == [(2, "PO-1"), (3, "PO-2")]
    assert placed[0]["data"]["lines"][0]["amount"] == "1600.5"
    assert "  line 3: PO-2: order-placed PO-2" in run(*asked).stdout
    summary = json.loads(run(SEED, "--dry-run", "--json").stdout)
    sent = [json.loads(line) for line in SEED.read_bytes().split(b"\n") if line]
    listed = [{name: event[name] for name in one} for one, event in zip(sent, summary["events"], strict=True)]
    assert listed == sent
    assert json.loads(run(lines, "--mapping", pumps, "--json").stdout).get("events") is None


def test_a_dry_run_shows_people_the_first_events_and_says_how_many_more_there_are(run: Run) -> None:
    registrations = [
        {"type": "organization-registered", "effective_on": "2020", "data": {"organization_id": f"o-{number}"}}
        for number in range(123)
    ]
    for one in registrations:
        one["data"] |= {"name": "A name", "country": "DE"}  # type: ignore[operator]
    sent = b"".join(json.dumps(one).encode() + b"\n" for one in registrations)
    text = run("-", "--dry-run", stdin=sent).stdout
    assert "  line 100: organization-registered o-99\n  and 23 more, which --json lists" in text


def test_a_dry_run_says_what_the_table_holds_and_everything_that_is_wrong(run: Run, declared: Path) -> None:
    checked = run("-", "--mapping", declared, "--dry-run", stdin=rows_csv({}, {"PO": "PO-2"}))
    assert checked.exit_code == 0
    for line in (
        "holds: 2 orders in 2 rows from 2024-03-01 to 2024-05-02",
        "  EUR 3201: 2 orders, 2 lines",
        "suppliers: 0 known, 1 new (Müller & Söhne GmbH)",
        "as read, line 2: order PO-1, Branch Kenya of Müller & Söhne GmbH, 2024-03-01, known on 2024-03-01",
        "    1: 3 x Pump P-200 for EUR 1600.5, due 2024-04-30",
    ):
        assert f"\n{line}\n" in checked.stdout, checked.stdout
    wrong = run("-", "--mapping", declared, "--dry-run", stdin=ORDERS + rows_csv({"PO": "PO-4", "Currency": "E"})[88:])
    assert wrong.exit_code == 2
    assert "1 x Qty: ... is not a number such as 1600.50\n    on line 3\n    mend: " in wrong.stderr
    assert "holds: 2 orders in 4 rows" in wrong.stderr


def test_a_dry_run_says_all_that_the_ledger_would_refuse(run: Run, declared: Path) -> None:
    run("-", "--mapping", declared, stdin=rows_csv({}, {"PO": "PO-2"}))
    changed = rows_csv({"Qty": "4"}, {"PO": "PO-2", "Qty": "5"}, {"PO": "PO-3"})
    done = run("-", "--mapping", declared, "--dry-run", stdin=changed)
    assert done.exit_code == 4
    assert "2 x PO-" in done.stderr or "    on lines 2, 3" in done.stderr
    assert "line 2: PO-1: " in done.stderr


def test_a_suggested_mapping_imports_the_table_that_it_was_suggested_for(run: Run, tmp_path: Path) -> None:
    table, written = tmp_path / "orders.csv", tmp_path / "orders.toml"
    table.write_bytes(rows_csv({}, {"PO": "PO-2"}))
    command = CliRunner()
    done = command.invoke(main, ["mapping", "suggest", str(table), "-o", str(written)])
    assert (done.exit_code, done.stdout) == (0, "")
    again = command.invoke(main, ["mapping", "suggest", str(table), "-o", str(written)])
    assert (again.exit_code, "is there already" in again.stderr) == (2, True)
    assert run(table, "--mapping", written).exit_code == 0
    piped = command.invoke(main, ["mapping", "suggest", "-", "--name", "erp"], input=table.read_bytes())
    assert (piped.exit_code, 'name = "erp"' in piped.stdout) == (0, True)
    refused = command.invoke(main, ["mapping", "suggest", "-"], input=b"a,b\n1,2\n")
    assert (refused.exit_code, refused.stdout) == (2, "")
    assert "daybook: table: line 1: no column looks like a date of orders" in refused.stderr


def test_rows_left_out_end_it_as_a_partial_import(run: Run) -> None:
    reported = run(SCREENING_LIST)
    assert reported.exit_code == 7
    assert "reported: 15 rows that are not recorded\n  line 2: 32 Group China Ltd.: " in reported.stdout
    registered = run(SCREENING_LIST, "--unknown", "register")
    assert (registered.exit_code, "recorded: 45 events" in registered.stdout) == (0, True)


def test_a_bad_file_is_named_by_file_and_line(run: Run) -> None:
    bad = changes_csv(change("US-2019-EL-HUAWEI", "ListingAdded", effective_from="soon"))
    done = run("-", stdin=bad)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "daybook: -: line 2: effective_from: 'soon' is not a date" in done.stderr
    assert "nothing is recorded" in done.stderr
    machine = run("-", "--json", stdin=bad)
    assert [fault["line"] for fault in json.loads(machine.stdout)["faults"]] == [2]


def test_a_row_that_has_changed_since_is_a_conflict(run: Run) -> None:
    row = change("US-2019-EL-HUAWEI", "ListingAdded")
    run("-", stdin=changes_csv(row))
    done = run("-", stdin=changes_csv({**row, "effective_from": "2019-05-17"}))
    assert (done.exit_code, done.stdout) == (4, "")
    assert "line 2: US-2019-EL-HUAWEI: /effective_on" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "stdin", "message"),
    [
        (("no-such-file.csv",), b"", "No such file"),
        (("-", "--format", "xml"), b"", "'xml' is not one of"),
        (("-", "--unknown", "register"), b"{}\n", "--unknown is for screening lists"),
        (("-",), b"colour,size\n", "line 1: is the header of no known format"),
        (("-",), b"\n\n", "the file is empty"),
        (("-", "--format", "screening-list"), b"event_id,kind\n", "lacks the columns 'source'"),
    ],
)
def test_what_cannot_be_read_is_a_usage_error(run: Run, arguments: tuple[str, ...], stdin: bytes, message: str) -> None:
    done = run(*arguments, stdin=stdin)
    assert (done.exit_code, message in done.stderr) == (2, True), done.stderr


ORDERS = rows_csv({}, {"PO": "PO-2", "Qty": "many"}, {"PO": "PO-3"})


@pytest.fixture
def declared(tmp_path: Path) -> Path:
    """The mapping of the small table as a file."""
    path = tmp_path / "pumps.toml"
    path.write_text(as_toml(mapping()), encoding="utf-8")
    return path


def test_order_lines_are_imported_by_a_mapping_and_named_by_line(run: Run, declared: Path) -> None:
    done = run("-", "--mapping", declared, stdin=ORDERS)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "daybook: -: line 3: Qty: 'many' is not a number such as 1600.50\n" in done.stderr
    assert "daybook: -: nothing is recorded" in done.stderr
    whole = run("-", "--mapping", declared, stdin=gzip.compress(rows_csv({})))
    assert (whole.exit_code, whole.stderr) == (0, "")
    assert "1 rows of csv\nrecorded: 6 events" in whole.stdout
    assert "of these: 1 goods-received, 1 order-placed, 3 organization-registered, 1 product-registered" in whole.stdout


def test_what_is_left_out_is_written_to_the_file_of_rejects(run: Run, declared: Path, tmp_path: Path) -> None:
    rejects = tmp_path / "rejects.ndjson"
    arguments = ("-", "--mapping", declared, "--continue-on-error", "--rejects", rejects, "--json")
    done = run(*arguments, stdin=ORDERS)
    summary = json.loads(done.stdout)
    assert (done.exit_code, summary["recorded"], summary["rejected"]) == (7, 8, 1)
    [left_out] = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert (left_out["line"], left_out["row"], left_out["raw"][0]["Qty"]) == (3, "PO-2", "many")
    corrected = run(*arguments, stdin=ORDERS.replace(b"many", b"4"))
    assert (corrected.exit_code, json.loads(corrected.stdout)["recorded"], rejects.read_text()) == (0, 2, "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--format", "csv"), "a table of order lines needs a mapping, which says what its columns mean"),
        (
            ("--mapping", "no-such.toml"),
            "mapping no-such.toml: there is no such file, and none is shipped by that name",
        ),
        (("--mapping", "scms"), "order.id.column names the column 'PO / SO #', which the file does not have"),
        (("--format", "csv", "--rejects", "r"), "--rejects goes with --continue-on-error"),
        (
            ("--format", "ndjson", "--mapping", "scms"),
            "--mapping is for tables of order lines, and - is",
        ),
        (("--format", "ndjson", "--lenient"), "--lenient is for open contracting data, and - is"),
        (("--format", "regulations", "--continue-on-error"), "--continue-on-error is for "),
    ],
)
def test_options_that_do_not_go_together_are_a_usage_error(run: Run, arguments: tuple[str, ...], message: str) -> None:
    done = run("-", *arguments, stdin=ORDERS)
    assert (done.exit_code, message in done.stderr) == (2, True), done.stderr


def test_a_refusal_within_a_table_is_named_with_what_is_recorded(run: Run, declared: Path) -> None:
    assert run("-", "--mapping", declared, stdin=rows_csv({})).exit_code == 0
    changed = run("-", "--mapping", declared, stdin=rows_csv({"Qty": "4"}, {"PO": "PO-2"}))
    assert changed.exit_code == 4
    assert "line 2: PO-1: /data: pumps:PO-1:placed is recorded already with another data" in changed.stderr
    assert "nothing is recorded" in changed.stderr


def test_what_the_ledger_refuses_is_one_exit_code_whatever_the_reason(run: Run) -> None:
    registered = {"organization_id": "works", "name": "Works", "country": "DE"}
    begun = {"type": "organization-registered", "effective_on": "2020", "data": registered}
    assert run("-", stdin=json.dumps({**begun, "id": "works"}).encode()).exit_code == 0
    changed = {"type": "organization-changed", "effective_on": "2021", "data": {"organization_id": "none", "name": "A"}}
    for refused, reason in (
        ({**begun, "id": "works", "effective_on": "2019"}, "works"),
        (begun, "works"),
        (changed, "unknown organization none"),
        ({**changed, "data": {"organization_id": "works", "name": "A"}, "known_on": "2999-01-01"}, "in the future"),
    ):
        done = run("-", stdin=json.dumps(refused).encode())
        assert (done.exit_code, reason in done.stderr) == (4, True), done.stderr
        assert "nothing is recorded" in done.stderr


def test_an_import_that_is_broken_off_says_what_is_recorded(
    database: str, owner: Connection[Any], tmp_path: Path
) -> None:
    path = tmp_path / "organizations.ndjson"
    with path.open("w") as file:
        for number in range(40_000):
            data = {"organization_id": f"o-{number}", "name": "A name", "country": "DE"}
            said = {"id": f"o-{number}", "type": "organization-registered", "effective_on": "2020", "data": data}
            file.write(json.dumps(said) + "\n")
    own = {"DAYBOOK_DATABASE_URL": database, "DAYBOOK_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "service", "import", str(path)]

    def recorded() -> int:
        (last,) = owner.execute("select position from ledger_head").fetchone() or (0,)
        return int(last)

    with ExitStack() as running:
        with later_appends_held(database):
            importing = running.enter_context(
                subprocess.Popen(command, env={**os.environ, **own}, stderr=subprocess.PIPE, text=True)
            )
            assert wait_until(lambda: recorded() > 0, 60)
            assert appends_wait(owner)
            importing.send_signal(signal.SIGINT)
        # What was under way is recorded, and nothing after it.
        _, said = importing.communicate(timeout=60)
    count = recorded()
    assert importing.returncode == 1, said
    assert 0 < count < 40_000
    assert f"{path}: broken off; the {count} events before it are recorded, and are replayed when" in said
    assert "Traceback" not in said


def test_what_will_not_do_what_it_seems_to_is_said_by_kind(run: Run) -> None:
    rule = {"rule_id": "r", "effect": "prohibited", "categories": ["ai-acelerator"]}
    about = {"jurisdiction": "US", "authority": "BIS", "title": "A rule", "citation": "88 FR 1"}
    enacted = [
        {
            "type": "regulation-enacted", "id": f"rule-{n}", "effective_on": "2024-01-01", "known_on": "2024-01-01",
            "data": {"regulation_id": f"rule-{n}", **about, "rules": [rule]},
        }
        for n in range(7)
    ]  # fmt: skip
    sent = SEED.read_bytes() + b"".join(json.dumps(one).encode() + b"\n" for one in enacted)
    rehearsed = run("-", "--dry-run", stdin=sent)
    assert "unknown-category" not in rehearsed.stdout
    done = run("-", stdin=sent)
    assert done.exit_code == 0
    assert "unknown-category: 7\n  the rule rule-0/r is for the category 'ai-acelerator'" in done.stdout
    assert "  and 2 more\n" in done.stdout
    assert "unknown-category" not in run("-", stdin=sent).stdout
    more = json.dumps(enacted[0] | {"id": "rule-8", "data": enacted[0]["data"] | {"regulation_id": "rule-8"}})
    (remark,) = json.loads(run("-", "--json", stdin=more.encode()).stdout)["remarks"]
    assert (remark["kind"], remark["likely"], remark["count"]) == ("unknown-category", "ai-accelerator", 1)
