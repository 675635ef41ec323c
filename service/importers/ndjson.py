"""Daybook's own event requests, one a line, recorded in the order of the file as it is read, once.

Up to ATOMIC_LINES lines are recorded together or not at all. A longer file is recorded in batches of BATCH_LINES, each
of them together or not at all: where a line is refused, the batches before it stay, and nothing behind them is
recorded. With `continue_on_error` every line is recorded by itself, and what is refused is left out.

Importing the file again replays what is recorded and goes on behind it. For that every event has an id: a line without
one is given an id made from all lines up to it, so that it stays the same as long as nothing before it changes. A line
that was refused can be corrected, and lines can be added at the end, without recording anything twice.
"""

import gc
import json
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

from domain.errors import Refusal
from domain.json_text import parse_json
from domain.orders import OrderPlaced
from domain.plain_orders import PlainOrder
from service.commands import Command
from service.importers.event_lines import Line, Lines, Wrong, lines_of
from service.importers.plans import Entry, Progress, Recorder, Refused, Remark, Summary
from service.importers.rows import MOST_FAULTS, BadFile, Fault
from service.importers.streaming import Options

ATOMIC_LINES = 10_000
BATCH_LINES = 2_000
#: Batches that wait to be recorded while the next ones are read: two groups of the committer's, and some on their way,
BATCHES_AHEAD = 10
#: Lines that wait likewise where each is recorded by itself.
LINES_AHEAD = 3_000
#: New objects before Python looks for cycles among them.
COLLECTED_OBJECTS = 200_000


def import_ndjson(file: BinaryIO, recorder: Recorder, summary: Summary, options: Options, progress: Progress) -> None:
    """Record the events of a file, in constant memory (but for a dry run, which remembers what it would record).

    BadFile: a line is no event request. Refused: the ledger refused one. Of up to ATOMIC_LINES lines nothing is
    recorded then; of a longer file the batches before it are, and `summary.recorded` says so.
    """
    lines = lines_of(file)
    desk = _Desk(recorder, summary, options, lambda done: progress(done, lines.estimate(done)))
    with _seldom_collecting():
        try:
            recorder.publish_meanwhile()
            if options.continue_on_error:
                for one in lines:
                    desk.take_by_itself(one)
            else:
                for batch in _batches(lines):
                    desk.take(batch)
        finally:
            # What was sent is recorded, whatever is wrong behind it.
            desk.finish()


@contextmanager
def _seldom_collecting() -> Iterator[None]:
    """Look for cycles seldom: lines come and go by the thousand and form none. Looking takes a third of the time."""
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(COLLECTED_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()


def _batches(lines: Lines) -> Iterator[list[Line]]:
    """The lines of a file that is long, in batches; all lines of one that is not; BadFile for what is no request.

    What is wrong with the first lines is all listed; of a longer file the first wrong line.
    """
    batch: list[Line] = []
    faults: list[Fault] = []
    most = ATOMIC_LINES + 1
    for one in lines:
        if isinstance(one, Line):
            batch.append(one)
        else:
            faults += one.faults
        if faults and (most == BATCH_LINES or len(faults) >= MOST_FAULTS):
            break
        if len(batch) >= most:
            if faults:
                break
            for start in range(0, len(batch), BATCH_LINES):
                yield batch[start : start + BATCH_LINES]
            batch, most = [], BATCH_LINES
    if faults:
        raise BadFile(faults)
    if batch:
        yield batch


class _Desk:
    """Has lines recorded while others are read, and keeps the books."""

    def __init__(self, recorder: Recorder, summary: Summary, options: Options, progress: Callable[[int], None]) -> None:
        self._recorder = recorder
        self._summary = summary
        self._options = options
        self._progress = progress
        self._waiting: deque[tuple[list[Line], Command] | Wrong] = deque()
        self._last: Command | None = None

    def take(self, batch: list[Line]) -> None:
        """Have lines recorded together, behind those before them; raises Refused where one of those was refused."""
        self._last = self._recorder.begin([line.request for line in batch], after=self._last)
        self._waiting.append((batch, self._last))
        while len(self._waiting) > BATCHES_AHEAD:
            self._finish_first()

    def take_by_itself(self, one: Line | Wrong) -> None:
        """Have a line recorded by itself, or left out."""
        self._waiting.append(([one], self._recorder.begin([one.request])) if isinstance(one, Line) else one)
        while len(self._waiting) > LINES_AHEAD:
            self._finish_first()

    def finish(self) -> None:
        """Wait for all that was taken; raises Refused."""
        while self._waiting:
            self._finish_first()

    def _finish_first(self) -> None:
        one = self._waiting.popleft()
        if isinstance(one, Wrong):
            self._leave_out(one.faults, one.text)
            return
        lines, command = one
        self._summary.rows += len(lines)
        try:
            self._recorder.finish(command)
        except Refusal as refusal:
            refused = lines[refusal.index]
            if not self._options.continue_on_error:
                self._waiting.clear()
                raise Refused(Entry(refused.number, "", parse_json(refused.text)), refusal) from None
            self._summary.rows -= len(lines)
            self._leave_out([Fault(refused.number, str(refusal))], refused.text)
            return
        self._summary.types.update(map(_type_of, lines))
        if len(lines) > 1 or self._summary.rows % BATCH_LINES == 0:
            self._progress(self._summary.rows)

    def _leave_out(self, faults: list[Fault], text: bytes) -> None:
        self._summary.rows += 1
        self._summary.rejected += 1
        number, message = faults[0].line, "; ".join(fault.message for fault in faults)
        if len(self._summary.plan.reported) < MOST_FAULTS:
            self._summary.plan.reported.append(Remark(number, "", message))
        if self._options.rejects is not None:
            written = {"line": number, "row": "", "message": message, "raw": text.decode("utf-8", "replace")}
            self._options.rejects.write(json.dumps(written, ensure_ascii=False) + "\n")


def _type_of(line: Line) -> str:
    request = line.request
    return OrderPlaced.NAME if isinstance(request, PlainOrder) else request.body.NAME
