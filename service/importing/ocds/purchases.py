"""What a contract, or an award without one, comes to as its releases up to a day state it: what was bought."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from domain.estimates import EXACT, plain
from service.importing.ocds.parties import OWN_SCHEME, NewOrganization, Supplier, identifier, short
from service.importing.ocds.releases import Unusable, figure

#: Statuses of contracts and awards under which something is bought; none stated: as if it were.
BOUGHT = {"contracts": frozenset((None, "active", "terminated")), "awards": frozenset((None, "active"))}
#: Statuses under which it is not, and will not be.
GIVEN_UP = {"contracts": frozenset(("cancelled",)), "awards": frozenset(("cancelled", "unsuccessful"))}
#: The line of what an order is worth beyond its items, or of an order whose items have no value each.
VALUE_LINE = "value"
LONGEST_LINE_ID = 64
LONGEST_SCHEME = 20
#: The category of products that no classification knows.
UNCLASSIFIED = "unclassified"


@dataclass(frozen=True, slots=True)
class SuppliedProduct:
    """What a supplier supplies under a classification: the products that orders name."""

    product_id: str
    name: str
    category: str
    maker_id: str


@dataclass(frozen=True, slots=True)
class PurchaseLine:
    """A line of an order; figures as plain decimals, None: not stated."""

    line: str
    product: SuppliedProduct | None
    quantity: str | None
    amount: str | None


@dataclass(frozen=True, slots=True)
class Purchase:
    """A contract, or an award without one, as it stood on a day."""

    order_id: str
    #: "contracts" or "awards"
    kind: str
    own_id: str
    #: The award that a contract carries out.
    award_id: str | None
    buyers: tuple[NewOrganization, ...]
    supplier: Supplier
    currency: str
    lines: tuple[PurchaseLine, ...]
    #: The day of signature or award; None: not stated.
    effective_on: str | None
    #: The day of the latest amendment; None: not stated.
    amended_on: str | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a contract or an award comes to: one of these."""

    #: It is bought.
    purchase: Purchase | None = None
    #: It is given up: the status that says so.
    given_up: str = ""
    #: Contracts took an award's place: the first of their orders, as many as a reason names.
    contracted: tuple[str, ...] = ()
    #: It is not yet bought.
    remark: str = ""
    #: It should be an order and cannot be, for this reason.
    unusable: str = ""


@dataclass(frozen=True, slots=True)
class Lent:
    """What an award lends to contracts that do not say it themselves."""

    supplier: Supplier | None = None
    currency: str | None = None


def order_id(ocid: str, kind: str, own_id: str) -> str:
    """The id of the order that a contract or an award is."""
    return identifier(f"{ocid}:{'contract' if kind == 'contracts' else 'award'}:{own_id}")


def verdict(
    order: str,
    kind: str,
    entry: Mapping[str, Any],
    supplier: Supplier | None,
    lent: Lent,
    buyers: tuple[NewOrganization, ...],
) -> Verdict:
    """What a contract, or an award without one, comes to; `supplier` is what it says itself."""
    named = f"{kind[:-1]} {entry['id']}"
    status = entry.get("status")
    if status in GIVEN_UP[kind]:
        return Verdict(given_up=f"The {kind[:-1]}'s status is {status}.")
    if status not in BOUGHT[kind]:
        return Verdict(remark=f"{named} is {status}: not an order yet")
    try:
        return Verdict(_purchase(order, kind, entry, supplier or lent.supplier, lent, buyers))
    except Unusable as unusable:
        return Verdict(unusable=f"{named}: {unusable.message}")


def _purchase(
    order: str,
    kind: str,
    entry: Mapping[str, Any],
    supplier: Supplier | None,
    lent: Lent,
    buyers: tuple[NewOrganization, ...],
) -> Purchase:
    if supplier is None:
        without = f"names no supplier, and neither does award {entry['awardID']}" if "awardID" in entry else None
        raise Unusable("", without or "names no supplier")
    if not buyers:
        raise Unusable("", "no release names a buyer or a procuring entity")
    value = entry.get("value", {})
    items = entry.get("items", ())
    currency = value.get("currency") or next((one["price"]["currency"] for one in items if "price" in one), None)
    currency = currency or lent.currency
    if currency is None:
        raise Unusable("", "states no currency")
    effective_on = entry.get("dateSigned") if kind == "contracts" else entry.get("date")
    return Purchase(
        order,
        kind,
        entry["id"],
        entry.get("awardID"),
        buyers,
        supplier,
        currency,
        tuple(lines(items, value.get("amount"), currency, supplier.organization.organization_id)),
        effective_on,
        entry.get("amendedOn"),
    )


