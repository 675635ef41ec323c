"""Files read by a process of their own: the same is read, and whatever becomes of that process is the file's fault."""

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from service.importing.bounds import MIB
from service.importing.events.lines import LineSheet
from service.importing.importing import Here, form_of
from service.importing.reading.apart import JUDGING, Apart, ReaderBounds, judged
from service.importing.reading.messages import (
    End,
    FileDigest,
    FileForm,
    Message,
    ReaderTask,
    RowsSeen,
    WireSheet,
    framed,
    message_of,
)
from service.importing.reading.questions import Ask
from service.importing.rows import BadFile, BadMapping
from tests.service.importing.conftest import CHANGE, SCREENING_LIST, SEED, changes_csv
from tests.service.importing.ocds_samples import contract, package, release
from tests.service.importing.order_tables import MAPPING, as_toml, rows_csv
from tests.service.postgres_owner import ROOT, wait_until

#: A JSON document that takes a hundred times as much in memory.
SWELLING = b'{"releases": [' + b"{}," * 3_000_000 + b"{}]}"
MARKET: dict[str, Any] = {
    "today": "2026-11-01",
    "directory": ([{"organization_id": "huawei", "name": "Huawei"}], []),
    "events": {},
    "streams": {},
    "regulations": [],
    "known": [],
    "bearers": [],
    "products": [],
}
RATES = b"Date,USD,JPY,\n2024-03-01,1.08,162.5,\n2024-03-04,1.09,N/A,\n"
CLOUD_EVENT = {
    "specversion": "1.0",
    "id": "half \ud800 of one",
    "source": "/erp",
    "type": "daybook.organization-registered",
    "data": {"effective_on": "2020", "data": {"organization_id": "o", "name": "\ud800", "number": 10**25}},
}


def answers(question: str, names: Any) -> Any:
    return MARKET[question]


FILES: dict[str, tuple[bytes, ReaderTask]] = {
    "ndjson": (SEED.read_bytes() + b'{"type": "order-lost"}\n[1]\n', ReaderTask()),
    "csv": (
        rows_csv({}, {"PO": "PO-2", "Qty": "two"}),
        ReaderTask(mapping=("m", as_toml(MAPPING).encode()), strict=False),
    ),
    "cloudevents": (json.dumps(CLOUD_EVENT).encode() + b"\n", ReaderTask(strict=False)),
    "ecb-rates": (RATES, ReaderTask()),
    "ocds": (json.dumps(package(release(contracts=[contract()]))).encode(), ReaderTask()),
    "regulations": (changes_csv(CHANGE), ReaderTask()),
    "screening-list": (SCREENING_LIST.read_bytes(), ReaderTask(register=True)),
}


def said(reader: Apart | Here) -> list[Message]:
    """All that is said but for how far it is, and that it ends."""
    told = reader.messages(answers)
    return [one for one in told if not isinstance(one, End) and (not isinstance(one, RowsSeen) or one.remarks)]


@pytest.mark.parametrize("name", FILES)
def test_another_process_says_of_a_file_what_this_one_would(name: str) -> None:
    data, wanted = FILES[name]
    here = said(Here(io.BytesIO(data), wanted))
    with Apart(io.BytesIO(data), wanted) as reader:
        there = said(reader)
    # What travels as a list is one here, too.
    assert msgspec.msgpack.encode(there) == msgspec.msgpack.encode(here)
    assert len(here) >= 3


def test_the_process_has_no_secrets_and_is_polite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAYBOOK_ADMIN_TOKEN", "the token of the admin")
    monkeypatch.setenv("DAYBOOK_DATABASE_URL", "postgresql://daybook:word@db/daybook")
    monkeypatch.setenv("PGPASSWORD", "word")
    # It waits until somebody takes what it has read.
    with Apart(io.BytesIO(lines()), ReaderTask()) as reader:
        next(reader.messages(answers))
        told = Path(f"/proc/{reader.pid}/environ").read_bytes()
        limits = Path(f"/proc/{reader.pid}/limits").read_text()
        names = {one.partition(b"=")[0].decode() for one in told.split(b"\0") if one}
        descriptors = {os.readlink(one) for one in Path(f"/proc/{reader.pid}/fd").iterdir()}
    assert not {name for name in names if name.startswith(("DAYBOOK", "PG"))}
    assert b"word" not in told
    assert f"{1_024 * MIB}" in next(line for line in limits.splitlines() if line.startswith("Max data size"))
    assert not [one for one in descriptors if one.startswith("socket:")]


