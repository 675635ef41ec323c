"""A table of regulation changes becomes events: one for each row, a note of all it says, rules where they can be read.

Rows are taken in the order in which they could be known. A row's main event is `regulation-events:<event_id>`; beside
it stand `:note`, and `:announced` and `:withdrawn` where the change was announced with another effective date than the
one published. Dates are the row's own, but for one: `effective_to` becomes the instrument's last day only where no
other change of the instrument applies from the day after. Otherwise it ends that version of it, not the instrument.

Recorded rows stay as they are when the file is imported again, wherever they would be put today. Where the ledger has
learned of organisations or products since, so that a row's rules reach further, an amendment with the row's own dates
(`:2`, `:3`, ...) brings them up; nothing that was read is ever given up.
"""

from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from operator import attrgetter
from typing import Any

from domain.events import Recorded
from domain.instruments import BEARING_RULES, REPEALED
from service.importing.plans import Entry, ImportPlan, RowRemark
from service.importing.regulations import screening_list
from service.importing.regulations.chains import InstrumentChain, attribute_sharing, belongs_to, chain_of, citations_of
from service.importing.regulations.readings import Rule, RuleReading, Surroundings, read_licence, read_rules
from service.importing.regulations.renewals import again, renewals
from service.importing.regulations.rows import COLUMNS as COLUMNS
from service.importing.regulations.rows import OTHER_COLUMNS as OTHER_COLUMNS
from service.importing.regulations.rows import PREFIX, RegulationRow, read_changes
from service.importing.rows import Row
from service.importing.standing import LedgerStanding

ENDINGS = ("", ":announced")
NOT_READ = "\nNot read: "
#: What a row may be recorded as.
TYPES = {
    "begins": BEARING_RULES,
    "amends": BEARING_RULES,
    "suspends": ("regulation-suspended",),
    "delays": ("regulation-suspended",),
    "resumes": ("regulation-resumed",),
    "repeals": (REPEALED,),
    "licenses": ("licence-granted",),
}


def plan(rows: Sequence[Row], standing: LedgerStanding, *, register: bool = False) -> ImportPlan:
    """What to record for these rows; BadFile lists what is wrong with them."""
    return _Planner(read_changes(rows), standing).plan()


@dataclass(frozen=True, slots=True)
class _Placed:
    """A row, the instrument that it belongs to, and what was recorded of it before."""

    change: RegulationRow
    chain: InstrumentChain
    #: It begins the instrument.
    opens: bool
    before: Recorded | None


