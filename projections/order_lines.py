"""The lines of one order as of any time, each with what of it arrived, went back and was cancelled."""

from collections.abc import Iterable
from typing import Any

from domain.events import Recorded
from projections.figures import ZERO, Figure, total_of
from projections.orders import (
    MEASURES,
    Entries,
    OrderStream,
    agreed,
    derived_amount,
    described,
    measured,
    posting,
    stated,
    written,
)
from projections.parameters import Moment

#: What of an order stands at each of its lines.
OF_THE_ORDER = (
    "order_id",
    "status",
    "vendor_id",
    "buyers",
    "currency",
    "placed_on",
    "placed_effective_on",
    "basis",
    "cancelled_on",
)


def order_lines(events: Iterable[Recorded], moment: Moment) -> list[dict[str, Any]]:
    """The lines of an order as of a moment, JSON-ready; none where no placing of it counts.

    `events` and figures are those of `orders.order`. Beside what was ordered, delivered and is open stand `received`,
    `returned` and `cancelled`: what arrived, what went back, and what was still to come of an order that was cancelled.
    Of goods, what was received less what was returned is what was delivered; what has no amount of its own counts at
    the price of its line (docs/semantics.md, 30), rounded for each by itself.
    """
    stream = OrderStream(events, moment)
    order = described(stream)
    if order is None:
        return []
    head = {name: order[name] for name in OF_THE_ORDER}
    entries, is_cancelled = stream.entries(), stream.cancellation is not None
    return [
        {
            **head,
            **line,
            "received": _moved(entries, "receipts", line["line"]),
            "returned": _moved(entries, "returns", line["line"]),
            "cancelled": _cancelled(entries, line["line"], is_cancelled),
        }
        for line in order["lines"]
    ]


def _moved(entries: Entries, field: str, line: str) -> dict[str, Any]:
    """What arrived or went back of a line: as it was stated, and money at the line's price where it was not."""
    money = stated(entries, field, line, "amount").plus(_derived(entries, field, line))
    return {"quantity": written(stated(entries, field, line, "quantity")), "amount": written(money)}


def _derived(entries: Entries, field: str, line: str) -> Figure:
    goods = [posting(entry["quantity"]) for entry in entries.get((field, line), ()) if "amount" not in entry]
    known = total_of(figure for figure in goods if not figure.unquantified)
    unknown = total_of(figure for figure in goods if figure.unquantified)
    if not known.quantified:
        return unknown
    quantity, amount = (agreed(entries, line, measure) for measure in ("quantity", "amount"))
    return unknown.plus(derived_amount(quantity, amount, known, ZERO))


def _cancelled(entries: Entries, line: str, is_cancelled: bool) -> dict[str, Any]:
    """What would be open of a line had its order not been cancelled."""
    open_ = {
        measure: measured(entries, line, measure, cancelled=False)["open"] if is_cancelled else Figure()
        for measure in MEASURES
    }
    return {measure: written(figure) for measure, figure in open_.items()}
