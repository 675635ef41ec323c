"""The sections of a release: who is who, the award and the contract that an order is, and its items."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from domain.estimates import EXACT, ZERO
from domain.events import Recorded
from domain.values import UNKNOWN_COUNTRY
from projections.orders import MEASURES, written_statuses
from service.codes import country_name
from service.exporting.ocds.fold import UnorderedFold

History = Callable[[str], Sequence[Recorded]]
#: The scheme of ids and categories that are the ledger's own.
OWN_SCHEME = "daybook"
#: Behind the point, of a price per unit; one that needs more is left out.
PRICE_PLACES = Decimal("0.0000000001")
#: The kind of partnership that joint suppliers form, under the id of the organisation that stands for them.
CONSORTIUM = "consortium"


@dataclass(slots=True)
class OrderRegister:
    """Organisations, products and consortia that an order speaks of, as the ledger has them at last."""

    organizations: dict[str, dict[str, Any]] = field(default_factory=dict)
    products: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: The members of vendors that are consortia.
    members: dict[str, list[str]] = field(default_factory=dict)
    #: All their events, in the order of the ledger.
    events: list[Recorded] = field(default_factory=list)

    @classmethod
    def of(cls, history: Iterable[Recorded], read: History) -> "OrderRegister":
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


@dataclass(frozen=True, slots=True)
class SectionChange:
    """What events change of an order's sections; of long lists it has only the entries that may be different."""

    before: Mapping[str, Any]
    now: Mapping[str, Any]
    #: Of how many lines it speaks.
    lines: int


Entries = dict[str, dict[str, Any]]


