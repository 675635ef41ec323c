"""What releases state of an order, one after the other, as events: placed, amended, cancelled, or stated anew."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from domain.estimates import plain
from domain.events import Recorded
from service.importing.ocds.known import GrowingFold, Known, after
from service.importing.ocds.purchases import Purchase, PurchaseLine
from service.importing.ocds.spells import Spell, Stated

#: Of the ids of events that come from releases: the order's id and the instant of the release stand behind it.
PREFIX = "ocds"
STAMP = re.compile(r":(\d{8}T\d{6}Z)(?::[a-z]+)?")


class Unexplained(Exception):
    """The releases say of an order what no event can say, given what the ledger has."""


class OrderChain:
    """The events of one order, release after release, on top of those that the ledger has."""

    def __init__(self, order_id: str, history: Sequence[Recorded], most_remarks: int) -> None:
        self.order_id = order_id
        #: What is said of releases that the ledger has overtaken.
        self.remarks: list[str] = []
        self._most_remarks = most_remarks
        self._history = history
        self._stamps = [self._stamp_of(event.id) for event in history]
        #: Instants of the releases that the ledger's events come from.
        self._recorded = sorted({stamp for stamp in self._stamps if stamp})
        self._known = frozenset(self._recorded)
        whole = GrowingFold(self._stamps)
        for event in history:
            whole.add(event)
        self._state = whole.state
        if self._state is not None and not self._recorded:
            raise Unexplained(f"order {order_id} is in the ledger already, and not from an OCDS release")
        self._earlier = GrowingFold(self._stamps)
        self._taken = 0

    def follow(self, spell: Spell, corrects: Mapping[str, str]) -> Iterator[tuple[Stated, list[dict[str, Any]]]]:
        """The event requests of a spell, in order, by the days that bring some.

        `corrects` has, by instant, the placing of an award that contracts took the place of.
        """
        yield from self._on(spell, spell.first, corrects)
        # After the first day nothing new is said, unless the ledger has another past: then until its end and once more.
        stamps = spell.days.stamps
        latest = self._recorded[-1] if self._recorded else ""
        end = bisect_right(stamps, latest, hi=spell.last + 1)
        day = spell.first + 1
        while day < end:
            remarks = len(self.remarks)
            yield from self._on(spell, day, corrects)
            if stamps[day] not in self._known and len(self.remarks) == remarks:
                # The same is true of all days before the ledger's next.
                day = bisect_left(stamps, self._recorded[bisect_left(self._recorded, stamps[day])], lo=day)
            else:
                day += 1
        if stamps[spell.first] <= latest and day <= spell.last:
            yield from self._on(spell, day, corrects)

    def _on(self, spell: Spell, day: int, corrects: Mapping[str, str]) -> Iterator[tuple[Stated, list[dict[str, Any]]]]:
        stated = spell.at(day)
        if requests := list(self._requests(replace(stated, corrects=corrects.get(stated.stamp)))):
            yield stated, requests

    def _requests(self, stated: Stated) -> Iterator[dict[str, Any]]:
        if stated.stamp in self._known:
            # Decided on what stood before it, so that the same events come out and are replays.
            yield from self._steps(self._before(stated.stamp), stated)
            return
        if self._recorded and stated.stamp < self._recorded[-1]:
            if list(self._steps(self._before(stated.stamp), stated)) and len(self.remarks) < self._most_remarks:
                self.remarks.append(
                    f"{stated.citation} is older than what the ledger has of {self.order_id}: not recorded"
                )
            return
        steps = list(self._steps(self._state, stated))
        for step in steps:
            self._state = after(self._state, step)
        yield from steps

    def _before(self, stamp: str) -> Known | None:
        """The order by the ledger's events up to the first that comes from a release of this instant or a later one.

        To be asked for one instant after the other.
        """
        while self._taken < len(self._history):
            own = self._stamps[self._taken]
            if own is not None and own >= stamp:
                break
            self._earlier.add(self._history[self._taken])
            self._taken += 1
        return self._earlier.state

    def _stamp_of(self, event_id: str) -> str | None:
        start = f"{PREFIX}:{self.order_id}"
        match = STAMP.fullmatch(event_id, len(start)) if event_id.startswith(start) else None
        return match[1] if match else None

    def _steps(self, state: Known | None, stated: Stated) -> Iterator[dict[str, Any]]:
        """The requests that make the order what the release says it is."""
        purchase = stated.purchase
        if purchase is None:
            if state is None:
                return
            if stated.contracted:
                self._refuse_others(state, "contracts took its place")
                yield self._retraction(state, stated, f"Contracted as {', '.join(stated.contracted)[:500]}.")
            elif not state.cancelled:
                yield self._request(stated, "order-cancelled", f"../{stated.known_on}", {"reason": stated.reason})
            return
        if state is None:
            yield self._placing(purchase, stated, stated.corrects)
            return
        cause = _cause_to_place_anew(state, purchase)
        if cause is not None:
            self._refuse_others(state, cause)
            yield self._retraction(state, stated, f"Published anew: {cause}.")
            yield self._placing(purchase, stated, state.placing_id)
            return
        data = _differences(state, purchase)
        if data:
            effective_on = f"../{stated.known_on}"
            if purchase.amended_on is not None and purchase.amended_on >= state.effective_on.removeprefix("../"):
                effective_on = purchase.amended_on
            yield self._request(stated, "order-amended", effective_on, data)

    def _refuse_others(self, state: Known, cause: str) -> None:
        if state.other is not None:
            message = f"order {self.order_id}: {cause}, which no amendment can say, and {state.other} builds on it"
            raise Unexplained(message)

    def _request(self, stated: Stated, event_type: str, effective_on: str, data: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "type": event_type,
            "id": f"{PREFIX}:{self.order_id}:{stated.stamp}",
            "effective_on": effective_on,
            "known_on": stated.known_on,
            "source": {"citation": stated.citation},
            "data": {"order_id": self.order_id, **data},
        }

    def _retraction(self, state: Known, stated: Stated, reason: str) -> dict[str, Any]:
        return {
            "type": "event-retracted",
            "id": f"{PREFIX}:{self.order_id}:{stated.stamp}:retracted",
            "effective_on": stated.known_on,
            "known_on": stated.known_on,
            "source": {"citation": stated.citation},
            "data": {"retracts": state.placing_id, "reason": reason},
        }

    def _placing(self, purchase: Purchase, stated: Stated, corrects: str | None) -> dict[str, Any]:
        data = {
            "buyers": [buyer.organization_id for buyer in purchase.buyers],
            "vendor_id": purchase.supplier.organization.organization_id,
            "currency": purchase.currency,
            "lines": [_written(line) for line in purchase.lines],
        }
        request = self._request(stated, "order-placed", purchase.effective_on or f"../{stated.known_on}", data)
        return request | ({"corrects": corrects} if corrects else {})


def _written(line: PurchaseLine) -> dict[str, Any]:
    product_id = line.product.product_id if line.product else None
    return {"line": line.line, "product_id": product_id, "quantity": line.quantity, "amount": line.amount}


def _cause_to_place_anew(state: Known, purchase: Purchase) -> str | None:
    """What is different about an order that no amendment can say; None: nothing, or nothing but lines' figures."""
    if state.cancelled:
        return "it is not given up after all"
    vendor_id = purchase.supplier.organization.organization_id
    if vendor_id != state.vendor_id:
        return f"the supplier is {vendor_id}, not {state.vendor_id}"
    buyers = {buyer.organization_id for buyer in purchase.buyers}
    if buyers != set(state.buyers):
        return f"the buyer is {', '.join(sorted(buyers))[:300]}, not {', '.join(state.buyers)[:300]}"
    if purchase.currency != state.currency:
        return f"the currency is {purchase.currency}, not {state.currency}"
    if purchase.effective_on is not None and purchase.effective_on != state.effective_on:
        return f"the date is {purchase.effective_on}, not {state.effective_on}"
    stated = {line.line: line for line in purchase.lines}
    for name, (quantity, amount) in state.lines.items():
        line = stated.get(name)
        if line is not None and (line.product.product_id if line.product else None) != state.products[name]:
            return f"line {name} is of another product"
        for old, new in ((quantity, line.quantity if line else "0"), (amount, line.amount if line else "0")):
            if old != new and not (isinstance(old, str) and isinstance(new, str)):
                return f"a figure of line {name} is known, or not known any more"
    return None


def _differences(state: Known, purchase: Purchase) -> dict[str, Any]:
    """The data of an amendment; empty where nothing is different. A line that is no longer stated comes to nothing."""
    stated = {line.line: line for line in purchase.lines}
    changes = []
    for name, before in state.lines.items():
        line = stated.get(name)
        after = (line.quantity, line.amount) if line else ("0", "0")
        change = {
            measure: plain(Decimal(new) - Decimal(old))
            for measure, old, new in zip(("quantity", "amount"), before, after, strict=True)
            if isinstance(old, str) and isinstance(new, str) and old != new
        }
        if change:
            changes.append({"line": name, **change})
    added = [_written(line) for name, line in stated.items() if name not in state.lines]
    return ({"changes": changes} if changes else {}) | ({"lines": added} if added else {})
