"""The commands: data on stdout, messages on stderr, and an exit code for each way it can end."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli.main import main
from service.cli.seed import SEED
from service.daybook import open_daybook
from service.settings import Settings
from service.web.bodies import read_events

ROOT = Path(__file__).parents[3]
GOLDEN = json.loads((ROOT / "tests" / "golden" / "ai-accelerators-expected.json").read_bytes())
WORKED, EXPOSURES = GOLDEN["vendor-dependence"], GOLDEN["regulatory-exposure"]
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

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments, env=environment)

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
        assert float(answer["total"]["value"]) == worked["total"]
        assert answer["metrics"]["hhi"] == worked["hhi"]


def test_dependence_is_a_table_for_people_and_json_for_machines(run: Run) -> None:
    asked = ("query", "dependence", "--buyer", "baidu", "--measure", "units", "--known-on", "2023-11-08")
    table = run(*asked, "--effective-on", "2023-08-31")
    assert table.exit_code == 0
    for figure in ("25,000 or more", "20,000", "0.536481", "partly unknown", "HHI 4731.897806", "2 of 3 rows"):
        assert figure in table.stdout
    answer = json.loads(run(*asked, "--effective-on", "2023-08-31", "--json").stdout)
    assert answer["metrics"]["hhi"] == 4731.897806


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("query", "dependence", "--measure", "weight"), 2, "/measure"),
        (("query", "dependence", "--position", "99"), 2, "beyond the head, 55"),
        (("query", "dependence", "--fail-if", "hhi"), 2, "--fail-if takes"),
        (("query", "dependence", "--fail-if", "size>1"), 2, "no metric"),
        (("query", "dependence", "--colour", "red"), 2, "No such option"),
        (("query", "order", "po-none"), 3, "order po-none is not known"),
        (("query", "dependence", "--fail-if", "hhi>2500"), 6, "hhi>2500 holds"),
        (("query", "dependence", "--fail-if", "hhi>10000"), 0, ""),
        (("query", "exposure", "--buyer", "baidu", "--fail-if", "at_risk_high>0.5"), 6, "at_risk_high>0.5 holds"),
        (("init", "--origin", "another"), 4, "holds the ledger 'daybook', not 'another'"),
    ],
)
def test_every_end_has_its_exit_code(run: Run, arguments: tuple[str, ...], code: int, message: str) -> None:
    done = run(*arguments)
    assert (done.exit_code, message in done.stderr) == (code, True), done.stderr


def test_an_unreachable_database_is_69(tmp_path: Path) -> None:
    environment = {"DAYBOOK_DATABASE_URL": "postgresql://daybook@127.0.0.1:1/daybook", "DAYBOOK_HOME": str(tmp_path)}
    done = CliRunner().invoke(main, ["query", "dependence"], env=environment)
    assert done.exit_code == 69
    assert "refused" in done.stderr


def test_events_are_printed_as_they_are_stored(run: Run, database: str, tmp_path: Path) -> None:
    lines = run("events").stdout_bytes.splitlines()
    assert [json.loads(line)["position"] for line in lines] == list(range(1, 56))
    assert run("events", "--after", "10", "--limit", "2").stdout_bytes.splitlines() == lines[10:12]
    orders = run("events", "--stream", "order/baidu-huawei-2023-08").stdout_bytes.splitlines()
    assert [json.loads(line)["version"] for line in orders] == list(range(1, len(orders) + 1))
    assert len(orders) == 3


def test_exposure_is_a_table_that_says_because_of_what(run: Run) -> None:
    asked = ("--buyer", "baidu", "--effective-on", "2023-10-31", "--known-on", "2023-11-08")
    table = run("query", "exposure", *asked)
    assert table.exit_code == 0, table.stderr
    for word in ("us-letter-nvidia-2023/letter", "product_id unknown", "barred 0.196362, perhaps up to 0.981811"):
        assert word in table.stdout
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


def test_a_projection_made_anew_gives_the_same_answer(run: Run) -> None:
    asked = ("query", "dependence", "--buyer", "baidu", "--effective-on", "2023-12-31", "--json")
    before = run(*asked).stdout
    assert "rebuilt up to position 55" in run("projection", "rebuild").stdout
    assert run(*asked).stdout == before
    assert run("projection", "status").stdout.startswith("position 55,")