class Sections:
    """Buyer, parties, award and contract of an order, as ever more of its events have them."""

    def __init__(self, register: OrderRegister) -> None:
        self._register = register
        self._fold = UnorderedFold()
        #: The sections about the order as a whole, as they are stated.
        self._header: dict[str, Any] = {}
        self._contract: dict[str, Any] = {}
        #: The entries of the contract's lists as they are stated, by their ids.
        self._items: Entries = {}
        self._lines: Entries = {}
        self._amendments: Entries = {}
        self._milestones: Entries = {}
        self._allocations: dict[str, Any] = {}
        self._value = _Value()
        #: Lines of which something may have been delivered.
        self._delivered: set[str] = set()
        self._cancelled = self._void = False
        #: Events whose entries may be different.
        self._taken: list[str] = []
        self._placed_anew = False

    @property
    def is_placed(self) -> bool:
        """Whether there is an order to state."""
        return self._fold.placing is not None

    def take(self, event: Recorded) -> None:
        """Take in a further event."""
        self._fold.take(event)
        self._taken.append(event.data["retracts"] if event.type == "event-retracted" else event.id)
        self._placed_anew |= event.type == "order-placed"

    def change(self) -> SectionChange:
        """What is different, of an order that is placed, since this was last asked for."""
        placing = self._fold.placing
        assert placing is not None
        cancelled, void = bool(self._fold.cancellations), self._fold.counting is None
        if self._placed_anew or cancelled != self._cancelled:
            self._fold.touch_all()
        # The items of an order that was taken back are other lines than those of the fold.
        others = list(self._items) if void or self._void else []
        self._cancelled, self._void = cancelled, void
        there, gone = self._fold.touched()
        items, lines = self._figured(there, gone, placing)
        names = list(dict.fromkeys((*there, *gone, *items, *others)))
        amendments = {one: _amendment(event) for one, event in self._news(self._fold.amendments)}
        milestones = {one: _milestone(event) for one, event in self._news(self._fold.receipts)}
        lists = (
            _swapped(self._items, names, items),
            _swapped(self._amendments, self._taken, amendments),
            _swapped(self._milestones, self._taken, milestones),
            _swapped(self._lines, names, lines),
        )
        allocation = self._fold.allocation
        allocations = {"allocations": _pairs(allocation)} if allocation else {}
        if allocations == self._allocations:
            allocations_before = allocations_now = dict[str, Any]()
        else:
            allocations_before, allocations_now = self._allocations, allocations
        self._allocations = allocations
        header_before, header = self._header, self._headed(placing)
        contract_before, contract = self._contract, self._contracted(placing, header["awards"][0]["id"])
        before = {**header_before, "contracts": [_contract(contract_before, [b for b, _ in lists], allocations_before)]}
        now = {**header, "contracts": [_contract(contract, [n for _, n in lists], allocations_now)]}
        if not contract_before:
            del before["contracts"]
        self._header, self._contract = header, contract
        self._taken, self._placed_anew = [], False
        return SectionChange(before, now, len(names))

    def _figured(self, there: Iterable[str], gone: Iterable[str], placing: Recorded) -> tuple[Entries, Entries]:
        """Items, and lines with their bounds, of the lines that are there."""
        items, lines = Entries(), Entries()
        for name in there:
            agreed = written_statuses(self._fold.figures(name, cancelled=False))
            # What was agreed: a cancellation takes it down to what was delivered.
            state = written_statuses(self._fold.figures(name, cancelled=True)) if self._cancelled else agreed
            line = {"line": name, "product_id": self._fold.line(name)["product_id"], **agreed}
            items[name] = _item(line, placing.data["currency"], self._register)
            lines[name] = {"id": name, **state}
            self._value.put(name, _number(agreed["ordered"]["amount"]))
            delivered = any(state["delivered"][measure]["high"] != "0" for measure in MEASURES)
            (self._delivered.add if delivered else self._delivered.discard)(name)
        for name in gone:
            self._value.put(name, ZERO)
            self._delivered.discard(name)
        if self._void:
            # Of an order that was taken back, its items without any value.
            items = {line["line"]: _emptied(line, self._register) for line in placing.data["lines"]}
        return items, lines

    def _news(self, standing: Mapping[str, Recorded]) -> list[tuple[str, Recorded]]:
        """Those of the events just taken in that stand, in the order of the ledger."""
        found = {one: standing[one] for one in self._taken if one in standing}
        return sorted(found.items(), key=lambda item: item[1].position)

    def _headed(self, placing: Recorded) -> dict[str, Any]:
        status = "cancelled" if self._void else "active"
        if self._header and not self._placed_anew and self._header["awards"][0]["status"] == status:
            return self._header
        order_id, buyers, vendor_id = (placing.data[field] for field in ("order_id", "buyers", "vendor_id"))
        suppliers = self._register.members.get(vendor_id) or [vendor_id]
        vendors = dict.fromkeys(event.data["vendor_id"] for event in self._fold.placings)
        nth = list(vendors).index(vendor_id)
        # Suppliers of an award add up when releases are merged: another vendor is another award.
        award = {
            "id": f"{order_id}.{nth + 1}" if nth else order_id,
            "status": status,
            "suppliers": [_reference(one, self._register) for one in suppliers],
            **_dated("date", placing),
        }
        roles = [(one, "buyer") for one in buyers] + [(one, "supplier") for one in suppliers]
        buyer = {"buyer": _reference(buyers[0], self._register)} if len(buyers) == 1 else {}
        return {**buyer, "parties": _parties(roles, self._register), "awards": [award]}

    def _contracted(self, placing: Recorded, award_id: str) -> dict[str, Any]:
        """The contract without its lists."""
        amount = ZERO if self._void else self._value.amount
        value = {} if amount is None else {"amount": _whole(amount)}
        return {
            "id": placing.data["order_id"],
            "awardID": award_id,
            "status": self._status(),
            **_dated("dateSigned", placing),
            "value": {"currency": placing.data["currency"], **value},
            "daybook": {"effective_on": placing.effective_on.text, "basis": placing.basis},
        }

    def _status(self) -> str:
        """Cancelled is what ended before anything came of it, terminated what ended after."""
        if self._void:
            return "cancelled"
        if not self._cancelled:
            return "active"
        return "terminated" if self._delivered else "cancelled"


