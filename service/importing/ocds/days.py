"""A process day after day: what its releases state of each order, where only what changed is looked at again."""

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from service.importing.ocds.merging import LISTED, SINGLE, Merged, Part
from service.importing.ocds.parties import NewOrganization, Parties, Supplier, supplier_references
from service.importing.ocds.purchases import Lent, Verdict, order_id, verdict
from service.importing.ocds.spells import Days, Spell
from service.importing.ocds.spool import ReleaseSpool, SpooledRelease

PARTIES, AWARDS, CONTRACTS = LISTED
NOTHING = Lent()
#: Of the contracts that took an award's place, those that a reason of 500 characters can name.
MOST_NAMED_ORDERS = 50
#: A day on which, say, the buyer of a thousand contracts is another makes a thousand orders anew, each with all its
#: lines. What the releases of a process state may be judged again so many times, and so many values besides: about a
#: second for each 100,000 bytes at worst.
MOST_TIMES = 40
FREE_VALUES = 200_000
#: What each buyer and each joint supplier of an order counts for: they are registered with it.
VALUES_PER_ORGANIZATION = 10


class TooMuch(ValueError):
    """The releases change so much, so often, that it would take too long."""

    def __init__(self, release: SpooledRelease, most: int) -> None:
        super().__init__(
            f"by release {release.release_id[:100]} its releases change so much of it so often that more than"
            f" {most:,} values would have to be judged: publish it in one release, or in parts"
        )
        self.release = release


@dataclass(slots=True)
class Tale:
    """What the releases of a process state."""

    days: Days
    #: By order that was ever bought, what is said of it, spell after spell.
    orders: dict[str, list[Spell]] = field(default_factory=dict)
    #: By the order of an award whose place contracts took, theirs.
    contracted: dict[str, list[str]] = field(default_factory=dict)
    #: Orders that are given up by the last day, and the status that says so.
    given_up: dict[str, str] = field(default_factory=dict)
    #: Contracts and awards that are not yet bought by then, by what is said of them.
    remarks: list[str] = field(default_factory=list)
    #: Those that should be orders and cannot be, by what is wrong.
    unusable: dict[str, str] = field(default_factory=dict)


def tale(ocid: str, published: Sequence[SpooledRelease], releases: ReleaseSpool) -> Tale:
    """What the releases of a process, in order, state day by day; TooMuch where that would take too long."""
    process = _Process(ocid, Parties(releases, ocid))
    for place, release in enumerate(published):
        process.merged.add(release.content, whole=release.whole)
        following = published[place + 1] if place + 1 < len(published) else None
        if following is None or following.published_at.date() != release.published_at.date():
            process.end_of_day(release)
    return process.end()


@dataclass(slots=True)
class _Entry:
    """A contract or an award as it stood by the end of a day."""

    order: str
    content: Mapping[str, Any]
    #: Whom it names itself, and the ids of the parties by which it does.
    supplier: Supplier | None
    named: frozenset[str]
    #: The award of which it is a contract that is not merely pending; None: of none, or an award.
    carries_out: str | None
    #: Its place among the contracts, and its order.
    placed: tuple[int, str]


