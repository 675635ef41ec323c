"""Orders that a Daybook exported: the events themselves, from the extension of their releases."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from domain.estimates import Estimate
from service.importing.ocds.spool import SpooledRelease
from service.importing.plans import Entry

EXTENSION = "daybook"
#: Types that the extension may bring, by the kind of stream.
REGISTER = {
    "organization-registered": "organization",
    "organization-changed": "organization",
    "product-registered": "product",
    "product-changed": "product",
    "partnership-formed": "partnership",
    "partnership-changed": "partnership",
    "partnership-ended": "partnership",
}
ORDERS = frozenset(
    ("order-placed", "order-amended", "order-cancelled", "goods-received", "goods-returned", "order-allocated")
)
#: Types about another event, by the field that names it.
ABOUT = {"event-retracted": "retracts", "event-annotated": "annotates"}
REGISTRATIONS = ("organization-registered", "product-registered")


class NotOurs(ValueError):
    """The extension is not what a Daybook writes, or does not agree with the release around it."""


@dataclass(frozen=True, slots=True)
class Exported:
    """The events of one order, and of the register that it needs."""

    order_id: str
    #: In the order in which they were recorded.
    events: tuple[Entry, ...]
    #: By stream, likewise.
    register: Mapping[str, tuple[Entry, ...]]

    def needs(self, known: Collection[str]) -> list[Entry]:
        """The plain registrations, which are left out where the ledger has one."""
        return [entries[0] for stream, entries in self.register.items() if stream not in known and _is_plain(entries)]

    def entries(self, known: Collection[str]) -> list[Entry]:
        """All else, in order: what became of the streams that the ledger does not know, and the order's own events."""
        further = [
            entries[1:] if _is_plain(entries) else entries
            for stream, entries in self.register.items()
            if stream not in known
        ]
        return [*(entry for entries in further for entry in entries), *self.events]


def is_exported(published: Sequence[SpooledRelease]) -> bool:
    """Whether releases bring a Daybook's events."""
    return any("events" in _extension(release) for release in published)


def exported(ocid: str, published: Sequence[SpooledRelease], contracts: Sequence[Mapping[str, Any]]) -> Exported:
    """The events that the releases of one process bring; `contracts` are theirs, merged. Raises NotOurs."""
    events: list[tuple[int, Entry]] = []
    register: list[tuple[int, Entry]] = []
    for release in published:
        extension = _extension(release)
        for field, target in (("events", events), ("register", register)):
            given = extension.get(field, [])
            if not isinstance(given, list):
                raise NotOurs(f"{release.pointer}/{EXTENSION}/{field} is not a list")
            target += [
                _entry(one, f"{release.pointer}/{EXTENSION}/{field}/{n}", release.line, ocid)
                for n, one in enumerate(given)
            ]
    own = _in_order(events)
    order_ids = {entry.sent["data"].get("order_id") for entry in own if entry.sent["type"] in ORDERS}
    if len(order_ids) != 1:
        raise NotOurs(f"its {EXTENSION} extension has events of {len(order_ids)} orders, not of one")
    streams = _streams(_in_order(register))
    _refuse_strangers(own)
    order_id = str(order_ids.pop())
    _refuse_disagreement(order_id, own, contracts)
    return Exported(order_id, tuple(own), streams)


def _extension(release: SpooledRelease) -> Mapping[str, Any]:
    extension = release.content.get(EXTENSION)
    return extension if isinstance(extension, dict) else {}


def _entry(given: Any, pointer: str, line: int, ocid: str) -> tuple[int, Entry]:
    if not isinstance(given, dict) or not isinstance(given.get("data"), dict):
        raise NotOurs(f"{pointer} is no event")
    position, event_type = given.get("position"), given.get("type")
    if type(position) is not int or not isinstance(given.get("id"), str) or not isinstance(event_type, str):
        raise NotOurs(f"{pointer} is no event: it needs a position, an id and a type")
    if event_type not in REGISTER and event_type not in ORDERS and event_type not in ABOUT:
        raise NotOurs(f"{pointer}/type: {event_type[:40]} has no place in an order's release")
    return position, Entry(line, ocid, {name: value for name, value in given.items() if name != "position"})


def _in_order(numbered: Sequence[tuple[int, Entry]]) -> list[Entry]:
    return [entry for _, entry in sorted(numbered, key=lambda one: one[0])]


def _refuse_strangers(own: Sequence[Entry]) -> None:
    ids = {entry.sent["id"] for entry in own}
    for entry in own:
        event_type = entry.sent["type"]
        if event_type in REGISTER or (event_type in ABOUT and entry.sent["data"].get(ABOUT[event_type]) not in ids):
            raise NotOurs(f"{entry.sent['id'][:128]} is not about the order")


def _streams(register: Sequence[Entry]) -> dict[str, tuple[Entry, ...]]:
    stream_of: dict[str, str] = {}
    streams: dict[str, list[Entry]] = {}
    for entry in register:
        event_type, data = entry.sent["type"], entry.sent["data"]
        if event_type in REGISTER:
            kind = REGISTER[event_type]
            stream = f"{kind}/{data.get(f'{kind}_id')}"
        else:
            stream = stream_of.get(str(data.get(ABOUT.get(event_type, ""))), "")
        if not stream:
            raise NotOurs(f"{entry.sent['id'][:128]} is not about the register")
        stream_of[entry.sent["id"]] = stream
        streams.setdefault(stream, []).append(entry)
    return {stream: tuple(entries) for stream, entries in streams.items()}


def _is_plain(entries: Sequence[Entry]) -> bool:
    """A registration and changes after it, nothing taken back."""
    types = [entry.sent["type"] for entry in entries]
    return types[0] in REGISTRATIONS and all(one.endswith("-changed") for one in types[1:])


def _refuse_disagreement(order_id: str, own: Sequence[Entry], contracts: Sequence[Mapping[str, Any]]) -> None:
    """NotOurs where the contract states another value than its events come to: somebody changed one of them."""
    contract = next((one for one in contracts if one["id"] == order_id), None)
    stated = (contract or {}).get("value", {}).get("amount")
    agreed = _agreed(own)
    if contract is None:
        raise NotOurs(f"its {EXTENSION} extension speaks of order {order_id}, and none of its contracts is that")
    if stated is not None and agreed is not None and Decimal(stated) != agreed:
        raise NotOurs(
            f"contract {order_id} states a value of {stated}, and its {EXTENSION} extension comes to {agreed}"
        )


def _agreed(own: Sequence[Entry]) -> Decimal | None:
    """What the lines come to as placed and amended; None where some of it is not quantified."""
    gone = {entry.sent["data"].get("retracts") for entry in own if entry.sent["type"] == "event-retracted"}
    total, stands = Decimal(0), False
    try:
        for entry in own:
            if entry.sent["type"] == "order-placed":
                # What followed an earlier placing was taken back with it.
                stands, total = entry.sent["id"] not in gone, Decimal(0)
            if entry.sent["id"] in gone or not stands:
                continue
            for line in entry.sent["data"].get("lines", ()):
                amount = Estimate.of(line["amount"]).value
                if amount is None:
                    return None
                total += amount
            total += sum(Decimal(change.get("amount", "0")) for change in entry.sent["data"].get("changes", ()))
    except (ArithmeticError, AttributeError, KeyError, TypeError):
        # What is wrong with an event, recording it will say better.
        return None
    return total
