"""A small ledger's facts in memory: read from the tables behind what is held, given up where they grow too large."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date
from threading import Lock
from typing import Any

import duckdb

from projections import statements
from projections.blocks import read
from projections.few.orders import HeldOrders
from projections.few.records import (
    NO_POSTING,
    AllocationSaid,
    AssertedLine,
    AssertionSaid,
    AttributeSaid,
    Cancelling,
    Estimated,
    HappeningSaid,
    HeldEvent,
    HeldLine,
    HeldOrder,
    Movement,
    OrganizationSaid,
    ProductSaid,
    RateSaid,
    RetractionSaid,
    Said,
)
from projections.few.register import HeldRegisters
from projections.regulations import recorded_of

STATEMENTS = read(statements.FOLDER / "few" / "holding.sql")
#: What a row of each sort takes in memory, at most, as was measured; and what all of them may take.
BYTES = {"events": 400, "movements": 800, "lines": 300, "facts": 500}
MOST_BYTES = 128 << 20
#: So many are read in the time that a statement takes for its planning.
ROWS_OF_A_STATEMENT = 15_000

#: Columns of the statements whose rows are read by name.
WITHDRAWAL = ("position", "regulation_id", "type", "known_on", "id", "effective_on", "basis", "corrects")
INSTRUMENT = (*WITHDRAWAL[:4], "ends_on", "until_on", *WITHDRAWAL[4:])

Row = tuple[Any, ...]


@dataclass(slots=True)
class HeldFacts:
    """Everything up to a position."""

    registers: HeldRegisters = field(default_factory=HeldRegisters)
    orders: HeldOrders = field(default_factory=HeldOrders)
    #: By word, what is named anywhere.
    words: dict[str, None] = field(default_factory=dict)
    position: int = 0


class Holding:
    """The facts of one projection. Any thread may ask; what is held is only added to."""

    def __init__(self, cursor: Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]) -> None:
        self._cursor = cursor
        self._reading = Lock()
        #: None: it has become too large, for good. Whoever is answering keeps what it has.
        self._held: HeldFacts | None = HeldFacts()
        self._words: dict[int | None, str | None] = {None: None}
        self._days: dict[date, date] = {}
        #: Rows that are held; and how many more the questions were worth that statements answered since.
        self._rows = self._worth = 0

    def upto(self, position: int) -> HeldFacts | None:
        """Everything up to a position, and maybe more; what is missing is read first.

        None: it is too large, or takes longer to be read than the statements took that it would have spared so far.
        """
        held = self._held
        if held is not None and held.position < position:
            with self._reading:
                held = self._held
                if held is not None and held.position < position:
                    self._read_on(held)
                    held = self._held
        return held if held is not None and held.position >= position else None

    def at_hand(self, position: int) -> HeldFacts | None:
        """Everything up to a position, where it is held already."""
        held = self._held
        return held if held is not None and held.position >= position else None

    def _read_on(self, held: HeldFacts) -> None:
        with self._cursor() as connection, statements.snapshot(connection):
            (size,) = statements.rows(connection, STATEMENTS["size"].text, {})
            if sum(many * size[name] for name, many in BYTES.items()) > MOST_BYTES:
                self._held, self._words, self._days = None, {}, {}
                return
            rows = sum(size[name] for name in BYTES)
            self._worth += ROWS_OF_A_STATEMENT
            if rows - self._rows > self._worth:
                # Whoever asks once only is answered sooner by a statement.
                return
            values = {"terms": {"number": len(self._words) - 1}}
            # All is read before anything is taken: what fails half-way leaves what was held as it was.
            fetched = {
                name: connection.execute(block.text, values.get(name, {"behind": held.position})).fetchall()
                for name, block in STATEMENTS.items()
                if name != "size"
            }
        self._take(held, fetched.__getitem__)
        self._rows, self._worth = rows, 0
        held.position = size["position"]

    def _take(self, held: HeldFacts, rows: Callable[[str], list[Row]]) -> None:
        for number, word in rows("terms"):
            self._words[number] = word
            held.words[word] = None
        day = self._day
        held.orders.events.extend(
            HeldEvent(identifier, kind, effective, day(known), day(ends), recorded_at, corrects)
            for identifier, kind, effective, known, ends, recorded_at, corrects in rows("events")
        )
        self._take_registers(held.registers, rows)
        self._take_orders(held.orders, rows)
        self._take_assertions(held.orders, rows)

    def _day(self, day: date) -> date:
        """One object for all that are of a day."""
        return self._days.setdefault(day, day)

    def _take_registers(self, registers: HeldRegisters, rows: Callable[[str], list[Row]]) -> None:
        word, day = self._words, self._day
        organizations: dict[str, list[OrganizationSaid]] = defaultdict(list)
        for one, ends, known, position, name, country, says_parent, parent, says_same, same_as in rows("organizations"):
            said = OrganizationSaid(
                day(ends),
                day(known),
                position,
                name,
                word[country],
                says_parent,
                word[parent],
                says_same,
                word[same_as],
            )
            organizations[_given(word[one])].append(said)
        if organizations:
            registers.say_organizations(organizations)
        products: dict[str, list[ProductSaid]] = defaultdict(list)
        for one, ends, known, position, registered, name, says_maker, maker, category in rows("products"):
            products[_given(word[one])].append(
                ProductSaid(day(ends), day(known), position, registered, name, says_maker, word[maker], word[category])
            )
        attributes: dict[tuple[str, str], list[AttributeSaid]] = defaultdict(list)
        for one, name, ends, known, position, value, low, high, label, stated in rows("attributes"):
            attributes[_given(word[one]), name].append(
                AttributeSaid(day(ends), day(known), position, value, low, high, word[label], stated)
            )
        if products or attributes:
            registers.say_products(products, attributes)
        rates: dict[str, list[RateSaid]] = defaultdict(list)
        for currency, ends, known, position, rate in rows("rates"):
            rates[_given(word[currency])].append(RateSaid(day(ends), day(known), position, rate))
        registers.say_rates(rates)
        instruments = []
        for *fields, data in rows("instruments"):
            row = dict(zip(INSTRUMENT, fields, strict=True))
            said_at = Said(day(row["ends_on"]), day(row["known_on"]), row["position"])
            instruments.append((said_at, row["until_on"], recorded_of(row, json.loads(data))))
        if instruments:
            registers.say_instruments(instruments)
        happenings: dict[tuple[bool, str], list[HappeningSaid]] = defaultdict(list)
        for is_instrument, thing, ends, known, position, kind, title in rows("happenings"):
            happenings[is_instrument, thing].append(HappeningSaid(day(ends), day(known), position, kind, thing, title))
        registers.say_happenings(happenings)
        self._take_retractions(registers, rows)

    def _take_retractions(self, registers: HeldRegisters, rows: Callable[[str], list[Row]]) -> None:
        withdrawals = [
            recorded_of(dict(zip(WITHDRAWAL, fields, strict=True)), {"retracts": retracts, "reason": reason})
            for *fields, retracts, reason in rows("withdrawals")
        ]
        retractions = [
            RetractionSaid(position, self._day(known), retracts) for position, known, retracts in rows("retractions")
        ]
        if retractions:
            registers.say_retractions(retractions, withdrawals)

    def _take_orders(self, orders: HeldOrders, rows: Callable[[str], list[Row]]) -> None:
        word, day = self._words, self._day
        joint: dict[int, list[str]] = defaultdict(list)
        for position, buyer in rows("buyers"):
            joint[position].append(_given(word[buyer]))
        orders.add_orders(
            HeldOrder(
                position,
                day(placed_on),
                order_id,
                _given(word[vendor]),
                _given(word[currency]),
                tuple(joint[position]) if buyer is None else (_given(word[buyer]),),
                buyer is None,
            )
            for position, placed_on, order_id, vendor, currency, buyer in rows("orders")
        )
        for line_key, placed, name, product, deliver_by in rows("lines"):
            orders.add_line(placed, HeldLine(line_key, name, word[product], deliver_by))
        for line_key, position, known, counts, basis, ends, kind, *figures, unpriced in rows("movements"):
            quantity, amount = _estimated(figures[:5]), _estimated(figures[5:])
            orders.add_movement(
                line_key,
                Movement(position, day(known), day(counts), basis, day(ends), kind, quantity, amount, unpriced),
            )
        for placed, position, known, ends, basis in rows("cancellations"):
            orders.add_cancellation(placed, Cancelling(position, day(known), day(ends), basis))
        allocations: dict[int, tuple[int, AllocationSaid]] = {}
        for placed, ends, known, position, basis, buyer, *share in rows("allocations"):
            value, low, high = share
            _, said = allocations.setdefault(
                position, (placed, AllocationSaid(day(ends), day(known), position, basis, {}))
            )
            said.shares[_given(word[buyer])] = value, low, high
        for placed, said in allocations.values():
            orders.add_allocation(placed, said)

    def _take_assertions(self, orders: HeldOrders, rows: Callable[[str], list[Row]]) -> None:
        word, day = self._words, self._day
        lines: dict[int, list[AssertedLine]] = defaultdict(list)
        for position, ordinal, name, product, deliver_by, *figures in rows("asserted-lines"):
            one = AssertedLine(
                ordinal, name, word[product], deliver_by, _estimated(figures[:5]), _estimated(figures[5:])
            )
            lines[position].append(one)
        for position, ends, known, basis, identifier, buyer, vendor, currency in rows("assertions"):
            orders.add_assertion(
                AssertionSaid(
                    day(ends),
                    day(known),
                    position,
                    basis,
                    identifier,
                    _given(word[buyer]),
                    _given(word[vendor]),
                    word[currency],
                    tuple(lines[position]),
                )
            )


def _given(word: str | None) -> str:
    assert word is not None
    return word


def _estimated(figures: Iterable[int]) -> Estimated:
    value, low, high, quantified, unquantified = figures
    if not quantified and not unquantified and not value:
        return NO_POSTING
    return Estimated(value, low, high, quantified, unquantified)
