"""Organisations: buyers, vendors and makers, and who owns whom since when."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from operator import attrgetter
from typing import Any

from pydantic import model_validator

from domain.duplicates import Sameness, refuse_joined_circles, sameness_of
from domain.errors import Invalid, Rejected
from domain.events import Draft, Recorded, World
from domain.values import (
    CountryOrUnknown,
    EventData,
    Identifier,
    LanguageTag,
    Mention,
    Optional,
    OrganizationIdentifier,
    Text,
    example,
)

Names = dict[LanguageTag, Text]


class OrganizationRegistered(EventData):
    """An organisation enters the ledger."""

    NAME = "organization-registered"
    KIND = "organization"
    IDENTITY = "organization_id"
    BEGINS = True
    COLLECTION = "organizations"
    EXAMPLE = example(
        organization_id="baidu",
        name="Baidu, Inc.",
        country="CN",
        names={"zh": "百度"},
        identifiers=[{"scheme": "LEI", "id": "254900F9HZC8ZQ7NEB54"}],
        effective_on="2000",
        known_on="2017-01-01",
    )

    organization_id: Identifier
    name: Text
    #: ZZ: not known.
    country: CountryOrUnknown
    #: The organisation that owns it; null or absent: none.
    parent_id: Identifier | None = None
    #: The organisation that this record stands for, on all days; null or absent: itself.
    same_as: Identifier | None = None
    #: Names in other languages, by language tag.
    names: Optional[Names] = None
    identifiers: Optional[list[OrganizationIdentifier]] = None

    def mentions(self) -> list[Mention]:
        """The parent, and the organisation that it stands for."""
        return _mentioned(self)


class OrganizationChanged(EventData):
    """What is different about an organisation from a date on; `parent_id: null` ends an ownership.

    Which organisation a record stands for has no date: of two records of one, that is so on all days.
    """

    NAME = "organization-changed"
    KIND = "organization"
    IDENTITY = "organization_id"
    SUBJECT = "changes"
    EXAMPLE = example(
        name="Huawei Technologies Co., Ltd.",
        effective_on="2019-01-01",
        known_on="2019-01-02",
        id="huawei-renamed",
    )

    organization_id: Identifier
    name: Optional[Text] = None
    country: Optional[CountryOrUnknown] = None
    parent_id: Identifier | None = None
    #: The organisation that this record stands for, on all days; null: itself.
    same_as: Identifier | None = None
    names: Optional[Names] = None
    identifiers: Optional[list[OrganizationIdentifier]] = None

    @model_validator(mode="after")
    def _something(self) -> "OrganizationChanged":
        if not self.model_fields_set - {"organization_id"}:
            raise ValueError("says nothing: give name, country, parent_id, same_as, names or identifiers")
        return self

    def mentions(self) -> list[Mention]:
        """The new parent, and the organisation that it stands for."""
        return _mentioned(self)


def _mentioned(data: OrganizationRegistered | OrganizationChanged) -> list[Mention]:
    named = {"/parent_id": data.parent_id, "/same_as": data.same_as}
    return [Mention(pointer, "organization", name) for pointer, name in named.items() if name is not None]


@dataclass(frozen=True, slots=True)
class Ownership:
    """From `ends_on`, to those who know of `known_on`, the parent is this one (None: none)."""

    ends_on: date
    known_on: date
    #: Of the event within its stream.
    version: int
    parent_id: str | None
    #: From this day of knowledge on it is forgotten again; None: it stands.
    forgotten_on: date | None = None

    @property
    def key(self) -> tuple[date, date, int]:
        """What the latest of several has the greatest of."""
        return self.ends_on, self.known_on, self.version

    def known(self, known_on: date) -> bool:
        """Whether it is known to those who know what was known on a day."""
        return self.known_on <= known_on and (self.forgotten_on is None or known_on < self.forgotten_on)


@dataclass(frozen=True, slots=True)
class OrganizationState:
    """What decisions need to know of an organisation."""

    ownerships: tuple[Ownership, ...] = ()
    #: How often each parent stands in them.
    parents: Mapping[str, int] = field(default_factory=dict)
    #: Which organisation it stands for.
    samenesses: tuple[Sameness, ...] = ()


def apply(state: OrganizationState | None, event: Recorded) -> OrganizationState:
    """The organisation after the event."""
    state = state or OrganizationState()
    if "same_as" in event.data:
        state = replace(state, samenesses=(*state.samenesses, sameness_of(event)))
    if "parent_id" in event.data:
        parents = _counted(state.parents, event.data["parent_id"], 1)
        state = replace(state, ownerships=(*state.ownerships, _ownership(event)), parents=parents)
    return state


def without(state: OrganizationState, event: Recorded) -> OrganizationState:
    """The organisation less an event that is in it and did not register it."""
    if "same_as" in event.data:
        samenesses = tuple([one for one in state.samenesses if one.version != event.version])
        state = replace(state, samenesses=samenesses)
    if "parent_id" in event.data:
        ownerships = tuple([one for one in state.ownerships if one.version != event.version])
        parents = _counted(state.parents, event.data["parent_id"], -1)
        state = replace(state, ownerships=ownerships, parents=parents)
    return state


def _counted(parents: Mapping[str, int], parent_id: str | None, times: int) -> Mapping[str, int]:
    if parent_id is None:
        return parents
    counted = {**parents, parent_id: parents.get(parent_id, 0) + times}
    if not counted[parent_id]:
        del counted[parent_id]
    return counted


def _ownership(event: Recorded, forgotten_on: date | None = None) -> Ownership:
    return Ownership(event.ends_on, event.known_on, event.version, event.data["parent_id"], forgotten_on)


def settle(state: OrganizationState | None, draft: Draft, world: World) -> dict[str, Any]:
    """The data to record; Rejected where it would make an organisation a part of itself, on any day, to anybody."""
    named = [name for name in ("same_as", "parent_id") if draft.data.get(name) is not None]
    # Of an organisation that was never heard of no other can be a part.
    if named and draft.version > 1:
        event = draft.as_recorded()
        refuse_circles(event, apply(state, event), world, f"/data/{named[-1]}", f"/data/{named[0]}")
    return draft.data


def refuse_circles(
    event: Recorded, state: OrganizationState | None, world: World, pointer: str = "", joined: str | None = None
) -> None:
    """Rejected where an organisation, as `state` would have it, would be a part of itself, by owners or by records.

    `state` differs from that of now, of which this is not so, by `event`: with it, or without it. `pointer`: what
    names a parent; `joined`: what names the organisation that a record stands for.
    """
    identifier = event.stream.partition("/")[2]
    if "same_as" in event.data or event.data.get("parent_id") is not None:
        # A record that is said to stand for itself is no valid value, whenever it is sent.
        refusal = Invalid if joined is not None and event.data.get("same_as") is not None else Rejected
        refuse_joined_circles(identifier, state, world, joined or pointer, refusal)
    if "parent_id" in event.data:
        _refuse_circles_of_owners(event, state, world, pointer)


def _refuse_circles_of_owners(event: Recorded, state: OrganizationState | None, world: World, pointer: str) -> None:
    """Rejected where an organisation's ownerships, as `state` would have them, close a circle at any time.

    They differ from those of now, which close none, by `event`: with it, or without it. Walks up on every day, and for
    every knowledge, on which some ownership above changes and `event` would be the latest of its organisation's; on
    all others nothing is different. Of n changes above these are n x n days and knowledges, each looked at once.
    """
    identifier = event.stream.partition("/")[2]
    ways = _ways_up(identifier, state, world)
    # Without a way back to the start among all ownerships ever, no day can close the circle.
    back = _leading_to(identifier, ways)
    if not back:
        return
    above = {
        name: _as_believed(name, state if name == identifier else world.state(f"organization/{name}"), world)
        for name in back
    }
    changes = [ownership for organization in above.values() for ownership in organization.ownerships]
    days = sorted({ownership.ends_on for ownership in changes} | {event.ends_on})
    told_on = {ownership.known_on for ownership in changes} | {event.known_on}
    forgotten_on = {ownership.forgotten_on for ownership in changes if ownership.forgotten_on is not None}
    found = None
    for known_on in sorted(day for day in told_on | forgotten_on if day >= event.known_on):
        ruled = _ruled(event, above[identifier], days, known_on)
        if ruled and (
            circle := _circle(identifier, {name: _through(one, known_on) for name, one in above.items()}, ruled)
        ):
            # The first day of all is returned, and before it there may be one for another knowledge.
            found = circle
            days = days[: bisect_left(days, circle[0])]
    if found is not None:
        raise Rejected.at(pointer, f"would make {identifier} its own owner on {found[0]}: {' -> '.join(found[1])}")


def _ruled(event: Recorded, organization: OrganizationState, days: list[date], known_on: date) -> list[date]:
    """On which of some days an event would be the latest of an organisation's, to those who know what was known."""
    key = (event.ends_on, event.known_on, event.version)
    later = [one.ends_on for one in organization.ownerships if one.key > key and one.known(known_on)]
    return days[bisect_left(days, event.ends_on) : bisect_left(days, min(later)) if later else len(days)]


