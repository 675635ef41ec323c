"""The commands: data on stdout, messages on stderr, and an exit code for each way it can end."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from psycopg import Connection
from rich.cells import cell_len

from service.cli.main import main
from service.cli.query import query, threshold
from service.cli.questions import ASKINGS
from service.cli.seed import SEED
from service.cli.tables import remarked
from service.daybook import open_daybook
from service.settings import Settings
from service.shapes.answers import Metrics
from service.web.bodies import read_events

ROOT = Path(__file__).parents[3]
GOLDEN = json.loads((ROOT / "tests" / "golden" / "ai-accelerators-expected.json").read_bytes())
WORKED, EXPOSURES = GOLDEN["vendor-dependence"], GOLDEN["regulatory-exposure"]
#: What says how much is barred.
AT_RISK = ("at_risk", "at_risk_undetermined", "at_risk_low", "at_risk_high")
Run = Callable[..., Result]


@pytest.fixture
def run(database: str, tmp_path: Path) -> Run:
    """Run a command on a ledger that holds the seed."""
    environment = {"DAYBOOK_DATABASE_URL": database, "DAYBOOK_HOME": str(tmp_path / "home"), "COLUMNS": "120"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        with open_daybook(Settings(), follow=False) as daybook:
            daybook.committer.record(read_events(SEED.read_bytes(), "application/x-ndjson").requests)

    def invoke(*arguments: str, **others: str) -> Result:
        return CliRunner().invoke(main, arguments, env={**environment, **others})

    return invoke


def test_the_demonstration_gives_the_worked_answers(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": str(tmp_path)}
    command = [sys.executable, "-m", "service", "demo", "--no-serve", "--json"]
    done = subprocess.run(command, capture_output=True, env=environment, cwd=tmp_path, timeout=120, check=True)
    answers = json.loads(done.stdout)
    assert len(answers) == len(WORKED) + len(EXPOSURES)
    for answer, worked in zip(answers[len(WORKED) :], EXPOSURES, strict=True):
        assert (answer["at_risk_low"], answer["at_risk_high"]) == (worked["at_risk_low"], worked["at_risk_high"])
    for answer, worked in zip(answers[: len(WORKED)], WORKED, strict=True):
        assert {row["key"]: row["share"] for row in answer["rows"]} == {
            key: row["share"] for key, row in worked["rows"].items()
        }
        total = {name: None if (figure := answer["total"][name]) is None else float(figure) for name in worked["total"]}
        assert total == worked["total"]
        assert answer["metrics"]["hhi"] == worked["metrics"]["hhi"]


def test_dependence_is_a_table_for_people_and_json_for_machines(run: Run) -> None:
    asked = ("query", "dependence", "--buyer", "baidu", "--measure", "units", "--known-on", "2023-11-08")
    table = run(*asked, "--effective-on", "2023-08-31", "--exact")
    assert table.exit_code == 0
    for figure in ("25,000 or more", "20,000", "0.536481", "partly unknown", "HHI 4731.897806", "2 of 3 rows"):
        assert figure in table.stdout
    table = run(*asked, "--effective-on", "2023-08-31")
    for figure in ("25,000 or more", "20,000", "53.6%", "partly unknown", "HHI 4,732", "2 of 3 rows"):
        assert figure in table.stdout
    assert table.stderr == ""
    answer = json.loads(run(*asked, "--effective-on", "2023-08-31", "--json").stdout)
    assert answer["metrics"]["hhi"] == 4731.897806


def test_remarks_are_said_in_words() -> None:
    remarks = [
        {"kind": "no-rate", "subject": "CNY/USD", "count": 2},
        {"kind": "no-currency", "subject": "baidu-kunlun-1", "count": 1},
        {"kind": "no-attribute", "subject": "kl-1", "count": 1},
        {"kind": "no-product", "subject": "nvidia", "count": 1},
        {"kind": "stale-rate", "subject": "CNY/USD", "count": 3, "days": 120},
    ]
    assert remarked({"remarks": remarks}) == [
        "no rate CNY/USD (2 contributions)",
        "assertion baidu-kunlun-1 names no currency (1 contribution)",
        "kl-1 lacks the attribute (1 contribution)",
        "a line of nvidia names no product (1 contribution)",
        "the rate CNY/USD was up to 120 days old (3 contributions)",
    ]
    assert remarked({"remarks": {"before": remarks[:1], "after": []}}) == ["before: no rate CNY/USD (2 contributions)"]


@pytest.mark.parametrize("question", [("dependence",), ("exposure", "--status", "ordered"), ("sole-source",)])
def test_remarks_stand_beneath_a_table(run: Run, question: tuple[str, ...]) -> None:
    done = run("query", *question, "--buyer", "baidu", "--effective-on", "2023-12-31")
    assert done.exit_code == 0, done.stderr
    assert "assertion baidu-kunlun-1 names no currency (1 contribution)" in done.stdout
    table = run("query", *question, "--buyer", "baidu", "--effective-on", "2023-12-31", "--table", "remarks").stdout
    assert [word for word in ("no-currency", "baidu-kunlun-1") if word not in table] == []


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("query", "dependence", "--measure", "weight"), 2, "/measure"),
        (("query", "dependence", "--position", "99"), 2, "beyond the head, 56"),
        (("query", "dependence", "--fail-if", "hhi"), 2, "--fail-if takes"),
        (
            ("query", "dependence", "--fail-if", "size>1"),
            2,
            "no metric 'size': there are hhi, hhi_low, hhi_high, effective_vendors",
        ),
        (
            ("query", "exposure", "--fail-if", "hhi>1"),
            2,
            "no metric 'hhi': there are at_risk, at_risk_undetermined, at_risk_low",
        ),
        (("query", "dependence", "--by", "supplier"), 2, "none of vendor, maker, parent, country"),
        (("query", "dependance"), 2, f"There are: {', '.join(sorted(query.commands))}."),
        (("query", "series", "--from", "2023-01-01", "--table", "sums"), 2, "'points', 'totals', 'annotations'"),
        (("query", "series", "--from", "2023-01-01", "--step", "P0D"), 2, "/step: 'P0D' is no time at all"),
        (("query", "series", "--from", "2023-01-01", "--step", "often"), 2, "/step: 'often' is not a duration"),
        (("query", "diff", "--known-on", "2023-08-31"), 2, "twice: before and after"),
        (("query", "organizations", "--top", "2", "--json"), 2, "--top is for tables"),
        (("query", "dependence", "--colour", "red"), 2, "No such option"),
        (("query", "order", "po-none"), 3, "order po-none is not known"),
        (("query", "dependence", "--fail-if", "hhi>2500"), 6, "hhi>2500 holds"),
        (("query", "dependence", "--fail-if", "hhi>10000"), 0, ""),
        (("query", "dependence", "--fail-if", "hhi_high>=2500"), 6, "hhi_high>=2500 holds"),
        (("query", "dependence", "--fail-if", "domestic_share>0.5"), 6, "domestic_share is not known"),
        (("query", "dependence", "--period", "2023-Q5"), 2, "/period"),
        (("query", "dependence", "--period", "2023", "--window", "P1Y"), 2, "go without each other"),
        (("query", "dependence", "--rates", "yesterday"), 2, "neither placed, nor effective, nor a day"),
        (("query", "exposure", "--buyer", "baidu", "--fail-if", "at_risk_high>0.5"), 6, "at_risk_high>0.5 holds"),
        (("init", "--origin", "another"), 4, "holds the ledger 'daybook', not 'another'"),
    ],
)
def test_every_end_has_its_exit_code(run: Run, arguments: tuple[str, ...], code: int, message: str) -> None:
    done = run(*arguments)
    assert (done.exit_code, message in done.stderr) == (code, True), done.stderr


def test_a_bound_that_names_no_metric_is_refused_before_anything_is_printed(run: Run) -> None:
    for question in ("dependence", "exposure"):
        assert run("query", question, "--fail-if", "size>1").stdout == ""


@pytest.mark.parametrize(
    ("question", "names"),
    [("dependence", [name for name in Metrics.__struct_fields__ if name != "coverage"]), ("exposure", list(AT_RISK))],
)
def test_every_metric_may_have_a_bound(run: Run, question: str, names: list[str]) -> None:
    assert {*AT_RISK} <= {*names}
    asked = ("query", question, "--buyer", "baidu", "--effective-on", "2023-10-31", "--known-on", "2023-11-08")
    answer = json.loads(run(*asked, "--json").stdout)
    metrics_of = next(asking.metrics for asking in ASKINGS if asking.name == question)
    assert metrics_of is not None
    metrics = metrics_of(answer)
    for name in names:
        assert metrics[name] is not None, name
        assert threshold(f"{name}>=0")(metrics) == f"{name}>=0 holds"
        assert threshold(f"{name}>10000")(metrics) is None
        # It may cross any bound for all that is known.
        unknown = {**metrics, name: None}
        assert threshold(f"{name}>10000")(unknown) == f"{name} is not known, so '{name}>10000' cannot be ruled out"
    # What is no metric is refused with the name of every one.
    refused = run(*asked, "--fail-if", "size>1", COLUMNS="2000")
    assert refused.exit_code == 2
    assert {*refused.stderr.partition("there are ")[2].strip().split(", ")} == {*names}


@pytest.mark.parametrize("question", ["dependence", "exposure"])
def test_a_bound_on_what_is_not_known_fails_and_says_so(run: Run, question: str) -> None:
    done = run("query", question, "--buyer", "baidu", "--effective-on", "1999-12-31", "--fail-if", "at_risk_low>0.5")
    assert (done.exit_code, "at_risk_low is not known" in done.stderr) == (6, True), done.stderr


@pytest.mark.parametrize(
    "asking",
    [
        ("query", "sole-source", "--threshold-attribute", "tpp"),
        ("export", "view", "sole-source?threshold_attribute=tpp"),
        ("export", "bundle", "--query", "sole-source?threshold_attribute=tpp"),
    ],
)
def test_what_a_threshold_is_about_is_not_asked_without_one(run: Run, tmp_path: Path, asking: tuple[str, ...]) -> None:
    done = run(*asking, *(("-o", str(tmp_path / "file")) if asking[0] == "export" else ()))
    assert (done.exit_code, "/threshold_attribute: goes with a threshold" in done.stderr) == (2, True), done.output


def test_output_that_cannot_be_written_is_a_sentence(tmp_path: Path, database: str) -> None:
    message = b"daybook: the output cannot be written: No space left on device\n"
    for arguments in (("query", "orders"), ("--version",)):
        done = run_in_a_process(tmp_path, database, '"$@" > /dev/full', *arguments)
        assert (done.returncode, done.stderr) == (1, message)


def test_a_result_whose_output_is_closed_is_not_lost_in_silence(tmp_path: Path, database: str) -> None:
    file = tmp_path / "events.ndjson"
    # What is done is done, and what goes elsewhere is there.
    for doing in (("init",), ("import", str(SEED)), ("export", "events", "-o", str(file))):
        done = run_in_a_process(tmp_path, database, '"$@" >&-', *doing)
        assert done.returncode == 0, done.stderr
    assert file.stat().st_size > 0
    for asking in (
        ("query", "orders"),
        ("events",),
        ("export", "events"),
        ("export", "view", "orders"),
        ("--version",),
    ):
        done = run_in_a_process(tmp_path, database, '"$@" >&-', *asking)
        assert (done.returncode, b"cannot be written: " in done.stderr) == (1, True), done.stderr
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("events",), 0),
        (("export", "events"), 0),
        (("export", "view", "orders"), 0),
        (("query", "orders"), 0),
        (("query", "dependence", "--fail-if", "hhi>2500"), 6),
        (("query", "dependence", "--fail-if", "hhi>2500", "--json"), 6),
        (("query", "dependence", "--fail-if", "hhi>10000"), 0),
        (("verify",), 5),
        (("--version",), 0),
    ],
)
def test_a_command_whose_reader_went_away_ends_with_what_it_found(
    run: Run, owner: Connection[Any], database: str, tmp_path: Path, arguments: tuple[str, ...], code: int
) -> None:
    if arguments == ("verify",):
        owner.execute("update ledger_head set position = 7")
    # The reader has gone before anything is written.
    reader, writer = os.pipe()
    os.close(reader)
    environment = {"DAYBOOK_DATABASE_URL": database, "DAYBOOK_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "service", *arguments]
    with open(writer, "wb") as stdout:
        done = subprocess.run(
            command, stdout=stdout, stderr=subprocess.PIPE, env={**os.environ, **environment}, timeout=120, check=False
        )
    assert (done.returncode, b"Broken" in done.stderr) == (code, False), done.stderr


def run_in_a_process(home: Path, database: str, line: str, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    """Run a command on a ledger, from a line of the shell."""
    environment = {"DAYBOOK_DATABASE_URL": database, "DAYBOOK_HOME": str(home), "PYTHONPATH": str(ROOT)}
    command = ["sh", "-c", line, "sh", sys.executable, "-m", "service", *arguments]
    return subprocess.run(command, capture_output=True, env={**os.environ, **environment}, timeout=120, check=False)


def test_an_unreachable_database_is_69(tmp_path: Path) -> None:
    environment = {"DAYBOOK_DATABASE_URL": "postgresql://daybook@127.0.0.1:1/daybook", "DAYBOOK_HOME": str(tmp_path)}
    done = CliRunner().invoke(main, ["query", "dependence"], env=environment)
    assert done.exit_code == 69
    assert "refused" in done.stderr


def test_events_are_printed_as_they_are_stored(run: Run, database: str, tmp_path: Path) -> None:
    lines = run("events").stdout_bytes.splitlines()
    assert [json.loads(line)["position"] for line in lines] == list(range(1, 57))
    assert run("events", "--after", "10", "--limit", "2").stdout_bytes.splitlines() == lines[10:12]
    orders = run("events", "--stream", "order/baidu-huawei-2023-08").stdout_bytes.splitlines()
    assert [json.loads(line)["version"] for line in orders] == list(range(1, len(orders) + 1))
    assert len(orders) == 3


def test_exposure_is_a_table_that_says_because_of_what(run: Run) -> None:
    asked = ("--buyer", "baidu", "--effective-on", "2023-10-31", "--known-on", "2023-11-08")
    table = run("query", "exposure", *asked, "--exact")
    assert table.exit_code == 0, table.stderr
    for word in ("us-letter-nvidia-2023/letter", "product_id unknown", "barred 0.196362, perhaps up to 0.981811"):
        assert word in table.stdout
    assert "barred 19.6%, perhaps up to 98.2%" in run("query", "exposure", *asked).stdout
    assert "us-3a090" in run("query", "regulations").stdout


def test_listings_show_names_in_their_own_script(run: Run) -> None:
    assert "Kunlunxin" in run("query", "organizations").stdout
    found = json.loads(run("query", "organizations", "--json").stdout)["organizations"]
    assert {"zh": "百度"} in [organization["names"] for organization in found]
    assert "technology-integration" in run("query", "partnerships", "--party", "huawei").stdout
    assert "hw-910b" in run("query", "products").stdout


def test_an_order_is_shown_with_its_history(run: Run) -> None:
    order = json.loads(run("query", "order", "baidu-huawei-2023-08", "--effective-on", "2023-12-31").stdout)
    assert order["lines"][0]["open"]["quantity"] == {"value": "600", "low": "600", "high": "639"}


def test_every_question_is_a_table_of_80_columns_with_one_line_a_row(run: Run) -> None:
    buyer, evidence = ("--buyer", "baidu"), ("--buyer", "baidu", "--key", "huawei")
    moments = ("--known-on", "2023-08-31", "--known-on", "2023-11-08", "--effective-on", "2023-08-31")
    asked: tuple[tuple[str, ...], ...] = (
        ("dependence", *buyer),
        ("series", *buyer, "--from", "2023-01-01", "--to", "2023-12-31"),
        ("series", *buyer, "--from", "2023-01-01", "--to", "2023-12-31", "--table", "totals"),
        ("diff", *buyer, *moments),
        ("diff", *buyer, *moments, "--table", "events"),
        ("evidence", *evidence),
        ("evidence", *evidence, "--table", "postings"),
        ("sole-source",),
        ("exposure", "--table", "instruments"),
        ("orders",),
        ("regulations",),
        ("partnerships",),
        ("products",),
        ("order", "baidu-huawei-2023-08", "--format", "table"),
    )
    for question in asked:
        done = run("query", *question, COLUMNS="80")
        assert (done.exit_code, done.stderr) == (0, ""), question
        lines = done.stdout.splitlines()
        assert max(map(cell_len, lines)) <= 80
        heads = next(line for line in lines if line.startswith("┃")).strip("┃").split("┃")
        assert all(head.strip() for head in heads), question
        rows = [line.strip("│").split("│") for line in lines if line.startswith("│")]
        assert rows
        for row in rows:
            assert row[0].strip(), question
            # No figure is cut, nor has it forty digits.
            assert not any(cell.strip(" …").replace(",", "").isdigit() and "…" in cell for cell in row)
            assert max(map(len, " ".join(row).replace(",", "").split()), default=0) < 40
    assert "61,753,119" in run("query", "evidence", *evidence, COLUMNS="80").stdout


def test_the_first_rows_alone_are_shown_on_request(run: Run) -> None:
    shown = run("query", "products", "--top", "3").stdout
    assert len([line for line in shown.splitlines() if line.startswith("│")]) == 3
    assert "the first 3 of 16 rows" in shown


def test_orders_are_listed_whole_or_by_pages(run: Run) -> None:
    whole = json.loads(run("query", "orders", "--json").stdout)
    assert (len(whole["orders"]), whole["next_cursor"]) == (2, None)
    page = run("query", "orders", "--limit", "1", "--json")
    assert len(json.loads(page.stdout)["orders"]) == 1
    assert "this is one page" in page.stderr


def test_a_ledger_without_anything_answers_in_a_sentence(database: str, tmp_path: Path) -> None:
    environment = {"DAYBOOK_DATABASE_URL": database, "DAYBOOK_HOME": str(tmp_path), "COLUMNS": "200"}
    for question in ("dependence", "organizations", "sole-source", "orders"):
        done = CliRunner().invoke(main, ["query", question], env=environment)
        assert done.exit_code == 0
        assert "nothing is recorded yet" in done.stdout
        assert "?" not in done.stdout
        assert len(done.stdout.splitlines()) == 1


def test_a_reader_that_goes_away_ends_a_command_quietly(run: Run, database: str, tmp_path: Path) -> None:
    own = {"DAYBOOK_DATABASE_URL": database, "DAYBOOK_HOME": str(tmp_path / "home"), "PYTHONPATH": str(ROOT)}
    environment = {name: value for name, value in os.environ.items() if name != "COLUMNS"} | own
    for question in ("query organizations", "events"):
        line = f"{sys.executable} -m service {question} | true"
        done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, env=environment, check=True)
        assert done.stderr == ""


def test_a_projection_made_anew_gives_the_same_answer(run: Run) -> None:
    asked = ("query", "dependence", "--buyer", "baidu", "--effective-on", "2023-12-31", "--json")
    before = run(*asked).stdout
    assert "rebuilt up to position 56" in run("projection", "rebuild").stdout
    assert run(*asked).stdout == before
    assert run("projection", "status").stdout.startswith("position 56,")


def test_likely_duplicates_are_listed_by_either_of_two_commands(run: Run, tmp_path: Path) -> None:
    events = [
        {"organization_id": identifier, "name": name, "country": "CN"}
        for identifier, name in (("hw-1", "HUAWEI TECHNOLOGIES"), ("hw-2", "Huawei Technologies Co., Ltd."))
    ]
    recorded = tmp_path / "events.ndjson"
    recorded.write_text(
        "".join(
            json.dumps({"type": "organization-registered", "effective_on": "2023-01-01", "data": data}) + "\n"
            for data in events
        )
    )
    assert run("import", str(recorded)).exit_code == 0
    asked = ("--country", "CN")
    found = json.loads(run("organizations", "duplicates", *asked, "--json").stdout)["likely_duplicates"]
    assert ("hw-1", "hw-2", 1) in [(pair["organization_id"], pair["other_id"], pair["score"]) for pair in found]
    for command in (("query", "likely-duplicates"), ("query", "organizations", "--likely-duplicates", "true")):
        assert run(*command, *asked).stdout == run("organizations", "duplicates", *asked).stdout
    table = run("organizations", "duplicates", *asked).stdout
    assert "hw-1" in table
    assert "hw-2" in table
    csv = run("organizations", "duplicates", *asked, "--format", "csv").stdout
    assert csv.splitlines()[0].startswith("organization_id,name,country,other_id")
    assert csv.splitlines()[0].endswith(",why,decision,survives")


def test_a_review_goes_out_as_a_table_and_comes_back_decided(run: Run, tmp_path: Path) -> None:
    registered = [
        {
            "type": "organization-registered",
            "effective_on": "2023-01-01",
            "data": {"organization_id": identifier, "name": name, "country": "DE"},
        }
        for identifier, name in (("acme-1", "ACME PUMPS"), ("acme-2", "Acme Pumps GmbH"))
    ]
    events, review = tmp_path / "events.ndjson", tmp_path / "review.csv"
    events.write_text("".join(json.dumps(event) + "\n" for event in registered))
    assert run("import", str(events)).exit_code == 0
    listing = ("organizations", "duplicates", "--format", "csv")
    head, *rows = run(*listing).stdout.splitlines()
    (pair,) = [row for row in rows if "acme-1" in row]
    assert pair.endswith(",,")
    review.write_text(f"{head}\n{pair.removesuffix(',')}same,\n")
    imported = run("import", str(review), "--kind", "duplicates", "--json")
    assert json.loads(imported.stdout)["recorded"] == 1, imported.stderr
    assert "acme-1" not in run(*listing).stdout
    assert json.loads(run("import", str(review), "--json").stdout)["recorded"] == 0


def test_the_help_of_import_fits_a_narrow_terminal() -> None:
    said = CliRunner().invoke(main, ["import", "--help"], terminal_width=80).stdout
    assert max(map(len, said.splitlines())) <= 80
    assert "Default: as the file begins" in said
