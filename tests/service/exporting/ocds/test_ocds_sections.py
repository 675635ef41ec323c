"""The sections of one release of an order, however many events it has."""

from typing import Any

from domain.events import Recorded
from domain.periods import parse_day, parse_period
from service.exporting.ocds.sections import OrderRegister, Sections
from tests.effort import Act, assert_in_proportion


def _event(number: int, event_type: str, data: dict[str, Any]) -> Recorded:
    return Recorded(
        type=event_type,
        id=f"event-{number}",
        stream="order/o-1",
        position=number,
        version=number,
        effective_on=parse_period("2024-03-01"),
        known_on=parse_day("2024-03-01"),
        basis="reported",
        data={"order_id": "o-1", **data},
        stored={"recorded_at": "2024-03-02T10:00:00Z", "source": {"citation": "file 7"}},
    )


def _history(amendments: int) -> list[Recorded]:
    lines = [{"line": "1", "product_id": None, "quantity": "10", "amount": "100"}]
    placing = {"buyers": ["nairobi"], "vendor_id": "acme", "currency": "EUR", "lines": lines}
    changes = {"changes": [{"line": "1", "amount": "1"}]}
    return [
        _event(1, "order-placed", placing),
        *(_event(number + 2, "order-amended", changes) for number in range(amendments)),
        # Every second one is taken back.
        *(
            _event(amendments + number + 2, "event-retracted", {"retracts": f"event-{number + 2}", "reason": "Twice."})
            for number in range(0, amendments, 2)
        ),
    ]


REGISTER = OrderRegister(
    organizations={one: {"organization_id": one, "name": one.title(), "country": "KE"} for one in ("nairobi", "acme")}
)


def changing(amendments: int) -> Act:
    """What makes the sections of an order with so many amendments."""

    def act() -> None:
        sections = Sections(REGISTER)
        for event in history:
            sections.take(event)
        (contract,) = sections.change().now["contracts"]
        assert len(contract["amendments"]) == amendments // 2
        assert contract["value"]["amount"] == 100 + amendments // 2

    history = _history(amendments)
    return act


def test_a_release_of_an_order_with_many_amendments_takes_time_in_proportion_to_them() -> None:
    assert_in_proportion(changing, 500)
