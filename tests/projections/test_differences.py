"""What changed between two moments: that the parts add up to it, and what each of them is called."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from decimal import Decimal, localcontext
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest

from projections.differences import MOST_EVENTS, difference
from projections.engine import Projection
from projections.figures import plain
from projections.parameters import VendorDependence
from projections.vendor_dependence import vendor_dependence
from service.audit.verifier import World, end_day
from tests.ledgers import Book, line, market
from tests.projections import ledgers
from tests.random_ledgers import random_ledger, random_query
from tests.seeds import seeds
from tests.test_random_ledgers import country_name

Event = dict[str, Any]

SEED = Path(__file__).parents[2] / "examples" / "ai-accelerators.ndjson"
#: Fields of an order's events that hold lines.
LINES = ("lines", "changes", "receipts", "returns")


@contextmanager
def asking(events: list[Event]) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a projection that holds these events."""
    with Projection.open() as projection:
        projection.apply(ledgers.batch(events))
        with projection.cursor() as cursor:
            yield cursor


def compare(book: Book, before: dict[str, Any], after: dict[str, Any], **query: Any) -> dict[str, Any]:
    """The difference on a ledger: of Baidu's units, at the end of 2024, unless told otherwise."""
    asked = {
        "buyer": ("baidu",),
        "measure": "units",
        "effective_on": "2024-12-31",
        "position": len(book.events),
    } | query
    sides = [VendorDependence(**asked | side) for side in (before, after)]
    with asking(book.events) as cursor:
        return difference(cursor, *sides, country_name=country_name)


def until(*days: str) -> list[dict[str, Any]]:
    """Two moments by effective_on."""
    return [{"effective_on": day} for day in days]


def known(*days: str) -> list[dict[str, Any]]:
    """Two moments by known_on."""
    return [{"known_on": day} for day in days]


def parts(answer: dict[str, Any]) -> dict[str | None, list[tuple[Any, ...]]]:
    """Of every row its parts: class, value, and the ids of the events, each with that of the event it is about."""
    return {
        row["key"]: [
            (
                part["class"],
                part["value"],
                [event["id"] if event["about"] is None else (event["id"], event["about"]) for event in part["events"]],
            )
            for part in row["explained"]
        ]
        for row in answer["rows"]
    }


# Whatever the ledger


class Standing:
    """Whether what an event says of a line counts at a moment, its placing and its line included (rules 7, 8, 11)."""

    def __init__(self, events: list[Event], parameters: VendorDependence) -> None:
        self._events = {event["position"]: event for event in events}
        self._stream = events
        world = World(events, parameters.effective_on, parameters.known_on, parameters.position)
        self._counting = {event["position"] for event in world.counting}
        self.visible = {event["position"] for event in world.visible}

    def counts(self, position: int, line_name: str | None) -> bool:
        """Whether it counts."""
        return all(needed in self._counting for needed in self._needed(self._events[position], line_name))

    def _needed(self, event: Event, line_name: str | None) -> Iterator[int]:
        yield event["position"]
        order_id = event["data"].get("order_id")
        if order_id is None:
            return
        about = [
            other
            for other in self._stream
            if other["data"].get("order_id") == order_id and other["position"] <= event["position"]
        ]
        placed = max(other["position"] for other in about if other["type"] == "order-placed")
        yield placed
        named = {entry["line"] for field in LINES for entry in event["data"].get(field, ())}
        brought = [
            other["position"]
            for other in about
            if placed <= other["position"] and line_name in [entry["line"] for entry in other["data"].get("lines", ())]
        ]
        if line_name in named and brought:
            yield max(brought)


def two_moments(random: Random, parameters: VendorDependence, head: int) -> tuple[VendorDependence, VendorDependence]:
    """Moments that differ in one clock."""
    clock = random.choice(("effective_on", "known_on", "position"))
    if clock == "position":
        low, high = sorted((random.randint(0, head), random.randint(0, head)))
        return parameters.model_copy(update={clock: low}), parameters.model_copy(update={clock: high})
    earlier = parameters.effective_on - timedelta(random.choice((1, 30, 200, 400, 900)))
    later = parameters.effective_on if clock == "effective_on" else random.choice((parameters.effective_on, None))
    return parameters.model_copy(update={clock: earlier}), parameters.model_copy(update={clock: later})


