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
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain

from domain.errors import Refusal
from domain.json_text import parse_json
from domain.lots import Sent
from service.importing.causes import FaultsByCause
from service.importing.events.lines import SHEET_LINES, LineSheet, RequestLine, RequestLines, Wrong
from service.importing.plans import Entry, Progress, RowRefused, RowRemark, Summary
from service.importing.recording import Recorder
from service.importing.rows import MOST_FAULTS, BadFile, FileFault
from service.importing.streaming import ATOMIC_BYTES, Options
from service.recording.commands import Command

ATOMIC_LINES = 10_000
BATCH_LINES = 2_000
#: A batch that takes more has fewer lines, and a file of fewer lines that takes more is a long one: lines are held in
#: memory until they are recorded.
BATCH_BYTES = 4 * 1024 * 1024
#: Batches that wait to be recorded while the next ones are read: two groups of the committer's, and some on their way.
BATCHES_AHEAD = 10
#: Lines that wait likewise where each is recorded by itself.
LINES_AHEAD = 3_000
#: Faults behind which nothing is counted any more: a file that is nothing but wrong costs little.
MOST_COUNTED = 10_000
#: New objects before Python looks for cycles among them.
COLLECTED_OBJECTS = 200_000


def import_ndjson(
    lines: RequestLines, recorder: Recorder, summary: Summary, options: Options, progress: Progress
) -> None:
    """Record the events of a file, in constant memory (but for a dry run, which remembers what it would record).

    BadFile: a line is no event request. Refused: the ledger refused one. Of up to ATOMIC_LINES lines nothing is
    recorded then; of a longer file the batches before it are, and `summary.recorded` says so.
    """
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
            # What was sent is recorded, also where something is wrong behind it.
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


def _batches(lines: RequestLines) -> Iterator["LineBatch"]:
    """The lines of a file that is long, in batches; all lines of one that is not; BadFile for what is no request.

    What is wrong with the first lines is all listed, of a longer file that of the first lines that are wrong; all of it
    is counted by cause, to the end of the file.
    """
    batches = _of_equal_size(lines)
    first: deque[LineBatch] = deque()
    faults = FaultsByCause(mends=())
    seen = sound = size_bytes = 0
    for batch in batches:
        first.append(batch)
        seen += len(batch)
        sound += 0 if faults.count else batch.sound
        faults.add_all(batch.faults)
        size_bytes += batch.size_bytes
        if seen > ATOMIC_LINES or size_bytes > ATOMIC_BYTES or faults.count >= MOST_COUNTED:
            break
    if sound <= ATOMIC_LINES and (faults.count or size_bytes <= ATOMIC_BYTES):
        _refuse(faults, batches)
        if first:
            yield LineBatch.joined(first)
        return
    while first:
        yield _checked(first.popleft(), chain(first, batches))
    for batch in batches:
        yield _checked(batch, batches)


def _checked(batch: "LineBatch", following: Iterable["LineBatch"]) -> "LineBatch":
    faults = FaultsByCause(mends=())
    faults.add_all(batch.faults)
    _refuse(faults, following)
    return batch


def _refuse(faults: FaultsByCause, following: Iterable["LineBatch"]) -> None:
    """BadFile where there are faults: these are listed, and those of the batches that follow are counted with them."""
    if not faults.count:
        return
    listed = faults.faults()
    for batch in following:
        if faults.count >= MOST_COUNTED and batch.faults:
            faults.add(batch.faults[0].line, f"is wrong, too: from here on nothing is counted, after {faults.count:,}")
            break
        faults.add_all(batch.faults)
    raise BadFile(listed, faults.causes())


def _of_equal_size(lines: RequestLines) -> Iterator["LineBatch"]:
    """All lines, BATCH_LINES at a time; fewer where they are long, or something is wrong with some of them."""
    waiting: list[LineBatch] = []
    size_bytes = 0
    for sheet in lines.sheets(sheet_lines()):
        waiting.append(LineBatch.of(sheet))
        size_bytes += waiting[-1].size_bytes
        if waiting[-1].faults or sum(map(len, waiting)) >= BATCH_LINES or size_bytes >= BATCH_BYTES:
            yield LineBatch.joined(waiting)
            waiting, size_bytes = [], 0
    if waiting:
        yield LineBatch.joined(waiting)


def sheet_lines() -> int:
    """Lines that are read at once."""
    return min(SHEET_LINES, BATCH_LINES)


