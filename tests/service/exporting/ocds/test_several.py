"""Packages of many orders, of what is new since a position or a day."""

import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from domain.catalogue import read_request
from service.asking.questions import NothingThere
from service.cli.main import main
from service.codes import codes
from service.daybook import Daybook
from service.exporting.ocds import several
from service.exporting.ocds.packages import encode, record_package
from service.exporting.ocds.several import SinceThen, write_package
from service.ocds import schemas
from tests.service.exporting.conftest import ORDERS, order


def package(daybook: Daybook, after: int = 0, **how: Any) -> dict[str, Any]:
    """What is written, read again; it must be valid."""
    output = io.BytesIO()
    upto = daybook.ledger.recorder.head().position
    count = write_package(output, daybook, SinceThen(after, upto, **how))
    made = json.loads(output.getvalue(), parse_float=Decimal)
    listed = made["records" if how else "releases"]
    assert count == len({one["ocid"] for one in listed})
    plain = json.loads(output.getvalue())
    assert list(schemas.validator(schemas.RECORD_PACKAGE if how else schemas.RELEASE_PACKAGE).iter_errors(plain)) == []
    return dict(made)


def test_all_releases_of_all_orders_are_those_of_each(daybook: Daybook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(several, "ORDERS_AT_ONCE", 2)
    monkeypatch.setattr(several, "MOST_KEPT", 2)
    releases = package(daybook)["releases"]
    ids = list(dict.fromkeys(one["ocid"].partition("-")[2].partition("-")[2] for one in releases))
    assert ids == sorted(ids)
    assert len(ids) > len(ORDERS)
    for identifier in ids:
        of_one = json.loads(encode(record_package(daybook, identifier)), parse_float=Decimal)["records"][0]
        assert [one for one in releases if one["ocid"] == of_one["ocid"]] == of_one["releases"]
    records = package(daybook, records=True)["records"]
    assert [one["ocid"] for one in records] == list(dict.fromkeys(one["ocid"] for one in releases))
    assert records[-1] == of_one


def test_since_a_position_there_are_only_the_releases_that_are_new(daybook: Daybook) -> None:
    before = daybook.ledger.recorder.head().position
    back = {"line": "1", "quantity": "1"}
    received = {"order_id": "o-cafe", "receipts": [back]}
    sent = [
        {"type": "goods-received", "effective_on": "2023-09-01", "known_on": "2023-09-02", "data": received},
        order("o-new", "zhongxin", "3.50"),
    ]
    daybook.committer.record([read_request(one, codes()) for one in sent])
    new = package(daybook, before)
    assert [(one["id"].rpartition("-")[2], one["tag"]) for one in new["releases"]] == [
        (str(before + 1), ["implementation"]),
        (str(before + 2), ["award", "contract"]),
    ]
    assert new["uri"].endswith(f":releases:{before}-{before + 2}")
    records = package(daybook, before, records=True)["records"]
    assert [len(one["releases"]) for one in records] == [2, 1]
    with pytest.raises(NothingThere, match=f"behind position {before + 2}"):
        package(daybook, before + 2)


def test_the_command_takes_a_day_or_a_position(daybook: Daybook, database: str, tmp_path: Path) -> None:
    def run(*arguments: str) -> Any:
        own = {"DAYBOOK_DATABASE_URL": database, "DAYBOOK_HOME": str(tmp_path / "other"), "COLUMNS": "200"}
        return CliRunner().invoke(main, ("export", "ocds", *arguments), env=own)

    path = tmp_path / "all.json.gz"
    done = run("--since", "2020-01-01", "-o", str(path))
    assert done.exit_code == 0, done.output
    assert f"orders in {path}, up to position 66" in done.stderr
    listed = json.loads(run("--since", "0").stdout)["releases"]
    assert len(json.loads(run("--records", "--prefix", "ocds-abc123").stdout)["records"]) < len(listed)
    for since, code, words in (
        ("9999-01-01", 3, "nothing of an order was recorded behind position 66"),
        ("67", 2, "position 67 is beyond the head, 66"),
        ("yesterday", 2, "since"),
        ("-1", 2, "since"),
    ):
        refused = run("--since", since)
        assert (refused.exit_code, words in refused.stderr, refused.stdout) == (code, True, ""), refused.stderr