def figures_of(row: dict[str, Any]) -> dict[str, Any]:
    """Value, low and high."""
    return {name: row[name] for name in ("value", "low", "high")}


@pytest.mark.parametrize("seed", seeds(0, 4))
def test_parts_add_up_and_events_are_what_they_are_called(seed: int) -> None:
    random = Random(seed)
    if seed % 2:
        events = random_ledger(random, random.randint(100, 250)).events
        queries = [random_query(random, events) for _ in range(3)]
    else:
        events = ledgers.RandomLedger(seed).grow(90)
        queries = [ledgers.random_query(3 * seed + number, events) for number in range(3)]
    with asking(events) as cursor:
        for query in queries:
            parameters = VendorDependence(**query | {"buyer": tuple(query["buyer"])})
            sides = two_moments(random, parameters, len(events))
            answer = difference(cursor, *sides, country_name=country_name)
            # Rates of the day asked for are those of the later moment.
            at_rates = sides[1].effective_on.isoformat() if sides[1].rates == "effective" else sides[1].rates
            priced = [side.model_copy(update={"rates": at_rates}) for side in sides]
            adds_up(answer, *(vendor_dependence(cursor, side, country_name=country_name) for side in priced))
            for row in answer["rows"]:
                for part in row["explained"]:
                    for event in part["events"]:
                        is_rightly_called(events, *sides, answer["clock"], part["class"], event)


def adds_up(answer: dict[str, Any], before: dict[str, Any], after: dict[str, Any]) -> None:
    """Every row of both answers is there with its figures, and all sums hold as printed."""
    rows = {row["key"]: row for row in answer["rows"]}
    for side, view in (("before", before), ("after", after)):
        assert {row["key"]: figures_of(row) for row in view["rows"]} == {
            key: row[side] for key, row in rows.items() if row[side] is not None
        }
        assert answer["total"][side] == figures_of(view["total"])
        unsure = {row["key"] for row in view["rows"] if not row["quantified"]}
        assert unsure == {key for key, row in rows.items() if row[f"unquantified_{side}"]}
    for row in answer["rows"]:
        values = [Decimal((row[side] or {}).get("value") or 0) for side in ("before", "after")]
        assert abs(Decimal(row["difference"]) - (values[1] - values[0])) < Decimal("0.0001")
        assert Decimal(row["difference"]) == sum(Decimal(part["value"]) for part in row["explained"])
        assert all(part["events"] for part in row["explained"])
        assert [part["event_count"] for part in row["explained"]] == [len(part["events"]) for part in row["explained"]]
    total = Decimal(answer["total"]["difference"])
    assert total == sum(Decimal(row["difference"]) for row in answer["rows"])
    assert total == sum(Decimal(part["value"]) for part in answer["total"]["explained"])


def is_rightly_called(
    events: list[Event],
    before: VendorDependence,
    after: VendorDependence,
    clock: str,
    name: str,
    event: dict[str, Any],
) -> None:
    """An event that explains a change is of its class (rule 49)."""
    stored = events[event["position"] - 1]
    told = [Standing(events, side) for side in (before, after)]
    standing = [side.counts(event["position"], event["line"]) for side in told]
    if name in ("new", "late"):
        assert standing == [False, True]
        assert "corrects" not in stored
        if clock == "effective_on":
            moment = before.effective_on
        elif clock == "known_on":
            moment = before.known_on or date.max
        else:
            recorded_at = events[before.position - 1]["recorded_at"] if before.position else "0001-01-01"
            moment = date.fromisoformat(recorded_at[:10])
        assert (end_day(stored) > moment) == (name == "new")
    elif name == "lapsed":
        assert clock == "effective_on"
        assert before.window is not None
        assert standing == [True, True]
    elif name == "corrected" and stored["type"] != "event-retracted":
        assert standing == [False, True]
        assert "corrects" in stored
    elif name == "corrected" or stored["type"] == "event-retracted":
        assert [event["position"] in side.visible for side in told] == [False, True]
        assert stored["data"]["retracts"] == event["about"]
    else:
        assert standing == [False, True]