@dataclass(slots=True)
class _Value:
    """What the lines of an order come to, as they change."""

    #: By line; None: some of it is not quantified.
    _amounts: dict[str, Decimal | None] = field(default_factory=dict)
    _sum: Decimal = ZERO
    _unknown: int = 0

    def put(self, line: str, amount: Decimal | None) -> None:
        """Let a line come to this."""
        before, self._amounts[line] = self._amounts.get(line, ZERO), amount
        self._sum = EXACT.add(EXACT.subtract(self._sum, before or ZERO), amount or ZERO)
        self._unknown += (amount is None) - (before is None)

    @property
    def amount(self) -> Decimal | None:
        """The sum; None where some of it is not quantified."""
        return None if self._unknown else self._sum


def _swapped(kept: Entries, names: Iterable[str], now: Entries) -> tuple[list[Any], list[Any]]:
    """The entries of these names as they were kept, and as they are from now on."""
    before = [kept.pop(name) for name in names if name in kept]
    kept |= now
    return before, list(now.values())


def _contract(
    contract: Mapping[str, Any], lists: Sequence[list[Any]], allocations: Mapping[str, Any]
) -> dict[str, Any]:
    items, amendments, milestones, lines = lists
    return {
        **contract,
        **({"items": items} if items else {}),
        **({"amendments": amendments} if amendments else {}),
        **({"implementation": {"milestones": milestones}} if milestones else {}),
        "daybook": {**contract.get("daybook", {}), "lines": lines, **allocations},
    }


def _pairs(allocation: Recorded) -> list[list[Any]]:
    """Buyers and shares, as pairs, which merging takes as a whole."""
    return [[one["buyer_id"], one["share"]] for one in allocation.data["allocations"]]


def _dated(name: str, event: Recorded) -> dict[str, str]:
    day = _day(event)
    return {name: day} if day else {}


def _day(event: Recorded) -> str | None:
    """The day as a date and time; None for a longer period, of which no day is known."""
    if event.effective_on.first != event.effective_on.last:
        return None
    return f"{event.effective_on.text}T00:00:00Z"


def _emptied(line: Mapping[str, Any], register: OrderRegister) -> dict[str, Any]:
    return {"id": line["line"], **_described(line["product_id"], register), "quantity": 0}


def _item(line: Mapping[str, Any], currency: str, register: OrderRegister) -> dict[str, Any]:
    item: dict[str, Any] = {"id": line["line"], **_described(line["product_id"], register)}
    quantity, amount = _number(line["ordered"]["quantity"]), _number(line["ordered"]["amount"])
    if quantity is not None:
        item["quantity"] = _whole(quantity)
    if quantity and amount is not None:
        price = EXACT.divide(amount, quantity).quantize(PRICE_PLACES, context=EXACT)
        if EXACT.multiply(price, quantity) == amount:
            item["unit"] = {"value": {"amount": _whole(price), "currency": currency}}
    return item


def _described(product_id: str | None, register: OrderRegister) -> dict[str, Any]:
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


def _amendment(event: Recorded) -> dict[str, Any]:
    return {"id": event.id, **_dated("date", event)}


def _milestone(event: Recorded) -> dict[str, Any]:
    return {"id": event.id, "type": "delivery", "title": "Goods received", "status": "met", **_dated("dateMet", event)}


def _parties(roles: Iterable[tuple[str, str]], register: OrderRegister) -> list[dict[str, Any]]:
    parties: dict[str, dict[str, Any]] = {}
    for identifier, role in roles:
        party = parties.setdefault(identifier, _party(identifier, register))
        if role not in party["roles"]:
            party["roles"].append(role)
    return list(parties.values())


def _party(identifier: str, register: OrderRegister) -> dict[str, Any]:
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


def _reference(identifier: str, register: OrderRegister) -> dict[str, Any]:
    return {"id": identifier, "name": register.organizations[identifier].get("name") or identifier}


def _number(figure: Mapping[str, Any]) -> Decimal | None:
    """A figure's value; None where some of it is not quantified."""
    return None if figure["value"] is None or figure["high"] is None else Decimal(figure["value"])


def _whole(number: Decimal) -> int | Decimal:
    """A whole number as one, so that it is written without a point."""
    return int(number) if number == number.to_integral_value() else number.normalize(EXACT)
