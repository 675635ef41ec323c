"""What a table of order lines holds, gathered order by order for a dry run."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from domain.estimates import EXACT, ZERO, plain
from domain.periods import parse_period
from service.importing.items import EventGroup
from service.shapes.overviews import CurrencySum, LineSample, Newcomers, OrderSample, TableOverview

#: Orders, lines of each, and names that are shown.
MOST_SAMPLES, MOST_LINES, MOST_NAMES = 3, 5, 10
#: Streams that the ledger is asked about at once.
ASKED_TOGETHER = 2_000

#: Which of these streams the ledger has.
Known = Callable[[Sequence[str]], Collection[str]]


@dataclass(slots=True)
class _Money:
    orders: int = 0
    lines: int = 0
    amount: Decimal = ZERO
    amended: Decimal = ZERO
    unquantified: int = 0


@dataclass(slots=True)
class OverviewBuilder:
    """Takes orders in, and says what they are together; grows with suppliers and products, not with orders."""

    orders: int = 0
    _money: dict[str, _Money] = field(default_factory=dict)
    _first_on: str | None = None
    _last_on: str | None = None
    #: Names by id.
    _suppliers: dict[str, str] = field(default_factory=dict)
    _products: dict[str, str] = field(default_factory=dict)
    _samples: list[OrderSample] = field(default_factory=list)

    def take(self, group: EventGroup) -> None:
        """One more order."""
        placed = group.entries[0].sent
        data = placed["data"]
        self.orders += 1
        money = self._money.setdefault(data["currency"], _Money())
        money.orders += 1
        for entry in group.entries:
            self._date(entry.sent["effective_on"])
            said = entry.sent["data"]
            for line in said.get("lines", ()):
                money.lines += 1
                if line["amount"] is None:
                    money.unquantified += 1
                else:
                    money.amount = EXACT.add(money.amount, Decimal(line["amount"]))
                if (product_id := line["product_id"]) is not None:
                    self._products.setdefault(product_id, "")
            for change in said.get("changes", ()):
                money.amended = EXACT.add(money.amended, Decimal(change.get("amount", 0)))
        self._suppliers.setdefault(data["vendor_id"], "")
        names = {need.row: str(need.sent["data"]["name"]) for need in group.needs}
        for found in (self._suppliers, self._products):
            found.update((name, names[name]) for name in names if found.get(name) == "")
        if len(self._samples) < MOST_SAMPLES:
            self._samples.append(_sample(group, names))

    def _date(self, effective_on: str) -> None:
        period = parse_period(effective_on)
        first = (period.first or period.last).isoformat()
        last = period.last.isoformat()
        self._first_on = first if self._first_on is None else min(self._first_on, first)
        self._last_on = last if self._last_on is None else max(self._last_on, last)

    def overview(self, rows: int, left_out: int, unread: Sequence[str], known: Known) -> TableOverview:
        """All of it; `known` is asked about suppliers and products."""
        sums = [
            CurrencySum(name, one.orders, one.lines, plain(one.amount), plain(one.amended), one.unquantified)
            for name, one in sorted(self._money.items())
        ]
        suppliers = _newcomers("organization", self._suppliers, known)
        products = _newcomers("product", self._products, known)
        return TableOverview(
            rows,
            left_out,
            self.orders,
            sums,
            self._first_on,
            self._last_on,
            suppliers,
            products,
            list(unread),
            self._samples,
        )


def _newcomers(kind: str, found: Mapping[str, str], known: Known) -> Newcomers:
    identifiers = list(found)
    there: set[str] = set()
    for start in range(0, len(identifiers), ASKED_TOGETHER):
        there.update(known([f"{kind}/{one}" for one in identifiers[start : start + ASKED_TOGETHER]]))
    new = [found[one] or one for one in identifiers if f"{kind}/{one}" not in there]
    return Newcomers(len(identifiers) - len(new), len(new), new[:MOST_NAMES])


def _sample(group: EventGroup, names: Mapping[str, str]) -> OrderSample:
    placed = group.entries[0]
    sent, data = placed.sent, placed.sent["data"]
    lines: list[Mapping[str, Any]] = [line for one in group.entries for line in one.sent["data"].get("lines", ())]
    return OrderSample(
        placed.line,
        data["order_id"],
        sent["effective_on"],
        sent.get("known_on"),
        [names.get(one, one) for one in data["buyers"]],
        names.get(data["vendor_id"], data["vendor_id"]),
        data["currency"],
        [
            LineSample(
                line["line"],
                names.get(line["product_id"], line["product_id"]),
                line["quantity"],
                line["amount"],
                line.get("deliver_by"),
            )
            for line in lines[:MOST_LINES]
        ],
        len(lines),
        [one.sent["type"] for one in group.entries[1:]],
    )
