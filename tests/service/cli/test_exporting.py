"""Exports and tables at the command line: files made whole, figures whole, names in their own scripts."""

import csv
import gzip
import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import openpyxl
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from psycopg import sql
from pydantic import SecretStr
from rich.cells import cell_len
from rich.console import RenderableType

from domain.catalogue import read_request
from domain.json_text import parse_json
from service.asking.comparisons import Comparisons
from service.asking.pages import PAGES, whole_answer
from service.asking.questions import Questions
from service.asking.views import VIEWS, parse_question
from service.cli import tables
from service.cli.main import main
from service.cli.seed import SEED
from service.cli.tables import Look
from service.codes import codes
from service.daybook import open_daybook
from service.postgres.embedded import EmbeddedPostgres
from service.settings import Settings
from tests.service.exporting.conftest import AWKWARD, ORDERS, order, organization

Run = Callable[..., Result]
QUESTION = "vendor-dependence?buyer=baidu&effective_on=2023-12-31"


@pytest.fixture
def run(database: str, tmp_path: Path) -> Run:
    """Run a command on a ledger that holds the seed and awkward names."""
    home = tmp_path / "home"
    with open_daybook(Settings(home=home, database_url=SecretStr(database)), follow=False) as daybook:
        requests = [parse_json(line) for line in SEED.read_bytes().splitlines()]
        requests += [organization(identifier, name) for identifier, name in AWKWARD.items()]
        daybook.committer.record([read_request(one, codes()) for one in [*requests, *ORDERS]])

    def invoke(*arguments: str, **environment: str) -> Result:
        own = {"DAYBOOK_DATABASE_URL": database, "DAYBOOK_HOME": str(home), "COLUMNS": "80", **environment}
        return CliRunner().invoke(main, arguments, env=own)

    return invoke


def written(path: Path, done: Result) -> bytes:
    """What a command that succeeded wrote."""
    assert done.exit_code == 0, done.output
    return path.read_bytes()


def test_events_are_exported_as_they_are_stored(run: Run, tmp_path: Path) -> None:
    log = run("events").stdout_bytes
    assert run("export", "events").stdout_bytes == log
    path = tmp_path / "events.ndjson.gz"
    done = run("export", "events", "-o", str(path))
    assert gzip.decompress(written(path, done)) == log
    assert f"66 events in {path}" in done.stderr
    some = run("export", "events", "--after", "60", "--upto", "62", "--format", "cloudevents").stdout
    assert [json.loads(line)["position"] for line in some.splitlines()] == ["61", "62"]
    path = tmp_path / "orders.parquet"
    table = pq.read_table(io.BytesIO(written(path, run("export", "events", "--type", "order-placed", "-o", str(path)))))
    assert set(table.column("type").to_pylist()) == {"order-placed"}


