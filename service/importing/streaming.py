"""Recording a source of any length: what stands or falls together is recorded together, and the rest in batches.

A *source* yields, in the order of its file, Groups (what stands or falls together: a purchase order with its receipts)
and Rejects (what cannot be read). Events have ids that come from the file alone, so that importing it again replays
them and records nothing twice.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from domain.catalogue import read_request
from domain.errors import Invalid, Refusal
from domain.lots import Sent
from domain.orders import OrderPlaced
from domain.plain_orders import read_plain_order
from service.codes import codes
from service.importing.causes import FaultsByCause
from service.importing.items import EventGroup, Reject
from service.importing.plans import Entry, Progress, RowRefused, RowRemark, Summary
from service.importing.reading.messages import ExtractTask
from service.importing.rows import MOST_FAULTS, BadFile, FileFault

if TYPE_CHECKING:  # a reader in a process of its own needs no ledger
    from service.importing.recording import Recorder

#: Events in a batch: few enough to stay small in memory, enough for one transaction to be cheap.
BATCH_EVENTS = 2_000
#: A source of up to so many events is recorded together or not at all.
ATOMIC_EVENTS = 10_000
#: However few they are, if they take more they are not held in memory together.
ATOMIC_BYTES = 64 * 1024 * 1024


class Writable(Protocol):
    """What lines of text are written to."""

    def write(self, text: str, /) -> Any:
        """Add a line."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to import."""

    dry_run: bool = False
    #: Leave out what cannot be read or is refused, and go on.
    continue_on_error: bool = False
    #: Where what is left out is written, one JSON object a line: line, row, message, raw.
    rejects: Writable | None = None
    #: A mapping's file, or the name of a shipped one.
    mapping: str | None = None
    #: Of a screening list: register organisations that the ledger does not know.
    register: bool = False
    #: Of a table of order lines that says how things stand on a day.
    extract: ExtractTask | None = None
    #: Of open contracting data: take releases whose tags are none of the standard's by what they hold.
    lenient: bool = False


def record_stream(
    source: Iterable[EventGroup | Reject],
    recorder: "Recorder",
    summary: Summary,
    options: Options,
    progress: Progress = lambda done, total: None,
) -> None:
    """Record what a source yields, and fill in the summary (its `rows` is the source's business).

    Without `continue_on_error` the first Reject raises BadFile and the first refusal RowRefused. Up to ATOMIC_EVENTS
    events nothing is recorded then; of a longer source the batches before it are, and `summary.recorded` says so.
    A dry run raises the first refusal behind the last batch, when all of them are counted in the summary by cause.
    `progress` gets the rows done, and `summary.rows` as the total.
    """
    desk = _Desk(recorder, summary, options)
    done = 0
    for batch in _batches(source, desk, BATCH_EVENTS if options.continue_on_error else ATOMIC_EVENTS):
        desk.record(batch)
        done += sum(group.rows for group in batch)
        progress(done + summary.rejected, max(summary.rows, done + summary.rejected))
    desk.finish()


def reject(one: Reject, summary: Summary, options: Options) -> None:
    """Leave out what cannot be read or was refused, and say so; BadFile where nothing is to be left out."""
    if not options.continue_on_error:
        raise BadFile([_fault(one)])
    summary.rejected += one.rows
    if len(summary.plan.reported) < MOST_FAULTS:
        summary.plan.reported.append(RowRemark(one.line, one.row, one.message))
    if options.rejects is not None:
        written = {"line": one.line, "row": one.row, "message": one.message, "raw": one.raw}
        options.rejects.write(json.dumps(written, ensure_ascii=False) + "\n")


def check_stream(source: Iterable[EventGroup | Reject], beat: Callable[[], None] = lambda: None) -> None:
    """BadFile with everything that is wrong with a source's events, as far as that can be said without the ledger.

    `beat` is called while it goes on.
    """
    faults = FaultsByCause(mends=())
    for one in source:
        beat()
        if isinstance(one, Reject):
            faults.add(one.line, one.message, one.row)
            continue
        try:
            _requests(one.entries)
        except _Unread as unread:
            for problem in unread.problems():
                faults.add(unread.entry.line, problem, unread.entry.row)
    faults.refuse()


def _fault(reject: Reject) -> FileFault:
    named = f"{reject.row}: " if reject.row else ""
    return FileFault(reject.line, f"{named}{reject.message}")


def _batches(source: Iterable[EventGroup | Reject], desk: "_Desk", first_events: int) -> Iterator[list[EventGroup]]:
    batch: list[EventGroup] = []
    events, most, size_bytes = 0, first_events, 0
    for one in source:
        if isinstance(one, Reject):
            reject(one, desk.summary, desk.options)
            continue
        batch.append(one)
        events += len(one.entries)
        size_bytes += one.size_bytes
        if events >= most or size_bytes >= ATOMIC_BYTES:
            yield batch
            batch, events, most, size_bytes = [], 0, BATCH_EVENTS, 0
    if batch:
        yield batch


