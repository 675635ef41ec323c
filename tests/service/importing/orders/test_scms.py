"""The shipped mapping on the data set itself: every line is recorded, no date is invented, and the figures come out."""

import csv
import gzip
import json
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from service.cli.main import main
from service.storing.ledger import EventFilter, Ledger, read_bytes
from tests.service.importing.conftest import EXAMPLES

DATA_SET = EXAMPLES / "SCMS_Delivery_History_Dataset.csv.gz"


@pytest.fixture
def asked(database: str, tmp_path: Path) -> CliRunner:
    """A command line on a ledger of this test's own."""
    return CliRunner(env={"DAYBOOK_DATABASE_URL": database, "DAYBOOK_HOME": str(tmp_path / "home")})


def test_by_vendor_one_intermediary_holds_the_market_and_by_site_it_does_not(asked: CliRunner, ledger: Ledger) -> None:
    imported = asked.invoke(main, ["import", str(DATA_SET), "--mapping", "scms", "--json"])
    assert imported.exit_code == 0, imported.stderr
    summary = json.loads(imported.stdout)
    assert (summary["rows"], summary["recorded"], summary["rejected"]) == (10_324, 17_091, 0)

    answers = {}
    for by in ("vendor", "site"):
        question = ["query", "dependence", "--by", by, "--measure", "spend", "--effective-on", "2015-12-31", "--json"]
        answers[by] = json.loads(asked.invoke(main, question).stdout)
    with gzip.open(DATA_SET, "rt", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    total = sum((Decimal(row["Line Item Value"]) for row in rows), Decimal(0))
    assert {Decimal(answer["total"]["value"]) for answer in answers.values()} == {total}
    by_vendor, by_site = answers["vendor"], answers["site"]
    assert (round(by_vendor["metrics"]["hhi"]), round(by_site["metrics"]["hhi"])) == (4602, 1482)
    assert (by_vendor["rows"][0]["name"], round(by_vendor["rows"][0]["share"], 3)) == ("SCMS from RDC", 0.667)
    assert len(by_site["rows"]) == len({row["Manufacturing Site"] for row in rows})

    placed = [
        read_bytes(row.state) for row in ledger.recorder.rows_after(0, 20_000, wanted=EventFilter(["order-placed"]))
    ]
    assert sum(len(event.data["lines"]) for event in placed) == len(rows)
    by_id = {line["line"]: event for event in placed for line in event.data["lines"]}
    assert (by_id["1"].effective_on.text, by_id["1"].known_on.isoformat()) == ("../2006-06-02", "2006-06-02")
    undated = Counter(row["PO Sent to Vendor Date"] for row in rows if by_id[row["ID"]].effective_on.first is None)
    assert undated == {"N/A - From RDC": 5_404, "Date Not Captured": 328}
