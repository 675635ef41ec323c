"""The second look, where something is wrong: which events were changed, removed, inserted or moved, and where."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from service.verification.findings import FindingKind, LedgerFinding, counted, places
from service.verification.reading import EventRow
from service.verification.reference import Reference

#: Neighbouring events that moved alike are one run; of a ledger in more pieces than this, the first are looked at.
MOST_RUNS = 20_000
MOST_COLUMN_FAULTS = 1_000


@dataclass(slots=True)
class RowRun:
    """Neighbouring rows whose events were recorded side by side, or rows of which none was recorded."""

    #: Where the first stands.
    place: int
    #: Where it was recorded; None: nowhere.
    origin: int | None
    length: int = 1
    #: What was found in place of each, where none was recorded.
    leaf: bytes | None = None
    #: Whether the log says so, not only the events themselves.
    certain: bool = True

    @property
    def last(self) -> int:
        """Where the last stands."""
        return self.place + self.length - 1

    @property
    def last_origin(self) -> int:
        """Where the last was recorded."""
        assert self.origin is not None
        return self.origin + self.length - 1


class Locator:
    """Takes in every row from the first difference on, in order, and then says what happened to which."""

    def __init__(self, reference: Reference, first: int, proven: int) -> None:
        """`first` is the position to begin at, `proven` the last one of which a signed checkpoint decides."""
        self._reference = reference
        self._first = first
        self._proven = proven
        self._runs: list[RowRun] = []
        self._faults: list[LedgerFinding] = []
        self._before: EventRow | None = None
        self._stopped = False

    def take(self, row: EventRow) -> None:
        """The next row."""
        if self._stopped:
            return
        origin, certain = self._origin(row)
        self._join(RowRun(row.place, origin, 1, row.leaf, certain))
        if not self._stopped:
            self._check(row, origin)

    def take_block(self, first: int, count: int, first_at: int, last_at: int, *, certain: bool) -> None:
        """Neighbouring rows that are all where and what they should be, and whether the log says so too."""
        if self._stopped or count == 0:
            return
        self._join(RowRun(first, first, count, None, certain))
        self._check_time(EventRow(first, None, first, (), first_at))
        self._before = EventRow(first + count - 1, None, first + count - 1, (), last_at)

    def _join(self, run: RowRun) -> None:
        """Add a run, to the last one where it goes on with it."""
        last = self._runs[-1] if self._runs else None
        goes_on = (
            last is not None
            and last.origin is not None
            and run.origin is not None
            and (run.place, run.origin, run.certain) == (last.last + 1, last.last_origin + 1, last.certain)
        )
        if last is not None and goes_on:
            last.length += run.length
        elif len(self._runs) >= MOST_RUNS:
            self._stopped = True
        else:
            self._runs.append(run)

    def _origin(self, row: EventRow) -> tuple[int | None, bool]:
        """Where a row's event was recorded, and whether the log says so."""
        reference = self._reference
        if reference.by_events(row.place):
            return row.place, True
        own = row.own
        if own is not None and own >= 1:
            known = reference.hash_at(own)
            if known is None:
                return own, False
            if known == row.leaf:
                return own, True
        if row.leaf is not None and reference.hash_at(row.place) == row.leaf:
            return row.place, True
        return None, True

    def _check(self, row: EventRow, origin: int | None) -> None:
        """Hold the columns of an event that stands where it was recorded against its bytes."""
        if origin != row.place:
            self._before = None
            return
        if len(self._faults) < MOST_COLUMN_FAULTS:
            at = f"position {row.place:,}"
            self._faults += [LedgerFinding(FindingKind.COLUMN, f"{at}: {fault}", row.place) for fault in row.faults]
            if row.own != row.place and row.own is not None:
                self._faults.append(
                    LedgerFinding(FindingKind.COLUMN, f"{at}: its bytes name the position {row.own:,}", row.place)
                )
        if row.faults:
            self._before = None
        else:
            self._check_time(row)
            self._before = row

    def _check_time(self, row: EventRow) -> None:
        before = self._before
        if before is None or before.recorded_at is None or row.recorded_at is None:
            return
        if before.recorded_at >= row.recorded_at and len(self._faults) < MOST_COLUMN_FAULTS:
            message = f"position {row.place:,}: recorded_at is not after that of position {before.place:,}"
            self._faults.append(LedgerFinding(FindingKind.TIME, message, row.place))

    def findings(self) -> list[LedgerFinding]:
        """What happened to the events."""
        runs = self._settled()
        swapped = list(_swapped(runs))
        apart = {id(run) for pair in swapped for run in pair}
        known_here = [run for run in runs if run.origin is not None and run.origin >= self._first]
        kept = _in_order([run for run in known_here if id(run) not in apart])
        stay = {id(run) for run in kept}
        found = [self._swap(*pair) for pair in swapped]
        known: list[tuple[int, int]] = sorted((run.origin, run.last_origin) for run in runs if run.origin is not None)
        strayed = [run for run in runs if run.origin is not None and id(run) not in stay and id(run) not in apart]
        found += [self._move(run, kept) for run in strayed]
        top = max([self._reference.upto, *(end for _, end in known)]) if not self._stopped else _last(runs)
        missing = list(_missing(known, self._first, top))
        away = [run for run in runs if run.origin is not None and id(run) not in stay]
        found += self._gaps(runs, kept, missing, away)
        if self._stopped:
            message = f"from position {_last(runs) + 1:,} on too much differs to say which is which"
            found.append(LedgerFinding(FindingKind.CHANGED, message, _last(runs) + 1))
        return [*found, *self._faults]

    def _settled(self) -> list[RowRun]:
        """The runs, where what events say of themselves counts only behind the last that the log knows."""
        last_certain = max(
            (n for n, run in enumerate(self._runs) if run.origin is not None and run.certain), default=-1
        )
        settled: list[RowRun] = []
        for number, run in enumerate(self._runs):
            uncertain = run.origin is not None and not run.certain
            if uncertain and run.origin != run.place and number < last_certain:
                settled += [
                    RowRun(run.place + n, None, 1, run.leaf if n == 0 else None) for n in range(min(run.length, 100))
                ]
            else:
                settled.append(run)
        return settled

    def _swap(self, one: RowRun, other: RowRun) -> LedgerFinding:
        first, second = min(one.place, other.place), max(one.place, other.place)
        message = f"position {second:,} stands where {first:,} was, and {first:,} where {second:,} was: swapped"
        if one.length > 1:
            message = f"{places(first, first + one.length - 1)} and as many from {second:,} on are swapped"
        return LedgerFinding(FindingKind.SWAPPED, message + self._undecided(second), first, other=second)

    def _move(self, run: RowRun, kept: Sequence[RowRun]) -> LedgerFinding:
        assert run.origin is not None
        again = any(other.origin is not None and other.origin <= run.origin <= other.last_origin for other in kept)
        if again or run.origin < self._first:
            message = f"position {run.place:,} is inserted: a copy of the event of position {run.origin:,}"
            return LedgerFinding(FindingKind.INSERTED, message, run.place, other=run.origin)
        what = f"the event of position {run.origin:,} stands"
        if run.length > 1:
            what = f"the events of {places(run.origin, run.last_origin)} stand"
        message = f"{what} at {places(run.place, run.last)}: moved"
        first = min(run.place, run.origin)
        upto = first + run.length - 1 if run.length > 1 else None
        return LedgerFinding(
            FindingKind.MOVED, message + self._undecided(run.origin), first, upto, max(run.place, run.origin)
        )

    def _gaps(
        self, runs: Sequence[RowRun], kept: Sequence[RowRun], missing: Sequence[tuple[int, int]], away: Sequence[RowRun]
    ) -> Iterator[LedgerFinding]:
        """Between events that stand in order: what is missing there, and what stands there instead."""
        anchors = [RowRun(self._first - 1, self._first - 1), *kept]
        foreign = [run for run in runs if run.origin is None]
        order = {id(run): number for number, run in enumerate(runs)}
        at = [order[id(run)] for run in foreign]
        rows_end = _last(runs)
        for number, anchor in enumerate(anchors):
            after = anchors[number + 1] if number + 1 < len(anchors) else None
            low, high = anchor.last_origin, after.origin if after is not None else None
            gone = list(_positions(missing, low, high))
            gone_here = sum(end - start + 1 for start, end in gone)
            left = bisect_right(at, order.get(id(anchor), -1))
            right = bisect_left(at, order[id(after)]) if after is not None else len(at)
            yield from self._gap(anchor, after, gone, foreign[left:right], rows_end)
            if after is not None:
                yield from self._renumbered(anchor, after, gone_here, len(foreign[left:right]), away)

    def _gap(
        self,
        anchor: RowRun,
        after: RowRun | None,
        gone: list[tuple[int, int]],
        foreign: Sequence[RowRun],
        rows_end: int,
    ) -> Iterator[LedgerFinding]:
        shift = anchor.last - anchor.last_origin
        rest: list[RowRun] = []
        for run in foreign:
            # A changed event stands where it was recorded, or as far from there as its neighbours.
            if _take_out(gone, run.place):
                yield self._changed(run, run.place)
            elif shift and _take_out(gone, run.place - shift):
                yield self._changed(run, run.place - shift)
            else:
                rest.append(run)
        for run in rest:
            if gone and (after is not None or gone[0][0] <= rows_end):
                origin = gone[0][0]
                _take_out(gone, origin)
                yield self._changed(run, origin)
            else:
                behind = f", behind {run.place - 1:,}" if run.place > 1 else ", before all others"
                message = f"position {run.place:,} is inserted{behind}: no such event was recorded"
                yield LedgerFinding(FindingKind.INSERTED, message + self._undecided(run.place), run.place)
        for first, last in gone:
            if after is None and first > rows_end - shift:
                message = f"{places(first, last)} {'are' if last > first else 'is'} missing: the ledger is truncated"
                yield LedgerFinding(
                    FindingKind.TRUNCATED, message + self._undecided(last), first, last if last > first else None
                )
                continue
            message = f"{places(first, last)} {'are' if last > first else 'is'} missing"
            if after is not None and after.origin is not None and after.place - after.origin < shift:
                message += f", and {counted(after.length, 'event')} from {after.origin:,} on stand further to the front"
            yield LedgerFinding(
                FindingKind.MISSING, message + self._undecided(last), first, last if last > first else None
            )

    def _renumbered(
        self, anchor: RowRun, after: RowRun, missing: int, foreign: int, away: Sequence[RowRun]
    ) -> Iterator[LedgerFinding]:
        """Events that stand in order and elsewhere than what was removed or inserted before them accounts for."""
        assert after.origin is not None
        shift, before = after.place - after.origin, anchor.last - anchor.last_origin
        gone = missing + sum(run.length for run in away if anchor.last_origin < (run.origin or 0) < after.origin)
        come = foreign + sum(run.length for run in away if anchor.last < run.place < after.place)
        if shift and not before - gone <= shift <= before + come:
            first = min(after.place, after.origin)
            what, stand = places(after.origin, after.last_origin), places(after.place, after.last)
            message = f"what was recorded at {what} stands at {stand}: renumbered"
            upto = first + after.length - 1 if after.length > 1 else None
            yield LedgerFinding(
                FindingKind.MOVED, message + self._undecided(first), first, upto, max(after.place, after.origin)
            )

    def _changed(self, run: RowRun, origin: int) -> LedgerFinding:
        right = self._reference.hash_at(origin)
        hashes = f"its bytes hash to {run.leaf.hex()}" if run.leaf is not None else "its bytes are gone"
        log = f", the log has {right.hex()}" if right is not None else ""
        where = "" if origin == run.place else f" and stands at {run.place:,}"
        message = f"position {origin:,} was changed{where}: {hashes}{log}"
        other = None if origin == run.place else run.place
        return LedgerFinding(FindingKind.CHANGED, message + self._undecided(origin), origin, other=other)

    def _undecided(self, position: int) -> str:
        if position <= self._proven:
            return ""
        if position > self._reference.upto:
            return " (no checkpoint covers it yet)"
        return " (no signed checkpoint decides whether the event is wrong or the log's copy of its hash)"