class _Desk:
    """Records batches of groups, and keeps the books of what is left out."""

    def __init__(self, recorder: "Recorder", summary: Summary, options: Options) -> None:
        self._recorder = recorder
        self.summary = summary
        self.options = options
        #: Streams of registrations that the ledger has.
        self._known: set[str] = set()
        #: Groups recorded at once: halved where one is refused, so that a run of refusals does not cost its square.
        self._most = 1 << 30
        #: Of a dry run that leaves nothing out: what the ledger would refuse.
        self._refused: RowRefused | None = None
        self._refusals = FaultsByCause()

    def finish(self) -> None:
        """Raise the first refusal of a dry run that leaves nothing out."""
        if self._refused is not None:
            self.summary.causes = [*self.summary.causes, *self._refusals.causes()]
            raise self._refused

    def record(self, groups: list[EventGroup]) -> None:
        """Record groups; raises RowRefused unless what is refused is to be left out."""
        self._look_up(groups)
        waiting = self._readable(groups)
        while waiting:
            piece, waiting = waiting[: self._most], waiting[self._most :]
            try:
                self._record(piece)
            except RowRefused as refused:
                if not (self.options.continue_on_error or self.options.dry_run):
                    raise
                place = _place_of(refused.entry, piece)
                self._most = max(1, len(piece) // 2)
                # What stands before the refused group was decided without fault.
                self._record(piece[:place])
                self.leave_out(piece[place][0], refused.entry, refused.refusal)
                waiting = [*piece[place + 1 :], *waiting]
            else:
                self._most = min(self._most * 2, 1 << 30)

    def leave_out(self, group: EventGroup, entry: Entry, refusal: Refusal) -> None:
        """Leave out a group because of one of its entries; a dry run that leaves nothing out only goes on."""
        if not self.options.continue_on_error:
            self._refused = self._refused or RowRefused(entry, refusal)
            self._refusals.add(entry.line, f"{entry.row}: {refusal}" if entry.row else str(refusal))
            return
        raw = group.raw if group.raw is not None else [dict(one.sent) for one in group.entries]
        reject(Reject(entry.line, entry.row, str(refusal), raw, group.rows), self.summary, self.options)

    def _look_up(self, groups: Sequence[EventGroup]) -> None:
        needed = {stream for group in groups for need in group.needs if (stream := _stream_of(need))} - self._known
        self._known |= self._recorder.known(needed)

    def _readable(self, groups: Sequence[EventGroup]) -> list["_Read"]:
        read: list[_Read] = []
        # Groups often need the same registration: it is read once.
        before: dict[int, tuple[Entry, Sent]] = {}
        for group in groups:
            try:
                needs = [need for need in group.needs if _stream_of(need) not in self._known]
                for need in needs:
                    if id(need) not in before:
                        before[id(need)] = need, _requests([need])[0]
                own = zip(group.entries, _requests(group.entries), strict=True)
                read.append((group, [before[id(need)] for need in needs], list(own)))
            except _Unread as unread:
                if not self.options.continue_on_error:
                    raise BadFile(unread.faults()) from None
                self.leave_out(group, unread.entry, unread.invalid)
        return read

    def _record(self, piece: Sequence["_Read"]) -> None:
        if not piece:
            return
        entries: list[Entry] = []
        requests: list[Sent] = []
        registered: set[str] = set()
        expected: dict[str, int] = {}
        for group, needs, own in piece:
            expected |= group.expected
            for entry, request in needs:
                stream = _stream_of(entry)
                if stream is not None and stream not in self._known and stream not in registered:
                    registered.add(stream)
                    entries.append(entry)
                    requests.append(request)
            for entry, request in own:
                entries.append(entry)
                requests.append(request)
        self._recorder.record(entries, requests, expected)
        self._known |= registered
        self.summary.types.update(str(entry.sent["type"]) for entry in entries)


#: A group with what it needs that was not known, and its own entries, each with the request that it is.
_Read = tuple[EventGroup, list[tuple[Entry, Sent]], list[tuple[Entry, Sent]]]


class _Unread(Exception):
    def __init__(self, entry: Entry, invalid: Invalid) -> None:
        super().__init__(str(invalid))
        self.entry = entry
        self.invalid = invalid

    def problems(self) -> list[str]:
        return [f"{one.pointer or '/'}: {one.message}" for one in self.invalid.problems]

    def faults(self) -> list[FileFault]:
        named = f"{self.entry.row}: " if self.entry.row else ""
        return [FileFault(self.entry.line, f"{named}{problem}") for problem in self.problems()]


def _requests(entries: Sequence[Entry]) -> list[Sent]:
    requests: list[Sent] = []
    for entry in entries:
        try:
            requests.append(_plain(entry) or read_request(entry.sent, codes()))
        except Invalid as invalid:
            raise _Unread(entry, invalid) from None
    return requests


def _plain(entry: Entry) -> Sent | None:
    """The entry on the shorter road that plain orders take; None: it is none."""
    if entry.sent.get("type") != OrderPlaced.NAME:
        return None
    try:
        text = msgspec.json.encode(entry.sent)
    except (UnicodeEncodeError, msgspec.MsgspecError, TypeError):
        return None
    return read_plain_order(text, codes())


def _stream_of(need: Entry) -> str | None:
    """The stream that a registration begins; None where it is none, which reading it will say."""
    kind = str(need.sent.get("type", "")).removesuffix("-registered")
    data = need.sent.get("data")
    identifier = data.get(f"{kind}_id") if isinstance(data, dict) else None
    return f"{kind}/{identifier}" if isinstance(identifier, str) else None


def _place_of(entry: Entry, piece: Sequence[_Read]) -> int:
    """The group that an entry stands in."""
    return next(
        place
        for place, (group, _, _) in enumerate(piece)
        if any(one is entry for one in (*group.needs, *group.entries))
    )