@dataclass(frozen=True)
class LineBatch:
    """Lines that are recorded together."""

    numbers: list[int]
    requests: Sequence[Sent]
    #: As they stand in the file.
    texts: list[bytes]
    #: How many there are of each type of event.
    types: Counter[str]
    #: What is wrong with lines that are no requests.
    faults: list[FileFault]

    @classmethod
    def of(cls, sheet: LineSheet) -> "LineBatch":
        """The lines of a sheet."""
        if sheet.plain:
            orders = sheet.orders
            return cls(sheet.numbers, [orders], list(orders.texts), Counter({orders.type: len(orders)}), [])
        lines = sheet.lines()
        read = [line for line in lines if isinstance(line, RequestLine)]
        return cls(
            [line.number for line in read],
            [line.request for line in read],
            [line.text for line in read],
            Counter([line.type for line in read]),
            [fault for line in lines if isinstance(line, Wrong) for fault in line.faults],
        )

    @classmethod
    def joined(cls, batches: Collection["LineBatch"]) -> "LineBatch":
        """The lines of all of them."""
        return cls(
            [number for batch in batches for number in batch.numbers],
            [lot for batch in batches for lot in batch.requests],
            [text for batch in batches for text in batch.texts],
            sum((batch.types for batch in batches), Counter()),
            [fault for batch in batches for fault in batch.faults],
        )

    def __len__(self) -> int:
        return len(self.numbers)

    @property
    def size_bytes(self) -> int:
        """What its lines take."""
        return sum(map(len, self.texts))

    @property
    def sound(self) -> int:
        """How many of its lines come before any that is no request."""
        return sum(number < self.faults[0].line for number in self.numbers) if self.faults else len(self)


class _Desk:
    """Has lines recorded while others are read, and keeps the books."""

    def __init__(self, recorder: Recorder, summary: Summary, options: Options, progress: Callable[[int], None]) -> None:
        self._recorder = recorder
        self._summary = summary
        self._options = options
        self._progress = progress
        self._waiting: deque[tuple[LineBatch, Command] | Wrong] = deque()
        self._last: Command | None = None

    def take(self, batch: LineBatch) -> None:
        """Have lines recorded together, behind those before them; raises RowRefused where one of those was refused."""
        self._last = self._recorder.begin(batch.requests, after=self._last)
        self._waiting.append((batch, self._last))
        while len(self._waiting) > BATCHES_AHEAD:
            self._finish_first()

    def take_by_itself(self, one: RequestLine | Wrong) -> None:
        """Have a line recorded by itself, or left out."""
        if isinstance(one, RequestLine):
            batch = LineBatch([one.number], [one.request], [one.text], Counter([one.type]), [])
            self._waiting.append((batch, self._recorder.begin(batch.requests)))
        else:
            self._waiting.append(one)
        while len(self._waiting) > LINES_AHEAD:
            self._finish_first()

    def finish(self) -> None:
        """Wait for all that was taken; raises RowRefused."""
        while self._waiting:
            self._finish_first()

    def _finish_first(self) -> None:
        one = self._waiting.popleft()
        if isinstance(one, Wrong):
            self._leave_out(one.faults, one.text)
            return
        batch, command = one
        self._summary.rows += len(batch)
        try:
            self._recorder.finish(command)
        except Refusal as refusal:
            number, text = batch.numbers[refusal.index], batch.texts[refusal.index]
            if not self._options.continue_on_error:
                self._waiting.clear()
                raise RowRefused(Entry(number, "", parse_json(text)), refusal) from None
            self._summary.rows -= len(batch)
            self._leave_out([FileFault(number, str(refusal))], text)
            return
        self._summary.types.update(batch.types)
        if self._summary.dry_run and self._summary.rehearsed is not None:
            self._summary.rehearsed(
                [Entry(number, "", parse_json(text)) for number, text in zip(batch.numbers, batch.texts, strict=True)]
            )
        if len(batch) > 1 or self._summary.rows % BATCH_LINES == 0:
            self._progress(self._summary.rows)

    def _leave_out(self, faults: list[FileFault], text: bytes) -> None:
        self._summary.rows += 1
        self._summary.rejected += 1
        number, message = faults[0].line, "; ".join(fault.message for fault in faults)
        if len(self._summary.plan.reported) < MOST_FAULTS:
            self._summary.plan.reported.append(RowRemark(number, "", message))
        if self._options.rejects is not None:
            written = {"line": number, "row": "", "message": message, "raw": text.decode("utf-8", "replace")}
            self._options.rejects.write(json.dumps(written, ensure_ascii=False) + "\n")
