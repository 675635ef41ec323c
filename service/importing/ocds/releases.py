"""Releases brought down to what orders are made of: parties, awards, contracts; figures as exact text."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from service.codes import codes
from service.importing.ocds.documents import Publication
from service.importing.ocds.validation import ENTRIES, Departure, of_release

#: Digits that amounts and quantities may have before and behind the point.
MOST_WHOLE, MOST_PLACES = 15, 4
#: A price per unit may be finer; what it comes to may not.
MOST_PRICE_PLACES = 20
#: Earlier years stand for a date that is not known.
FIRST_YEAR = 1900
#: Statuses of awards and contracts of which no figure is read: nothing is bought yet, or at all.
NOT_BOUGHT = ("pending", "cancelled", "unsuccessful")
#: What publishers write where there is no identifier.
NO_IDENTIFIER = frozenset(("", "-", "0", "n/a", "na", "none", "null", "s/n"))
#: Fields that some publishers misspell.
SINGULARS = {"award": "awards", "contract": "contracts"}


DAY_FIRST = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class Unusable(ValueError):
    """Something of an award or contract that nothing can be made of: where, within it, and why."""

    def __init__(self, pointer: str, message: str) -> None:
        super().__init__(f"{pointer}: {message}")
        self.pointer = pointer
        self.message = message


@dataclass(slots=True)
class Reduced:
    """A release as orders are made of it."""

    ocid: str
    release_id: str
    #: The instant of publication, UTC.
    published_at: datetime
    #: For the merging of releases: ocid, id, date, tag, buyer, procuringEntity, parties, awards, contracts.
    content: dict[str, Any]
    #: The earliest day that it speaks of.
    first_on: date
    #: Awards and contracts that nothing can be made of, by what is wrong.
    unusable: list[tuple[str, str]] = field(default_factory=list)
    #: What is against the schema where nothing is read.
    remarks: list[str] = field(default_factory=list)


def reduced(publication: Publication, *, lenient: bool = False) -> Reduced:
    """Bring a release down; Unusable where it cannot be read at all.

    `lenient`: a tag that is none of the standard's says nothing, and the release is taken by what it holds.
    """
    departures = of_release(publication.release)
    mistagged = [one for one in departures if one.matters and one.path[:1] == ("tag",)] if lenient else []
    departures = [one for one in departures if one not in mistagged]
    fatal = [one for one in departures if one.matters and one.entry is None]
    if fatal:
        where = "".join(f"/{part}" for part in fatal[0].path)
        raise Unusable(f"{publication.pointer}{where}", fatal[0].message)
    release = publication.release
    published_at = _instant(release["date"], f"{publication.pointer}/date")
    barred: dict[tuple[str, int], Departure] = {}
    for departure in departures:
        if departure.matters and departure.entry is not None:
            barred.setdefault(departure.entry, departure)
    reduction = Reduced(release["ocid"], release["id"], published_at, {}, published_at.date())
    reduction.remarks = [one.said(publication.pointer) for one in departures if not one.matters]
    reduction.remarks += [f"{one.said(publication.pointer)}: taken by what it holds" for one in mistagged]
    reduction.remarks += [
        f"{publication.pointer}/{name} is no field of the standard ({plural}?), and is not read"
        for name, plural in SINGULARS.items()
        if name in release
    ]
    content: dict[str, Any] = {"ocid": release["ocid"], "id": release["id"], "date": _stamp(published_at)}
    if isinstance(tag := release.get("tag"), list) and not mistagged:
        content["tag"] = tag
    if isinstance(buyer := release.get("buyer"), dict) and (one := _reference(buyer)):
        content["buyer"] = one
    tender = release.get("tender")
    if isinstance(tender, dict) and isinstance(procuring := tender.get("procuringEntity"), dict):
        content["procuringEntity"] = _reference(procuring)
    content["parties"] = [_party(party) for party in release.get("parties") or ()]
    for kind in ENTRIES:
        content[kind] = list(_entries(publication, kind, barred, reduction))
    reduction.content = {name: value for name, value in content.items() if value not in ([], {})}
    if "daybook" in release:
        reduction.content["daybook"] = release["daybook"]
    return reduction


def _entries(
    publication: Publication, kind: str, barred: Mapping[tuple[str, int], Departure], reduction: Reduced
) -> Iterator[dict[str, Any]]:
    taken: dict[str, dict[str, Any]] = {}
    for place, entry in enumerate(publication.release.get(kind) or ()):
        pointer = f"{publication.pointer}/{kind}/{place}"
        settled = _not_bought(entry, kind)
        if (kind, place) in barred:
            departure = barred[kind, place].said(publication.pointer)
            if settled is not None:
                reduction.remarks.append(f"{departure}; it is {settled['status']}: no purchase")
                yield settled
            elif isinstance(entry, dict) and _says_nothing(entry):
                reduction.remarks.append(f"{departure}; it states no value and no items: nothing to record")
            else:
                reduction.unusable.append((pointer, departure))
            continue
        try:
            read = _award(entry) if kind == "awards" else _contract(entry)
        except Unusable as unusable:
            if settled is None:
                reduction.unusable.append((pointer, f"{pointer}{unusable}"))
                continue
            reduction.remarks.append(f"{pointer}{unusable}; it is {settled['status']}: no purchase")
            read = settled
        same = taken.setdefault(read["id"], read)
        if same is not read:
            if same != read:
                message = f"{pointer}/id: {read['id']} stands twice in the release, with different content"
                reduction.unusable.append((pointer, message))
            continue
        days = [date.fromisoformat(read[name]) for name in ("date", "dateSigned") if read.get(name)]
        reduction.first_on = min([reduction.first_on, *days])
        yield read


def _not_bought(entry: Any, kind: str) -> dict[str, Any] | None:
    """All that counts of an award or contract under whose status nothing is bought; None: it is another."""
    if not isinstance(entry, dict) or entry.get("status") not in NOT_BOUGHT or entry.get("id") in (None, ""):
        return None
    settled = {"id": str(entry["id"]), "status": entry["status"]}
    return settled | ({"awardID": str(entry["awardID"])} if kind == "contracts" and entry.get("awardID") else {})


def _says_nothing(entry: Mapping[str, Any]) -> bool:
    value = entry.get("value")
    return not entry.get("items") and (not isinstance(value, dict) or value.get("amount") is None)


def _award(entry: Mapping[str, Any]) -> dict[str, Any]:
    read = _common(entry, "date")
    return read | _suppliers(entry.get("suppliers"))


def _contract(entry: Mapping[str, Any]) -> dict[str, Any]:
    read = _common(entry, "dateSigned") | {"awardID": str(entry["awardID"])}
    # Not in the standard itself; an extension has a list here, and some publishers one object.
    suppliers = entry.get("suppliers")
    return read | _suppliers([suppliers] if isinstance(suppliers, dict) else suppliers)


def _common(entry: Mapping[str, Any], dated: str) -> dict[str, Any]:
    read: dict[str, Any] = {"id": str(entry["id"])}
    # A null says that what was stated before is no more.
    stated = {name: entry[name] for name in ("title", "status") if name in entry}
    read |= {name: value or None for name, value in stated.items() if value is None or isinstance(value, str)}
    if dated in entry:
        day = _day(entry[dated], f"/{dated}")
        read[dated] = None if day is None else day.isoformat()
    listed = entry.get("amendments")
    # What is no amendment or no text is a departure from the schema, and remarked as such.
    amendments = [*(listed if isinstance(listed, list) else ()), entry.get("amendment")]
    dates = [one.get("date") for one in amendments if isinstance(one, dict)]
    days = [_day(one, "/amendments") for one in dates if isinstance(one, str)]
    if amended := [day.isoformat() for day in days if day is not None]:
        read["amendedOn"] = max(amended)
    if (value := _value(entry.get("value"), "/value")) is not None:
        read["value"] = value
    items = [_item(item, f"/items/{n}") for n, item in enumerate(entry.get("items") or ())]
    if items:
        read["items"] = _with_own_ids(items)
    return read


def _with_own_ids(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Items with ids of their own: merging would take a second one of an id for a correction of the first."""
    seen: dict[str, int] = {}
    for item in items:
        seen[item["id"]] = count = seen.get(item["id"], 0) + 1
        if count > 1:
            item["id"] = f"{item['id']}.{count}"
    return items


