"""What made facts others between two moments: which event each is taken from at both (rules 48 and 49)."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from projections.few.look import Viewpoint
from projections.few.records import Said
from projections.few.world import WorldThen

#: The positions of the events that a fact is taken from before and after; None: there is none.
Cause = tuple[int | None, int | None]


@dataclass(slots=True)
class Causes:
    """What is behind the revaluation of contributions."""

    before: Viewpoint
    after: Viewpoint
    #: The kinds of facts that the question looks at (differences.py).
    kinds: frozenset[str]
    _kin: frozenset[str] | None = None
    _rejoined: list[tuple[str, str, str]] | None = None
    _kinship: dict[str, frozenset[Cause]] = field(default_factory=dict)

    def of(self, changed: Mapping[str, Any]) -> frozenset[Cause]:
        """What made a contribution another one, its line's own events left out."""
        found: set[Cause | None] = {self._repriced(changed)}
        product, parameters = changed["product"], self.after.parameters
        if product is not None:
            for kind in ("maker", "category"):
                found.add(self._replaced(kind, product))
            found.add(self._attribute("attribute", product, parameters.attribute))
            label = parameters.bindings().get("label")
            if label is not None:
                found.add(self._attribute("label", product, label))
        found.add(self._replaced("country", changed["vendor"]))
        if changed["source"] == "order":
            found.add(self._allocated(changed))
        parties = {changed["vendor"]}
        if changed["source"] == "order" and changed["order"].is_joint:
            parties.update(changed["order"].buyers)
        else:
            parties.update(changed["buyers"])
        return frozenset(cause for cause in found if cause is not None).union(*map(self._of_kin, parties))

    def _latest(self, said: Sequence[Said], says: Callable[[Any], bool]) -> Cause | None:
        """The events that a fact is taken from; None: the same."""
        before, after = (
            max((one for one in said if says(one) and look.counts(one)), default=None)
            for look in (self.before, self.after)
        )
        return _cause(before, after)

    def _replaced(self, kind: str, subject: str) -> Cause | None:
        if kind not in self.kinds:
            return None
        return self._latest(SAID[kind](self.after).get(subject, ()), SAYS[kind])

    def _attribute(self, kind: str, product: str, name: str) -> Cause | None:
        if kind not in self.kinds:
            return None
        return self._latest(self.after.held.registers.attributes.get((product, name), ()), lambda one: True)

    def _allocated(self, changed: Mapping[str, Any]) -> Cause | None:
        if "allocation" not in self.kinds:
            return None
        excluded = self.after.excluded
        return self._latest(changed["order"].allocations, lambda one: not one.basis & excluded)

    def _repriced(self, changed: Mapping[str, Any]) -> Cause | None:
        parameters = self.after.parameters
        currency, into = changed["currency"], parameters.currency
        if parameters.measure != "spend" or currency is None or currency == into:
            return None
        day = parameters.rates_on or changed["placed_on"]
        before, after = (
            look.world.rate(currency, into, day, look.known_on, look.position) for look in (self.before, self.after)
        )
        positions = tuple(None if rate is None else rate.publication for rate in (before, after))
        return None if positions[0] == positions[1] else (positions[0], positions[1])

    # Kinship

    def _of_kin(self, organization: str) -> frozenset[Cause]:
        """What makes an organisation, or one above it, have another parent, or be another."""
        found = self._kinship.get(organization)
        if found is None:
            found = frozenset[Cause]()
            if organization in self._related():
                above = {one for world in self._worlds() for one in world.lineage(organization)}
                found = frozenset(cause for one in above for cause in self._above(one))
            self._kinship[organization] = found
        return found

    def _above(self, organization: str) -> Iterator[Cause]:
        parent = self._replaced("parent", organization)
        if parent is not None:
            yield parent
        for names in self._joined():
            if organization in names:
                for name in dict.fromkeys(names):
                    cause = self._same_as(name)
                    if cause is not None:
                        yield cause

    def _same_as(self, record: str) -> Cause | None:
        said = [one for one in self.after.held.registers.organizations.get(record, ()) if one.says_same]
        before, after = (
            max(
                (
                    one
                    for one in said
                    if one.position <= look.position
                    and one.known_on <= look.known_on
                    and one.position not in look.world.retracted
                ),
                default=None,
            )
            for look in (self.before, self.after)
        )
        return _cause(before, after)

    def _worlds(self) -> tuple[WorldThen, WorldThen]:
        return self.before.world, self.after.world

    def _joined(self) -> list[tuple[str, str, str]]:
        """Records that stand for another organisation after than before: record, before, after."""
        if self._rejoined is None:
            earlier, later = (world.records for world in self._worlds())
            self._rejoined = [
                (record, earlier.get(record, record), later.get(record, record))
                for record in sorted({*earlier, *later})
                if earlier.get(record) != later.get(record)
            ]
        return self._rejoined

    def _related(self) -> frozenset[str]:
        """Organisations above which somebody's parent is another, or who are others; and their records."""
        if self._kin is None:
            heads = {name for names in self._joined() for name in names}
            if "parent" in self.kinds:
                organizations = list(self.after.held.registers.organizations)
                heads |= {one for one in organizations if self._replaced("parent", one) is not None}
            standing = heads | {world.organization_of(head) for world in self._worlds() for head in heads}
            related = standing.union(*(world.below(standing) for world in self._worlds()))
            records = {
                record
                for world in self._worlds()
                for record, organization in world.records.items()
                if organization in related
            }
            self._kin = frozenset(related | records)
        return self._kin


SAID: dict[str, Callable[[Viewpoint], Mapping[str, Sequence[Said]]]] = {
    "parent": lambda look: look.held.registers.organizations,
    "country": lambda look: look.held.registers.organizations,
    "maker": lambda look: look.held.registers.products,
    "category": lambda look: look.held.registers.products,
}
SAYS: dict[str, Callable[[Any], bool]] = {
    "parent": lambda one: one.says_parent,
    "country": lambda one: one.country is not None,
    "maker": lambda one: one.says_maker,
    "category": lambda one: one.category is not None,
}


def _cause(before: Said | None, after: Said | None) -> Cause | None:
    positions = tuple(None if one is None else one.position for one in (before, after))
    return None if positions[0] == positions[1] else (positions[0], positions[1])


def causing(causes: Iterable[Cause]) -> set[int]:
    """The positions in causes."""
    return {position for cause in causes for position in cause if position is not None}