# The example


def example() -> Book:
    """The ledger that the example file makes."""
    book = Book(date(2026, 1, 31))
    book.record(json.loads(request) for request in SEED.read_text(encoding="utf-8").splitlines())
    return book


def test_the_order_from_huawei_was_learned_of_late() -> None:
    book = example()
    answer = compare(
        book, *known("2023-08-31", "2023-11-08"), effective_on="2023-08-31", measure="spend", currency="USD"
    )
    placed = next(event for event in book.events if event["id"] == "baidu-huawei-order")
    # 450 million yuan at the rates of 2023-08-31: 7.9196 yuan and 1.0868 dollars for a euro.
    value = (450_000_000 * Decimal("1.0868") / Decimal("7.9196")).quantize(Decimal("0.000001"))
    huawei = next(row for row in answer["rows"] if row["key"] == "huawei")
    assert huawei == {
        "key": "huawei",
        "name": "Huawei Technologies Co., Ltd.",
        "before": None,
        "after": huawei["after"],
        "unquantified_before": 0,
        "unquantified_after": 0,
        "difference": str(value),
        "explained": [
            {
                "class": "late",
                "value": str(value),
                "event_count": 1,
                "events": [
                    {
                        "position": placed["position"],
                        "id": "baidu-huawei-order",
                        "type": "order-placed",
                        "effective_on": "2023-08",
                        "ends_on": "2023-08-31",
                        "known_on": "2023-11-07",
                        "about": None,
                        "order_id": "baidu-huawei-2023-08",
                        "assertion_id": None,
                        "line": "1",
                        "value": str(value),
                    }
                ],
            }
        ],
    }
    assert answer["clock"] == "known_on"
    assert answer["total"]["explained"] == [{"class": "late", "value": str(value)}]
    others = [row for row in answer["rows"] if row["key"] != "huawei"]
    assert others
    assert all(row["difference"] == "0" and row["explained"] == [] for row in others)


def test_what_is_said_without_a_number_is_named_and_counts_as_nothing() -> None:
    answer = compare(example(), *known("2023-11-07", "2023-11-08"), effective_on="2023-11-30", measure="units")
    nvidia = next(row for row in answer["rows"] if row["key"] == "nvidia")
    assert (nvidia["difference"], nvidia["unquantified_before"] + 1) == ("0", nvidia["unquantified_after"])
    (part,) = nvidia["explained"]
    assert (part["class"], part["value"]) == ("new", "0")
    assert [event["assertion_id"] for event in part["events"]] == ["baidu-nvidia-reliance"]


# One class at a time


def test_an_order_of_the_time_between_is_new() -> None:
    book = market()
    book.order("po-1", "2023-01-01", [line("10")])
    placed = book.order("po-2", "2023-03-01", [line("5")])
    assert parts(compare(book, *until("2023-02-01", "2023-03-01"))) == {"nvidia": [("new", "5", [placed["id"]])]}
    assert parts(compare(book, *until("2023-02-01", "2023-02-28"))) == {"nvidia": []}


def test_an_event_that_ends_on_the_earlier_day_is_late_and_one_of_the_day_after_is_new() -> None:
    book = market()
    late = book.order("po-1", "2023-03-01", [line("10")], known_on="2023-04-01")
    new = book.order("po-2", "2023-03-02", [line("5")], known_on="2023-04-01")
    expected = {"nvidia": [("new", "5", [new["id"]]), ("late", "10", [late["id"]])]}
    assert parts(compare(book, *known("2023-03-01", "2023-04-01"))) == expected


def test_between_positions_an_event_is_new_if_it_ends_after_the_day_of_recording() -> None:
    book = market()
    book.today = date(2023, 6, 30)
    before = book.order("po-0", "2023-01-01", [line("1")])
    book.today = date(2025, 6, 30)
    late = book.order("po-1", "2023-06-30", [line("10")])
    new = book.order("po-2", "2023-07-01", [line("5")])
    answer = compare(book, {"position": before["position"]}, {"position": len(book.events)})
    assert parts(answer) == {"nvidia": [("new", "5", [new["id"]]), ("late", "10", [late["id"]])]}
    nothing = compare(book, {"position": 0}, {"position": before["position"]})
    assert parts(nothing) == {"nvidia": [("new", "1", [before["id"]])]}


