"""Organisations and products that rows of a table name: what each is called, and since when it is heard of."""

from collections.abc import Mapping
from dataclasses import dataclass
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


class Registrations:
    """Everything that a table's rows would register, by kind and id; grows with their number, not with the rows'."""

    def __init__(self, prefix: str, envelope: Mapping[str, Any]) -> None:
        self._prefix = prefix
        #: What every event says besides its dates: basis and source.
        self._envelope = envelope
        self._found: dict[tuple[str, str], Registration] = {}

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
        found.heard_on = min(found.heard_on, heard_on)
        if known_on is not None:
            found.known_on = known_on if found.known_on is None else min(found.known_on, known_on)

    def needs(self, kind: str, identifier: str) -> Entry:
        """The registration as an event; ask when all rows are heard, for it counts from the first of their dates."""
        found = self._found[kind, identifier]
        if found.entry is None:
            sent: dict[str, Any] = {
                "type": f"{kind}-registered",
                "id": event_id(self._prefix, kind, identifier),
                "effective_on": f"../{found.heard_on}",
                **({"known_on": found.known_on} if found.known_on is not None else {}),
                **self._envelope,
                "data": {f"{kind}_id": identifier, **found.data},
            }
            found.entry = Entry(found.line, identifier, sent)
        return found.entry

    def maker(self, product_id: str) -> str:
        """Who makes a product."""
        return str(self._found["product", product_id].data["vendor_id"])


def _shown(value: Any) -> str:
    return "nothing" if value is None else repr(value)