#: The parents that an organisation has one after the other, and the day since when it has each.
_Parents = tuple[list[date], list[str | None]]


def _through(organization: OrganizationState, known_on: date) -> _Parents:
    """An organisation's parents through all days, to those who know what was known on a day."""
    known = sorted([one for one in organization.ownerships if one.known(known_on)], key=attrgetter("key"))
    return [one.ends_on for one in known], [one.parent_id for one in known]


def _circle(identifier: str, above: Mapping[str, _Parents], days: list[date]) -> tuple[date, list[str]] | None:
    """The first of some days on which an organisation is above itself, and by whom; None: on none."""
    for effective_on in days:
        path = {identifier: None}
        name = identifier
        while True:
            since, parents = above[name]
            place = bisect_right(since, effective_on)
            parent = parents[place - 1] if place else None
            if parent == identifier:
                return effective_on, [*path, identifier]
            # An organisation that is missing leads nowhere.
            if parent is None or parent not in above or parent in path:
                break
            path[parent] = None
            name = parent
    return None


def _ways_up(identifier: str, state: OrganizationState | None, world: World) -> dict[str, set[str]]:
    """Every organisation that was ever above this one, by any chain of ownerships, with all parents it ever had."""
    ways = {identifier: _parents(identifier, state, world)}
    waiting = list(ways[identifier])
    while waiting:
        name = waiting.pop()
        if name not in ways:
            ways[name] = _parents(name, world.state(f"organization/{name}"), world)
            waiting.extend(ways[name])
    return ways


def _leading_to(identifier: str, ways: Mapping[str, set[str]]) -> set[str]:
    """The organisations from which some way up leads to one, and that one; none: no way does."""
    children: dict[str, list[str]] = {}
    for name, parents in ways.items():
        for parent in parents:
            children.setdefault(parent, []).append(name)
    found: set[str] = set()
    waiting = children.get(identifier, [])
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(children.get(name, ()))
    return found


def _parents(identifier: str, state: OrganizationState | None, world: World) -> set[str]:
    parents = set(state.parents) if state is not None else set()
    for event, _ in world.believed(f"organization/{identifier}"):
        if event.data.get("parent_id") is not None:
            parents.add(event.data["parent_id"])
    return parents


def _as_believed(identifier: str, state: OrganizationState | None, world: World) -> OrganizationState:
    """The organisation with the ownerships that stand and those that were believed until a later day."""
    believed = world.believed(f"organization/{identifier}")
    once = [_ownership(event, day) for event, day in believed if "parent_id" in event.data]
    return OrganizationState((*(state.ownerships if state else ()), *once))