def test_a_published_rate_revalues_what_was_ordered_before_it_was_known() -> None:
    book = market()
    rates = {"base": "EUR", "rates": {"USD": "1.1", "CNY": "8"}}
    book.say("exchange-rates-published", "2023-01-01", rates)
    book.order("po-1", "2023-02-01", [line("10", "8000")], currency="CNY")
    published = book.say(
        "exchange-rates-published",
        "2023-01-31",
        {"base": "EUR", "rates": {"USD": "1.2", "CNY": "8"}},
        known_on="2023-05-01",
    )
    answer = compare(book, *known("2023-04-30", "2023-05-01"), measure="spend")
    assert parts(answer) == {"nvidia": [("revaluation", "100", [published["id"]])]}
    assert answer["rows"][0]["explained"][0]["events"][0]["value"] is None


def test_a_rate_that_was_missing_gives_a_value_to_what_had_none() -> None:
    book = market()
    book.order("po-1", "2023-02-01", [line("10", "8000")], currency="CNY")
    book.receive("po-1", "2023-03-01", {"line": "1", "quantity": "5"}, known_on="2023-05-01")
    rates = {"base": "EUR", "rates": {"USD": "1", "CNY": "8"}}
    published = book.say("exchange-rates-published", "2023-01-31", rates, known_on="2023-05-01")
    answer = compare(book, *known("2023-04-30", "2023-05-01"), measure="spend")
    assert parts(answer) == {"nvidia": [("revaluation", "1000", [published["id"]])]}
    assert (answer["rows"][0]["unquantified_before"], answer["rows"][0]["unquantified_after"]) == (1, 0)
    assert answer["rows"][0]["before"]["value"] is None


def test_a_changed_attribute_revalues_and_what_comes_with_it_is_valued_as_before() -> None:
    book = market()
    book.order("po-1", "2023-01-01", [line("10")])
    changed = book.say("product-changed", "2023-03-01", {"product_id": "a800", "attributes": {"tpp": "5000"}})
    amended = book.amend("po-1", "2023-03-15", {"line": "1", "quantity": "2"})
    answer = compare(book, *until("2023-02-01", "2023-04-01"), measure="capacity")
    # 2 x 4988.8, then 12 x (5000 - 4988.8).
    assert parts(answer) == {
        "nvidia": [("new", "9977.6", [amended["id"]]), ("revaluation", "134.4", [changed["id"]])],
    }


def test_an_allocation_that_arrives_revalues_what_nobody_could_tell() -> None:
    book = market()
    book.order("po-1", "2023-01-01", [line("100")], buyers=["baidu", "tencent"])
    shares = [{"buyer_id": "baidu", "share": "0.25"}, {"buyer_id": "tencent", "share": "0.75"}]
    allocated = book.say("order-allocated", "2023-03-01", {"order_id": "po-1", "allocations": shares})
    answer = compare(book, *until("2023-02-01", "2023-04-01"))
    assert parts(answer) == {"nvidia": [("revaluation", "25", [allocated["id"]])]}
    assert answer["rows"][0]["explained"][0]["events"][0]["order_id"] == "po-1"
    assert answer["rows"][0]["before"] == {"value": None, "low": "0", "high": "100"}


def test_an_allocation_that_is_retracted_is_named_by_its_retraction() -> None:
    book = market()
    book.order("po-1", "2023-01-01", [line("100")], buyers=["baidu", "tencent"])
    shares = [{"buyer_id": "baidu", "share": "0.25"}, {"buyer_id": "tencent", "share": "0.75"}]
    allocated = book.say("order-allocated", "2023-01-01", {"order_id": "po-1", "allocations": shares})
    (retraction,) = book.retract(allocated["id"], known_on="2023-05-01")
    shares = [{"buyer_id": "baidu", "share": "0.5"}, {"buyer_id": "tencent", "share": "0.5"}]
    again = book.say(
        "order-allocated", "2023-01-01", {"order_id": "po-1", "allocations": shares}, known_on="2023-05-02",
        corrects=allocated["id"],
    )  # fmt: skip
    told = [(retraction["id"], allocated["id"])]
    assert parts(compare(book, *known("2023-04-30", "2023-05-01"))) == {"nvidia": [("revaluation", "-25", told)]}
    told.append(again["id"])
    assert parts(compare(book, *known("2023-04-30", "2023-05-02"))) == {"nvidia": [("revaluation", "25", told)]}