class _Planner:
    """Puts every row where it belongs, then writes its events against all that came before."""

    def __init__(self, changes: Sequence[RegulationRow], standing: LedgerStanding) -> None:
        self.standing = standing
        self.changes = sorted(changes, key=lambda change: (change.known_on, change.end, change.line))
        # Entries of screening lists are no instruments that a row could mean: they share their notices by the hundred.
        others = standing.regulations(without=f"{screening_list.PREFIX}:")
        #: In the order in which they began to be known.
        self.chains = sorted((chain_of(events) for events in others.values()), key=attrgetter("began_on"))
        self.by_id = {chain.regulation_id: chain for chain in self.chains}
        #: What others have recorded, by the day from which it counts as it is written.
        self.from_others: defaultdict[str, list[tuple[InstrumentChain, Recorded]]] = defaultdict(list)
        for chain in self.chains:
            for event in chain.standing():
                if not event.id.startswith(f"{PREFIX}:"):
                    self.from_others[event.effective_on.text].append((chain, event))
        self.recorded = standing.events(f"{change.event_id}{ending}" for change in changes for ending in ENDINGS)
        #: How many rows apply from a day, by instrument.
        self.applying: Counter[tuple[str, date]] = Counter()
        self.result = ImportPlan()

    def plan(self) -> ImportPlan:
        placed = [found for change in self.changes if (found := self._place(change)) is not None]
        self.applying = Counter((one.chain.regulation_id, one.change.end) for one in placed)
        for one in placed:
            self._write(one)
        return self.result

    # Where a row belongs

    def _place(self, change: RegulationRow) -> _Placed | None:
        if change.settled_on > self.standing.today:
            self._report(change, f"known on {change.settled_on}, and today is {self.standing.today}")
            return None
        before = self.recorded.get(change.event_id)
        if before is not None:
            chain = self.by_id.get(before.stream.removeprefix("regulation/"))
            if chain is None:
                self._report(change, f"{before.id} is recorded in {before.stream}, which is no instrument")
                return None
            chain.hear(change)
            return _Placed(change, chain, before.type == "regulation-enacted", before)
        if (elsewhere := self._elsewhere(change, None, by_type=False)) is not None:
            self._know(change, *elsewhere)
            return None
        found = self._find(change)
        if found is None:
            return None
        chain, opens = found
        if not opens and (elsewhere := self._elsewhere(change, chain, by_type=True)) is not None:
            self._know(change, *elsewhere)
            return None
        chain.hear(change)
        return _Placed(change, chain, opens, None)

    def _find(self, change: RegulationRow) -> tuple[InstrumentChain, bool] | None:
        """The instrument of a row that is new, and whether the row begins it; None: reported."""
        if change.regulation_id:
            chain = self.by_id.get(change.regulation_id)
            if chain is not None and not chain.open:
                self._report(change, f"{change.regulation_id} is repealed or retracted, and cannot change any more")
                return None
            if chain is not None:
                return chain, False
        elif change.role != "begins":
            chain = belongs_to(change, self.chains)
            if chain is not None:
                return chain, False
        if change.role not in ("begins", "amends"):
            wanted = change.regulation_id or "the instrument that it changes"
            self._report(change, f"{wanted} is neither in the file nor in the ledger (column regulation_id names it)")
            return None
        regulation_id = change.regulation_id or change.row_id
        if regulation_id in self.by_id:
            self._report(change, f"regulation {regulation_id} is recorded already, and not from this row")
            return None
        chain = InstrumentChain(regulation_id, change.jurisdiction, change.authority, change.known_on)
        insort(self.chains, chain, key=attrgetter("began_on"))
        self.by_id[regulation_id] = chain
        return chain, True

    def _elsewhere(
        self, change: RegulationRow, within: InstrumentChain | None, *, by_type: bool
    ) -> tuple[InstrumentChain, Recorded] | None:
        """The event by which somebody else recorded the same: of the day and kind, and citation (or that alone).

        `within`: an instrument; None: all of the row's jurisdiction.
        """
        for chain, event in self.from_others.get(change.effective.text, ()):
            if chain is not within and (within is not None or chain.jurisdiction != change.jurisdiction):
                continue
            same_type = event.type in TYPES[change.role] or (change.was_repeal and event.type == REPEALED)
            if same_type and (change.citation in citations_of(event) or (by_type and event.type not in BEARING_RULES)):
                return chain, event
        return None

    def _same_jurisdiction(self, change: RegulationRow) -> list[InstrumentChain]:
        return [chain for chain in self.chains if chain.jurisdiction == change.jurisdiction]

    def _report(self, change: RegulationRow, message: str) -> None:
        self.result.reported.append(RowRemark(change.line, change.row_id, message))

    def _say_if_repealed(self, change: RegulationRow, chain: InstrumentChain, before: Recorded) -> None:
        """What is recorded stays: only somebody who looks at it can say what it should have been."""
        if change.was_repeal and before.type == REPEALED and not chain.is_retracted(before):
            message = f"{before.id} is recorded as a repeal: retract it, and record a suspension, if it was none"
            self.result.noted.append(RowRemark(change.line, change.row_id, message))

    def _know(self, change: RegulationRow, chain: InstrumentChain, event: Recorded) -> None:
        chain.hear(change)
        message = f"{event.type} of {chain.regulation_id}, {event.id}"
        self.result.known.append(RowRemark(change.line, change.row_id, message))

    # What a row says

    def _write(self, placed: _Placed) -> None:
        change, chain = placed.change, placed.chain
        wanted, reading = self._main(placed)
        if wanted is None:
            anchor = next(iter(chain.standing()), None)
            assert anchor is not None
            self._note(change, chain, anchor.id, reading)
            return
        if change.announced_effective is not None:
            self._announce(change, chain, wanted)
            wanted["corrects"] = f"{change.event_id}:announced"
        if placed.before is None:
            self._add(change, chain, wanted)
        else:
            self._entry(change, again(wanted, placed.before, was_repeal=change.was_repeal))
            self._say_if_repealed(change, chain, placed.before)
        self._note(change, chain, change.event_id, reading)
        if placed.before is not None:
            for renewed in renewals(wanted, placed.before, chain):
                self._add(change, chain, renewed)

    def _main(self, placed: _Placed) -> tuple[dict[str, Any] | None, RuleReading]:
        """The row's main event, None for a licence whose conditions could not be read; and what was read."""
        change, chain = placed.change, placed.chain
        data: dict[str, Any] = {"regulation_id": chain.regulation_id}
        effective_on = change.effective.text
        reading = RuleReading()
        until = change.until.text if change.until is not None else None
        if change.role in ("begins", "amends"):
            name = "regulation-enacted" if placed.opens else "regulation-amended"
            reading = read_rules(change, self._around(change, chain))
            if placed.opens:
                data |= {"jurisdiction": change.jurisdiction, "authority": change.authority, "title": change.title}
                if change.role == "amends":
                    reading.miss("which instrument it amends")
            data |= {"citation": change.citation, "rules": reading.rules}
            until = None if self._followed(placed) else until
        elif change.role == "licenses":
            name = "licence-granted"
            reading = read_licence(change, self._around(change, chain))
            if not reading.rules:
                return None, reading
            data |= {"licence_id": change.row_id, **reading.rules[0]}
        else:
            (name,) = TYPES[change.role]
            data["reason"] = change.title
            if change.role == "delays":
                first = min((event.ends_on for event in chain.standing()), default=change.end)
                last = max(change.end, date.min + timedelta(days=1)) - timedelta(days=1)
                effective_on, until = first.isoformat(), last.isoformat()
            elif change.role != "suspends":
                until = None
        if until is not None:
            data["until"] = until
        return self._event(change, name, "", data, effective_on=effective_on), reading

    def _followed(self, placed: _Placed) -> bool:
        """Whether another change of the instrument applies from the day after the row's last."""
        if placed.change.until is None or placed.change.until.last == date.max:
            return False
        day = placed.change.until.last + timedelta(days=1)
        others = self.applying[placed.chain.regulation_id, day] - (placed.change.end == day)
        return others > 0 or any(event.ends_on == day for event in placed.chain.standing())

    def _around(self, change: RegulationRow, chain: InstrumentChain) -> Surroundings:
        others = [one for one in self._same_jurisdiction(change) if one is not chain]
        accelerated: list[str] = []
        if change.accelerates:
            requirement = attribute_sharing(change, [one for one in others if one.open])
            rules = requirement.rules_before(change) if requirement is not None else ()
            accelerated = list(dict.fromkeys(code for rule in rules for code in rule.get("destinations", ())))

        def defined(control: str) -> Rule | None:
            rules = (rule for one in others for rule in one.rules_before(change))
            return next((rule for rule in rules if rule["rule_id"] == control), None)

        return Surroundings(self.standing.directory, chain.rules_before(change), accelerated, defined)

    def _announce(self, change: RegulationRow, chain: InstrumentChain, published: Mapping[str, Any]) -> None:
        """First the date it was announced with, then, when another is published, that this was wrong."""
        assert change.announced_effective is not None
        announcement = f"{change.authority} announcement {change.known_on}"
        announced = {
            **published,
            "id": f"{change.event_id}:announced",
            "effective_on": change.announced_effective.text,
            "known_on": change.known_on.isoformat(),
            "source": {**published["source"], "citation": f"{announcement} ({change.citation})"},
            "data": dict(published["data"]),
        }
        if "citation" in published["data"]:
            announced["data"]["citation"] = announcement
        day = change.settled_on.isoformat()
        dates = f"{change.effective.text}, not {change.announced_effective.text}"
        reason = f"Published on {day} with effective date {dates}"
        withdrawal = self._event(
            change,
            "event-retracted",
            ":withdrawn",
            {"retracts": announced["id"], "reason": reason},
            effective_on=day,
        )
        before = self.recorded.get(announced["id"])
        if before is not None:
            self._entry(change, again(announced, before, was_repeal=change.was_repeal))
            self._entry(change, withdrawal)
        else:
            self._add(change, chain, announced)
            self._add(change, chain, withdrawal)

    def _note(self, change: RegulationRow, chain: InstrumentChain, annotated: str, reading: RuleReading) -> None:
        """All that the row says, and what of it no rule does; once more where the row says something else since."""
        first = f"{change.event_id}:note"
        notes = chain.beginning(first)
        if notes:
            self._entry(change, self._noted(change, notes[0].data))
            annotated = notes[0].data["annotates"]
        if not notes or notes[-1].data["note"].partition(NOT_READ)[0] != change.words:
            unread = "; ".join(dict.fromkeys(reading.unread))
            if unread:
                self.result.unread.append(RowRemark(change.line, change.row_id, unread))
            data = {"annotates": annotated, "note": change.words + (NOT_READ + unread if unread else "")}
            number = f":{len(notes) + 1}" if notes else ""
            self._entry(change, self._noted(change, data, number))

    def _noted(self, change: RegulationRow, data: Mapping[str, Any], number: str = "") -> dict[str, Any]:
        day = change.settled_on.isoformat()
        return self._event(change, "event-annotated", f":note{number}", dict(data), effective_on=day)

    def _event(
        self, change: RegulationRow, name: str, ending: str, data: dict[str, Any], *, effective_on: str
    ) -> dict[str, Any]:
        source = {"citation": change.citation, "url": change.url} if change.url else {"citation": change.citation}
        return {
            "type": name,
            "id": f"{change.event_id}{ending}",
            "effective_on": effective_on,
            "known_on": change.settled_on.isoformat(),
            "basis": change.basis,
            "source": source,
            "data": data,
        }

    def _add(self, change: RegulationRow, chain: InstrumentChain, sent: dict[str, Any]) -> None:
        """An event that is new: later rows build on it."""
        chain.take(sent, self.standing.today)
        self._entry(change, sent)

    def _entry(self, change: RegulationRow, sent: dict[str, Any]) -> None:
        self.result.entries.append(Entry(change.line, change.row_id, sent))
