"""vendor-dependence over time: its points against the view of each day, and the days that it chooses."""

from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from domain.events import canonical
from projections.engine import Projection, batch_of
from projections.figures import plain
from projections.parameters import VendorDependence
from projections.series import series
from projections.vendor_dependence import vendor_dependence
from service.audit.verifier import POINT_FIELDS
from tests.ledgers import Book, line, market
from tests.projections import ledgers
from tests.random_ledgers import random_ledger, random_query
from tests.seeds import seeds
from tests.test_random_ledgers import country_name

Event = dict[str, Any]


def ask(book: Book, first: str, last: str, step: str | None = None, **query: Any) -> dict[str, Any]:
    """The series of a ledger: Baidu's units, unless told otherwise."""
    asked = {"buyer": ("baidu",), "measure": "units", "position": len(book.events), "effective_on": last} | query
    with projected(book.events) as projection, projection.cursor() as cursor:
        return series(
            cursor,
            VendorDependence(**asked),
            date.fromisoformat(first),
            date.fromisoformat(last),
            step,
            country_name=country_name,
        )


def projected(events: list[Event]) -> Projection:
    """A projection in memory that holds these events. The caller closes it."""
    projection = Projection.open()
    projection.apply(batch_of((event["position"], canonical(event)) for event in events))
    return projection


def days(answer: dict[str, Any]) -> list[str]:
    """The days of its points."""
    return [point["effective_on"] for point in answer["points"]]


def values(answer: dict[str, Any]) -> dict[str, dict[str | None, str | None]]:
    """Of every point the value of each row."""
    return {point["effective_on"]: {row["key"]: row["value"] for row in point["rows"]} for point in answer["points"]}


# Against the view


def point_of(answer: dict[str, Any]) -> dict[str, Any]:
    """What a point has of the view's answer."""
    return {
        "total": answer["total"],
        "rows": [{name: row[name] for name in POINT_FIELDS} for row in answer["rows"]],
        "metrics": answer["metrics"],
    }


@pytest.mark.parametrize("seed", seeds(0, 4))
def test_every_point_is_the_view_of_its_day_and_holds_until_the_next(seed: int) -> None:
    random = Random(seed)
    if seed % 2:
        events = random_ledger(random, random.randint(60, 200)).events
        queries = [random_query(random, events) for _ in range(3)]
    else:
        events = ledgers.RandomLedger(seed).grow(70)
        queries = [ledgers.random_query(3 * seed + number, events) for number in range(3)]
    with Projection.open() as projection:
        projection.apply(ledgers.batch(events))
        with projection.cursor() as cursor:
            for query in queries:
                parameters = VendorDependence(**query | {"buyer": tuple(query["buyer"])})
                last = parameters.effective_on
                first = last - timedelta(random.choice((0, 30, 400, 900)))
                step = random.choice((None, None, "P1M", "P13D", "P1M2D"))
                if step is None or parameters.rates == "effective":
                    # In a series they are as of its last day.
                    rates = last.isoformat() if parameters.rates == "effective" else parameters.rates
                    parameters = parameters.model_copy(update={"rates": rates})
                points = series(cursor, parameters, first, last, step, country_name=country_name)["points"]
                chosen = random.sample(range(len(points)), min(4, len(points)))
                asked = {date.fromisoformat(points[place]["effective_on"]): points[place] for place in chosen}
                if step is None:
                    for _ in range(2):
                        day = first + timedelta(random.randrange((last - first).days + 1))
                        asked[day] = max(
                            (point for point in points if point["effective_on"] <= day.isoformat()),
                            key=lambda point: point["effective_on"],
                        )
                for day, point in asked.items():
                    moved = parameters.model_copy(update={"effective_on": day})
                    expected = vendor_dependence(cursor, moved, country_name=country_name)
                    told = {name: part for name, part in point.items() if name != "effective_on"}
                    assert told == point_of(expected), (query, day, step)


# The days of the points


