"""The world as of a moment: organisations, products and rates, each found out when somebody first asks, and kept."""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from threading import Lock
from typing import Any, TypeVar

from projections.few.records import AttributeSaid
from projections.few.register import NO_RATES, HeldRegisters

#: Worlds that are kept, and things that are known in all of them together.
MOST_WORLDS = 256
MOST_THINGS = 400_000
#: What is kept that several worlds share.
MOST_SHARED = 256
#: How many worlds are made between two looks at how much is known in them: it is no small thing to add up.
BOUND_EVERY = 8


Found = TypeVar("Found")


@dataclass(frozen=True, slots=True)
class OrganizationThen:
    """What is known of an organisation; None: nothing."""

    name: str | None
    country: str | None
    #: Which stands for itself.
    parent: str | None


@dataclass(frozen=True, slots=True)
class ProductThen:
    """What is known of a product; None: nothing."""

    name: str | None
    maker: str | None
    category: str | None


@dataclass(frozen=True, slots=True)
class RateThen:
    """A rate, and the publication that it is from."""

    publication: int
    holds_from: date
    source_rate: int
    target_rate: int


@dataclass(slots=True)
class WorldThen:
    """What holds of everything at (T, K, P). Whoever asks at the same time may find something out twice."""

    registers: HeldRegisters
    effective_on: date
    known_on: date
    position: int
    _organizations: dict[str, OrganizationThen] = field(default_factory=dict)
    _families: dict[str, str] = field(default_factory=dict)
    _products: dict[str, ProductThen] = field(default_factory=dict)
    _attributes: dict[tuple[str, str], AttributeSaid | None] = field(default_factory=dict)
    #: Found out by others, and kept as long as this: what the rules say (rules.py).
    kept: dict[str, Any] = field(default_factory=dict)
    #: What others found out of several worlds (rules.py).
    shared: OrderedDict[Any, Any] = field(default_factory=OrderedDict)
    _records: dict[str, str] | None = None
    _retracted: frozenset[int] | None = None

    @property
    def size(self) -> int:
        """How many things are known here."""
        found = len(self._organizations) + len(self._families) + len(self._products) + len(self._attributes)
        # What follows from the rules is found out for about as many.
        return 16 + 2 * found

    @property
    def retracted(self) -> frozenset[int]:
        """The positions that are taken back."""
        if self._retracted is None:
            self._retracted = self.alike("retracted", lambda: self.registers.retracted(self.known_on, self.position))
        return self._retracted

    def alike(self, what: Hashable, find_out: Callable[[], Found]) -> Found:
        """What is the same on all days, as known and recorded now, and is found out once for all of them."""
        return self.share((what, self.known_on, self.position), find_out)

    def share(self, key: Hashable, find_out: Callable[[], Found]) -> Found:
        """What several worlds have in common, by a key of their own, found out once."""
        found: Found | None = self.shared.get(key)
        if found is None:
            found = self.shared[key] = find_out()
            while len(self.shared) > MOST_SHARED:
                with suppress(KeyError):
                    # Somebody else may have been quicker.
                    self.shared.popitem(last=False)
        return found

    # Organisations

    @property
    def records(self) -> Mapping[str, str]:
        """Records that stand for another organisation, each with that (rule 59)."""
        if self._records is None:
            self._records = self.alike("records", self._joined)
        return self._records

    def organization_of(self, record: str) -> str:
        """The organisation that a record stands for, which may be itself."""
        return self.records.get(record, record)

    def organization(self, identifier: str) -> OrganizationThen:
        """What is known of an organisation."""
        found = self._organizations.get(identifier)
        if found is None:
            found = self._organizations[identifier] = self._looked_up(identifier)
        return found

    def family(self, organization: str) -> str:
        """Its ultimate parent (rule 6), which may be itself."""
        found = self._families.get(organization)
        if found is None:
            path: dict[str, None] = {}
            one = organization
            # Each is looked at once, however many are below it.
            while one not in self._families and one not in path:
                path[one] = None
                above = self.organization(one).parent
                if above is None:
                    self._families[one] = one
                else:
                    one = above
            found = self._families.get(one)
            if found is None:
                # A circle, in which each has another one.
                return self.lineage(organization)[-1]
            self._families.update(dict.fromkeys(path, found))
        return found

    def lineage(self, organization: str) -> list[str]:
        """An organisation, its parent, the parent's parent, and so on, before the first that is met again."""
        path = {organization: None}
        above = self.organization(organization).parent
        while above is not None and above not in path:
            path[above] = None
            above = self.organization(above).parent
        return list(path)

    def below(self, heads: Iterable[str]) -> set[str]:
        """Organisations with everybody who is below them."""
        records: dict[str, list[str]] = {}
        for record, organization in self.records.items():
            records.setdefault(organization, []).append(record)
        found: set[str] = set()
        waiting = list(heads)
        while waiting:
            head = waiting.pop()
            if head in found:
                continue
            found.add(head)
            for name in (head, *records.get(head, ())):
                waiting += [
                    child for child in self.registers.children.get(name, ()) if self.organization(child).parent == head
                ]
        return found

    def _looked_up(self, identifier: str) -> OrganizationThen:
        name = country = parent = None
        has_parent = identifier in self.records
        for said in reversed(self.registers.organizations.get(identifier, ())):
            if not self._counts(said):
                continue
            if name is None:
                name = said.name
            if country is None:
                country = said.country
            if said.says_parent and not has_parent:
                has_parent, parent = True, said.parent
        return OrganizationThen(name, country, None if parent is None else self.organization_of(parent))

    def _joined(self) -> dict[str, str]:
        links: dict[str, str] = {}
        for record in self.registers.joined:
            for said in reversed(self.registers.organizations[record]):
                if said.says_same and self._is_visible(said):
                    if said.same_as is not None:
                        links[record] = said.same_as
                    break
        found: dict[str, str] = {}
        circular: set[str] = set()
        for record in links:
            path: dict[str, None] = {}
            one = record
            while one in links and one not in path and one not in found and one not in circular:
                path[one] = None
                one = links[one]
            chain = list(path)
            if one in path:
                # Whoever is in a circle stands for itself, and ends the chains that lead to it.
                entry = chain.index(one)
                circular.update(chain[entry:])
                chain = chain[:entry]
            found.update(dict.fromkeys(chain, found.get(one, one)))
        return found

    # Products

    def product(self, identifier: str) -> ProductThen:
        """What is known of a product."""
        found = self._products.get(identifier)
        if found is None:
            name = maker = category = None
            has_maker = False
            for said in reversed(self.registers.products.get(identifier, ())):
                if not self._counts(said):
                    continue
                if name is None:
                    name = said.name
                if category is None:
                    category = said.category
                if said.says_maker and not has_maker:
                    has_maker, maker = True, said.maker
            maker = None if maker is None else self.organization_of(maker)
            found = self._products[identifier] = ProductThen(name, maker, category)
        return found

    def attribute(self, product: str, name: str) -> AttributeSaid | None:
        """What is known of an attribute; None: nothing."""
        about = product, name
        if about not in self._attributes:
            said = reversed(self.registers.attributes.get(about, ()))
            self._attributes[about] = next(filter(self._counts, said), None)
        return self._attributes[about]

    # Rates

    def rate(self, currency: str, into: str, day: date, known_on: date, position: int) -> RateThen | None:
        """The rate at which a currency goes over into another on a day (rule 17); None: there is none.

        A world is of all moments between which nothing but rates changes, so that these are given the moment itself.
        """
        days, said = self.registers.rates.get(currency, NO_RATES)
        for place in range(bisect_right(days, day) - 1, -1, -1):
            one = said[place]
            target = self.registers.publications[one.position].get(into)
            if target is None or one.position > position or one.known_on > known_on:
                continue
            if one.position not in self.retracted:
                return RateThen(one.position, one.ends_on, one.rate, target)
        return None

    def _is_visible(self, said: Any) -> bool:
        return said.position <= self.position and said.known_on <= self.known_on and said.position not in self.retracted

    def _counts(self, said: Any) -> bool:
        return said.ends_on <= self.effective_on and self._is_visible(said)


class Worlds:
    """The worlds that were asked about, the last ones kept: one for all moments between which nothing changes."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[date, date, int], WorldThen] = OrderedDict()
        self._shared: OrderedDict[Any, Any] = OrderedDict()
        self._taking = Lock()
        self._made = 0

    def at(self, registers: HeldRegisters, effective_on: date, known_on: date, position: int) -> WorldThen:
        """The world at a moment."""
        moment = registers.segment(effective_on, known_on, position)
        with self._taking:
            found = self._kept.get(moment)
            if found is None:
                found = self._kept[moment] = WorldThen(registers, *moment, shared=self._shared)
                self._made += 1
                if len(self._kept) > MOST_WORLDS:
                    self._kept.popitem(last=False)
                if self._made % BOUND_EVERY == 0:
                    self._bound()
            else:
                self._kept.move_to_end(moment)
        return found

    def forget(self) -> None:
        """Keep none."""
        with self._taking:
            self._kept.clear()
            self._shared.clear()

    def _bound(self) -> None:
        sizes = sum(world.size for world in self._kept.values())
        while len(self._kept) > 1 and sizes > MOST_THINGS:
            _, left = self._kept.popitem(last=False)
            sizes -= left.size
