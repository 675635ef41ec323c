"""Extracts over HTTP and by the command: what is asked of them, and what is answered."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from starlette.testclient import TestClient

from service.cli.main import main
from service.daybook import Daybook
from service.settings import Settings
from tests.service.importing.conftest import table
from tests.service.importing.order_tables import as_toml
from tests.service.importing.orders.extracts.conftest import COLUMNS, MAPPING, ROW
from tests.service.postgres_owner import wait_until
from tests.service.web.test_imports import CSV, IMPORTS, MAPPINGS, asked, client, sent, working

__all__ = ["client"]

STATE = {"mapping": "erp", "mode": "state"}


def rows(*given: dict[str, str]) -> bytes:
    """Rows of an extract."""
    return table(COLUMNS, [{**ROW, **row} for row in given])


def done(client: TestClient, data: bytes, **parameters: Any) -> dict[str, Any]:
    """What became of an import."""
    job = sent(client, data, CSV, **parameters)
    wait_until(lambda: asked(client, job)["state"] in ("done", "failed"))
    return asked(client, job)


def test_an_extract_over_http_becomes_facts_of_its_day(client: TestClient) -> None:
    assert client.put(f"{MAPPINGS}/erp", content=as_toml(MAPPING)).status_code < 300
    june = rows({}, *({"PO": str(number)} for number in range(1, 7)))
    july = rows({"Qty": "12", "In": "2"}, *({"PO": str(number)} for number in range(2, 7)))
    with working(client):
        first = done(client, june, as_of="2024-06-30", **STATE)
        assert (first["state"], first["mode"], first["as_of"]) == ("done", "state", "2024-06-30"), first
        rehearsed = done(client, july, as_of="2024-07-31", dry_run=True, missing="cancel", **STATE)
        assert rehearsed["types"] == {"order-amended": 1, "goods-received": 1, "order-cancelled": 1}
        amended = rehearsed["first"]["order-amended"]
        assert (amended["line"], amended["event"]["data"]["changes"]) == (2, [{"line": "10", "quantity": "2"}])
        second = done(client, july, as_of="2024-07-31", missing="cancel", **STATE)
        assert (second["recorded"], second["missing"], second["first"]) == (3, "cancel", {})
        assert [one["row"] for one in second["remarks"]["missing"]] == ["1"]
        assert done(client, july, as_of="2024-07-31", **STATE)["recorded"] == 0
        older = done(client, june, as_of="2024-06-30", **STATE)
        assert (older["state"], older["recorded"]) == ("failed", 0)
        assert "one of 2024-07-31 was synced" in older["faults"][0]["message"]


@pytest.mark.parametrize(
    ("parameters", "pointer"),
    [
        ({"mode": "state"}, "/as_of"),
        ({"as_of": "2024-06-30"}, "/as_of"),
        ({"missing": "cancel"}, "/missing"),
        ({"correct": True}, "/correct"),
        ({"mode": "state", "as_of": "2024-06-30", "continue_on_error": True}, "/continue_on_error"),
        ({"mode": "state", "as_of": "2024-06-30", "mapping": None, "format": "ndjson"}, "/mode"),
        ({"mode": "both"}, "/mode"),
        ({"mode": "state", "as_of": "June"}, "/as_of"),
    ],
)
def test_what_does_not_go_together_is_refused_at_once(
    client: TestClient, parameters: dict[str, Any], pointer: str
) -> None:
    assert client.put(f"{MAPPINGS}/erp", content=as_toml(MAPPING)).status_code < 300
    wanted = {name: value for name, value in {"mapping": "erp", **parameters}.items() if value is not None}
    answer = client.post(IMPORTS, content=rows({}), headers=CSV if "format" not in parameters else {}, params=wanted)
    assert answer.status_code == 422, answer.text
    assert [one["pointer"] for one in answer.json()["errors"]] == [pointer]


def test_the_command_syncs_and_says_what_it_would_record(daybook: Daybook, settings: Settings, tmp_path: Path) -> None:
    mapping = tmp_path / "erp.toml"
    mapping.write_text(as_toml(MAPPING), "utf-8")
    environment = {"DAYBOOK_DATABASE_URL": settings.database_url.get_secret_value() if settings.database_url else ""}

    def sync(data: bytes, day: str, *more: str) -> tuple[int, str]:
        arguments = ["--home", str(tmp_path / "cli"), "sync", "-", "--mapping", str(mapping), "--as-of", day, *more]
        found = CliRunner().invoke(main, arguments, input=data, env=environment)
        # What is logged beside it is no part of a result.
        return found.exit_code, found.stdout if "--json" in more else found.output

    june = rows({}, *({"PO": str(number)} for number in range(1, 7)))
    assert sync(june, "2024-06-30")[0] == 0
    july = rows({"Qty": "12"}, *({"PO": str(number)} for number in range(2, 7)))
    code, text = sync(july, "2024-07-31", "--dry-run")
    assert code == 0, text
    assert "as of 2024-07-31" in text
    assert '  1 order-amended, the first: line 2: 4711: {"changes": [{"line": "10", "quantity": "2"}]}' in text
    assert "missing: 1 orders\n  order 1 is in the ledger" in text
    code, text = sync(july, "2024-07-31", "--json")
    assert (code, json.loads(text)["types"]) == (0, {"order-amended": 1})
    code, text = sync(june, "2024-06-30")
    assert (code, "one of 2024-07-31 was synced" in text) == (2, True)