def test_ends_of_months_do_not_drift_and_the_last_day_is_always_there() -> None:
    answer = ask(market(), "2023-01-31", "2023-05-15", "P1M")
    assert days(answer) == ["2023-01-31", "2023-02-28", "2023-03-31", "2023-04-30", "2023-05-15"]


def test_from_the_last_day_of_a_month_steps_of_months_lead_to_the_last_days_of_others() -> None:
    answer = ask(market(), "2025-02-28", "2025-05-31", "P1M")
    assert days(answer) == ["2025-02-28", "2025-03-31", "2025-04-30", "2025-05-31"]


def test_months_come_before_days_in_a_step() -> None:
    assert days(ask(market(), "2023-01-30", "2023-04-30", "P1M1D")) == [
        "2023-01-30",
        "2023-03-01",
        "2023-04-01",
        "2023-04-30",
    ]


def test_a_step_that_ends_on_the_last_day_has_it_once() -> None:
    assert days(ask(market(), "2023-01-01", "2023-01-15", "P1W")) == ["2023-01-01", "2023-01-08", "2023-01-15"]


def test_a_range_of_one_day_has_one_point() -> None:
    for step in (None, "P1D", "P10Y"):
        assert days(ask(market(), "2023-01-01", "2023-01-01", step)) == ["2023-01-01"]


def test_a_step_beyond_the_last_of_all_days_ends_there() -> None:
    assert days(ask(market(), "9990-12-31", "9999-12-31", "P9Y")) == ["9990-12-31", "9999-12-31"]
    assert days(ask(market(), "9990-12-31", "9999-12-31", "P99999D")) == ["9990-12-31", "9999-12-31"]


def test_without_a_step_there_is_a_point_wherever_something_changed() -> None:
    book = market()
    book.order("po-1", "2022-06-01", [line("10")])
    book.order("po-2", "2023-02-01", [line("30")])
    book.order("po-3", "2023-02-01", [line("5")], vendor_id="huawei")
    book.amend("po-1", "2023-03-01", {"line": "1", "quantity": "-4"})
    book.cancel("po-3", "2023-04-01")
    # Nothing of Baidu's, and nothing in the range.
    book.order("po-4", "2023-03-15", [line("99")], buyers=["tencent"])
    book.order("po-5", "2023-12-01", [line("99")])
    assert values(ask(book, "2023-01-01", "2023-11-30")) == {
        "2023-01-01": {"nvidia": "10"},
        "2023-02-01": {"nvidia": "40", "huawei": "5"},
        "2023-03-01": {"nvidia": "36", "huawei": "5"},
        "2023-04-01": {"nvidia": "36"},
    }


def test_what_leaves_the_window_changes_the_answer_on_its_own() -> None:
    book = market()
    book.order("po-1", "2023-01-31", [line("10")])
    book.receive("po-1", "2023-02-10", {"line": "1", "quantity": "4"})
    ordered = ask(book, "2023-01-01", "2023-12-31", window="P1M")
    # A month back from 28 February, the last of its month, is 31 January: the window is all of February.
    assert values(ordered) == {"2023-01-01": {}, "2023-01-31": {"nvidia": "10"}, "2023-02-28": {}}
    delivered = ask(book, "2023-01-01", "2023-12-31", window="P30D", status="delivered")
    assert values(delivered) == {"2023-01-01": {}, "2023-02-10": {"nvidia": "4"}, "2023-03-12": {}}


def test_what_is_open_closes_with_the_last_receipt() -> None:
    book = market()
    book.order("po-1", "2023-01-10", [line("10")])
    book.receive("po-1", "2023-02-10", {"line": "1", "quantity": "4"})
    book.receive("po-1", "2023-03-10", {"line": "1", "quantity": "6"})
    assert values(ask(book, "2023-01-01", "2023-12-31", status="open")) == {
        "2023-01-01": {},
        "2023-01-10": {"nvidia": "10"},
        "2023-02-10": {"nvidia": "6"},
        "2023-03-10": {},
    }