def _value(value: Mapping[str, Any] | None, pointer: str) -> dict[str, Any] | None:
    """An amount and its currency, as far as stated."""
    if not value:
        return None
    currency = value.get("currency") or None
    if currency is not None and currency not in codes().currencies:
        raise Unusable(f"{pointer}/currency", f"{currency} is not an ISO 4217 currency code")
    if value.get("amount") is None:
        return {name: value[name] or None for name in ("amount", "currency") if name in value}
    if currency is None:
        raise Unusable(f"{pointer}/currency", f"{value['amount']} is stated without a currency")
    return {"amount": figure(value["amount"], f"{pointer}/amount"), "currency": currency}


def _item(item: Mapping[str, Any], pointer: str) -> dict[str, Any]:
    read: dict[str, Any] = {"id": str(item["id"])}
    if isinstance(text := item.get("description"), str) and text.strip():
        read["description"] = text
    classification = item.get("classification") or {}
    if classification.get("id") not in (None, ""):
        parts = ("scheme", "id", "description")
        read["classification"] = {name: str(classification[name]) for name in parts if classification.get(name)}
    if "quantity" in item:
        stated = item["quantity"]
        read["quantity"] = None if stated is None else figure(stated, f"{pointer}/quantity")
    unit = item.get("unit") or {}
    if isinstance(unit.get("name"), str) and unit["name"].strip():
        read["unit"] = unit["name"]
    price = unit.get("value") or {}
    if price.get("amount") is not None and price.get("currency"):
        amount = figure(price["amount"], f"{pointer}/unit/value/amount", MOST_PRICE_PLACES)
        read["price"] = {"amount": amount, "currency": price["currency"]}
    return read


