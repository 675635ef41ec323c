"""An order of an extract compared with the ledger: the facts of the extract's day that differ."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from domain.estimates import ZERO, plain
from domain.fulfilment import LineState, OrderState
from service.importing.orders.extracts.corrections import FIGURES, OrderCorrection, worth
from service.importing.orders.extracts.known import (
    ExtractOrder,
    KnownOrder,
    arrived,
    begun_by,
    paid,
    shares_of,
)
from service.importing.orders.extracts.writing import ExtractTerms, FactWriter
from service.importing.plans import Entry


@dataclass(slots=True)
class OrderDifferences:
    """What there is to record of an order so that it stands as an extract has it."""

    entries: list[Entry] = field(default_factory=list)
    #: What somebody should look at.
    notes: list[str] = field(default_factory=list)
    #: Lines that ordered something before, and those of them that the extract lacks.
    lines: int = 0
    lines_gone: int = 0


def new_order(terms: ExtractTerms, known: KnownOrder, listed: ExtractOrder) -> OrderDifferences:
    """An order of which nothing stands in the ledger."""
    writer = FactWriter(terms, (listed.order_id,), listed.row, known.ids, known.withdrawn_on)
    for entry in listed.group.entries:
        writer.take(entry, known.withdrawn_on)
    return OrderDifferences(writer.entries)


def differences(terms: ExtractTerms, known: KnownOrder, listed: ExtractOrder) -> OrderDifferences:
    """What differs of an order that the ledger has, oldest first."""
    return _Comparison(terms, known, listed).found()


def missing_order(terms: ExtractTerms, known: KnownOrder, order_id: str) -> OrderDifferences:
    """An order that an extract lacks: cancelled on its day."""
    writer = _writer(terms, known, order_id, 1)
    reason = f"the extract of {terms.as_of} does not have it any more"
    later = known.cancellations
    for fact in later:
        fact.dropped = True
        writer.retract(fact.event, reason)
    corrects = later[-1].event.id if later else None
    data = {"order_id": order_id, "reason": reason}
    writer.add("order-cancelled", ("missing",), data, corrects=corrects)
    return OrderDifferences(writer.entries)


def ordering_lines(state: OrderState) -> list[str]:
    """The lines that order something."""
    nothing = (ZERO, ZERO)
    return [name for name, line in state.lines.items() if (line.quantity.value, line.amount.value) != nothing]


def _writer(terms: ExtractTerms, known: KnownOrder, order_id: str, row: int) -> FactWriter:
    known_on = max(known.withdrawn_on, known.placed.event.known_on)
    return FactWriter(terms, (order_id,), row, known.ids, known_on)


class _Comparison:
    def __init__(self, terms: ExtractTerms, known: KnownOrder, listed: ExtractOrder) -> None:
        self._terms = terms
        self._known = known
        self._listed = listed
        self._writer = _writer(terms, known, listed.order_id, listed.row)
        self._found = OrderDifferences()
        #: Whether the ledger has it as cancelled already.
        self._cancelled = False
        #: The cancellation in whose place another one comes.
        self._replaced: str | None = None

    def found(self) -> OrderDifferences:
        before = self._known.state()
        if before.cancelled_on is None:
            self._found.lines = len(ordering_lines(before))
        correction = OrderCorrection(self._terms, self._known, self._listed)
        self._settle_cancellation(before, correction)
        correction.settle()
        correction.write(self._writer)
        if correction.reasons:
            self._note(f"is corrected, since no fact of a day says that {'; '.join(correction.reasons[:3])}")
        # What was changed by the correction counts as it is to stand.
        state = self._known.state()
        if not self._cancelled:
            self._order_lines(state)
        if self._listed.cancellation is None:
            self._order_less(state)
        if self._terms.joint:
            self._allocate()
        if self._terms.arrivals:
            for name, line in self._listed.state.lines.items():
                self._receive(name, line, state.lines.get(name))
        cancellation = self._listed.cancellation
        if cancellation is not None and not self._cancelled:
            data = cancellation.sent["data"]
            self._writer.add("order-cancelled", ("cancelled",), data, row=cancellation.line, corrects=self._replaced)
        self._found.entries = self._writer.entries
        return self._found

    def _settle_cancellation(self, state: OrderState, correction: OrderCorrection) -> None:
        """Take a cancellation back that the extract does not have, or has on an earlier day or behind more receipts."""
        for fact in self._known.cancellations:
            counted = begun_by(fact.event, self._terms.as_of)
            if self._listed.cancellation is None:
                if counted:
                    fact.dropped = True
                    correction.reasons.append(f"it was not cancelled on {fact.effective_on}")
            elif counted and not self._more_arrived(state):
                self._cancelled = True
            else:
                fact.dropped, self._replaced = True, fact.event.id
                correction.reasons.append(f"it was not cancelled on {fact.effective_on}, but on {self._terms.as_of}")

    def _more_arrived(self, state: OrderState) -> bool:
        """Whether an extract has receipts that the ledger would refuse behind a cancellation."""
        if not self._terms.arrivals:
            return False
        had = {name: arrived(line) or ZERO for name, line in state.lines.items()}
        return any((arrived(line) or ZERO) > had.get(name, ZERO) for name, line in self._listed.state.lines.items())

    def _order_lines(self, state: OrderState) -> None:
        """Lines that are new, and figures that are others; of an order that is cancelled these do not matter."""
        order_id = self._listed.order_id
        for name, line in self._listed.lines.items():
            row, wanted = self._listed.row_of(name), self._listed.state.lines[name]
            now = state.lines.get(name)
            if now is None:
                figures = {figure: getattr(wanted, figure).stored() for figure in FIGURES}
                data = {"order_id": order_id, "lines": [{**line, **figures}]}
                self._writer.add("order-amended", (name, "added"), data, row=row)
                continue
            if self._listed.cancellation is not None:
                continue
            change = {
                figure: plain(target.value - had.value)
                for figure in FIGURES
                if (target := getattr(wanted, figure)).exact
                and (had := getattr(now, figure)).exact
                and target.value != had.value
            }
            if change:
                data = {"order_id": order_id, "changes": [{"line": name, **change}]}
                self._writer.add("order-amended", (name, "amended"), data, row=row)

    def _order_less(self, state: OrderState) -> None:
        """Lines that the extract does not have: what has not arrived of them is not wanted any more."""
        for name, line in state.lines.items():
            if name in self._listed.lines:
                continue
            if arrived(line) is None:
                self._note(f"has line {name}, and the extract has not: how much of it arrived is not known exactly")
            change = {}
            for figure, had, rest in (("quantity", line.quantity, arrived(line)), ("amount", line.amount, worth(line))):
                if had.exact and had.value is not None and rest is not None and had.value > rest:
                    change[figure] = plain(rest - had.value)
            if change:
                self._found.lines_gone += 1
                data = {"order_id": self._listed.order_id, "changes": [{"line": name, **change}]}
                self._writer.add("order-amended", (name, "gone"), data)

    def _allocate(self) -> None:
        said = next((one for one in self._listed.group.entries if one.sent["type"] == "order-allocated"), None)
        if said is not None and shares_of(said.sent["data"]) != self._known.allocation():
            self._writer.add("order-allocated", ("allocated",), said.sent["data"], row=said.line)

    def _receive(self, name: str, listed: LineState, now: LineState | None) -> None:
        """What has arrived of a line since, or was sent back."""
        target, had = arrived(listed), ZERO if now is None else arrived(now)
        if target is None or had is None:
            return
        more, money = target - had, None
        if self._terms.payments:
            owed, settled = paid(listed), ZERO if now is None else paid(now)
            money = owed - settled if owed is not None and settled is not None else None
        if self._terms.dated and more > 0 and self._take_dated(name, more, money):
            return
        row = self._listed.row_of(name)
        for kind, field_name, verb, sign in (
            ("goods-received", "receipts", "received", 1),
            ("goods-returned", "returns", "returned", -1),
        ):
            part = dict(_part(sign * more, None if money is None else sign * money))
            if part:
                data = {"order_id": self._listed.order_id, field_name: [{"line": name, **part}]}
                self._writer.add(kind, (name, verb), data, row=row)

    def _take_dated(self, name: str, more: Decimal, money: Decimal | None) -> bool:
        """Take the receipts of rows, each on its own day, where they are all that is more."""
        fresh = [one for one in self._listed.receipts(name) if one.sent["id"] not in self._known.ids]
        parts = [one.sent["data"]["receipts"][0] for one in fresh]
        if any(part["quantity"] is None for part in parts):
            return False
        sums = sum((Decimal(part["quantity"]) for part in parts), ZERO)
        costs = sum((Decimal(part.get("amount") or 0) for part in parts), ZERO)
        if sums != more or (money is not None and costs != money):
            return False
        for one in fresh:
            self._writer.take(one, self._known.withdrawn_on)
        return True

    def _note(self, what: str) -> None:
        self._found.notes.append(f"order {self._listed.order_id} {what}")


def _part(quantity: Decimal, money: Decimal | None) -> Iterator[tuple[str, str]]:
    """What a receipt, or a return, says of a difference with its sign; nothing where there is none of it."""
    more_money = money is not None and money > 0
    if quantity <= 0 and not more_money:
        return
    yield "quantity", plain(max(quantity, ZERO))
    if money is not None:
        yield "amount", plain(max(money, ZERO))
