"""Organisations and products that rows of a table name: what each is called, and since when it is heard of."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from service.importing.names import event_id
from service.importing.orders.fields import Unfit
from service.importing.plans import Entry


@dataclass(slots=True)
class Registration:
    """What is registered under one id."""

    data: Mapping[str, Any]
    #: The line that named it first.
    line: int
    #: The earliest last day of the orders that name it.
    heard_on: str
    #: The earliest day on which one of them was known; None: none says.
    known_on: str | None
    entry: Entry | None = None
    #: Of a product without a maker of its own: who sells it, each with the earliest day on which that was known.
    sellers: dict[str, str | None] = field(default_factory=dict)


class Registrations:
    """Everything that a table's rows would register, by kind and id; grows with their number, not with the rows'."""

    def __init__(self, prefix: str, envelope: Mapping[str, Any]) -> None:
        self._prefix = prefix
        #: What every event says besides its dates: basis and source.
        self._envelope = envelope
        self._found: dict[tuple[str, str], Registration] = {}
        #: Organisations of which rows say what each is called apart from its id, and who owns it.
        self._named: set[str] = set()
        self._owned: set[str] = set()
        #: Organisations that rows name as owners of others: what is said of one that trades itself goes before.
        self._owners: dict[str, Registration] = {}

    def check(self, kind: str, identifier: str, data: Mapping[str, Any], line: int, *, differing: str) -> None:
        """Unfit where the rows before said something else of this id, unless the first of them is to be believed."""
        found = self._found.get((kind, identifier))
        if found is None or found.data == data or differing == "first":
            return
        name = next(name for name in {**found.data, **data} if found.data.get(name) != data.get(name))
        raise Unfit(
            f"{kind} {identifier} has the {name} {_shown(data.get(name))},"
            f" and {_shown(found.data.get(name))} on line {found.line}"
        )

    def hear(
        self, kind: str, identifier: str, data: Mapping[str, Any], line: int, heard_on: str, known_on: str | None
    ) -> None:
        """Take in that a row names it."""
        found = self._found.get((kind, identifier))
        if found is None:
            self._found[kind, identifier] = Registration(data, line, heard_on, known_on)
            return
        _hear(found, heard_on, known_on)

    def hear_seller(self, product_id: str, vendor_id: str, known_on: str | None) -> None:
        """Take in who sells a product that rows name no maker of: one vendor is its maker, of several none is."""
        sellers = self._found["product", product_id].sellers
        if vendor_id not in sellers:
            sellers[vendor_id] = known_on
        elif known_on is not None:
            sellers[vendor_id] = min(sellers[vendor_id] or known_on, known_on)

    def sellers(self) -> Mapping[str, Mapping[str, str | None]]:
        """Of each product without a maker of its own who sells it, and since when that is known."""
        return {
            name: found.sellers for (kind, name), found in self._found.items() if kind == "product" and found.sellers
        }

    def describe(self, organization_id: str, *, names: bool, owners: bool) -> None:
        """Take in that rows say of an organisation what it is called apart from its id, or who owns it."""
        if names:
            self._named.add(organization_id)
        if owners:
            self._owned.add(organization_id)

    def described(self, organization_id: str) -> tuple[bool, bool]:
        """Whether rows say of an organisation what it is called apart from its id, and who owns it."""
        return organization_id in self._named, organization_id in self._owned

    def organizations(self) -> Iterator[tuple[str, Registration]]:
        """Every organisation that rows name, with what they say of it; owners that do not trade last."""
        for (kind, identifier), found in self._found.items():
            if kind == "organization":
                yield identifier, found
        for identifier, owner in self._owners.items():
            if ("organization", identifier) not in self._found:
                yield identifier, owner

    def check_owner(self, identifier: str, data: Mapping[str, Any], line: int) -> None:
        """Unfit where the rows before said something else of an organisation that owns another."""
        found = self._owners.get(identifier)
        if found is not None and found.data != data:
            name = next(name for name in data if found.data.get(name) != data.get(name))
            raise Unfit(
                f"organization {identifier}, an owner, has the {name} {_shown(data.get(name))},"
                f" and {_shown(found.data.get(name))} on line {found.line}"
            )

    def hear_owner(
        self, identifier: str, data: Mapping[str, Any], line: int, heard_on: str, known_on: str | None
    ) -> None:
        """Take in that a row names it as the owner of another."""
        found = self._owners.get(identifier)
        if found is None:
            self._owners[identifier] = Registration(data, line, heard_on, known_on)
        else:
            _hear(found, heard_on, known_on)

    def owners(self, organization_id: str) -> list[str]:
        """An organisation and those above it, the highest first; Unfit where it would own itself."""
        found = [organization_id]
        while (above := self._organization(found[-1]).data.get("parent_id")) is not None:
            if above in found:
                raise Unfit(f"organisations own each other in a circle: {' -> '.join([*found, above])}")
            found.append(above)
        return found[::-1]

    def _organization(self, identifier: str) -> Registration:
        found, owner = self._found.get(("organization", identifier)), self._owners.get(identifier)
        if found is None:
            assert owner is not None
            return owner
        if owner is not None and found.entry is None:
            _hear(found, owner.heard_on, owner.known_on)
        return found

    def needs(self, kind: str, identifier: str) -> Entry:
        """The registration as an event; ask when all rows are heard, for it counts from the first of their dates."""
        known = self._found.get((kind, identifier))
        if known is not None and known.entry is not None:
            return known.entry
        found = self._organization(identifier) if kind == "organization" else self._found[kind, identifier]
        if found.entry is None:
            data = dict(found.data)
            if len(found.sellers) == 1:
                (data["vendor_id"],) = found.sellers
            sent: dict[str, Any] = {
                "type": f"{kind}-registered",
                "id": event_id(self._prefix, kind, identifier),
                "effective_on": f"../{found.heard_on}",
                **({"known_on": found.known_on} if found.known_on is not None else {}),
                **self._envelope,
                "data": {f"{kind}_id": identifier, **data},
            }
            found.entry = Entry(found.line, identifier, sent)
        return found.entry

    def maker(self, product_id: str) -> str | None:
        """The maker that rows name of a product; None: they name none."""
        found: str | None = self._found["product", product_id].data.get("vendor_id")
        return found


def _hear(found: Registration, heard_on: str, known_on: str | None) -> None:
    found.heard_on = min(found.heard_on, heard_on)
    if known_on is not None:
        found.known_on = known_on if found.known_on is None else min(found.known_on, known_on)


def _shown(value: Any) -> str:
    return "nothing" if value is None else repr(value)
