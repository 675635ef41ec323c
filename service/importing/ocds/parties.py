"""Who buys and who supplies, as organisations of the ledger: ids from scheme and identifier, joint suppliers as one."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

import pycountry

from domain.values import IDENTIFIER_PATTERN, UNKNOWN_COUNTRY
from service.codes import codes
from service.importing.names import ascii_words
from service.importing.ocds.spool import ReleaseSpool, prefix_of
from service.importing.places import countries_in

#: The scheme of ids that are a Daybook's own.
OWN_SCHEME = "daybook"
#: Hexadecimal digits that distinguish ids which had to be rewritten.
DIGITS = 12
LONGEST_ID = 96
#: Longer names are cut.
LONGEST_NAME = 300
#: The roles of parties that may be who buys.
BUYING = frozenset(("buyer", "procuringEntity"))
#: All by which a reference says who is meant.
REFERRING = ("id", "name", "scheme", "identifier", "country")


def identifier(text: str, longest: int = LONGEST_ID) -> str:
    """A text as an id of the ledger: itself where it can be one, or else what is readable of it and a digest."""
    if len(text) <= longest and re.fullmatch(IDENTIFIER_PATTERN, text, re.ASCII):
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]
    shown = ascii_words(text, longest - DIGITS - 1)
    return f"{shown}-{digest}" if shown else digest


def short(text: str, longest: int = LONGEST_NAME) -> str:
    """A text of one line, cut where it is long."""
    text = " ".join(text.replace("\x00", " ").split())
    return text if len(text) <= longest else f"{text[: longest - 3].rstrip()}..."


@cache
def country_of(stated: str | None) -> str | None:
    """The code of a country as an address names it: by code of two or three letters, or by its English name."""
    if stated is None:
        return None
    upper = stated.upper()
    if upper in codes().countries:
        return upper
    if len(upper) == 3 and (found := pycountry.countries.get(alpha_3=upper)) is not None:
        return str(found.alpha_2)
    named = countries_in(stated) or countries_in(stated.title())
    return named[0] if len(named) == 1 else None


def country_of_scheme(scheme: str) -> str | None:
    """The country whose register a scheme is: schemes of org-id.guide begin with its code (PY-RUC)."""
    code, dash, _ = scheme.partition("-")
    return code if dash and code in codes().countries and code != UNKNOWN_COUNTRY else None


@dataclass(frozen=True, slots=True)
class NewOrganization:
    """An organisation, ready to be registered."""

    organization_id: str
    name: str
    country: str
    identifiers: tuple[tuple[str, str], ...]
    #: The earliest day on which the file speaks of it; the last of all days where it does nowhere in so many words.
    first_on: date
    #: The day of the earliest release of the file that names it; likewise.
    known_on: date

    def registration(self) -> dict[str, Any]:
        """The data of its registration."""
        data: dict[str, Any] = {"organization_id": self.organization_id, "name": self.name, "country": self.country}
        if self.identifiers:
            data["identifiers"] = [{"scheme": scheme, "id": one} for scheme, one in self.identifiers]
        return data


@dataclass(frozen=True, slots=True)
class Supplier:
    """Who an order is placed with: an organisation, or several of which it is not said who supplies what."""

    members: tuple[NewOrganization, ...]
    #: The one, or the consortium of all.
    organization: NewOrganization

    @property
    def is_joint(self) -> bool:
        """Whether there are several."""
        return len(self.members) > 1


def supplier_of(members: tuple[NewOrganization, ...]) -> Supplier:
    """The supplier that one organisation is, or several are together."""
    if len(members) == 1:
        return Supplier(members, members[0])
    by_id = sorted(members, key=lambda member: member.organization_id)
    digest = hashlib.sha256("\n".join(member.organization_id for member in by_id).encode()).hexdigest()[:DIGITS]
    countries = {member.country for member in members}
    consortium = NewOrganization(
        f"consortium-{digest}",
        short(" + ".join(member.name for member in by_id)),
        countries.pop() if len(countries) == 1 else UNKNOWN_COUNTRY,
        (),
        min(member.first_on for member in members),
        max(member.known_on for member in members),
    )
    return Supplier(members, consortium)


def supplier_references(entry: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """The references by which an award or contract names its suppliers, together."""
    if entry.get("suppliersWhole"):
        return [one for listed in entry.get("allSuppliers", ()) for one in listed]
    listed: Sequence[Mapping[str, Any]] = entry.get("suppliers", ())
    return listed


class Parties:
    """The organisations of one process, as its references name them."""

    def __init__(self, spool: ReleaseSpool, ocid: str) -> None:
        self._spool = spool
        self._prefix = prefix_of(ocid)
        self._parties: dict[str, Mapping[str, Any]] = {}
        self._roles: dict[str, frozenset[str]] = {}
        #: By all that is stated of one, the organisation: releases say the same again and again.
        self._found: dict[str, NewOrganization | None] = {}

    def __len__(self) -> int:
        return len(self._parties)

    def take(self, party_id: str, party: Mapping[str, Any] | None) -> bool:
        """Take in what is stated of a party, None: nothing any more; says whether it has or had a role in buying."""
        had = bool(self._roles.get(party_id))
        if party is None:
            self._parties.pop(party_id, None)
            self._roles.pop(party_id, None)
            return had
        self._parties[party_id] = party
        self._roles[party_id] = BUYING.intersection(party.get("roles", ()))
        return had or bool(self._roles[party_id])

    def buyers(
        self, buyer: Mapping[str, Any] | None, procuring: Mapping[str, Any] | None
    ) -> tuple[NewOrganization, ...]:
        """Who buys: `buyer`; or else the parties with that role; or else the procuring entity."""
        return (
            self.organizations([buyer] if buyer is not None else [])
            or self.organizations(self._with_role("buyer"))
            or self.organizations([procuring] if procuring is not None else [])
            or self.organizations(self._with_role("procuringEntity"))
        )

    def supplier(self, entry: Mapping[str, Any]) -> Supplier | None:
        """Who an award or contract names as its suppliers, together."""
        found = self.organizations(supplier_references(entry))
        return supplier_of(found) if found else None

    def organizations(self, references: Sequence[Mapping[str, Any]]) -> tuple[NewOrganization, ...]:
        """The organisations that references name, each once."""
        found = [one for reference in references if (one := self._organization(reference)) is not None]
        return tuple({one.organization_id: one for one in found}.values())

    def _with_role(self, role: str) -> list[Mapping[str, Any]]:
        return [self._parties[party_id] for party_id, roles in self._roles.items() if role in roles]

    def _organization(self, reference: Mapping[str, Any]) -> NewOrganization | None:
        stated = {**self._parties.get(reference.get("id", ""), {}), **reference}
        known = json.dumps([stated.get(name) for name in REFERRING])
        if known not in self._found:
            self._found[known] = self._find(stated)
        return self._found[known]

    def _find(self, stated: Mapping[str, Any]) -> NewOrganization | None:
        key = self._spool.organization(self._prefix, stated)
        if key is None:
            return None
        facts = self._spool.facts(key)
        kind, *parts = json.loads(key)
        identifiers = ((parts[0], parts[1]),) if kind == "identifier" and parts[0] else ()
        name = stated.get("name") or (facts.name if facts else None) or parts[-1]
        country = country_of(stated.get("country")) or country_of(facts.country if facts else None)
        return NewOrganization(
            _organization_id(kind, parts),
            # The name as the file has it first, so that all of the file's events agree.
            short((facts.name if facts else None) or name),
            country or (country_of_scheme(parts[0]) if identifiers else None) or UNKNOWN_COUNTRY,
            identifiers,
            facts.first_on if facts else date.max,
            facts.known_on if facts else date.max,
        )


def _organization_id(kind: str, parts: Sequence[str]) -> str:
    if kind == "identifier":
        scheme, own = parts
        if scheme == OWN_SCHEME or not scheme:
            return identifier(own)
        whole = f"{scheme}-{own}"
        return whole if identifier(whole) == whole else _readable(whole, ascii_words(scheme, 40), ascii_words(own, 30))
    *stated, name = parts
    whole = ":".join((*stated, name.replace(" ", "-")))
    return whole if identifier(whole) == whole else _readable(":".join(parts), *stated[:1], ascii_words(name, 60))


def _readable(text: str, *parts: str) -> str:
    """An id with what is readable in front, and a digest of the text that it stands for."""
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:DIGITS]
    return identifier("-".join(filter(None, (*parts, digest))))
