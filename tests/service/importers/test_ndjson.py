"""Event requests, one a line: atomic up to ten thousand, in batches that can be resumed beyond."""

import json
from typing import Any

import pytest

from domain.errors import Rejected
from service.importers.ndjson import ATOMIC_LINES, BATCH_LINES
from service.importers.plans import Refused
from service.importers.rows import BadFile
from tests.service.importers.conftest import SEED, Desk


def organization(number: int, *, named: bool = True) -> dict[str, Any]:
    data = {"organization_id": f"org-{number}", "name": f"Organisation {number}", "country": "CN"}
    identifier = {"id": f"register:{number}"} if named else {}
    return {
        "type": "organization-registered",
        "effective_on": "2020-01-01",
        "known_on": "2020-01-01",
        **identifier,
        "data": data,
    }


def ndjson(*requests: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(request).encode() + b"\n" for request in requests)


def test_the_seed_is_recorded_line_by_line(desk: Desk) -> None:
    summary = desk.imports(SEED)
    assert (summary.format, summary.rows, summary.recorded, desk.head) == ("ndjson", 55, 55, 55)


def test_events_with_ids_are_replayed_by_a_second_import(desk: Desk) -> None:
    file = ndjson(*(organization(number) for number in range(3)))
    desk.imports(file)
    again = desk.imports(b"\xef\xbb\xbf\n" + file + b"\n")
    assert (again.rows, again.recorded, again.replayed) == (3, 0, 3)


def test_a_dry_run_records_nothing_and_builds_on_the_lines_before(desk: Desk) -> None:
    subsidiary = organization(2)
    subsidiary["data"]["parent_id"] = "org-1"
    summary = desk.imports(ndjson(organization(1), subsidiary), dry_run=True)
    assert (summary.recorded, desk.head) == (2, 0)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"type"', "line 3: not JSON"),
        (b"[]", "line 3: /: an event is a JSON object"),
        (b'{"type": "order-vanished", "effective_on": "2020", "data": {}}', "line 3: /type: unknown event type"),
        (b"\xff", "line 3: not UTF-8"),
    ],
)
def test_a_line_that_is_no_event_is_named_and_nothing_is_recorded(desk: Desk, line: bytes, message: str) -> None:
    with pytest.raises(BadFile, match=message):
        desk.imports(ndjson(organization(1)) + b"\n" + line + b"\n")
    assert desk.head == 0


@pytest.mark.parametrize("dry_run", [True, False])
def test_a_line_that_the_ledger_refuses_is_named_and_nothing_is_recorded(desk: Desk, dry_run: bool) -> None:
    with pytest.raises(Refused, match=r"line 3: /data/organization_id: .* is registered already") as caught:
        desk.imports(ndjson(organization(1), organization(2), organization(1, named=False)), dry_run=dry_run)
    assert isinstance(caught.value.refusal, Rejected)
    assert desk.head == 0


def test_an_event_too_large_to_store_is_refused_in_a_dry_run_too(desk: Desk) -> None:
    large = organization(1)
    large["data"]["name"] = "x" * 70_000
    for dry_run in (True, False):
        with pytest.raises(Refused, match=r"line 1: .* more than 65535"):
            desk.imports(ndjson(large), dry_run=dry_run)


def test_a_file_of_ten_thousand_lines_is_recorded_together_or_not_at_all(desk: Desk) -> None:
    lines = [organization(number) for number in range(ATOMIC_LINES - 1)]
    with pytest.raises(Refused, match=f"line {ATOMIC_LINES}: "):
        desk.imports(ndjson(*lines, organization(0, named=False)))
    assert desk.head == 0
    assert desk.imports(ndjson(*lines, organization(ATOMIC_LINES))).recorded == ATOMIC_LINES


def test_of_a_longer_file_the_batches_before_a_refused_line_stay_and_the_rest_follows_later(desk: Desk) -> None:
    lines = [organization(number) for number in range(ATOMIC_LINES + 1)]
    wrong = 2 * BATCH_LINES + 5
    spoiled = [*lines[:wrong], organization(0, named=False), *lines[wrong + 1 :]]
    summary = desk.imports(ndjson(*spoiled))
    assert (summary.recorded, desk.head) == (2 * BATCH_LINES, 2 * BATCH_LINES)
    (remark,) = summary.plan.reported
    assert remark.line == wrong + 1
    assert "1 events have no id" in remark.message
    resumed = desk.imports(ndjson(*lines))
    assert (resumed.recorded, resumed.replayed) == (ATOMIC_LINES + 1 - 2 * BATCH_LINES, 2 * BATCH_LINES)
