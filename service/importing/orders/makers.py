"""Products that several vendors sell: rows name no maker of them, so that none of the vendors is taken for it.

All rows of a file are heard before any product is registered, so a vendor that comes later in the file counts as the
first does. One that comes in a later file than the first takes the maker back that the earlier import registered.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from service.importing.names import event_id
from service.importing.plans import Entry

if TYPE_CHECKING:  # the catalogue takes long to import, and most files need none of it
    from domain.events import Recorded

#: Streams that the ledger is asked for at once.
ASKED_TOGETHER = 500
#: What a change is sent again with.
SENT = ("type", "id", "effective_on", "known_on", "basis", "source", "data")

#: All events of some products, by id.
ProductStreams = Callable[[Sequence[str]], "Mapping[str, Sequence[Recorded]]"]
#: Who sells each product, and since when that is known.
Sellers = Mapping[str, Mapping[str, str | None]]


@dataclass(slots=True)
class SharedProducts:
    """Products without a maker, since several vendors sell them."""

    ids: list[str] = field(default_factory=list)
    #: What takes back the maker of those that an earlier import registered with one.
    changes: list[Entry] = field(default_factory=list)


def shared_products(
    sellers: Sellers, known: Sequence[str], streams: ProductStreams, mapping: str, envelope: Mapping[str, Any]
) -> SharedProducts:
    """Which of the products that a file sells have several vendors, of its own rows or with earlier imports' ones.

    `known`: those that the ledger has. What it knows by another road than this mapping's keeps the maker it has.
    """
    registered = set(known)
    found = SharedProducts([name for name, by in sellers.items() if name not in registered and len(by) > 1])
    for start in range(0, len(known), ASKED_TOGETHER):
        for name, events in streams(known[start : start + ASKED_TOGETHER]).items():
            for change in _change(name, sellers[name], events, mapping, envelope):
                found.ids.append(name)
                if change is not None:
                    found.changes.append(Entry(1, name, change))
    return found


def _change(
    product_id: str,
    sellers: Mapping[str, str | None],
    events: "Sequence[Recorded]",
    mapping: str,
    envelope: Mapping[str, Any],
) -> Iterator[dict[str, Any] | None]:
    """The event that takes a product's maker back, None where it never had one; nothing where it keeps it."""
    if not events or events[0].id != event_id(mapping, "product", product_id):
        return
    registration = events[0]
    maker = registration.data.get("vendor_id")
    others = sellers.keys() - {maker}
    name = event_id(mapping, "product", product_id, "several-vendors")
    before = next((event for event in events if event.id == name), None)
    if maker is None:
        if len(sellers) > 1:
            yield None
    elif others and before is not None and before.stored is not None:
        yield {key: before.stored[key] for key in SENT if key in before.stored}
    elif others and not any("vendor_id" in event.data for event in events[1:]):
        days = [day for vendor in others if (day := sellers[vendor]) is not None]
        known_on = {"known_on": max(min(days), registration.known_on.isoformat())} if days else {}
        yield {
            "type": "product-changed",
            "id": name,
            # It is so for as long as the product is in the ledger, to those who know of the second vendor.
            "effective_on": registration.effective_on.text,
            **known_on,
            **envelope,
            "data": {"product_id": product_id, "vendor_id": None},
        }
