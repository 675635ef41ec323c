"""Event requests, one a line: atomic up to ten thousand, in batches that can be resumed beyond."""

import gzip
import io
import json
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection

import service.importing.events.ndjson
from domain.errors import Rejected
from domain.plain_lots import PlainOrders
from service.importing.events.lines import HandedLines, RequestLine, RequestLines, Wrong
from service.importing.events.ndjson import ATOMIC_LINES, BATCH_LINES
from service.importing.importing import import_file
from service.importing.opening import LONGEST_LINE_BYTES
from service.importing.plans import RowRefused, Summary
from service.importing.reading.apart import Apart
from service.importing.reading.messages import ReaderTask, WireSheet
from service.importing.rows import MOST_FAULTS, BadFile
from service.importing.streaming import Options
from service.postgres.kernel import children
from tests.service.importing.conftest import SEED, Desk
from tests.service.postgres_owner import ROOT, wait_until
from tests.service.processes import environment
from tests.service.purchases import appends_wait, later_appends_held


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
    assert (summary.format, summary.rows, summary.recorded, desk.head) == ("ndjson", 56, 56, 56)


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
    with pytest.raises(RowRefused, match=r"line 3: /data/organization_id: .* is registered already") as caught:
        desk.imports(ndjson(organization(1), organization(2), organization(1, named=False)), dry_run=dry_run)
    assert isinstance(caught.value.refusal, Rejected)
    assert desk.head == 0


def test_an_event_too_large_to_store_is_refused_in_a_dry_run_too(desk: Desk) -> None:
    large = organization(1)
    large["data"]["name"] = "x" * 70_000
    for dry_run in (True, False):
        with pytest.raises(RowRefused, match=r"line 1: .* more than 65535"):
            desk.imports(ndjson(large), dry_run=dry_run)


def test_a_file_of_ten_thousand_lines_is_recorded_together_or_not_at_all(desk: Desk) -> None:
    lines = [organization(number) for number in range(ATOMIC_LINES - 1)]
    with pytest.raises(RowRefused, match=f"line {ATOMIC_LINES}: "):
        desk.imports(ndjson(*lines, organization(0, named=False)))
    assert desk.head == 0
    assert desk.imports(ndjson(*lines, organization(ATOMIC_LINES))).recorded == ATOMIC_LINES


def test_of_a_longer_file_the_batches_before_a_refused_line_stay_and_the_rest_follows_later(desk: Desk) -> None:
    lines = [organization(number) for number in range(ATOMIC_LINES + 1)]
    wrong = 2 * BATCH_LINES + 5
    spoiled = [*lines[:wrong], organization(0, named=False), *lines[wrong + 1 :]]
    with pytest.raises(RowRefused, match=f"line {wrong + 1}: .*organization/org-0 is registered already"):
        desk.imports(ndjson(*spoiled))
    assert desk.head == 2 * BATCH_LINES
    resumed = desk.imports(ndjson(*lines))
    assert (resumed.recorded, resumed.replayed) == (ATOMIC_LINES + 1 - 2 * BATCH_LINES, 2 * BATCH_LINES)


# Files that are resumed