def test_a_takeover_moves_a_value_from_one_row_to_another() -> None:
    book = market()
    book.organization("softbank", "JP")
    book.order("po-1", "2023-01-01", [line("10")])
    taken = book.say("organization-changed", "2023-03-01", {"organization_id": "nvidia", "parent_id": "softbank"})
    amended = book.amend("po-1", "2023-03-15", {"line": "1", "quantity": "2"})
    answer = compare(book, *until("2023-02-01", "2023-04-01"), by="parent")
    assert parts(answer) == {
        "softbank": [("revaluation", "12", [taken["id"]])],
        "nvidia": [("new", "2", [amended["id"]]), ("revaluation", "-12", [taken["id"]])],
    }
    assert [(row["key"], row["difference"]) for row in answer["rows"]] == [("softbank", "12"), ("nvidia", "-10")]
    assert [row["name"] for row in answer["rows"]] == ["Softbank", "Nvidia"]
    assert (answer["rows"][0]["before"], answer["rows"][1]["after"]) == (None, None)
    assert answer["total"]["difference"] == "2"


def test_a_subsidiary_that_joins_brings_what_it_had_bought() -> None:
    book = market()
    book.order("po-1", "2023-01-01", [line("10")], buyers=["tencent"])
    joined = book.say("organization-changed", "2023-03-01", {"organization_id": "tencent", "parent_id": "baidu"})
    answer = compare(book, *until("2023-02-01", "2023-04-01"), buyer_scope="group")
    assert parts(answer) == {"nvidia": [("revaluation", "10", [joined["id"]])]}


def test_a_cancellation_takes_what_is_open_whatever_came_before_it() -> None:
    book = market()
    placed = book.order("po-1", "2023-01-01", [line("10")])
    received = book.receive("po-1", "2023-02-01", {"line": "1", "quantity": "3"})
    cancelled = book.cancel("po-1", "2023-03-01")
    answer = compare(book, *until("2022-12-31", "2023-04-01"), status="open")
    assert parts(answer) == {}
    answer = compare(book, *until("2023-01-31", "2023-04-01"), status="open")
    assert parts(answer) == {"nvidia": [("new", "-10", [cancelled["id"], received["id"]])]}
    values = {event["id"]: event["value"] for event in answer["rows"][0]["explained"][0]["events"]}
    assert values == {received["id"]: "-3", cancelled["id"]: "-7"}
    answer = compare(book, *until("2022-12-31", "2023-04-01"))
    assert parts(answer) == {"nvidia": [("new", "3", [placed["id"], cancelled["id"]])]}


def test_a_cancellation_that_is_retracted_gives_back_what_it_took() -> None:
    book = market()
    book.order("po-1", "2023-01-01", [line("10")])
    cancelled = book.cancel("po-1", "2023-03-01")
    (retraction,) = book.retract(cancelled["id"], known_on="2023-05-01")
    answer = compare(book, *known("2023-04-30", "2023-05-01"), status="open")
    assert parts(answer) == {"nvidia": [("corrected", "10", [(retraction["id"], cancelled["id"])])]}


def test_a_receipt_beyond_the_order_takes_no_more_than_was_open() -> None:
    book = market()
    book.order("po-1", "2023-01-01", [line("10")])
    received = book.receive("po-1", "2023-02-01", {"line": "1", "quantity": "12"})
    book.receive("po-1", "2023-02-02", {"line": "1", "quantity": "1"})
    answer = compare(book, *until("2023-01-01", "2023-04-01"), status="open")
    assert parts(answer) == {"nvidia": [("new", "-10", [received["id"]])]}


