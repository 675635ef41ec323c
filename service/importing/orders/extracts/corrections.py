"""What was never so of an order, as an extract has it: retracted, and what should have been recorded in its place."""

from decimal import Decimal
from typing import Any

from domain.estimates import EXACT, FOUR_PLACES, ZERO, Estimate, plain
from domain.fulfilment import LineState
from domain.periods import parse_period
from service.importing.orders.extracts.known import ExtractOrder, KnownOrder, OrderFact, arrived, paid
from service.importing.orders.extracts.writing import ExtractTerms, FactWriter

FIGURES = ("quantity", "amount")
#: Lines that are added to the placing; further ones are lines of that day.
MOST_LINES = 120
#: Of what the reason of a retraction names.
LONGEST_REASON = 400


def worth(line: LineState) -> Decimal | None:
    """What has arrived of a line comes to, by its receipts or else by its price; None: that is not exactly known."""
    stated, rest = paid(line), arrived(line)
    if stated is not None or rest is None:
        return stated
    ordered, amount = line.quantity, line.amount
    if not rest:
        return ZERO
    if not (ordered.exact and amount.exact and ordered.value and amount.value is not None):
        return None
    return EXACT.divide(EXACT.multiply(amount.value, rest), ordered.value).quantize(FOUR_PLACES)


