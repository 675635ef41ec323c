"""Random extracts, with changes by hand between them: afterwards the orders stand as the last extract has them."""

import random
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.estimates import plain
from projections.orders import order
from projections.parameters import Moment
from tests.service.importing.orders.extracts.conftest import Planner

#: What a row says of a line: quantity, amount, received to date.
Said = dict[tuple[str, str], tuple[int, int, int]]
ORDERS, EXTRACTS = 5, 5


class Purchasing:
    """A purchasing system: its orders, as it has them itself."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.lines: Said = {}
        self.cancelled: set[str] = set()
        for number in range(ORDERS):
            self.place(str(number))

    def place(self, po: str) -> None:
        """An order of a line or some."""
        for pos in range(1, self.dice.randint(1, 3) + 1):
            quantity = self.dice.randint(1, 20)
            self.lines[po, str(pos)] = (quantity, quantity * self.dice.randint(1, 9), self.dice.randint(0, quantity))

    def live(self, number: int) -> None:
        """A month goes by."""
        for (po, pos), (quantity, amount, received) in list(self.lines.items()):
            what = self.dice.random()
            if po in self.cancelled:
                continue
            if what < 0.15:
                self.lines[po, pos] = (quantity + self.dice.randint(1, 5), amount, received)
            elif what < 0.3:
                self.lines[po, pos] = (quantity, amount + self.dice.randint(-amount, 9), received)
            elif what < 0.5:
                self.lines[po, pos] = (quantity, amount, self.dice.randint(0, quantity))
            elif what < 0.55 and (po, "1") in self.lines and pos != "1":
                del self.lines[po, pos]
            elif what < 0.6:
                self.lines[po, str(9 + number)] = (5, 50, 0)
        if self.dice.random() < 0.5:
            self.cancelled.add(self.dice.choice(sorted({po for po, _ in self.lines})))
        elif self.cancelled and self.dice.random() < 0.5:
            self.cancelled.remove(min(self.cancelled))
        self.place(str(ORDERS + number))

    def rows(self) -> list[dict[str, str]]:
        """Its orders as an extract has them, in no order."""
        rows = [
            {
                "PO": po,
                "Pos": pos,
                "Qty": str(quantity),
                "Value": str(amount),
                "In": str(received) if received else "",
                "Status": "cancelled" if po in self.cancelled else "open",
            }
            for (po, pos), (quantity, amount, received) in self.lines.items()
        ]
        self.dice.shuffle(rows)
        return rows


def standing(planner: Planner, po: str, day: date) -> dict[str, Any]:
    """An order as the register has it on a day."""
    history = planner.desk.daybook.ledger.history(f"order/{planner.id(po)}")
    found = order(history, Moment(effective_on=day, position=planner.desk.head))
    assert found is not None
    return found


def assert_stands_so(planner: Planner, system: Purchasing, day: date) -> None:
    """The orders of the ledger are those of the purchasing system."""
    for po in {po for po, _ in system.lines}:
        found = standing(planner, po, day)
        assert (found["status"] == "cancelled") == (po in system.cancelled), po
        listed = {pos: said for (other, pos), said in system.lines.items() if other == po}
        for line in found["lines"]:
            quantity, amount, received = listed.pop(line["line"], (None, None, None))
            delivered = line["delivered"]["quantity"]
            if quantity is None:
                # Of what arrived in an unknown quantity is not known what is open.
                assert line["open"]["quantity"]["value"] in ("0", None) or delivered["low"] != delivered["high"], line
                continue
            assert delivered["value"] == str(received), (po, line)
            if po not in system.cancelled:
                ordered = line["ordered"]
                assert (ordered["quantity"]["value"], ordered["amount"]["value"]) == (str(quantity), str(amount)), po
        assert not listed or (po in system.cancelled and not any(received for _, _, received in listed.values())), po


def expected(before: Purchasing, lines: Said, cancelled: set[str]) -> Counter[str]:
    """What differs between two extracts, by hand."""
    found: Counter[str] = Counter()
    known = {po for po, _ in lines}
    found["order-placed"] = len({po for po, _ in before.lines} - known)
    for (po, pos), (quantity, amount, received) in before.lines.items():
        old = lines.get((po, pos))
        if po not in known:
            found["goods-received"] += received > 0
            continue
        arrived = received - (old[2] if old else 0)
        found["goods-received" if arrived > 0 else "goods-returned"] += arrived != 0
        if po not in before.cancelled:
            found["order-amended"] += old is None or old[:2] != (quantity, amount)
    found["order-cancelled"] = len(before.cancelled - cancelled)
    return +found


@pytest.mark.parametrize("seed", range(2))
def test_orders_stand_as_the_last_extract_has_them_whatever_went_before(planner: Planner, seed: int) -> None:
    system, day = Purchasing(seed), date(2024, 4, 30)
    planner.sync(day.isoformat(), *system.rows())
    assert_stands_so(planner, system, day)
    for number in range(EXTRACTS):
        _change_by_hand(planner, system, day + timedelta(days=10))
        day += timedelta(days=30)
        system.live(number)
        planner.sync(day.isoformat(), *system.rows(), confirm_missing=True)
        assert_stands_so(planner, system, day)
        assert planner.facts(day.isoformat(), *system.rows(), confirm_missing=True) == []


def test_what_is_recorded_is_what_a_comparison_by_hand_finds(planner: Planner) -> None:
    system, day = Purchasing(11), date(2024, 4, 30)
    planner.sync(day.isoformat(), *system.rows())
    for number in range(EXTRACTS):
        lines, cancelled = dict(system.lines), set(system.cancelled)
        day += timedelta(days=30)
        system.live(number)
        # Lines that go and cancellations that are taken back are other tests' business.
        system.lines = {**{key: said for key, said in lines.items() if key not in system.lines}, **system.lines}
        system.cancelled |= cancelled
        found = Counter(kind for kind, _, _ in planner.facts(day.isoformat(), *system.rows()))
        assert found == expected(system, lines, cancelled), number


def _change_by_hand(planner: Planner, system: Purchasing, day: date) -> None:
    """Somebody amends, receives and cancels what the purchasing system knows nothing of."""
    dates = {"effective_on": day.isoformat(), "known_on": day.isoformat()}
    events: list[dict[str, Any]] = []
    for (po, pos), (quantity, _, received) in list(system.lines.items()):
        about, what = {"order_id": planner.id(po)}, system.dice.random()
        if po in system.cancelled:
            continue
        if what < 0.1:
            change = {"line": pos, "quantity": plain(Decimal(-quantity)), "amount": "7"}
            events.append({"type": "order-amended", **dates, "data": {**about, "changes": [change]}})
        elif what < 0.2:
            unsure = system.dice.choice(["3", None, {"value": "2", "low": "1", "high": "4"}])
            events.append(
                {"type": "goods-received", **dates, "data": {**about, "receipts": [{"line": pos, "quantity": unsure}]}}
            )
        elif what < 0.25 and received:
            back = {"line": pos, "quantity": str(received)}
            events.append({"type": "goods-returned", **dates, "data": {**about, "returns": [back]}})
    if system.dice.random() < 0.4:
        po = system.dice.choice(sorted({po for po, _ in system.lines} - system.cancelled))
        data = {"order_id": planner.id(po), "reason": "By telephone"}
        events.append({"type": "order-cancelled", **dates, "data": data})
    if events:
        planner.desk.record(events)