def test_a_retraction_is_named_with_what_it_takes_back() -> None:
    book = market()
    placed = book.order("po-1", "2023-01-01", [line("10")])
    (retraction,) = book.retract(placed["id"], known_on="2023-05-01")
    again = book.order("po-1", "2023-01-01", [line("8")], known_on="2023-05-01", corrects=placed["id"])
    told = [(retraction["id"], placed["id"]), again["id"]]
    answer = compare(book, *known("2023-04-30", "2023-05-01"))
    assert parts(answer) == {"nvidia": [("corrected", "-2", told)]}
    events = answer["rows"][0]["explained"][0]["events"]
    assert [(event["value"], event["order_id"], event["line"]) for event in events] == [
        ("-10", "po-1", "1"),
        ("8", "po-1", "1"),
    ]


def test_a_slip_of_the_pen_was_never_true_and_shows_between_positions() -> None:
    book = market()
    placed = book.order("po-1", "2023-01-01", [line("10")])
    received = book.receive("po-1", "2023-02-01", {"line": "1", "quantity": "3"})
    retractions = book.retract(placed["id"])
    assert len(retractions) == 2
    told = [next(each for each in retractions if each["data"]["retracts"] == received["id"])["id"], received["id"]]
    sides = {"position": received["position"]}, {"position": len(book.events)}
    assert parts(compare(book, *sides, status="delivered")) == {"nvidia": [("corrected", "-3", [tuple(told)])]}
    assert parts(compare(book, *known("2023-01-31", "2023-02-01"), status="delivered")) == {}


def test_what_leaves_the_window_has_lapsed() -> None:
    book = market()
    old = book.order("po-1", "2022-06-01", [line("10")])
    amended = book.amend("po-1", "2022-09-01", {"line": "1", "quantity": "1"})
    new = book.order("po-2", "2023-09-01", [line("4")])
    answer = compare(book, *until("2022-12-31", "2023-12-31"), window="P1Y")
    assert parts(answer) == {"nvidia": [("new", "4", [new["id"]]), ("lapsed", "-11", [old["id"], amended["id"]])]}
    assert answer["total"]["explained"] == [{"class": "new", "value": "4"}, {"class": "lapsed", "value": "-11"}]


def test_an_assertion_explains_also_what_it_replaces() -> None:
    def said(quantity: str) -> dict[str, Any]:
        about = {"assertion_id": "fleet", "buyer_id": "baidu", "statement": "in use"}
        return {**about, "vendor_id": "kunlunxin", "lines": [line(quantity)]}

    book = market()
    first = book.say("supply-asserted", "2023-01-01", said("20"))
    second = book.say("supply-asserted", "2023-03-01", said("50"))
    answer = compare(book, *until("2023-02-01", "2023-04-01"))
    told = [second["id"], (second["id"], first["id"])]
    assert parts(answer) == {"kunlunxin": [("new", "30", told)]}
    events = answer["rows"][0]["explained"][0]["events"]
    assert [(event["assertion_id"], event["value"]) for event in events] == [("fleet", "50"), ("fleet", "-20")]
    # Once it is retracted, the first speaks again.
    (retraction,) = book.retract(second["id"], known_on="2023-05-01")
    answer = compare(book, *known("2023-04-30", "2023-05-01"))
    told = [(retraction["id"], second["id"]), (retraction["id"], first["id"])]
    assert parts(answer) == {"kunlunxin": [("corrected", "-30", told)]}


# How it is answered


def test_what_rounding_leaves_is_put_on_the_largest_part() -> None:
    book = market()
    book.say("exchange-rates-published", "2022-01-01", {"base": "EUR", "rates": {"USD": "1", "CNY": "3"}})
    for number, vendor in enumerate(("nvidia", "huawei", "kunlunxin")):
        book.order(f"po-{number}", "2023-03-01", [line("1", "1")], vendor_id=vendor, currency="CNY")
        book.order(
            f"po-{number}-late", "2023-01-01", [line("1", "1")], vendor_id=vendor, currency="CNY", known_on="2023-03-01"
        )
    answer = compare(book, *known("2023-02-01", "2023-03-01"), measure="spend")
    # Six thirds are 2; two thirds are 0.666667; a third is 0.333333.
    assert answer["total"]["difference"] == "2"
    assert [row["difference"] for row in answer["rows"]] == ["0.666666", "0.666667", "0.666667"]
    assert [[part["value"] for part in row["explained"]] for row in answer["rows"]] == [
        ["0.333333", "0.333333"],
        ["0.333334", "0.333333"],
        ["0.333334", "0.333333"],
    ]


