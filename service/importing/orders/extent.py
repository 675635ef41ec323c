"""Of which orders an extract has all, as its mapping says, and which rows are of another extract than it says."""

import hashlib
import json
from collections.abc import Iterable
from datetime import date, timedelta
from typing import TYPE_CHECKING

from domain.periods import parse_period
from service.importing.names import slug
from service.importing.orders.fields import Cells, Layout, Unfit
from service.importing.orders.mapping import OrderMapping

if TYPE_CHECKING:
    from service.importing.orders.rows import OrderRow

#: Hexadecimal digits that a scope is known by.
SCOPE_DIGITS = 16


def scope_key(mapping: OrderMapping) -> str:
    """What tells the extracts of one scope from those of another under one mapping; empty: of none."""
    scope = mapping.scope
    if not scope.declared:
        return ""
    days = [None if day is None else day.isoformat() for day in (scope.placed_from, scope.placed_to)]
    text = json.dumps([sorted(scope.buyers), *days, scope.last_days])
    return hashlib.sha256(text.encode()).hexdigest()[:SCOPE_DIGITS]


class OrderScope:
    """The orders that an extract of a day has all of."""

    def __init__(self, mapping: OrderMapping, as_of: date) -> None:
        scope, prefix = mapping.scope, mapping.buyer.prefix
        self._buyers = {*scope.buyers, *(f"{prefix}{slug(name)}" for name in scope.buyers)}
        self.first, self.last = scope.placed_from, scope.placed_to
        if scope.last_days is not None:
            since = as_of - timedelta(days=scope.last_days)
            self.first = since if self.first is None else max(self.first, since)

    def has_buyer(self, buyers: Iterable[str]) -> bool:
        """Whether one of these buyers is within it."""
        return not self._buyers or not self._buyers.isdisjoint(buyers)

    def has_day(self, placed_on: date) -> bool:
        """Whether it has orders of which this is the last day on which they were placed."""
        return (self.first is None or placed_on >= self.first) and (self.last is None or placed_on <= self.last)


class ExtractExtent:
    """Refuses rows that an extract of this day and this scope does not have."""

    def __init__(self, layout: Layout, mapping: OrderMapping, as_of: date) -> None:
        self._as_of = as_of
        self._scope = OrderScope(mapping, as_of)
        named = mapping.scope.as_of
        self._day = layout.period(named) if named is not None else None
        self._day_label = mapping.dates[named].column if named is not None else ""

    def refuse_others(self, row: "OrderRow", cells: Cells, placed_label: str) -> None:
        """Unfit where the row says that the file is of another day, or is of an order beyond the scope."""
        self._refuse_another_day(cells)
        dates = {
            f"{placed_label}: placed on": row.placed_on,
            "received on": row.received[0] if row.received is not None else None,
            "cancelled on": row.cancelled[0] if row.cancelled is not None else None,
            "credited on": row.credit[2] if row.credit is not None else None,
        }
        for what, text in dates.items():
            if text is None:
                continue
            found = parse_period(text)
            if (found.first or found.last) > self._as_of and not text.startswith("../"):
                raise Unfit(f"{what} {text}, after {self._as_of}, the day of the extract: is the file of another day?")
        buyer_id = row.head[2]
        if not self._scope.has_buyer([buyer_id]):
            raise Unfit(f"the buyer {buyer_id} is not among the buyers of the mapping's [scope]")
        # What is placed on or before a day may have been placed within any days.
        if row.placed_on is not None and not self._scope.has_day(parse_period(row.placed_on).last):
            raise Unfit(f"{placed_label}: placed on {row.placed_on}, beyond the days of the mapping's [scope]")

    def _refuse_another_day(self, cells: Cells) -> None:
        if self._day is None:
            return
        said = self._day(cells)
        if said is None or said.text != self._as_of.isoformat():
            shown = "no day" if said is None else said.text
            raise Unfit(f"{self._day_label}: says {shown}, and the extract was said to be of {self._as_of}")