def _last(runs: Sequence[RowRun]) -> int:
    return max((run.last for run in runs), default=0)


def _swapped(runs: Sequence[RowRun]) -> Iterator[tuple[RowRun, RowRun]]:
    """Pairs of runs that stand in each other's place."""
    by_place = {(run.place, run.origin, run.length): run for run in runs}
    for run in runs:
        if run.origin is not None and run.place < run.origin:
            other = by_place.get((run.origin, run.place, run.length))
            if other is not None:
                yield run, other


def _in_order(runs: Sequence[RowRun]) -> list[RowRun]:
    """Of all that are known, those that need not have moved: as many events as can be, each behind the one before."""
    # The best chains found so far: by where they end, ascending, with ever more events.
    ends: list[int] = []
    weights: list[int] = []
    chains: list[tuple[RowRun, object] | None] = []
    for run in runs:
        assert run.origin is not None
        at = bisect_left(ends, run.origin)
        weight = run.length + (weights[at - 1] if at else 0)
        chain = (run, chains[at - 1] if at else None)
        place = bisect_left(ends, run.last_origin)
        if place < len(ends) and ends[place] == run.last_origin and weights[place] >= weight:
            continue
        if place and weights[place - 1] >= weight:
            continue
        stop = place
        while stop < len(ends) and weights[stop] <= weight:
            stop += 1
        ends[place:stop], weights[place:stop], chains[place:stop] = [run.last_origin], [weight], [chain]
    kept: list[RowRun] = []
    link: object = chains[-1] if chains else None
    while isinstance(link, tuple):
        kept.append(link[0])
        link = link[1]
    return kept[::-1]


def _missing(known: Sequence[tuple[int, int]], first: int, last: int) -> Iterator[tuple[int, int]]:
    """What lies between the ranges that are known, which are sorted and may overlap."""
    for start, end in known:
        if start > first:
            yield first, start - 1
        first = max(first, end + 1)
    if first <= last:
        yield first, last


def _positions(missing: Sequence[tuple[int, int]], low: int, high: int | None) -> Iterator[tuple[int, int]]:
    """The missing ranges beyond one position and before another."""
    place = bisect_right(missing, (low, 1 << 63))
    while place < len(missing) and (high is None or missing[place][0] < high):
        yield missing[place]
        place += 1


def _take_out(ranges: list[tuple[int, int]], position: int) -> bool:
    """Take a position out of sorted ranges; whether it was in one."""
    place = bisect_right(ranges, (position, 1 << 63)) - 1
    if place < 0 or ranges[place][1] < position:
        return False
    first, last = ranges[place]
    ranges[place : place + 1] = [part for part in ((first, position - 1), (position + 1, last)) if part[0] <= part[1]]
    return True