def test_a_takeover_moves_a_row_on_its_day() -> None:
    book = market()
    book.order("po-1", "2022-06-01", [line("10")])
    book.organization("softbank", "JP")
    book.say("organization-changed", "2023-03-01", {"organization_id": "nvidia", "parent_id": "softbank"})
    book.say("organization-changed", "2023-09-01", {"organization_id": "nvidia", "parent_id": None})
    answer = ask(book, "2023-01-01", "2023-12-31", by="parent")
    assert values(answer) == {
        "2023-01-01": {"nvidia": "10"},
        "2023-03-01": {"softbank": "10"},
        "2023-09-01": {"nvidia": "10"},
    }
    assert answer["keys"] == [
        {"key": "nvidia", "name": "Nvidia", "country": "US"},
        {"key": "softbank", "name": "Softbank", "country": "JP"},
    ]


def test_a_group_grows_by_what_its_new_subsidiary_bought_before() -> None:
    book = market()
    book.order("po-1", "2022-06-01", [line("10")])
    book.order("po-2", "2022-07-01", [line("7")], buyers=["tencent"])
    book.say("organization-changed", "2023-03-01", {"organization_id": "tencent", "parent_id": "baidu"})
    answer = ask(book, "2023-01-01", "2023-12-31", buyer_scope="group")
    assert values(answer) == {"2023-01-01": {"nvidia": "10"}, "2023-03-01": {"nvidia": "17"}}


def test_an_allocation_and_an_attribute_change_the_answer_on_their_days() -> None:
    book = market()
    book.order("po-1", "2022-06-01", [line("10")], buyers=["baidu", "tencent"])
    shares = [{"buyer_id": "baidu", "share": "0.25"}, {"buyer_id": "tencent", "share": "0.75"}]
    book.say("order-allocated", "2023-02-01", {"order_id": "po-1", "allocations": shares})
    book.say("product-changed", "2023-03-01", {"product_id": "a800", "attributes": {"tpp": "2000"}})
    answer = ask(book, "2023-01-01", "2023-12-31", measure="capacity")
    assert values(answer) == {
        "2023-01-01": {"nvidia": None},
        "2023-02-01": {"nvidia": "12472"},
        "2023-03-01": {"nvidia": "5000"},
    }
    assert [point["total"]["high"] for point in answer["points"]] == ["49888", "12472", "5000"]


def test_a_home_that_moves_changes_what_is_domestic() -> None:
    book = market()
    book.order("po-1", "2022-06-01", [line("10")])
    book.say("organization-changed", "2023-03-01", {"organization_id": "baidu", "country": "US"})
    answer = ask(book, "2023-01-01", "2023-12-31")
    domestic = {point["effective_on"]: point["metrics"]["domestic_share"] for point in answer["points"]}
    assert domestic == {"2023-01-01": 0.0, "2023-03-01": 1.0}


def test_a_step_answers_every_point_even_where_nothing_changed() -> None:
    book = market()
    book.order("po-1", "2023-01-15", [line("10")])
    assert list(values(ask(book, "2023-01-01", "2023-04-01", "P1M")).values()) == [{}, *[{"nvidia": "10"}] * 3]


def test_the_largest_figures_that_can_be_recorded_add_up_exactly() -> None:
    most = "999999999999999.9999"
    book = market()
    book.product("largest", "nvidia", tpp="999999999.999999")
    lines = [line(most, product_id="largest", name=str(number)) for number in range(50)]
    book.order("po-1", "2023-03-01", lines)
    book.order("po-2", "2023-04-01", lines, buyers=["baidu", "tencent"])
    about = {"assertion_id": "fleet", "buyer_id": "baidu", "vendor_id": "nvidia", "statement": "in use"}
    book.say("supply-asserted", "2023-05-01", about | {"lines": lines})
    answer = ask(book, "2023-01-01", "2023-12-31", measure="capacity", buyer=())
    each = 50 * Decimal(most) * Decimal("999999999.999999")
    assert values(answer) == {
        "2023-01-01": {},
        "2023-03-01": {"nvidia": plain(each)},
        "2023-04-01": {"nvidia": plain(2 * each)},
        "2023-05-01": {"nvidia": plain(3 * each)},
    }


