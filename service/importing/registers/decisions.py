"""Likely duplicates that somebody has looked through: which pairs are one organisation, and which are not.

The table is the one that `organizations duplicates` writes, with `decision` filled in: `same` or `different`; an empty
one is left open. Of `same` the organisation of the first column survives, or the one that `survives` names, and the
other comes to stand for it (same_as). `different` is a note on a registration (domain.duplicates), and the pair is
proposed no more. What the ledger has already is not recorded again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from domain.duplicates import told_apart_id
from domain.events import Recorded
from domain.names import written
from service.importing.causes import FaultsByCause
from service.importing.names import event_id
from service.importing.plans import Entry, ImportPlan, RowRemark
from service.importing.rows import Row
from service.importing.standing import LedgerStanding

COLUMNS = ("organization_id", "other_id", "decision")
PREFIX = "duplicates"
CITATION = "Review of likely duplicates"
SAME, DIFFERENT = "same", "different"
#: What people write into a column for yes and no.
WORDS = {SAME: SAME, "yes": SAME, "y": SAME, DIFFERENT: DIFFERENT, "no": DIFFERENT, "n": DIFFERENT}


@dataclass(frozen=True, slots=True)
class _Decision:
    """One row that decides."""

    line: int
    one: str
    other: str
    #: Of the two, the organisation that survives; None: they are different.
    survivor: str | None

    @property
    def row(self) -> str:
        """What the row is called."""
        return f"{self.one} and {self.other}"

    @property
    def joined(self) -> str:
        """The record that comes to stand for the other."""
        return self.other if self.survivor == self.one else self.one


def plan(rows: Sequence[Row], standing: LedgerStanding, *, register: bool = False) -> ImportPlan:
    """What to record for these rows; BadFile lists what is wrong with them, by line."""
    faults = FaultsByCause(mends=())
    decisions = [found for row in rows if (found := _read(row, faults)) is not None]
    names = sorted({name for decision in decisions for name in (decision.one, decision.other)})
    known = _Known.of(names, standing)
    for decision in decisions:
        for name in dict.fromkeys((decision.one, decision.other)):
            if name not in known.registrations:
                faults.add(decision.line, f"the ledger has no organisation {name}")
    faults.refuse()
    return _Planner(known, faults).plan(decisions)


def _read(row: Row, faults: FaultsByCause) -> _Decision | None:
    text = written(row["decision"]).casefold()
    one, other, survivor = row["organization_id"], row["other_id"], row["survives"]
    if not text:
        if survivor:
            faults.add(row.line, f"survives names {survivor!r:.60}, and decision is empty: same or different?")
        return None
    if (decision := WORDS.get(text)) is None:
        faults.add(row.line, f"decision {row['decision']!r:.40} is neither same nor different")
    elif not one or not other:
        faults.add(row.line, f"{'other_id' if one else 'organization_id'} is empty")
    elif one == other:
        faults.add(row.line, f"{one} stands in both columns")
    elif survivor and decision == DIFFERENT:
        faults.add(row.line, f"survives names {survivor!r:.60}, and different organisations both do")
    elif survivor not in ("", one, other):
        faults.add(row.line, f"survives names {survivor!r:.60}, and the two are {one} and {other}")
    else:
        return _Decision(row.line, one, other, None if decision == DIFFERENT else survivor or one)
    return None


@dataclass(frozen=True, slots=True)
class _Known:
    """What the ledger says of organisations: which it has, and for whom each record stands."""

    registrations: dict[str, Recorded]
    same_as: dict[str, str | None]
    #: The ids of all events of each, and of those among them that stand.
    ids: dict[str, list[str]]
    standing_ids: dict[str, set[str]]

    @classmethod
    def of(cls, names: Sequence[str], standing: LedgerStanding) -> "_Known":
        """Of these organisations, and of all that they stand for."""
        known = cls({}, {}, {}, {})
        waiting = list(names)
        while waiting:
            streams = standing.streams(f"organization/{name}" for name in waiting)
            waiting = []
            for stream, events in streams.items():
                name = stream.removeprefix("organization/")
                known._take(name, events)
                above = known.same_as.get(name)
                if above is not None and above not in known.same_as:
                    waiting.append(above)
        return known

    def _take(self, name: str, events: list[Recorded]) -> None:
        retracted = {event.data["retracts"] for event in events if event.type == "event-retracted"}
        standing = [event for event in events if event.id not in retracted]
        self.same_as[name] = None
        self.ids[name] = [event.id for event in events]
        self.standing_ids[name] = {event.id for event in standing}
        registration = next((event for event in standing if event.type == "organization-registered"), None)
        if registration is None:
            return
        self.registrations[name] = registration
        said = [event for event in standing if "same_as" in event.data]
        if said:
            self.same_as[name] = max(said, key=lambda event: (event.ends_on, event.known_on, event.version)).data[
                "same_as"
            ]


class _Planner:
    """Joins records one row after the other, and sees where rows contradict each other."""

    def __init__(self, known: _Known, faults: FaultsByCause) -> None:
        self._known = known
        self._faults = faults
        #: For whom each record stands, the rows before taken in; and on which line that is decided.
        self._same_as = dict(known.same_as)
        self._lines: dict[str, int] = {}
        #: Pairs that rows have told apart.
        self._apart: set[str] = set()
        self._result = ImportPlan()

    def plan(self, decisions: Sequence[_Decision]) -> ImportPlan:
        """What to record; raises BadFile."""
        for decision in decisions:
            if decision.survivor is not None:
                self._join(decision)
        for decision in decisions:
            if decision.survivor is None:
                self._tell_apart(decision)
        self._faults.refuse()
        return self._result

    def _join(self, decision: _Decision) -> None:
        joined, survivor = decision.joined, decision.survivor
        assert survivor is not None
        before = self._same_as[joined]
        if self._last(joined) == self._last(survivor):
            # In which direction does not matter to any figure: one of them is the other's record already.
            if self._leads(survivor, joined):
                self._faults.add(decision.line, self._contradiction(decision, joined))
            elif before == survivor and joined not in self._lines:
                self._know(decision, f"{joined} stands for {survivor} already")
            else:
                self._know(decision, f"{joined} and {survivor} are one by other rows or records already")
            return
        if before is not None:
            self._faults.add(decision.line, self._contradiction(decision, joined))
            return
        self._same_as[joined] = survivor
        self._lines[joined] = decision.line
        sent = {
            "type": "organization-changed",
            "id": event_id(PREFIX, joined, survivor, str(len(self._known.ids[joined]) + 1)),
            "effective_on": self._known.registrations[joined].effective_on.text,
            "source": {"citation": CITATION},
            "data": {"organization_id": joined, "same_as": survivor},
        }
        self._result.entries.append(Entry(decision.line, decision.row, sent))

    def _contradiction(self, decision: _Decision, joined: str) -> str:
        who = joined if self._same_as[joined] is not None else str(decision.survivor)
        where = f"by line {self._lines[who]}" if who in self._lines else "in the ledger"
        return (
            f"{joined} is to stand for {decision.survivor}, and {who} stands for {self._same_as[who]} {where}:"
            " say which of them survives"
        )

    def _tell_apart(self, decision: _Decision) -> None:
        if self._last(decision.one) == self._last(decision.other):
            lines = [self._lines[name] for name in self._way(decision) if name in self._lines]
            where = f"by line {lines[0]}" if lines else "in the ledger"
            message = f"{decision.one} and {decision.other} are different by this row, and one {where}"
            self._faults.add(decision.line, message)
            return
        first, last = sorted((decision.one, decision.other))
        pair = told_apart_id(first, last)
        before = [one for one in self._known.ids[last] if one == pair or one.startswith(f"{pair}:")]
        if pair in self._apart or self._known.standing_ids[last].intersection(before):
            self._know(decision, "are known to be different already")
            return
        self._apart.add(pair)
        registration = self._known.registrations[last]
        sent = {
            "type": "event-annotated",
            # What was taken back stays so: telling them apart once more is another event.
            "id": told_apart_id(first, last, len(before) + 1),
            "effective_on": registration.effective_on.text,
            "source": {"citation": CITATION},
            "data": {"annotates": registration.id, "note": f"{last} is another organisation than {first}"},
        }
        self._result.entries.append(Entry(decision.line, decision.row, sent))

    def _last(self, name: str) -> str:
        """The organisation that a record stands for in the end."""
        return list(self._path(name))[-1]

    def _path(self, name: str) -> Iterator[str]:
        seen: set[str] = set()
        while name not in seen:
            seen.add(name)
            yield name
            above = self._same_as.get(name)
            if above is None:
                return
            name = above

    def _leads(self, name: str, to: str) -> bool:
        return to in list(self._path(name))[1:]

    def _way(self, decision: _Decision) -> list[str]:
        return [*self._path(decision.one), *self._path(decision.other)]

    def _know(self, decision: _Decision, message: str) -> None:
        self._result.known.append(RowRemark(decision.line, decision.row, message))
