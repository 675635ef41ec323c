"""The releases of an order, each of which states what is new, against those that state the whole order each time."""

import random
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.errors import Rejected
from domain.events import Recorded
from domain.periods import parse_day, parse_period
from service.exporting.ocds import packages
from service.exporting.ocds.packages import encode, releases_of
from service.exporting.ocds.sections import OrderRegister
from service.ocds import merging
from tests.effort import Act, assert_in_proportion
from tests.service.exporting.ocds import ocds_reference

FIRST = parse_day("2024-03-01")
ORGANIZATIONS = ("nairobi", "mombasa", "acme", "globex", "smic")
REGISTER = OrderRegister(
    organizations={one: {"organization_id": one, "name": one.title(), "country": "KE"} for one in ORGANIZATIONS},
    products={"p": {"product_id": "p", "name": "Pump", "vendor_id": "acme", "category": "pumps"}},
    members={"globex": ["acme", "smic"]},
)

FIGURES = ("0", "3", "10", "2.5", {"value": "7", "low": "5", "high": "9"}, None)


def event(position: int, event_type: str, known: int, data: dict[str, Any], effective: int = 0) -> Recorded:
    """An event of the order, known and in effect so many days after the first."""
    return Recorded(
        type=event_type,
        id=f"event-{position}",
        stream="order/o-1",
        position=position,
        version=position,
        effective_on=parse_period((FIRST + timedelta(effective)).isoformat()),
        known_on=FIRST + timedelta(known),
        basis="reported",
        data={"order_id": "o-1", **data},
        stored={"id": f"event-{position}", "recorded_at": "2026-03-02T10:00:00Z"},
    )


def line(name: str, quantity: Any = "10", amount: Any = "100", product: str | None = None) -> dict[str, Any]:
    """A line of the order."""
    return {"line": name, "product_id": product, "quantity": quantity, "amount": amount}


def placing(*lines: dict[str, Any], vendor: str = "acme", buyers: tuple[str, ...] = ("nairobi",)) -> dict[str, Any]:
    """What a placing says."""
    return {"buyers": list(buyers), "vendor_id": vendor, "currency": "EUR", "lines": list(lines)}


def _lines(chance: random.Random) -> list[dict[str, Any]]:
    names = chance.sample("abcd", chance.randint(1, 3))
    return [line(one, chance.choice(FIGURES), chance.choice(FIGURES), chance.choice((None, "p"))) for one in names]


def _data(chance: random.Random, event_type: str) -> dict[str, Any]:
    mentioned = chance.sample("abcd", chance.randint(1, 3))
    if event_type == "order-placed":
        buyers = chance.choice((("nairobi",), ("nairobi", "mombasa")))
        return placing(*_lines(chance), vendor=chance.choice(("acme", "globex")), buyers=buyers)
    if event_type == "order-amended":
        changes = [
            {"line": one, chance.choice(("quantity", "amount")): chance.choice(("1", "-2"))} for one in mentioned
        ]
        return chance.choice(
            ({"changes": changes}, {"lines": _lines(chance)}, {"changes": changes, "lines": _lines(chance)})
        )
    if event_type == "goods-received":
        return {"receipts": [{"line": one, "quantity": chance.choice(FIGURES), "amount": None} for one in mentioned]}
    if event_type == "goods-returned":
        return {"returns": [{"line": one, "quantity": "1"} for one in mentioned]}
    if event_type == "order-allocated":
        return {"allocations": [{"buyer_id": "nairobi", "share": chance.choice(("0.5", "0.6"))}]}
    return {"reason": "Barred."}


TYPES = ("order-amended", "goods-received", "goods-returned", "order-allocated", "order-cancelled", "order-placed")


def history(seed: int) -> list[Recorded]:
    """Some events, known and retracted in any order; more than a ledger would record."""
    chance = random.Random(seed)
    events = [event(1, "order-placed", chance.randint(0, 2), placing(*_lines(chance)))]
    retractable = list(events)
    for position in range(2, chance.randint(4, 30)):
        known, effective = chance.randint(0, 25), chance.randint(0, 25)
        if retractable and chance.random() < 0.25:
            target = retractable.pop(chance.randrange(len(retractable)))
            data = {"retracts": target.id, "reason": "Twice."}
            events.append(event(position, "event-retracted", known, data))
        else:
            event_type = chance.choices(TYPES, (5, 3, 2, 2, 1, 2))[0]
            events.append(event(position, event_type, known, _data(chance, event_type), effective))
            retractable.append(events[-1])
    return events