class _Process:
    """What is kept of a process from one day to the next."""

    def __init__(self, ocid: str, parties: Parties) -> None:
        self.merged = Merged()
        self._ocid = ocid
        self._parties = parties
        self._tale = Tale(Days(ocid))
        self._judged = 0
        self._single: dict[str, Mapping[str, Any] | None] = {}
        self._buyers: tuple[NewOrganization, ...] = ()
        self._entries: dict[Part, _Entry] = {}
        #: By award, what it lends to contracts; those that name it; and those that took its place, in order.
        self._lent: dict[str, Lent] = {}
        self._naming: defaultdict[str, dict[Part, None]] = defaultdict(dict)
        self._carried: dict[str, list[tuple[int, str]]] = {}
        #: Contracts and awards by the id of a party that they name.
        self._by_party: defaultdict[str, dict[Part, None]] = defaultdict(dict)
        self._contracted: dict[str, list[tuple[int, str]]] = {}
        self._spells: dict[Part, Spell] = {}

    def end_of_day(self, release: SpooledRelease) -> None:
        """Judge what has changed since the day before, and what depends on it."""
        changes = list(self.merged.changes())
        self._tale.days.add(release)
        self._spend(sum(self.merged.weight(part) for part, content in changes if content is not None), release)
        parties, buyers_changed = self._take_organizations(changes)
        gone = [part for part, content in changes if part[0] in (AWARDS, CONTRACTS) and content is None]
        changed = {part: content for part, content in changes if part[0] in (AWARDS, CONTRACTS) and content is not None}
        unsettled = dict.fromkeys((*gone, *changed))
        # Awards first: what took their place is gone with the contracts.
        for part in sorted(gone):
            self._forget(part)
        entries = {part: self._entry(part, content) for part, content in changed.items()}
        unsettled |= self._carry(entries)
        for part, entry in entries.items():
            self._replace(part, entry)
        unsettled |= self._find_suppliers(parties, release)
        unsettled |= self._lend(unsettled)
        if buyers_changed:
            unsettled |= self._find_buyers(release)
        for part in sorted(unsettled, key=lambda part: (part[0] == AWARDS, self.merged.place(part))):
            self._settle(part, release)

    def end(self) -> Tale:
        """All that was stated, and how it stood in the end."""
        result = self._tale
        result.contracted = {award: [order for _, order in orders] for award, orders in self._contracted.items()}
        for part in sorted(self._entries, key=lambda part: (part[0] == AWARDS, self.merged.place(part))):
            spell = self._spells[part]
            if spell.verdict.given_up:
                result.given_up[spell.order] = spell.verdict.given_up
            elif spell.verdict.remark:
                result.remarks.append(spell.verdict.remark)
            elif spell.verdict.unusable:
                result.unusable[spell.order] = spell.verdict.unusable
        return result

    def _take_organizations(self, changes: Sequence[tuple[Part, Any]]) -> tuple[list[str], bool]:
        """The ids of parties of which something else is stated now, and whether others may buy for it."""
        parties = [(part[1], content) for part, content in changes if part[0] == PARTIES]
        with_roles = [own_id for own_id, content in parties if self._parties.take(own_id, content)]
        single = {part[0]: content for part, content in changes if part[0] in SINGLE}
        self._single |= single
        named = {one["id"] for one in self._single.values() if one is not None and "id" in one}
        touched = [own_id for own_id, _ in parties]
        return touched, bool(single or with_roles or not named.isdisjoint(touched))

    def _entry(self, part: Part, content: Mapping[str, Any]) -> _Entry:
        kind, own_id = part
        references = supplier_references(content)
        order = order_id(self._ocid, kind, own_id)
        is_carrying = kind == CONTRACTS and content.get("status") != "pending"
        return _Entry(
            order,
            content,
            self._parties.supplier(content),
            frozenset(one["id"] for one in references if "id" in one),
            content.get("awardID", "") if is_carrying else None,
            (self.merged.place(part), order),
        )

    def _forget(self, part: Part) -> None:
        entry = self._entries.pop(part, None)
        if entry is None:
            # It came and went within the day.
            return
        self._unlink(part, entry)
        if part[0] == AWARDS:
            self._lent.pop(part[1], None)
            if (orders := self._carried.get(part[1])) is not None and entry.order in self._contracted:
                self._contracted[entry.order] = list(orders)
        elif entry.carries_out is not None:
            self._carried.pop(entry.carries_out, None)

    def _unlink(self, part: Part, entry: _Entry) -> None:
        for party_id in entry.named:
            del self._by_party[party_id][part]
        if part[0] == CONTRACTS:
            del self._naming[entry.content.get("awardID", "")][part]

    def _replace(self, part: Part, entry: _Entry) -> None:
        before = self._entries.get(part)
        if before is not None:
            self._unlink(part, before)
        self._entries[part] = entry
        for party_id in entry.named:
            self._by_party[party_id][part] = None
        if part[0] == CONTRACTS:
            self._naming[entry.content.get("awardID", "")][part] = None

    def _carry(self, entries: Mapping[Part, _Entry]) -> dict[Part, None]:
        """Put contracts to the awards whose place they took; returns the awards that this is about."""
        leaving: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
        joining: defaultdict[str, list[tuple[int, str]]] = defaultdict(list)
        for part, entry in entries.items():
            before = self._entries.get(part)
            was, now = before.carries_out if before is not None else None, entry.carries_out
            if was == now:
                continue
            if was is not None and before is not None:
                leaving[was].append(before.placed)
            if now is not None:
                joining[now].append(entry.placed)
        for award_id, orders in leaving.items():
            listed = self._carried[award_id]
            if len(orders) == len(listed):
                # The list as it was stays with the award.
                del self._carried[award_id]
                continue
            for one in orders:
                del listed[bisect_left(listed, one)]
        for award_id, orders in joining.items():
            listed = self._carried.setdefault(award_id, [])
            for one in orders:
                insort(listed, one)
        return {(AWARDS, one): None for one in (*leaving, *joining) if (AWARDS, one) in self._entries}

    def _find_suppliers(self, parties: Sequence[str], release: SpooledRelease) -> dict[Part, None]:
        """Look again who is meant where such parties are named; returns what names somebody else now."""
        found: dict[Part, None] = {}
        for part in {part: None for one in parties for part in self._by_party.get(one, ())}:
            entry = self._entries[part]
            self._spend(self.merged.weight(part), release)
            supplier = self._parties.supplier(entry.content)
            if supplier != entry.supplier:
                entry.supplier = supplier
                found[part] = None
        return found

    def _lend(self, unsettled: Iterable[Part]) -> dict[Part, None]:
        """What awards lend now; returns the contracts that borrow something else."""
        borrowing: dict[Part, None] = {}
        for kind, own_id in unsettled:
            entry = self._entries.get((kind, own_id))
            if kind == AWARDS and entry is not None:
                lent = Lent(entry.supplier, entry.content.get("value", {}).get("currency"))
                if lent != self._lent.get(own_id, NOTHING):
                    self._lent[own_id] = lent
                    borrowing |= self._naming.get(own_id, {})
        return borrowing

    def _find_buyers(self, release: SpooledRelease) -> dict[Part, None]:
        """Look again who buys; returns everything, if it is somebody else."""
        self._spend(len(self._parties), release)
        buyers = self._parties.buyers(self._single.get("buyer"), self._single.get("procuringEntity"))
        if buyers == self._buyers:
            return {}
        self._buyers = buyers
        return dict.fromkeys(self._entries)

    def _settle(self, part: Part, release: SpooledRelease) -> None:
        """Say what a contract or an award comes to, and begin a spell where that is something else."""
        entry = self._entries.get(part)
        found = None if entry is None else self._verdict(part, entry, release)
        spell = self._spells.get(part)
        if spell is not None:
            if spell.verdict == found:
                return
            spell.end = len(self._tale.days) - 1
            del self._spells[part]
        if entry is None or found is None:
            return
        spell = self._spells[part] = Spell(self._tale.days, entry.order, found, len(self._tale.days) - 1)
        if found.purchase is not None:
            self._tale.orders.setdefault(entry.order, []).append(spell)
        elif (found.given_up or found.contracted) and entry.order in self._tale.orders:
            self._tale.orders[entry.order].append(spell)

    def _verdict(self, part: Part, entry: _Entry, release: SpooledRelease) -> Verdict:
        kind, own_id = part
        if kind == AWARDS and (orders := self._carried.get(own_id)):
            self._contracted[entry.order] = orders
            return Verdict(contracted=tuple(order for _, order in orders[:MOST_NAMED_ORDERS]))
        lent = NOTHING if kind == AWARDS else self._lent.get(entry.content.get("awardID", ""), NOTHING)
        supplier = entry.supplier or lent.supplier
        others = len(self._buyers) + (len(supplier.members) if supplier is not None else 0)
        self._spend(self.merged.weight(part) + VALUES_PER_ORGANIZATION * others, release)
        return verdict(entry.order, kind, entry.content, entry.supplier, lent, self._buyers)

    def _spend(self, values: int, release: SpooledRelease) -> None:
        self._judged += values
        most = FREE_VALUES + MOST_TIMES * self.merged.stated
        if self._judged > most:
            raise TooMuch(release, most)