def test_exported_events_make_the_same_facts_elsewhere(
    run: Run, tmp_path: Path, postgres_server: EmbeddedPostgres
) -> None:
    path = tmp_path / "events.jsonl"
    assert run("export", "events", "--format", "cloudevents", "-o", str(path)).exit_code == 0
    with psycopg.connect(postgres_server.conninfo_of("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("create database elsewhere"))
        try:
            own = {
                "DAYBOOK_DATABASE_URL": postgres_server.conninfo_of("elsewhere"),
                "DAYBOOK_HOME": str(tmp_path / "elsewhere"),
            }
            done = run("import", str(path), "--format", "cloudevents", **own)
            assert done.exit_code == 0, done.output
            asked = ("export", "view", QUESTION)
            assert run(*asked, **own).stdout == run(*asked).stdout
        finally:
            connection.execute(sql.SQL("drop database elsewhere with (force)"))


def test_a_view_is_exported_by_the_names_end(run: Run, tmp_path: Path) -> None:
    path, context = tmp_path / "view.csv", tmp_path / "context.json"
    rows = list(
        csv.DictReader(
            io.StringIO(
                written(path, run("export", "view", QUESTION, "-o", str(path), "--context", str(context))).decode()
            )
        )
    )
    answer = json.loads(run("export", "view", QUESTION, "--format", "json").stdout)
    assert [row["value"] for row in rows] == [row["value"] or "" for row in answer["rows"]]
    assert json.loads(context.read_bytes())["resolved"] == answer["resolved"]
    path = tmp_path / "postings.xlsx"
    evidence = next(row["evidence"] for row in answer["rows"] if row["key"] == "huawei")
    book = openpyxl.load_workbook(io.BytesIO(written(path, run("export", "view", evidence, "-o", str(path)))))
    assert book.sheetnames == ["contributions", "context", "postings", "remarks"]


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of few entries."""
    monkeypatch.setitem(PAGES, "orders", replace(PAGES["orders"], size=4))
    monkeypatch.setitem(PAGES, "order-lines", replace(PAGES["order-lines"], size=4))
    monkeypatch.setitem(PAGES, "vendor-dependence/evidence", replace(PAGES["vendor-dependence/evidence"], size=4))


@pytest.mark.usefixtures("small_pages")
def test_a_whole_list_is_read_page_by_page_as_it_is_written(database: str, run: Run, tmp_path: Path) -> None:
    more = tmp_path / "more.ndjson"
    more.write_text("".join(json.dumps(order(f"z-{number}", "zhongxin", "1.50")) + "\n" for number in range(9)))
    assert run("import", str(more)).exit_code == 0
    read: list[int] = []
    with open_daybook(Settings(home=tmp_path / "home", database_url=SecretStr(database)), follow=False) as daybook:
        questions = Questions(daybook, 5)
        asked = parse_question("order-lines")
        answer = whole_answer(asked, questions, Comparisons(daybook, 5), read.append)
        seen = [len(read) for _ in answer["lines"]]
    # Lines of the first four orders are taken before those of the next four are read.
    assert (seen[0], seen[-1]) == (0, len(read) - 1)
    assert len(read) >= 3
    assert len(set(seen)) == len(read)


@pytest.mark.usefixtures("small_pages")
def test_orders_and_lines_are_exported_whole_with_their_filters_as_options(run: Run, tmp_path: Path) -> None:
    for name, path in (("orders", "orders"), ("lines", "order-lines")):
        exported = run("export", name, "--vendor", "nvidia", "--effective-on", "2023-12-31")
        assert exported.exit_code == 0, exported.output
        assert exported.stdout == run("export", "view", f"{path}?vendor=nvidia&effective_on=2023-12-31").stdout
        assert len(exported.stdout.splitlines()) >= 2
    rows = [json.loads(row) for row in run("export", "lines", "--format", "ndjson").stdout.splitlines()]
    table = list(csv.DictReader(io.StringIO(run("export", "lines").stdout)))
    assert [row["ordered_amount"] or "" for row in table] == [row["ordered_amount"] or "" for row in rows]
    path = tmp_path / "lines.csv"
    assert written(path, run("export", "lines", "--excel", "-o", str(path))).startswith(b"\xef\xbb\xbforder_id,line,")
    refused = run("export", "lines", "--excel", "-o", str(tmp_path / "lines.xlsx"))
    assert refused.exit_code != 0
    assert "--excel is for csv, not xlsx" in refused.stderr
    assert "status" in run("export", "lines", "--status", "lost").stderr


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize(
    ("question", "name", "listed"),
    [
        ("orders", "order_id", "orders"),
        ("order-lines?effective_on=2024-12-31", "order_id", "lines"),
        ("orders?status=open&effective_on=2023-12-31", "order_id", "orders"),
        ("vendor-dependence/evidence?buyer=baidu&key=zhongxin&effective_on=2024-12-31", "order_id", "contributions"),
    ],
)
def test_all_pages_of_a_list_are_exported_in_every_format(
    run: Run, tmp_path: Path, question: str, name: str, listed: str
) -> None:
    more = tmp_path / "more.ndjson"
    more.write_text("".join(json.dumps(order(f"z-{number}", "zhongxin", "1.50")) + "\n" for number in range(7)))
    assert run("import", str(more)).exit_code == 0
    limited = f"{question}{'&' if '?' in question else '?'}limit=1000"
    once = json.loads(run("export", "view", limited, "--format", "json").stdout)
    expected = [row[name] for row in once[listed]]
    assert len(expected) >= 8
    whole = json.loads(run("export", "view", question, "--format", "json").stdout)
    assert whole == once
    rows = list(csv.DictReader(io.StringIO(run("export", "view", question).stdout)))
    assert [row[name] or None for row in rows] == expected
    for end in ("parquet", "arrow", "xlsx"):
        path = tmp_path / f"file.{end}"
        data = io.BytesIO(written(path, run("export", "view", question, "-o", str(path))))
        if end == "xlsx":
            book = openpyxl.load_workbook(data)
            column = [cell.value for cell in book.worksheets[0][1]].index(name)
            found = [row[column].value for row in book.worksheets[0].iter_rows(min_row=2)]
            if listed == "contributions":
                assert book["postings"].max_row > len(expected)
        else:
            table = pq.read_table(data) if end == "parquet" else pa.ipc.open_stream(data).read_all()
            found = table.column(name).to_pylist()
        assert found == expected


@pytest.mark.usefixtures("small_pages")
def test_a_page_that_is_asked_for_says_that_there_are_others(run: Run) -> None:
    done = run("export", "view", "orders?limit=3")
    assert len(done.stdout.splitlines()) == 4
    assert "this is one page" in done.stderr
    assert "this is one page" not in run("export", "view", "orders").stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("export", "events", "-o", "{}/events.pdf"), 2, "the name states no format"),
        (("export", "events", "-o", "{}/events.parquet.gz"), 2, "nothing reads it from a .gz"),
        (("export", "events", "--upto", "67"), 2, "position 67 is beyond the head, 66"),
        (("export", "events", "-o", "{}/none/events.ndjson"), 1, "events.ndjson cannot be written: No such file"),
        (("export", "events", "--format", "csv", "-o", "{}"), 1, "cannot be written: Is a directory"),
        (("export", "view", "nothing?buyer=baidu"), 3, "there is no view 'nothing'"),
        (("export", "view", QUESTION, "--table", "points"), 2, "has no table 'points'"),
        (("export", "view", "vendor-dependence?buyer=nobody"), 2, "unknown organization nobody"),
        (("query", "dependence", "--json", "--format", "csv"), 2, "contradict each other"),
        (("restore", "{}"), 5, "holds no manifest.json"),
        (("restore", "{}", "--vkey", "none"), 2, "--vkey"),
    ],
)
def test_what_cannot_be_exported_is_said(
    run: Run, tmp_path: Path, arguments: tuple[str, ...], code: int, message: str
) -> None:
    done = run(*(argument.format(tmp_path) for argument in arguments))
    assert (done.exit_code, message in done.stderr) == (code, True), done.stderr
    assert not list(tmp_path.glob("*events*"))


def test_questions_are_answered_in_the_format_asked_for(run: Run, tmp_path: Path) -> None:
    asked = ("query", "dependence", "--buyer", "baidu", "--effective-on", "2023-12-31")
    assert run(*asked, "--format", "csv").stdout == run("export", "view", QUESTION, "--format", "csv").stdout
    answer = json.loads(run(*asked, "--json").stdout)
    assert json.loads(run(*asked, "--format", "json").stdout) == answer
    path = tmp_path / "rows.parquet"
    table = pq.read_table(io.BytesIO(written(path, run(*asked, "-o", str(path)))))
    assert table.column("key").to_pylist() == [row["key"] for row in answer["rows"]]
    path = tmp_path / "table"
    table_text = written(path, run("query", "organizations", "-o", str(path), COLUMNS="120")).decode()
    assert AWKWARD["zhongxin"] in table_text
    order = ("query", "order", "baidu-huawei-2023-08")
    assert json.loads(run(*order).stdout)["order_id"] == "baidu-huawei-2023-08"
    assert "1,600" in run(*order, "--format", "table").stdout


def test_an_order_is_exported_as_the_api_has_it_and_as_open_contracting_data(run: Run, tmp_path: Path) -> None:
    asked = ("export", "order", "baidu-huawei-2023-08")
    told = json.loads(run(*asked).stdout)
    assert told["lines"] == json.loads(run("query", "order", "baidu-huawei-2023-08").stdout)["lines"]
    path = tmp_path / "order.json"
    package = json.loads(written(path, run(*asked, "--format", "ocds", "--prefix", "ocds-213czf", "-o", str(path))))
    assert package["records"][0]["ocid"] == "ocds-213czf-baidu-huawei-2023-08"
    assert "--prefix is for --format ocds" in run(*asked, "--prefix", "ocds-213czf").stderr
    assert run("export", "order", "po-none", "--format", "ocds").exit_code == 3


def test_tables_fit_the_terminal_and_break_no_figure(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(*arguments: str) -> dict[str, Any]:
        return dict(json.loads(run("query", *arguments, "--json").stdout))

    bought = answer("dependence", "--buyer", "baidu", "--effective-on", "2023-12-31")
    barred = answer("exposure", "--buyer", "baidu", "--effective-on", "2023-10-31")
    listed = answer("organizations")
    exact = Look(exact=True)
    made: tuple[Callable[[], RenderableType], ...] = (
        lambda: tables.dependence(bought, "Dependence of baidu", exact),
        lambda: tables.dependence(bought, "Dependence of baidu"),
        lambda: tables.exposure(barred, "Exposure of baidu"),
        lambda: tables.listing(VIEWS["organizations"].tables[0], listed, "Organizations"),
    )
    for width in (60, 80, 200):
        monkeypatch.setenv("COLUMNS", str(width))
        for make in made:
            lines = tables.as_text(make()).splitlines()
            assert max(map(cell_len, lines)) <= width
            assert not any("\x1b" in line for line in lines)
            assert len({cell_len(line) for line in lines if line.startswith(("┏", "│", "└"))}) == 1
        text = tables.as_text(made[0]())
        assert " 1,250,000,000 │" in text
        assert " 123,456,789,012,345.6789 │" in text
        assert ("left out for want of width: share low .. high" in text) is (width < 200)


def test_names_stand_whole_in_their_own_scripts(run: Run) -> None:
    table = run("query", "organizations", COLUMNS="120").stdout
    assert AWKWARD["zhongxin"] in table
    assert AWKWARD["cafe"] in table
    # A name cannot move the cursor, begin a line, or speak to the terminal.
    assert "Bell  and _x0007_ Works" in table
    assert "\x07" not in table


def test_an_archive_is_made_and_restored(run: Run, tmp_path: Path, postgres_server: EmbeddedPostgres) -> None:
    folder = str(tmp_path / "archive")
    done = run("export", "parquet", folder, "--events-per-file", "20")
    assert done.exit_code == 0, done.output
    assert "66 events in 3 sealed files and a tail; 66 written now" in done.stderr
    vkey = run("checkpoint", "--vkey").stdout.strip()
    note = tmp_path / "note"
    note.write_text(run("checkpoint").stdout)
    checked = json.loads(run("restore", folder, "--check", "--vkey", vkey, "--checkpoint", str(note), "--json").stdout)
    assert checked["restored"] is False
    assert (checked["position"], checked["covered"], checked["signed"]) == (66, 66, 66)
    body, blank, signatures = note.read_text().partition("\n\n")
    kept = {"note": f"{body}\na further\u2028line\u0085of it{blank}{signatures}"}
    copies = tmp_path / "copies"
    copies.write_text(json.dumps(kept, ensure_ascii=False) + "\n\n")
    done = run("restore", folder, "--check", "--checkpoint", str(copies))
    assert done.exit_code == 0, done.output
    copies.write_bytes(b"daybook\n\xff")
    assert "is not UTF-8" in run("restore", folder, "--check", "--checkpoint", str(copies)).stderr
    with psycopg.connect(postgres_server.conninfo_of("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("create database elsewhere"))
        try:
            own = {
                "DAYBOOK_DATABASE_URL": postgres_server.conninfo_of("elsewhere"),
                "DAYBOOK_HOME": str(tmp_path / "elsewhere"),
            }
            done = run("restore", folder, "--vkey", vkey, **own)
            assert done.exit_code == 0, done.output
            assert "restored: ledger daybook, 66 events" in done.stdout
            assert "each signed by a given key" in done.stdout
            assert "before the signing key of before is in" in done.stderr
            assert run("events", **own).stdout_bytes == run("events").stdout_bytes
            assert run("checkpoint", **own).stdout == note.read_text()
            again = run("restore", folder, **own)
            assert (again.exit_code, "restore into an empty one" in again.stderr) == (4, True)
        finally:
            connection.execute(sql.SQL("drop database elsewhere with (force)"))
