"""How a question looks at what is held: its moment, its buyers and what it counts, found out once."""

from dataclasses import dataclass
from datetime import date

from projections.few.holding import HeldFacts
from projections.few.records import Said
from projections.few.world import Worlds, WorldThen
from projections.parameters import LAST_DAY, ContributionParameters, MarketParameters


@dataclass(frozen=True, slots=True)
class Viewpoint:
    """One question about contributions at one moment."""

    parameters: ContributionParameters
    held: HeldFacts
    worlds: Worlds
    world: WorldThen
    effective_on: date
    known_on: date
    position: int
    #: The bits of what is switched off.
    excluded: int
    #: Whether unquantified postings count.
    unquantified: bool
    #: The days of the window or period.
    first_on: date
    last_on: date
    #: Organisations that are asked for, and records as which orders may name them; None: the whole market.
    asked: frozenset[str] | None
    asked_records: frozenset[str] | None

    def counts(self, said: Said, basis: int = 0) -> bool:
        """Whether an event counts (rule 4)."""
        return (
            said.position <= self.position
            and said.known_on <= self.known_on
            and said.ends_on <= self.effective_on
            and not basis & self.excluded
            and said.position not in self.world.retracted
        )

    def buyers_in_scope(self, records: tuple[str, ...]) -> tuple[frozenset[str], bool]:
        """Of the buyers of an order those that are asked for, and whether these are all of them."""
        organizations = frozenset(map(self.world.organization_of, records))
        in_scope = organizations if self.asked is None else organizations & self.asked
        return in_scope, len(in_scope) == len(organizations)


def look_at(held: HeldFacts, worlds: Worlds, parameters: ContributionParameters) -> Viewpoint:
    """How a question looks at what is held."""
    first_on, last_on = parameters.days
    known_on = known_by(parameters)
    world = worlds.at(held.registers, parameters.effective_on, known_on, parameters.position)
    asked = asked_in(world, parameters)
    return Viewpoint(
        parameters,
        held,
        worlds,
        world,
        parameters.effective_on,
        known_on,
        parameters.position,
        parameters.excluded_basis,
        "unquantified" not in parameters.exclude,
        first_on,
        last_on,
        asked,
        records_of(world, asked),
    )


def known_by(parameters: MarketParameters) -> date:
    """The day by which something must have been known."""
    return LAST_DAY if parameters.known_on is None else parameters.known_on


def asked_in(world: WorldThen, parameters: MarketParameters) -> frozenset[str] | None:
    """The organisations that are asked for, subsidiaries included where groups are; None: the whole market."""
    if not parameters.buyer:
        return None
    named = {world.organization_of(buyer) for buyer in parameters.buyer}
    return frozenset(world.below(named) if parameters.buyer_scope == "group" else named)


def records_of(world: WorldThen, asked: frozenset[str] | None) -> frozenset[str] | None:
    """Organisations with all records that stand for them; None: the whole market."""
    if asked is None:
        return None
    return asked | {record for record, organization in world.records.items() if organization in asked}