def told(events: list[Recorded]) -> list[dict[str, Any]]:
    """The releases without what is not merged."""
    releases = releases_of("ocds-x-o-1", "here", events, REGISTER)
    return [{name: value for name, value in one.items() if name != "daybook"} for one in releases]


def test_what_the_releases_come_to_is_what_whole_ones_would() -> None:
    for seed in range(100):
        events = history(seed)
        whole, changes = list(ocds_reference.releases("ocds-x-o-1", events, REGISTER)), told(events)
        assert [(one["id"], one["tag"]) for one in changes] == [(one["id"], one["tag"]) for one in whole], seed
        assert merging.compiled_release(changes) == merging.compiled_release(whole), seed
        assert merging.versioned_release(changes) == merging.versioned_release(whole), seed


def test_a_release_states_only_the_lines_and_amendments_that_are_new_or_different() -> None:
    events = [
        event(1, "order-placed", 0, placing(line("a"), line("b"))),
        event(2, "order-amended", 1, {"changes": [{"line": "a", "amount": "5"}]}),
        event(3, "order-amended", 2, {"lines": [line("c")]}),
    ]
    first, second, third = told(events)
    assert [item["id"] for item in first["contracts"][0]["items"]] == ["a", "b"]
    for release, item, amendment in ((second, "a", "event-2"), (third, "c", "event-3")):
        (contract,) = release["contracts"]
        assert [one["id"] for one in contract["items"]] == [item]
        assert [one["id"] for one in contract["daybook"]["lines"]] == [item]
        assert [one["id"] for one in contract["amendments"]] == [amendment]
        assert release.keys().isdisjoint(("parties", "awards"))
    assert third["contracts"][0]["value"] == {"currency": "EUR", "amount": 305}


def _amended(count: int, lines: int) -> list[Recorded]:
    changes = ({"changes": [{"line": f"{n % lines}", "amount": "1"}]} for n in range(count))
    return [
        event(1, "order-placed", 0, placing(*(line(f"{n}") for n in range(lines)))),
        *(event(n + 2, "order-amended", n + 1, change) for n, change in enumerate(changes)),
        # Every fourth one is withdrawn in the end.
        *(
            event(count + n + 2, "event-retracted", count + n + 2, {"retracts": f"event-{n + 2}", "reason": "Twice."})
            for n in range(0, count, 4)
        ),
    ]


def _compiled(count: int, lines: int) -> int:
    """The size of the releases of an order, in bytes."""
    releases = told(_amended(count, lines))
    compiled = merging.compiled_release(releases)
    value = sum(Decimal(item["unit"]["value"]["amount"]) * 10 for item in compiled["contracts"][0]["items"])
    assert value == compiled["contracts"][0]["value"]["amount"] == 100 * lines + count - (count + 3) // 4
    return len(encode(releases))


@pytest.mark.parametrize("lines", [1, 200])
def test_an_order_of_many_amendments_takes_time_and_room_in_proportion_to_them(lines: int) -> None:
    def prepare(count: int) -> Act:
        events = _amended(count, lines)
        return lambda: merging.compiled_release(told(events))

    assert _compiled(1_000, lines) < 5 * _compiled(250, lines)
    assert_in_proportion(prepare, 250)


def test_releases_that_would_state_far_too_many_lines_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "MOST_LINES", 5)
    told(_amended(3, 1))
    with pytest.raises(Rejected, match="more than 5 changed lines"):
        told(_amended(5, 1))


def test_what_was_known_before_the_placing_is_told_with_it() -> None:
    amended = event(2, "order-amended", 0, {"changes": [{"line": "a", "amount": "5"}]})
    (release,) = releases_of("ocds-x-o-1", "here", [event(1, "order-placed", 2, placing(line("a"))), amended], REGISTER)
    assert [one["position"] for one in release["daybook"]["events"]] == [1, 2]
    assert release["contracts"][0]["value"]["amount"] == 105