# What is not answered


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValueError, match="from 2023-02-01 is after to 2023-01-31"):
        ask(market(), "2023-02-01", "2023-01-31")


@pytest.mark.parametrize("step", ["P0D", "PT1H", "1 month", ""])
def test_a_step_that_is_no_time_is_refused(step: str) -> None:
    with pytest.raises(ValueError, match=r"duration|no time"):
        ask(market(), "2023-01-01", "2023-12-31", step)


def test_a_thousand_points_are_answered_and_one_more_is_not() -> None:
    first = date(2020, 1, 1)
    assert len(ask(market(), "2020-01-01", (first + timedelta(999)).isoformat(), "P1D")["points"]) == 1000
    with pytest.raises(ValueError, match=r"1,001 points from 2020-01-01 to .* of at most 1,000: ask for a longer step"):
        ask(market(), "2020-01-01", (first + timedelta(1000)).isoformat(), "P1D")
    with pytest.raises(ValueError, match="1,002 points"):
        ask(market(), "2020-01-01", (first + timedelta(2001)).isoformat(), "P2D")


def test_more_than_a_thousand_changes_ask_for_a_step() -> None:
    book = market()
    book.order("po-1", "2020-01-01", [line("10")])
    first = date(2020, 1, 1)
    for number in range(1, 1001):
        book.amend("po-1", (first + timedelta(number)).isoformat(), {"line": "1", "quantity": "1"})
    with pytest.raises(ValueError, match=r"1,001 points .* ask for a step, such as P1M, or for a shorter time"):
        ask(book, "2020-01-01", "2023-12-31")


# What happened meanwhile


def test_annotations_are_regulations_and_partnerships_of_the_range() -> None:
    book = market()
    enacted = {"jurisdiction": "US", "authority": "BIS", "title": "Advanced computing rule", "citation": "87 FR 62186"}
    rules = [{"rule_id": "r1", "effect": "prohibited", "vendors": ["nvidia"]}]
    book.say("regulation-enacted", "2022-10-21", {"regulation_id": "us-3a090", **enacted, "rules": rules})
    amended = {"regulation_id": "us-3a090", "citation": "88 FR 73458", "rules": rules}
    announced = book.say("regulation-amended", "2023-11-16", amended, known_on="2023-10-17")
    book.retract(announced["id"], known_on="2023-10-25")
    corrected = book.say("regulation-amended", "2023-11-17", amended, known_on="2023-10-25", corrects=announced["id"])
    formed = {
        "partnership_id": "paddle",
        "parties": ["baidu", "huawei"],
        "kind": "technology",
        "scope": "training chips",
    }
    partnership = book.say("partnership-formed", "2023-03", formed, known_on="2023-11-08")
    assert ask(book, "2023-01-01", "2023-12-31")["annotations"] == [
        {
            "effective_on": "2023-03-31",
            "known_on": "2023-11-08",
            "type": "partnership-formed",
            "id": "paddle",
            "title": "training chips",
            "position": partnership["position"],
        },
        {
            "effective_on": "2023-11-17",
            "known_on": "2023-10-25",
            "type": "regulation-amended",
            "id": "us-3a090",
            "title": "Advanced computing rule",
            "position": corrected["position"],
        },
    ]
    # Before the amendment was corrected, and before anybody knew of the partnership.
    earlier = ask(book, "2023-01-01", "2023-12-31", known_on="2023-10-24")["annotations"]
    assert [(told["effective_on"], told["position"]) for told in earlier] == [("2023-11-16", announced["position"])]
    assert ask(book, "2023-11-18", "2023-12-31")["annotations"] == []
    assert len(ask(book, "2023-11-17", "2023-11-17")["annotations"]) == 1


def test_an_answer_says_what_it_was_asked() -> None:
    answer = ask(market(), "2023-01-01", "2023-02-01", "P1M")
    assert {name: answer[name] for name in ("from", "to", "step")} == {
        "from": "2023-01-01",
        "to": "2023-02-01",
        "step": "P1M",
    }