def figure(number: int | Decimal, pointer: str, places: int = MOST_PLACES) -> str:
    """A number as the ledger holds one, exactly; Unusable where it cannot."""
    decimal = Decimal(number)
    sign, digits, exponent = decimal.as_tuple()
    assert isinstance(exponent, int)
    text = "".join(map(str, digits)).lstrip("0")
    behind = text.rstrip("0")
    whole = len(text) + exponent
    if sign and behind:
        raise Unusable(pointer, f"{str(number)[:40]} is negative")
    if behind and (whole > MOST_WHOLE or len(text) - len(behind) + exponent < -places):
        message = f"{str(number)[:40]} has more than {MOST_WHOLE} digits before or {places} behind the point"
        raise Unusable(pointer, message)
    plain = format(decimal, "f") if behind else "0"
    return (plain.rstrip("0").rstrip(".") if "." in plain else plain).lstrip("-")


def _suppliers(references: Any) -> dict[str, Any]:
    # A contract's own are not in the standard's schema, and so may be anything.
    if not references or not isinstance(references, list):
        return {}
    read = [_reference(one) for one in references if isinstance(one, dict)]
    read = [one for one in read if one]
    if all("id" in one for one in read):
        return {"suppliers": list({one["id"]: one for one in read}.values()), "suppliersWhole": False}
    # As in 1.0, where they have no ids: a later list takes the place of an earlier one. A list of lists is merged so.
    return {"allSuppliers": [[one] for one in read], "suppliersWhole": True}


def _party(party: Mapping[str, Any]) -> dict[str, Any]:
    read = _reference(party)
    read.setdefault("id", f"name {read.get('name', '')}")
    roles = party.get("roles")
    return read | ({"roles": [str(role) for role in roles]} if isinstance(roles, list) else {})


def _reference(given: Mapping[str, Any]) -> dict[str, Any]:
    """Who is meant: id, name, scheme and identifier, country, as far as stated."""
    read: dict[str, Any] = {}
    if given.get("id") not in (None, ""):
        read["id"] = str(given["id"])
    if isinstance(name := given.get("name"), str) and name.strip():
        read["name"] = " ".join(name.split())
    identifier = _object(given.get("identifier"))
    if str(identifier.get("id")).strip().casefold() not in NO_IDENTIFIER and identifier.get("id") is not None:
        read["identifier"] = str(identifier["id"]).strip()
        read["scheme"] = str(identifier.get("scheme") or "").strip()
    address = _object(given.get("address"))
    country = address.get("country") or address.get("countryName")
    if isinstance(country, str) and country.strip():
        read["country"] = country.strip()
    return read


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _day(text: str | None, pointer: str) -> date | None:
    """The day as written; None where none is stated."""
    if text is None or not text.strip():
        return None
    day = _moment(text, pointer).date()
    return day if day.year >= FIRST_YEAR else None


def _instant(text: str, pointer: str) -> datetime:
    moment = _moment(text, pointer)
    if moment.year < FIRST_YEAR:
        raise Unusable(pointer, f"{text[:40]!r} is no date on which anything was published")
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError:
        raise Unusable(pointer, f"{text[:40]!r} is, in UTC, after the year 9999") from None


def _moment(text: str, pointer: str) -> datetime:
    try:
        if not DAY_FIRST.match(text):
            raise ValueError(text)
        return datetime.fromisoformat(text.upper())
    except (ValueError, OverflowError):
        raise Unusable(pointer, f"{text[:40]!r} is not a date and time such as 2016-06-28T12:00:00-04:00") from None


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
