"""An order as the ledger has it, by which releases are judged."""

from typing import Any

from domain.events import Recorded
from domain.periods import parse_day, parse_period
from service.importing.ocds.known import GrowingFold, after
from tests.effort import Act, assert_in_proportion


def _event(position: int, event_type: str, data: dict[str, Any]) -> Recorded:
    return Recorded(
        type=event_type,
        id=f"event-{position}",
        stream="order/o-1",
        position=position,
        version=position,
        effective_on=parse_period("2024-03-01"),
        known_on=parse_day("2024-03-01"),
        basis="reported",
        data={"order_id": "o-1", **data},
    )


def _placed(lines: int) -> Recorded:
    told = [{"line": str(n), "product_id": None, "quantity": "1", "amount": "10"} for n in range(lines)]
    return _event(1, "order-placed", {"buyers": ["nairobi"], "vendor_id": "acme", "currency": "EUR", "lines": told})


def _amended(position: int, line: int) -> Recorded:
    return _event(position, "order-amended", {"changes": [{"line": str(line), "amount": "1"}]})


def test_a_state_that_was_given_away_stays_as_it_is() -> None:
    fold = GrowingFold(["20240301T000000Z"] * 4)
    fold.add(_placed(2))
    placed = fold.state
    fold.add(_amended(2, 0))
    fold.add(_amended(3, 0))
    amended = fold.state
    request = {"type": "order-amended", "id": "x", "effective_on": "2024-03-01", "data": _amended(4, 1).data}
    last = after(amended, request)
    assert placed is not None
    assert amended is not None
    assert last is not None
    assert placed.lines == {"0": ("1", "10"), "1": ("1", "10")}
    assert amended.lines == {"0": ("1", "12"), "1": ("1", "10")}
    assert last.lines == {"0": ("1", "12"), "1": ("1", "11")}


def _folding(count: int) -> Act:
    """What folds an order of as many amendments as it has lines."""

    def act() -> None:
        state = fold.state
        assert state is not None
        assert set(state.lines.values()) == {("1", "11")}

    fold = GrowingFold(["20240301T000000Z"] * (count + 1))
    fold.add(_placed(count))
    for number in range(count):
        fold.add(_amended(number + 2, number))
    return act


def test_as_many_amendments_as_lines_take_time_in_proportion_to_both_together() -> None:
    # What copies the lines for each amendment takes some sixteen times as long.
    assert_in_proportion(_folding, 1_500)