@pytest.fixture
def short_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten lines are a long file, recorded four at a time."""
    monkeypatch.setattr(service.importing.events.ndjson, "ATOMIC_LINES", 10)
    monkeypatch.setattr(service.importing.events.ndjson, "BATCH_LINES", 4)


def receipt(number: int, **envelope: Any) -> dict[str, Any]:
    """Goods that nothing tells from those of another receipt of that number."""
    data = {"order_id": "po-1", "receipts": [{"line": "1", "quantity": str(number), "amount": "0"}]}
    return {"type": "goods-received", "effective_on": "2024-01-31", **envelope, "data": data}


def purchase(order_id: str = "po-1") -> dict[str, Any]:
    """An order that a plain line places."""
    lines = [{"line": "1", "product_id": None, "quantity": "1600", "amount": "10.50"}]
    data = {"order_id": order_id, "buyers": ["org-1"], "vendor_id": "org-2", "currency": "CNY", "lines": lines}
    return {"type": "order-placed", "effective_on": "2024-01", "data": data}


#: Two organisations, an order, and twelve receipts, of which some are alike; none has an id.
LONG = [organization(n, named=False) for n in (1, 2)] + [purchase()] + [receipt(n // 2) for n in range(12)]


def ids(file: bytes) -> list[str]:
    """The ids under which the lines of a file are recorded."""
    found = []
    for line in RequestLines(io.BytesIO(file)):
        assert isinstance(line, RequestLine)
        found += line.request.ids
    return found


@pytest.mark.usefixtures("short_batches")
def test_lines_without_ids_are_recorded_once_each_however_alike_and_however_often_imported(desk: Desk) -> None:
    first = desk.imports(ndjson(*LONG))
    assert (first.rows, first.recorded) == (15, 15)
    again = desk.imports(b"\r\n".join(ndjson(*LONG).splitlines()))
    assert (again.recorded, again.replayed) == (0, 15)
    recorded = [event.id for event in desk.events()]
    assert recorded == ids(ndjson(*LONG))
    assert len(set(recorded)) == 15
    assert again.types == {"organization-registered": 2, "order-placed": 1, "goods-received": 12}


@pytest.mark.usefixtures("short_batches")
def test_a_corrected_line_and_lines_added_later_are_recorded_and_nothing_else(desk: Desk) -> None:
    wrong = [*LONG[:9], receipt(3) | {"effective_on": "yesterday"}, *LONG[10:]]
    with pytest.raises(BadFile, match="line 10: /effective_on: 'yesterday' is not a date"):
        desk.imports(ndjson(*wrong))
    assert desk.head == 0
    refused = [*LONG[:13], purchase(), LONG[14]]
    with pytest.raises(RowRefused, match=r"line 14: .*order/po-1 is registered already"):
        desk.imports(ndjson(*refused))
    assert desk.head == 12
    corrected = desk.imports(ndjson(*LONG))
    assert (corrected.recorded, corrected.replayed) == (3, 12)
    longer = desk.imports(ndjson(*LONG, receipt(7)))
    assert (longer.recorded, longer.replayed) == (1, 15)


@pytest.mark.usefixtures("short_batches")
def test_a_wrong_line_of_a_long_file_stops_it_there(desk: Desk) -> None:
    with pytest.raises(BadFile) as caught:
        desk.imports(ndjson(*LONG[:14]) + b'{"type": "goods-rec')
    (fault,) = caught.value.faults
    assert fault.line == 15
    assert fault.message.endswith("the file ends within this line")
    assert desk.head == 12


@pytest.mark.usefixtures("short_batches")
def test_of_a_long_file_that_is_wrong_the_beginning_is_listed_and_all_is_counted(desk: Desk) -> None:
    lines = ndjson(*(organization(number) for number in range(60))).splitlines(keepends=True)
    lines[1] = lines[3] = lines[40] = b"{}\n"
    file = io.BytesIO(b"".join(lines))
    with pytest.raises(BadFile) as caught:
        import_file(desk.daybook, file, Summary("a file", "ndjson", 0, dry_run=False))
    assert {fault.line for fault in caught.value.faults} == {2, 4}
    # Three lines lack a type, dates and data.
    assert {cause.count for cause in caught.value.causes} == {3}
    assert {place.line for cause in caught.value.causes for place in cause.places} == {2, 4, 41}
    assert desk.head == 0


@pytest.mark.usefixtures("short_batches")
def test_what_is_wrong_behind_lines_that_are_recorded_is_counted_to_the_end(desk: Desk) -> None:
    lines = ndjson(*(organization(number) for number in range(60))).splitlines(keepends=True)
    lines[30] = lines[41] = lines[59] = b"no JSON\n"
    with pytest.raises(BadFile) as caught:
        desk.imports(b"".join(lines), "ndjson")
    assert [fault.line for fault in caught.value.faults] == [31]
    assert [cause.count for cause in caught.value.causes] == [3]


def test_more_faults_than_are_listed_are_counted(desk: Desk) -> None:
    with pytest.raises(BadFile) as caught:
        desk.imports(b"no JSON\n" * 150 + b'{"type": "x"}\n', "ndjson")
    assert len(caught.value.faults) == MOST_FAULTS
    assert caught.value.causes[0].count == 150
    # One cause does not hide another.
    assert 151 in {fault.line for fault in caught.value.faults}


@pytest.mark.usefixtures("short_batches")
def test_a_refused_order_among_plain_ones_is_named_by_its_line(desk: Desk) -> None:
    desk.imports(ndjson(organization(1), organization(2), purchase("po-17")))
    orders = [json.dumps(purchase(f"po-{number}")).encode() for number in range(1, 26)]
    orders.insert(3, b"  ")
    with pytest.raises(RowRefused, match=r"line 18: .*order/po-17 is registered already"):
        desk.imports(b"\n".join(orders))
    # Of four lines each, but for the first batch: the blank one is none.
    assert desk.head == 3 + 15


def test_a_broken_line_before_a_blank_end_is_not_said_to_be_cut_off(desk: Desk) -> None:
    with pytest.raises(BadFile) as caught:
        desk.imports(ndjson(organization(1)) + b'{"type":\n   ')
    (fault,) = caught.value.faults
    assert (fault.line, "the file ends" in fault.message) == (2, False)


def test_sheets_of_long_lines_have_fewer_of_them() -> None:
    large = purchase() | {"source": {"citation": "x" * 900_000}}
    sheets = list(RequestLines(io.BytesIO(ndjson(*[large] * 20))).sheets())
    assert [len(sheet) for sheet in sheets] == [5, 5, 5, 5]


def test_an_import_killed_midway_and_run_again_is_the_uninterrupted_one(
    desk: Desk, database: str, owner: Connection[Any], tmp_path: Path
) -> None:
    lines = [organization(1), organization(2), *(purchase(f"po-{n}") for n in range(ATOMIC_LINES + 3_000))]
    path = tmp_path / "orders.ndjson"
    path.write_bytes(ndjson(*lines))
    with later_appends_held(database):
        process = subprocess.Popen(
            [sys.executable, "-m", "service", "--home", str(tmp_path / "other"), "import", str(path)],
            cwd=ROOT,
            env=environment() | {"DAYBOOK_DATABASE_URL": database},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert wait_until(lambda: desk.head > 0, 60)
        assert appends_wait(owner)
        process.send_signal(signal.SIGKILL)
        process.wait()
    before = desk.head
    assert 0 < before < len(lines)
    resumed = desk.imports(path)
    assert (resumed.replayed, resumed.recorded) == (before, len(lines) - before)
    assert [event.id for event in desk.events()] == ids(path.read_bytes())
    assert [event.position for event in desk.events()] == list(range(1, len(lines) + 1))


# Leaving out what is wrong


@pytest.mark.parametrize("dry_run", [True, False])
def test_what_is_wrong_is_left_out_and_named_in_the_order_of_the_file(desk: Desk, dry_run: bool) -> None:
    file = (
        ndjson(organization(1), organization(1, named=False))
        + b'{"type"\n'
        + b"x" * (3 * LONGEST_LINE_BYTES)
        + b"\n"
        + ndjson(organization(2), purchase("po-1"), purchase("po-2") | {"id": "register:1"})
    )
    rejects = io.StringIO()
    summary = Summary("a file", "ndjson", 0, dry_run)
    import_file(desk.daybook, io.BytesIO(file), summary, Options(dry_run, continue_on_error=True, rejects=rejects))
    assert (summary.rows, summary.recorded, summary.rejected) == (7, 3, 4)
    left_out = [json.loads(line) for line in rejects.getvalue().splitlines()]
    assert [one["line"] for one in left_out] == [2, 3, 4, 7]
    messages = ("is registered already", "not JSON", "is longer than 1,048,576 bytes", "with another type")
    assert all(said in one["message"] for one, said in zip(left_out, messages, strict=True))
    assert json.loads(left_out[0]["raw"]) == organization(1, named=False)
    assert len(left_out[2]["raw"]) == 1_000
    assert desk.head == (0 if dry_run else 3)


def test_a_line_of_a_gigabyte_is_named_without_being_read_whole(desk: Desk, tmp_path: Path) -> None:
    path = tmp_path / "long.ndjson"
    with path.open("w+b") as file:
        file.write(ndjson(organization(1)))
        file.truncate(1 << 30)
        tracemalloc.start()
        with pytest.raises(BadFile, match="line 2: is longer than 1,048,576 bytes: an event takes 65,535 at most"):
            import_file(desk.daybook, file, Summary("a file", "ndjson", 0, dry_run=False))
        _, peak_bytes = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak_bytes < 16 * LONGEST_LINE_BYTES
    assert desk.head == 0


def test_a_compressed_file_is_recorded_under_the_same_ids(desk: Desk) -> None:
    assert desk.imports(gzip.compress(ndjson(*LONG[:5])), "ndjson").recorded == 5
    assert desk.imports(ndjson(*LONG)).replayed == 5
    cut = gzip.compress(ndjson(*[organization(n) for n in range(500)]))[:-200]
    with pytest.raises(BadFile, match="cut short"):
        desk.imports(cut, "ndjson")


def test_progress_is_told_and_the_end_estimated(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service.importing.events.ndjson, "ATOMIC_LINES", 10)
    monkeypatch.setattr(service.importing.events.ndjson, "BATCH_LINES", 4)
    told: list[tuple[int, int]] = []
    summary = Summary("a file", "ndjson", 0, dry_run=False)
    import_file(
        desk.daybook,
        io.BytesIO(ndjson(*LONG)),
        summary,
        progress=lambda done, total: told.append((done, total)),
    )
    assert [done for done, _ in told] == [4, 8, 12, 15]
    assert told[-1] == (15, 15)
    assert all(done <= total <= 30 for done, total in told)


def sheets(reader: Apart) -> Iterator[WireSheet]:
    """The lines that another process reads."""
    return (message for message in reader.messages(lambda *_: None) if isinstance(message, WireSheet))


def written(tmp_path: Path, content: bytes) -> Path:
    """A file with this content."""
    path = tmp_path / "events.ndjson"
    path.write_bytes(content)
    return path


def test_another_process_reads_the_same_lines(tmp_path: Path) -> None:
    far = [purchase(f"po-{number}") | {"id": f"e-{number}", "known_on": "2024-02-01"} for number in range(700)]
    lines = [
        b"\xef\xbb\xbf" + json.dumps(purchase("first")).encode(),
        b"  ",
        *(json.dumps(event).encode() for event in far),
        json.dumps(purchase("named") | {"source": {"citation": "register, page 7"}, "basis": "estimated"}).encode(),
        json.dumps(receipt(1)).encode(),
        b'{"type": "order-placed", "x": ' + b"9" * (LONGEST_LINE_BYTES + 10) + b"}",
        b'{"type": "order-lost"}',
        b'{"type": "order-pl',
    ]
    path = written(tmp_path, b"\n".join(lines))
    with path.open("rb") as file:
        here = list(RequestLines(file))
    with path.open("rb") as file, Apart(file, ReaderTask(format="ndjson")) as reader:
        told = HandedLines(sheets(reader), reader.size_bytes)
        there = list(told)
        assert told.estimate(len(there)) == len(there)
    assert here == there
    assert len(there) == len(lines) - 1
    assert [type(line) for line in there[-4:]] == [RequestLine, Wrong, Wrong, Wrong]
    assert isinstance(there[0], RequestLine)
    assert isinstance(there[0].request, PlainOrders)


def test_no_process_stays_behind_where_the_rest_is_not_wanted(tmp_path: Path) -> None:
    events = b"".join(json.dumps(purchase(f"po-{number}")).encode() + b"\n" for number in range(20_000))
    before = set(children())
    with written(tmp_path, events).open("rb") as file, Apart(file, ReaderTask(format="ndjson")) as reader:
        assert isinstance(next(sheets(reader)), WireSheet)
        assert set(children()) - before == {reader.pid}
    assert set(children()) == before
