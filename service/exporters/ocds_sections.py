"""The sections of a release: who is who, the award and the contract that an order is, and its items."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

from domain.estimates import EXACT, ZERO
from domain.events import Recorded
from domain.values import UNKNOWN_COUNTRY
from projections.orders import order
from projections.parameters import Moment
from service.codes import country_name

History = Callable[[str], Sequence[Recorded]]
#: The scheme of ids and categories that are the ledger's own.
OWN_SCHEME = "daybook"
#: Behind every event.
LAST_POSITION = 2**62
#: Behind the point, of a price per unit; one that needs more is left out.
PRICE_PLACES = Decimal("0.0000000001")
#: The kind of partnership that joint suppliers form, under the id of the organisation that stands for them.
CONSORTIUM = "consortium"


@dataclass(slots=True)
class Register:
    """Organisations, products and consortia that an order speaks of, as the ledger has them at last."""

    organizations: dict[str, dict[str, Any]] = field(default_factory=dict)
    products: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: The members of vendors that are consortia.
    members: dict[str, list[str]] = field(default_factory=dict)
    #: All their events, in the order of the ledger.
    events: list[Recorded] = field(default_factory=list)

    @classmethod
    def of(cls, history: Iterable[Recorded], read: History) -> "Register":
        """The register of an order; `read` gives the events of a stream."""
        register = cls()
        for event in history:
            data = event.data
            if event.type == "order-placed":
                register._add_consortium(data["vendor_id"], read)
                register._add_organizations((*data["buyers"], data["vendor_id"]), read)
            for line in data.get("lines", ()):
                if line["product_id"] is not None and line["product_id"] not in register.products:
                    product = register._add(f"product/{line['product_id']}", read)
                    register.products[line["product_id"]] = product
                    register._add_organizations((product["vendor_id"],), read)
        register.events.sort(key=lambda event: event.position)
        return register

    def _add_organizations(self, ids: Iterable[str], read: History) -> None:
        waiting = [identifier for identifier in ids if identifier not in self.organizations]
        while waiting:
            identifier = waiting.pop()
            if identifier in self.organizations:
                continue
            self.organizations[identifier] = organization = self._add(f"organization/{identifier}", read)
            if organization.get("parent_id") is not None:
                waiting.append(organization["parent_id"])

    def _add_consortium(self, vendor_id: str, read: History) -> None:
        if vendor_id not in self.members:
            partnership = self._add(f"partnership/{vendor_id}", read)
            self.members[vendor_id] = partnership["parties"] if partnership.get("kind") == CONSORTIUM else []
            self._add_organizations(self.members[vendor_id], read)

    def _add(self, stream: str, read: History) -> dict[str, Any]:
        events = read(stream)
        self.events += events
        gone = {event.data["retracts"] for event in events if event.type == "event-retracted"}
        latest: dict[str, Any] = {}
        for event in events:
            if event.id not in gone and event.type not in ("event-retracted", "event-annotated"):
                latest |= event.data
        return latest


def sections(visible: Sequence[Recorded], register: Register) -> dict[str, Any]:
    """Buyer, parties, award and contract, as the visible events of an order have them."""
    moment = Moment(effective_on=date.max, position=LAST_POSITION)
    state = order(visible, moment)
    # What was agreed: a cancellation takes it down to what was delivered.
    agreed = order([event for event in visible if event.type != "order-cancelled"], moment)
    placing = [event for event in visible if event.type == "order-placed"][-1]
    order_id = placing.data["order_id"]
    buyers = placing.data["buyers"]
    suppliers = register.members.get(placing.data["vendor_id"]) or [placing.data["vendor_id"]]
    day = _day(placing)
    vendors = dict.fromkeys(event.data["vendor_id"] for event in visible if event.type == "order-placed")
    nth = list(vendors).index(placing.data["vendor_id"])
    # Suppliers of an award add up when releases are merged: another vendor is another award.
    award_id = f"{order_id}.{nth + 1}" if nth else order_id
    award = {
        "id": award_id,
        "status": "active" if state else "cancelled",
        "suppliers": [_reference(one, register) for one in suppliers],
    }
    contract: dict[str, Any] = {"id": order_id, "awardID": award_id, "status": _status(state)}
    if day:
        award["date"] = contract["dateSigned"] = day
    contract |= _agreed(agreed, placing, register)
    gone = {event.data["retracts"] for event in visible if event.type == "event-retracted"}
    standing = [event for event in visible if event.id not in gone]
    amendments = [_amendment(event) for event in standing if event.type == "order-amended"]
    milestones = [_milestone(event) for event in standing if event.type == "goods-received"]
    contract |= {"amendments": amendments} if amendments else {}
    contract |= {"implementation": {"milestones": milestones}} if milestones else {}
    contract["daybook"] = {"effective_on": placing.effective_on.text, "basis": placing.basis, **_outcome(state)}
    roles = [(one, "buyer") for one in buyers] + [(one, "supplier") for one in suppliers]
    told = {"buyer": _reference(buyers[0], register)} if len(buyers) == 1 else {}
    return {**told, "parties": _parties(roles, register), "awards": [award], "contracts": [contract]}


def _day(event: Recorded) -> str | None:
    """The day as a date and time; None for a longer period, of which no day is known."""
    if event.effective_on.first != event.effective_on.last:
        return None
    return f"{event.effective_on.text}T00:00:00Z"


def _status(state: Mapping[str, Any] | None) -> str:
    """Cancelled is what ended before anything came of it, terminated what ended after."""
    if state is None:
        return "cancelled"
    if state["status"] != "cancelled":
        return "active"
    delivered = (line["delivered"][measure]["high"] for line in state["lines"] for measure in ("quantity", "amount"))
    return "terminated" if any(high != "0" for high in delivered) else "cancelled"


def _agreed(agreed: Mapping[str, Any] | None, placing: Recorded, register: Register) -> dict[str, Any]:
    """Value and items; of an order that was taken back, its items without any value."""
    currency = placing.data["currency"]
    if agreed is None:
        items = [
            {"id": line["line"], **_described(line["product_id"], register), "quantity": 0}
            for line in placing.data["lines"]
        ]
        return {"value": {"amount": 0, "currency": currency}, "items": items}
    amounts = [_number(line["ordered"]["amount"]) for line in agreed["lines"]]
    value: dict[str, Any] = {"currency": currency}
    if None not in amounts:
        value["amount"] = _whole(sum((amount for amount in amounts if amount is not None), ZERO))
    return {"value": value, "items": [_item(line, currency, register) for line in agreed["lines"]]}


def _item(line: Mapping[str, Any], currency: str, register: Register) -> dict[str, Any]:
    item: dict[str, Any] = {"id": line["line"], **_described(line["product_id"], register)}
    quantity, amount = _number(line["ordered"]["quantity"]), _number(line["ordered"]["amount"])
    if quantity is not None:
        item["quantity"] = _whole(quantity)
    if quantity and amount is not None:
        price = EXACT.divide(amount, quantity).quantize(PRICE_PLACES, context=EXACT)
        if EXACT.multiply(price, quantity) == amount:
            item["unit"] = {"value": {"amount": _whole(price), "currency": currency}}
    return item


def _described(product_id: str | None, register: Register) -> dict[str, Any]:
    if product_id is None:
        return {}
    product = register.products[product_id]
    scheme, colon, code = product["category"].partition(":")
    category = {"scheme": scheme, "id": code} if colon and code else {"scheme": OWN_SCHEME, "id": product["category"]}
    return {
        "description": product["name"],
        "classification": category,
        "additionalClassifications": [{"scheme": f"{OWN_SCHEME}-product", "id": product_id}],
    }


def _outcome(state: Mapping[str, Any] | None) -> dict[str, Any]:
    """What became of the order, with its bounds: what OCDS has no words for."""
    if state is None:
        return {"lines": []}
    statuses = ("ordered", "delivered", "open")
    lines = [{"id": line["line"], **{status: line[status] for status in statuses}} for line in state["lines"]]
    # As pairs, which merging takes as a whole.
    allocations = [[one["buyer_id"], one["share"]] for one in state["allocations"] or ()]
    return {"lines": lines} | ({"allocations": allocations} if allocations else {})


def _amendment(event: Recorded) -> dict[str, Any]:
    day = _day(event)
    return {"id": event.id} | ({"date": day} if day else {})


def _milestone(event: Recorded) -> dict[str, Any]:
    day = _day(event)
    met = {"status": "met", "dateMet": day} if day else {"status": "met"}
    return {"id": event.id, "type": "delivery", "title": "Goods received", **met}


def _parties(roles: Iterable[tuple[str, str]], register: Register) -> list[dict[str, Any]]:
    parties: dict[str, dict[str, Any]] = {}
    for identifier, role in roles:
        party = parties.setdefault(identifier, _party(identifier, register))
        if role not in party["roles"]:
            party["roles"].append(role)
    return list(parties.values())


def _party(identifier: str, register: Register) -> dict[str, Any]:
    organization = register.organizations[identifier]
    party: dict[str, Any] = {**_reference(identifier, register), "roles": []}
    identifiers = organization.get("identifiers") or [{"scheme": OWN_SCHEME, "id": identifier}]
    party["identifier"] = identifiers[0]
    if identifiers[1:]:
        party["additionalIdentifiers"] = identifiers[1:]
    country = organization.get("country")
    if country and country != UNKNOWN_COUNTRY:
        party["address"] = {"countryName": country_name(country) or country}
    return party


def _reference(identifier: str, register: Register) -> dict[str, Any]:
    return {"id": identifier, "name": register.organizations[identifier].get("name") or identifier}


def _number(figure: Mapping[str, Any]) -> Decimal | None:
    """A figure's value; None where some of it is not quantified."""
    return None if figure["value"] is None or figure["high"] is None else Decimal(figure["value"])


def _whole(number: Decimal) -> int | Decimal:
    """A whole number as one, so that it is written without a point."""
    return int(number) if number == number.to_integral_value() else number.normalize(EXACT)