def lines(
    items: Sequence[Mapping[str, Any]], value: str | None, currency: str, maker_id: str
) -> Iterator[PurchaseLine]:
    """The lines of an order of a value: together they are worth exactly that, and no split is made up.

    Items with a price are worth price x quantity. What the value leaves beyond them is that of the one item without a
    price, or of several together on a line of its own; with none, that line is money without goods. Where the priced
    items come to more than the value, it is unknown what each was bought for: then none counts as priced.
    """
    priced = {n: worth for n, item in enumerate(items) if (worth := _worth(item, currency)) is not None}
    total = sum(priced.values(), Decimal(0))
    if value is not None and total > Decimal(value):
        priced, total = {}, Decimal(0)
    unpriced = [n for n in range(len(items)) if n not in priced]
    rest = None if value is None else figure(Decimal(value) - total, "/value/amount")
    # Their value together is the rest; of one item, or where nothing is left, each one's is known, too.
    together = len(unpriced) > 1 and rest not in (None, "0")
    for n, item in enumerate(items):
        if n in priced:
            yield _line(item, plain(priced[n]), maker_id)
        elif not together:
            yield _line(item, rest, maker_id)
    if together:
        yield _together([items[n] for n in unpriced], rest, maker_id)
    elif not unpriced and (not items or rest not in (None, "0")):
        yield PurchaseLine(VALUE_LINE, None, "0" if items else None, rest)


def _worth(item: Mapping[str, Any], currency: str) -> Decimal | None:
    """Price x quantity, where both are stated, in the order's currency, and it is a figure that the ledger can hold."""
    price = item.get("price")
    if price is None or price["currency"] != currency or item.get("quantity") is None:
        return None
    worth = EXACT.multiply(Decimal(price["amount"]), Decimal(item["quantity"]))
    try:
        return Decimal(figure(worth, ""))
    except Unusable:
        return None


def _line(item: Mapping[str, Any], amount: str | None, maker_id: str) -> PurchaseLine:
    name = identifier(item["id"], LONGEST_LINE_ID)
    return PurchaseLine(
        f"item-{name}" if name == VALUE_LINE else name, _product(item, maker_id), item.get("quantity"), amount
    )


def _together(items: Sequence[Mapping[str, Any]], amount: str | None, maker_id: str) -> PurchaseLine:
    """Several items that have one value: of one product if they all are, and counted if they count alike."""
    products = {_product(item, maker_id) for item in items}
    ids = {None if product is None else product.product_id for product in products}
    quantities = [item.get("quantity") for item in items]
    alike = len(ids) == 1 and len({item.get("unit") for item in items}) == 1 and None not in quantities
    quantity = plain(sum((Decimal(one) for one in quantities if one), Decimal(0))) if alike else None
    return PurchaseLine(VALUE_LINE, _product(items[0], maker_id) if len(ids) == 1 else None, quantity, amount)


def _product(item: Mapping[str, Any], maker_id: str) -> SuppliedProduct | None:
    """What an item is of: its classification, or else its description; None where it has neither."""
    classification = item.get("classification", {})
    description = item.get("description")
    if "id" in classification:
        scheme = classification.get("scheme", "")
        code = classification["id"]
        # A long scheme is a sentence, and the ledger's own is none.
        category = f"{scheme}:{code}" if scheme and len(scheme) <= LONGEST_SCHEME and scheme != OWN_SCHEME else code
        name = description or classification.get("description") or code
        return SuppliedProduct(identifier(f"{category}:{maker_id}"), short(name), short(category), maker_id)
    if description:
        return SuppliedProduct(identifier(f"{description}:{maker_id}"), short(description), UNCLASSIFIED, maker_id)
    return None