class OrderCorrection:
    """Changes what is known of an order where an extract contradicts it, or where no fact of a day could say more."""

    def __init__(self, terms: ExtractTerms, known: KnownOrder, listed: ExtractOrder) -> None:
        self._terms = terms
        self._known = known
        self._listed = listed
        self._stands = listed.cancellation is None
        #: What was otherwise, in words.
        self.reasons: list[str] = []

    def settle(self) -> None:
        """Change the facts of the order."""
        self._settle_head()
        self._settle_lines()
        if self._stands:
            self._settle_lines_not_listed()
        if self._terms.arrivals:
            self._settle_arrivals()

    def write(self, writer: FactWriter) -> None:
        """Retract what was changed, and write what stands in its place."""
        facts = self._known.facts
        changed = [fact for fact in facts if fact.changed or fact.dropped]
        if not changed:
            return
        reason = f"the extract of {self._terms.as_of} says otherwise: {'; '.join(self.reasons)}"[:LONGEST_REASON]
        kinds = {fact.event.type for fact in changed}
        returned = any(fact.event.type == "goods-returned" for fact in facts)
        # Later events build on what brings and changes lines, and returns build on receipts.
        whole = bool(kinds & {"order-placed", "order-amended"}) or ("goods-received" in kinds and returned)
        if whole:
            writer.retract(self._known.placed.event, reason)
        for fact in facts if whole else changed:
            if not whole:
                writer.retract(fact.event, reason)
            if not fact.dropped:
                writer.again(fact.event, fact.data, fact.effective_on, changed=fact.changed)

    def _settle_head(self) -> None:
        placed, want = self._known.placed, self._listed.placed
        data, wanted = placed.data, want["data"]
        for name, words in (("vendor_id", "vendor"), ("currency", "currency")):
            if data[name] != wanted[name]:
                self._say(placed, f"the {words} is {wanted[name]}, not {data[name]}")
                data[name] = wanted[name]
        if set(data["buyers"]) != set(wanted["buyers"]):
            self._say(placed, f"the buyer is {', '.join(wanted['buyers'])}, not {', '.join(data['buyers'])}")
            data["buyers"] = list(wanted["buyers"])
            for fact in self._known.facts:
                of = {one["buyer_id"] for one in fact.data.get("allocations", ())}
                fact.dropped = fact.dropped or not of <= set(data["buyers"])
        # Rows without a day of the order say only before which it was placed, by days that move.
        said, known = want["effective_on"], placed.effective_on
        if not said.startswith("../") and not _within(known, said):
            self._say(placed, f"it was placed on {said}, not on {known}")
            placed.effective_on = said

    def _settle_lines(self) -> None:
        openings, state = self._known.openings(), self._known.state()
        for name, line in self._listed.lines.items():
            if name not in openings:
                self._bring(name, line)
                continue
            fact, opening = openings[name]
            for key, words in (("product_id", "product"), ("deliver_by", "due date")):
                if line.get(key) is not None and opening.get(key) != line[key]:
                    self._say(fact, f"the {words} of line {name} is {line[key]}, not {opening.get(key) or 'unknown'}")
                    opening[key] = line[key]
            for figure in FIGURES if self._stands else ():
                target: Estimate = getattr(self._listed.state.lines[name], figure)
                now: Estimate = getattr(state.lines[name], figure)
                if target.exact and not (now.exact and (now.value == target.value or not self._terms.correct)):
                    assert target.value is not None
                    self._reopen(name, figure, target.value)

    def _bring(self, name: str, line: Any) -> None:
        """A line that the order has always had."""
        placed = self._known.placed
        if self._terms.correct and self._stands and len(placed.data["lines"]) < MOST_LINES:
            state = self._listed.state.lines[name]
            figures = {"quantity": state.quantity.stored(), "amount": state.amount.stored()}
            placed.data["lines"].append({**line, **figures})
            self._say(placed, f"it has a line {name}")

    def _settle_lines_not_listed(self) -> None:
        """Lines that the order never had, or of which no difference can be said, since nothing of them is exact."""
        for name, line in self._known.state().lines.items():
            if name in self._listed.lines:
                continue
            exact = line.quantity.exact or line.amount.exact
            rest, money = arrived(line) or ZERO, worth(line) or ZERO
            nothing = line.quantity.value == rest and line.amount.value == money
            if (exact and not self._terms.correct) or nothing:
                continue
            self._reopen(name, "quantity", rest)
            self._reopen(name, "amount", money)

    def _reopen(self, name: str, figure: str, value: Decimal) -> None:
        """Have a line be brought with this figure, and never changed in it."""
        fact, opening = self._known.openings()[name]
        self._say(fact, f"the {figure} of line {name} is {plain(value)}")
        opening[figure] = plain(value)
        for other in self._known.counted:
            changes = other.data.get("changes", [])
            for change in changes:
                if change["line"] == name and change.pop(figure, None) is not None:
                    other.changed = True
            kept = [change for change in changes if len(change) > 1]
            if changes and not kept:
                del other.data["changes"]
            elif changes:
                other.data["changes"] = kept
            other.dropped = other.dropped or (other.event.type == "order-amended" and len(other.data) == 1)

    def _settle_arrivals(self) -> None:
        state = self._known.state()
        for name, line in state.lines.items():
            listed = self._listed.state.lines.get(name)
            target = arrived(listed) if listed is not None else None
            if target is None:
                continue
            parts = [
                (fact, part)
                for fact in self._known.counted
                for part in fact.data.get("receipts", ())
                if part["line"] == name
            ]
            if not line.received.exact:
                self._settle_inexact(name, parts, target + line.returned)
            elif self._terms.correct:
                self._settle_sum(name, parts, target - (arrived(line) or ZERO))

    def _settle_inexact(self, name: str, parts: "list[_Part]", total: Decimal) -> None:
        """Have the last receipt of unknown quantity be of what the others leave of the total."""
        exact = [Estimate.of(part["quantity"]) for _, part in parts]
        rest = max(total - sum((one.value or ZERO for one in exact if one.exact), ZERO), ZERO)
        for (fact, part), one in reversed([*zip(parts, exact, strict=True)]):
            if not one.exact:
                self._receive(name, fact, part, rest)
                rest = ZERO

    def _settle_sum(self, name: str, parts: "list[_Part]", difference: Decimal) -> None:
        """Have the last receipts be larger or smaller by a difference; what is left of that is a fact of the day."""
        for fact, part in reversed(parts):
            if not difference:
                return
            before = Decimal(part["quantity"])
            after = max(before + difference, ZERO)
            self._receive(name, fact, part, after)
            difference -= after - before

    def _receive(self, name: str, fact: OrderFact, part: dict[str, Any], quantity: Decimal) -> None:
        """Have a receipt be of so much; of nothing, there was none."""
        self._say(fact, f"of line {name} {plain(quantity)} arrived on {fact.effective_on}")
        if quantity or (self._terms.payments and "amount" in part):
            part["quantity"] = plain(quantity)
            if "amount" in part and not Estimate.of(part["amount"]).exact:
                del part["amount"]
            return
        fact.data["receipts"] = [one for one in fact.data["receipts"] if one is not part]
        fact.dropped = not fact.data["receipts"]

    def _say(self, fact: OrderFact, what: str) -> None:
        fact.changed = True
        self.reasons.append(what)


#: A receipt, and the fact that it stands in.
_Part = tuple[OrderFact, dict[str, Any]]


def _within(known: str, said: str) -> bool:
    """Whether a day, month or year lies within another."""
    one, other = parse_period(known), parse_period(said)
    if one.first is None or other.first is None:
        return known == said
    return other.first <= one.first and one.last <= other.last
