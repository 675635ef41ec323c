"""Daybook's own event requests, one a line, recorded in the order of the file.

Up to ATOMIC_LINES lines are recorded together or not at all. A longer file is recorded in batches of BATCH_LINES, each
of them together or not at all: where a line is refused, the batches before it stay. Importing the file again then
replays the events that have an `id` of their own and goes on behind them; events without one would be recorded twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO

from domain.catalogue import read_request
from domain.errors import Invalid
from domain.events import Request
from domain.json_text import parse_json
from service.codes import codes
from service.importers.plans import Entry, Progress, Recorder, Refused, Remark, Summary
from service.importers.rows import BYTE_ORDER_MARK, MOST_FAULTS, BadFile, Fault

ATOMIC_LINES = 10_000
BATCH_LINES = 2_000


@dataclass(slots=True)
class Census:
    """A file whose every line has been read."""

    lines: int = 0
    #: Events that a second import could not tell from new ones.
    without_id: int = 0


def import_ndjson(file: BinaryIO, recorder: Recorder, summary: Summary, progress: Progress) -> None:
    """Record the events of a file that can be read twice, and fill in the summary.

    BadFile: some line is no event request, and nothing is recorded. Refused: the ledger refused a line, and nothing is
    recorded. Where batches were recorded before the refusal, the summary reports the line instead.
    """
    census = _count(file)
    summary.rows = census.lines
    done = 0
    for batch in _batches(file, census.lines if census.lines <= ATOMIC_LINES else BATCH_LINES):
        entries = [Entry(line, "", request.sent) for line, request in batch]
        try:
            recorder.record(entries, [request for _, request in batch])
        except Refused as refused:
            if summary.recorded == 0 or summary.dry_run:
                raise
            _report(summary, refused, census)
            return
        done += len(batch)
        progress(done, census.lines)


def _report(summary: Summary, refused: Refused, census: Census) -> None:
    message = f"refused, and nothing from its batch on is recorded: {refused.refusal}"
    if census.without_id:
        message += f"; {census.without_id} events have no id: those recorded already would be recorded twice"
    else:
        message += "; correct the line and import the file again: what is recorded is replayed"
    summary.plan.reported.append(Remark(refused.entry.line, "", message))


def _count(file: BinaryIO) -> Census:
    """Read every line once; BadFile lists those that are no event requests."""
    census = Census()
    faults: list[Fault] = []
    file.seek(0)
    for line, text in _lines(file):
        try:
            request = _read(text)
        except Invalid as invalid:
            faults += [Fault(line, f"{problem.pointer or '/'}: {problem.message}") for problem in invalid.problems]
        except ValueError as error:
            faults.append(Fault(line, str(error)))
        else:
            census.lines += 1
            census.without_id += request.envelope.id is None
        if len(faults) >= MOST_FAULTS:
            break
    if faults:
        raise BadFile(faults)
    return census


def _batches(file: BinaryIO, size: int) -> Iterator[list[tuple[int, Request]]]:
    file.seek(0)
    batch: list[tuple[int, Request]] = []
    for line, text in _lines(file):
        batch.append((line, _read(text)))
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _lines(file: BinaryIO) -> Iterator[tuple[int, bytes]]:
    for line, text in enumerate(file, start=1):
        text = text.removeprefix(BYTE_ORDER_MARK) if line == 1 else text
        if text.strip():
            yield line, text


def _read(text: bytes) -> Request:
    sent: Any = parse_json(text)
    return read_request(sent, codes())