def test_a_file_that_takes_more_memory_than_it_may_is_at_fault() -> None:
    with (
        Apart(io.BytesIO(SWELLING), ReaderTask(format="ocds"), ReaderBounds(160 * MIB)) as reader,
        pytest.raises(BadFile, match=r"takes more memory to read than the 160 MiB .* \(DAYBOOK_IMPORT_MEMORY_MB\)"),
    ):
        said(reader)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (signal.SIGKILL, r"was killed \(SIGKILL\), perhaps for the memory it took behind row [\d,]+: "),
        (signal.SIGSEGV, r"crashed \(SIGSEGV\) behind row [\d,]+: "),
        (signal.SIGABRT, r"crashed \(SIGABRT\) behind row [\d,]+: "),
    ],
)
def test_a_process_that_dies_is_named_with_the_row_it_had_reached(number: signal.Signals, words: str) -> None:
    with Apart(io.BytesIO(lines()), ReaderTask()) as reader:
        messages = reader.messages(answers)
        assert next(one for one in messages if isinstance(one, WireSheet)).numbers[-1] == 250
        os.kill(reader.pid, number)
        with pytest.raises(BadFile, match=words) as caught:
            list(messages)
    [fault] = caught.value.faults
    assert 250 <= fault.line < 60_000


def lines(count: int = 60_000) -> bytes:
    """More event requests than the pipe holds."""
    data = {
        "order_id": "po-1",
        "buyers": ["b"],
        "vendor_id": "v",
        "currency": "EUR",
        "lines": [{"line": "1", "product_id": None, "quantity": "1", "amount": "1"}],
    }
    event = {"id": "e-1", "type": "order-placed", "effective_on": "2024-01-01", "data": data}
    return (json.dumps(event).encode() + b"\n") * count


def test_a_process_that_stands_still_is_ended_and_that_is_said() -> None:
    with Apart(io.BytesIO(lines()), ReaderTask()) as reader:
        messages = reader.messages(answers)
        next(messages)
        reader.bounds = ReaderBounds(still_s=1.0)
        os.kill(reader.pid, signal.SIGSTOP)
        with pytest.raises(BadFile, match=r"said nothing for \d+ s"):
            list(messages)


def test_a_wait_is_over_as_soon_as_nobody_wants_the_rest() -> None:
    class Enough(Exception):
        pass

    looked: list[None] = []

    def halt() -> None:
        looked.append(None)
        if len(looked) > 3:
            raise Enough

    with Apart(io.BytesIO(SWELLING), ReaderTask(format="ocds"), halt=halt) as reader, pytest.raises(Enough):
        said(reader)


PARENT = """
import io, sys, time
from service.importing.reading.apart import Apart
from service.importing.reading.messages import ReaderTask
with Apart(io.BytesIO(b"{}\\n" * 4_000_000), ReaderTask(format="ndjson")) as reader:
    next(reader.messages(lambda *_: None))
    print(reader.pid, flush=True)
    time.sleep(600)
"""


def test_the_process_ends_with_whoever_started_it() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], cwd=ROOT, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    reader = int(parent.stdout.readline())
    assert Path(f"/proc/{reader}").exists()
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert wait_until(lambda: not runs(reader), 30)


def runs(pid: int) -> bool:
    """Whether a process runs; one that nobody has waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_mapping_is_judged_in_such_a_process_too() -> None:
    assert judged(io.BytesIO(rows_csv({})), ReaderTask(mapping=("m", as_toml(MAPPING).encode()))) == "csv"
    with pytest.raises(BadMapping, match="a key of more than 16 parts"):
        judged(io.BytesIO(), ReaderTask(format="csv", mapping=("m", b"a" + b".a" * 12_000 + b" = 1")))
    assert JUDGING.memory_bytes == 256 * MIB


def test_only_messages_of_their_shapes_are_taken() -> None:
    with pytest.raises(msgspec.ValidationError):
        message_of(msgspec.msgpack.encode(["items", [], [["group", [[1, "", 7]], [], 1, b""]]]))
    with pytest.raises(msgspec.ValidationError):
        message_of(msgspec.msgpack.encode(["told", 1, [["__class__", 1, "", ""]]]))
    short = WireSheet([1, 2], [b""], [None], [""], [""], [None], [""], [b""], [None], [0], [()], [], [], 0)
    with pytest.raises(ValueError, match="different lengths"):
        LineSheet.of(short)
    assert message_of(framed(RowsSeen(3))[4:]) == RowsSeen(3)


class Slow:
    """A file whose reader says that it goes on before it has anything to say."""

    size_bytes = 0

    def __init__(self) -> None:
        self._messages = iter([RowsSeen(0), RowsSeen(0), FileForm("ecb-rates"), RowsSeen(0), FileDigest("00")])

    def messages(self, ask: Ask) -> Iterator[Message]:
        """Signs of life, and what a reader says first."""
        return self._messages


def test_a_reader_that_takes_long_to_begin_is_waited_for() -> None:
    assert form_of(Slow()) == "ecb-rates"
