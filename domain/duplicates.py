"""Records that stand for another organisation: which do, that none stands for itself in the end, and which do not.

That two organisations are not one is an event, too: a note on the registration of the one with the later id, whose own
id is `told_apart_id` of both. So it is known since a day, stands in a history, and is taken back as any event is.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from domain.errors import Refusal, Rejected
from domain.events import Recorded, World

#: What the id of a note begins with that tells two organisations apart.
TOLD_APART = "duplicates:different:"
#: Hexadecimal digits of both ids' SHA-256: an id of an event may be shorter than two of organisations.
PAIR_DIGITS = 32


def told_apart_id(one: str, other: str, time: int = 1) -> str:
    """The id of the note that two organisations are not one; `time`: from 2 on, where it was taken back before."""
    pair = hashlib.sha256("\n".join(sorted((one, other))).encode()).hexdigest()[:PAIR_DIGITS]
    return f"{TOLD_APART}{pair}" if time == 1 else f"{TOLD_APART}{pair}:{time}"


@dataclass(frozen=True, slots=True)
class Sameness:
    """What one event says of which organisation a record stands for."""

    ends_on: date
    known_on: date
    #: Of the event within its stream.
    version: int
    #: None: for itself.
    same_as: str | None

    @property
    def key(self) -> tuple[date, date, int]:
        """What the latest of several has the greatest of."""
        return self.ends_on, self.known_on, self.version


class Joined(Protocol):
    """What is looked at of an organisation's state."""

    @property
    def parents(self) -> Mapping[str, int]:
        """How often each parent was ever named by an event that stands."""

    @property
    def samenesses(self) -> tuple[Sameness, ...]:
        """What the events that stand say of which organisation it is."""


def sameness_of(event: Recorded) -> Sameness:
    """What an event that names `same_as` says."""
    return Sameness(event.ends_on, event.known_on, event.version, event.data["same_as"])


def stands_for(state: Joined | None) -> str | None:
    """The organisation that a record stands for by the latest of the events that stand, whatever their dates."""
    if state is None or not state.samenesses:
        return None
    return max(state.samenesses, key=lambda sameness: sameness.key).same_as


def refuse_joined_circles(
    identifier: str, state: Joined | None, world: World, pointer: str, refusal: type[Refusal] = Rejected
) -> None:
    """A refusal where records and parents, as `state` would have them, lead from an organisation back to itself.

    On a way that records join: who owns whom on which day is looked at day by day, elsewhere. Whom a record stands for
    has no day, so every parent that an event which stands ever named is one.
    """
    # By organisation, and by whether a record was joined on the way: from where it was reached.
    reached: dict[tuple[str, bool], tuple[str, bool] | None] = {(identifier, False): None}
    waiting = [(identifier, False)]
    while waiting:
        here = waiting.pop()
        name, joined = here
        found = state if name == identifier else world.state(f"organization/{name}")
        same_as = stands_for(found)
        ways = [(parent, joined) for parent in (found.parents if found is not None else ())]
        for way in [*ways, *([(same_as, True)] if same_as is not None else [])]:
            if way == (identifier, True):
                circle = [identifier, *_back(here, reached), identifier]
                raise refusal.at(pointer, f"would close a circle of records and owners: {' -> '.join(circle)}")
            if way not in reached:
                reached[way] = here
                waiting.append(way)


def _back(here: tuple[str, bool], reached: Mapping[tuple[str, bool], tuple[str, bool] | None]) -> list[str]:
    """The organisations on the way from the first to one, without the first."""
    path = []
    place: tuple[str, bool] | None = here
    while place is not None and reached[place] is not None:
        path.append(place[0])
        place = reached[place]
    return path[::-1]