def test_the_largest_figures_that_can_be_recorded_add_up_exactly() -> None:
    most = "999999999999999.9999"
    book = market()
    book.product("largest", "nvidia", tpp="999999999.999999")
    book.order("po-1", "2023-03-01", [line(most, product_id="largest", name=str(number)) for number in range(100)])
    book.order("po-2", "2023-03-02", [line("1", product_id="largest")], vendor_id="huawei")
    answer = compare(book, *until("2023-02-01", "2023-04-01"), measure="capacity")
    exact = 100 * Decimal(most) * Decimal("999999999.999999")
    assert [row["difference"] for row in answer["rows"]] == [plain(exact), "999999999.999999"]
    with localcontext(prec=60):
        total = exact + Decimal("999999999.999999")
    assert answer["total"]["difference"] == plain(total)
    assert answer["total"]["explained"] == [{"class": "new", "value": plain(total)}]


def test_of_very_many_events_those_that_did_most_are_listed() -> None:
    book = market()
    lines = [line(str(number), name=str(number)) for number in range(1, MOST_EVENTS + 51)]
    book.order("po-1", "2023-03-01", lines)
    answer = compare(book, *until("2023-02-01", "2023-04-01"))
    (part,) = answer["rows"][0]["explained"]
    assert part["value"] == str(sum(range(1, MOST_EVENTS + 51)))
    assert part["event_count"] == MOST_EVENTS + 50
    assert [event["value"] for event in part["events"]] == [str(number) for number in range(MOST_EVENTS + 50, 50, -1)]


def test_the_same_moment_twice_has_no_difference() -> None:
    book = market()
    book.order("po-1", "2023-03-01", [line("5")])
    answer = compare(book, {}, {})
    assert parts(answer) == {"nvidia": []}
    assert (answer["total"]["difference"], answer["total"]["explained"]) == ("0", [])


def test_nothing_on_either_side_is_an_answer() -> None:
    answer = compare(market(), *until("2023-02-01", "2023-04-01"))
    assert answer["rows"] == []
    assert answer["total"]["difference"] == "0"


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ({"effective_on": "2023-02-01"}, {"effective_on": "2023-01-31"}, "effective_on 2023-02-01 is after 2023-01-31"),
        ({"position": 2}, {"position": 1}, "position 2 is after 1"),
        ({}, {"known_on": "2023-01-31"}, "known_on 9999-12-31 is after 2023-01-31"),
        ({"position": 1}, {"effective_on": "2025-01-31"}, "not in effective_on, position"),
        ({}, {"measure": "spend"}, "not in measure"),
    ],
)
def test_moments_in_the_wrong_order_or_of_other_questions_are_refused(
    before: dict[str, Any], after: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        compare(market(), before, after)


def test_nothing_is_left_behind_in_the_projection() -> None:
    book = market()
    book.order("po-1", "2023-03-01", [line("5")])
    parameters = VendorDependence(effective_on=date(2024, 1, 1), position=len(book.events))
    with asking(book.events) as cursor:
        difference(cursor, parameters, parameters, country_name=country_name)
        assert cursor.execute("select table_name from duckdb_tables() where temporary").fetchall() == []


def test_what_is_recorded_later_explains_nothing_of_before() -> None:
    book = market()
    before = len(book.events)
    book.order("po-1", "2023-03-01", [line("10")])
    book.receive("po-1", "2023-04-01", {"line": "1", "quantity": "4", "amount": "40"})
    after = len(book.events)
    # Its amount is derived: it is of the line what the line was ordered for.
    book.receive("po-1", "2023-05-01", {"line": "1", "quantity": "4"})
    usual = {"buyer": ("baidu",), "status": "delivered", "effective_on": date(2023, 12, 31)}
    sides = [VendorDependence(**usual, position=position) for position in (before, after)]
    answers = []
    for events in (book.events[:after], book.events):
        with asking(events) as cursor:
            answers.append(difference(cursor, *sides, country_name=country_name))
    assert answers[0] == answers[1]
