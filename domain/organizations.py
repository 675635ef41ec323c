"""Organisations: buyers, vendors and makers, and who owns whom since when."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from pydantic import model_validator

from domain.errors import Rejected
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
)

Names = dict[LanguageTag, Text]


class OrganizationRegistered(EventData):
    """An organisation enters the ledger."""

    NAME = "organization-registered"
    KIND = "organization"
    IDENTITY = "organization_id"
    BEGINS = True

    organization_id: Identifier
    name: Text
    #: ZZ: not known.
    country: CountryOrUnknown
    #: The organisation that owns it; null or absent: none.
    parent_id: Identifier | None = None
    #: Names in other languages, by language tag.
    names: Optional[Names] = None
    identifiers: Optional[list[OrganizationIdentifier]] = None

    def mentions(self) -> list[Mention]:
        """The parent."""
        return [Mention("/parent_id", "organization", self.parent_id)] if self.parent_id else []


class OrganizationChanged(EventData):
    """What is different about an organisation from a date on; `parent_id: null` ends an ownership."""

    NAME = "organization-changed"
    KIND = "organization"
    IDENTITY = "organization_id"

    organization_id: Identifier
    name: Optional[Text] = None
    country: Optional[CountryOrUnknown] = None
    parent_id: Identifier | None = None
    names: Optional[Names] = None
    identifiers: Optional[list[OrganizationIdentifier]] = None

    @model_validator(mode="after")
    def _something(self) -> "OrganizationChanged":
        if not self.model_fields_set - {"organization_id"}:
            raise ValueError("says nothing: give name, country, parent_id, names or identifiers")
        return self

    def mentions(self) -> list[Mention]:
        """The new parent."""
        return [Mention("/parent_id", "organization", self.parent_id)] if self.parent_id else []


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

    def told(self, effective_on: date, known_on: date) -> bool:
        """Whether it speaks for a day, to those who know what was known on a day."""
        remembered = self.forgotten_on is None or known_on < self.forgotten_on
        return self.ends_on <= effective_on and self.known_on <= known_on and remembered


@dataclass(frozen=True, slots=True)
class Organization:
    """What decisions need to know of an organisation."""

    ownerships: tuple[Ownership, ...] = ()

    def parent(self, effective_on: date, known_on: date) -> str | None:
        """Its parent as of a day, to those who know what was known on a day."""
        told = [ownership for ownership in self.ownerships if ownership.told(effective_on, known_on)]
        return max(told, key=lambda o: (o.ends_on, o.known_on, o.version)).parent_id if told else None


def apply(state: Organization | None, event: Recorded) -> Organization:
    """The organisation after the event."""
    state = state or Organization()
    if "parent_id" not in event.data:
        return state
    return replace(state, ownerships=(*state.ownerships, _ownership(event)))


def _ownership(event: Recorded, forgotten_on: date | None = None) -> Ownership:
    return Ownership(event.ends_on, event.known_on, event.version, event.data["parent_id"], forgotten_on)


def settle(state: Organization | None, draft: Draft, world: World) -> dict[str, Any]:
    """The data to record; Rejected where an ownership would close a circle on any day, to anybody."""
    if draft.data.get("parent_id") is not None:
        refuse_circles(draft.stream, apply(state, draft.as_recorded()), world, "/data/parent_id")
    return draft.data


def refuse_circles(stream: str, state: Organization | None, world: World, pointer: str = "") -> None:
    """Rejected where the ownerships of an organisation, as `state` would have them, close a circle at any time.

    Walks up on every day, and for every knowledge, at which some ownership above changes.
    """
    identifier = stream.partition("/")[2]
    above = _above(identifier, state, world)
    changes = [ownership for organization in above.values() for ownership in organization.ownerships]
    # Without a way back to the start among all ownerships ever, no day can close the circle.
    if not any(ownership.parent_id == identifier for ownership in changes):
        return
    told_on = {ownership.known_on for ownership in changes}
    forgotten_on = {ownership.forgotten_on for ownership in changes if ownership.forgotten_on is not None}
    for effective_on in sorted({ownership.ends_on for ownership in changes}):
        for known_on in sorted(told_on | forgotten_on):
            path = [identifier]
            while (parent := above[path[-1]].parent(effective_on, known_on)) is not None:
                path.append(parent)
                if parent == identifier:
                    message = f"would make {identifier} its own owner on {effective_on}: {' -> '.join(path)}"
                    raise Rejected.at(pointer, message)
                if path.count(parent) > 1:
                    break


def _above(identifier: str, state: Organization | None, world: World) -> dict[str, Organization]:
    """Every organisation that was ever above this one, by any chain of ownerships."""
    above = {identifier: _as_believed(identifier, state, world)}
    waiting = [ownership.parent_id for ownership in above[identifier].ownerships]
    while waiting:
        name = waiting.pop()
        if name is not None and name not in above:
            above[name] = _as_believed(name, world.state(f"organization/{name}"), world)
            waiting.extend(ownership.parent_id for ownership in above[name].ownerships)
    return above


def _as_believed(identifier: str, state: Organization | None, world: World) -> Organization:
    """The organisation with the ownerships that stand and those that were believed until a later day."""
    believed = world.believed(f"organization/{identifier}")
    once = [_ownership(event, day) for event, day in believed if "parent_id" in event.data]
    return Organization((*(state.ownerships if state else ()), *once))
