"""Rates, and what is said of what is missing, worked out by hand (rules 17, 18 and 61)."""

from datetime import date
from typing import Any

import pytest

from service.audit.verifier import regulatory_exposure, vendor_dependence_series
from tests.reference.asking import UNKNOWN, YEAR_END, exactly, only, rows, whole
from tests.reference.ledger import Ledger, line


def publish(ledger: Ledger, effective_on: str, base: str, **quoted: str) -> None:
    """Publish rates."""
    ledger.record("exchange-rates-published", effective_on, {"base": base, "rates": quoted})


@pytest.fixture
def yuan(ledger: Ledger) -> Ledger:
    """Orders of 800 and of 400 yuan, at 8, at 4 and at 2 yuan the dollar."""
    publish(ledger, "2023-03-01", "USD", CNY="8")
    publish(ledger, "2023-06-01", "USD", CNY="4")
    publish(ledger, "2024-02-01", "USD", CNY="2")
    ledger.order("o1", "2023-03-15", [line("1", "800")], currency="CNY")
    ledger.order("o2", "2023-07-01", [line("1", "400")], currency="CNY")
    return ledger


def test_each_order_converts_as_of_its_placing_unless_another_day_is_asked_for(yuan: Ledger) -> None:
    # 800 / 8 + 400 / 4
    assert only(yuan) == only(yuan, rates="placed") == exactly("200")
    # 1200 / 4
    assert only(yuan, rates="effective") == exactly("300")
    assert only(yuan, date(2024, 6, 30), rates="effective") == exactly("600")
    # 1200 / 8, of a day before the second order was placed.
    assert only(yuan, rates="2023-05-31") == exactly("150")
    assert only(yuan, rates="2023-06-01") == exactly("300")


def test_the_rates_of_a_day_are_the_same_whatever_day_is_looked_at(yuan: Ledger) -> None:
    # Constant currency: 800 / 2 already in 2023, of whoever knows the rates of 2024.
    assert only(yuan, date(2023, 4, 30), rates="2024-02-01") == exactly("400")
    assert only(yuan, rates="2024-02-01") == exactly("600")
    # Whoever does not know them has those before.
    assert only(yuan, rates="2024-02-01", known_on=YEAR_END) == exactly("300")


def test_a_series_at_effective_rates_is_at_those_of_its_last_day(yuan: Ledger) -> None:
    points = vendor_dependence_series(
        yuan.events,
        from_on=date(2023, 3, 31),
        to_on=date(2024, 3, 31),
        step="P6M",
        buyer=["baidu"],
        rates="effective",
    )
    assert [point["total"]["value"] for point in points] == ["400", "600", "600"]


def test_before_the_first_rate_there_is_none(yuan: Ledger) -> None:
    assert only(yuan, rates="2023-02-28") == UNKNOWN


@pytest.mark.parametrize("rates", ["yesterday", "2023-02-30", "", "2023", "20230201", "2023-W05-3"])
def test_rates_of_another_word_or_day_are_refused(rates: str, ledger: Ledger) -> None:
    with pytest.raises(ValueError, match=r"."):
        rows(ledger, rates=rates)


# What is missing


def remarks(ledger: Ledger, effective_on: date = YEAR_END, **query: Any) -> list[dict[str, Any]]:
    """What the view says is missing."""
    said: list[dict[str, Any]] = whole(ledger, effective_on, **query)["remarks"]
    return said


def test_without_a_rate_the_pair_is_named_with_how_many_want_it(ledger: Ledger) -> None:
    publish(ledger, "2023-04-01", "USD", CNY="8")
    ledger.order("o1", "2023-03-15", [line("1", "800"), line("1", "0", "a800", "2")], currency="CNY")
    ledger.order("o2", "2023-03-15", [line("1", "70"), line("1", None, "a800", "2")], currency="EUR")
    ledger.order("o3", "2023-03-15", [line("1", "70")], currency="USD")
    # Nothing needs no rate. What is unknown would need one, too.
    assert remarks(ledger) == [
        {"kind": "no-rate", "subject": "CNY/USD", "count": 1},
        {"kind": "no-rate", "subject": "EUR/USD", "count": 2},
    ]
    assert remarks(ledger, measure="units") == []
    assert remarks(ledger, rates="2023-04-01") == [{"kind": "no-rate", "subject": "EUR/USD", "count": 2}]


def test_what_was_left_out_for_want_of_a_rate_is_said_to_be(ledger: Ledger) -> None:
    ledger.order("o1", "2023-03-15", [line("1", "800"), line("1", None, "a800", "2")], currency="CNY")
    assert rows(ledger, exclude=("unquantified",)) == {}
    # The second line is left out because nobody knows its amount: no rate would help it.
    assert remarks(ledger, exclude=("unquantified",)) == [{"kind": "no-rate", "subject": "CNY/USD", "count": 1}]


def test_an_amount_of_no_currency_names_the_assertion(ledger: Ledger) -> None:
    ledger.supply("2023-03-15", [line("1", "800")])
    assert remarks(ledger) == [{"kind": "no-currency", "subject": "s1", "count": 1}]


def test_without_an_attribute_or_a_product_there_is_no_capacity(ledger: Ledger) -> None:
    ledger.product("h20", "nvidia", tpp=None)
    ledger.product("l2", "nvidia", tpp={"text": "low"})
    lines = [line("1"), line("2", None, "h20", "2"), line("3", None, "l2", "3"), line("4", None, None, "4")]
    ledger.order("o1", "2023-03-15", [*lines, line("0", None, None, "5")])
    assert remarks(ledger, measure="capacity") == [
        {"kind": "no-attribute", "subject": "h20", "count": 1},
        {"kind": "no-attribute", "subject": "l2", "count": 1},
        {"kind": "no-product", "subject": "nvidia", "count": 1},
    ]


def test_a_rate_older_than_a_quarter_is_stale_by_the_day_it_is_used_for(ledger: Ledger) -> None:
    publish(ledger, "2023-01-01", "USD", CNY="8")
    # 92 days later, and 93 and 100.
    for number, on in enumerate(("2023-04-03", "2023-04-04", "2023-04-11")):
        ledger.order(f"o{number}", on, [line("1", "8")], currency="CNY")
    stale = {"kind": "stale-rate", "subject": "CNY/USD"}
    assert remarks(ledger) == [stale | {"count": 2, "days": 100}]
    assert remarks(ledger, rates="effective") == [stale | {"count": 3, "days": 364}]
    assert remarks(ledger, rates="2023-01-02") == []
    assert rows(ledger) == rows(ledger, exclude=("unquantified",)) == {"nvidia": exactly("3")}
    assert remarks(ledger, exclude=("unquantified",)) == [stale | {"count": 2, "days": 100}]


def test_what_is_not_the_buyers_is_not_remarked_upon(ledger: Ledger) -> None:
    ledger.order("o1", "2023-03-15", [line("1", "8")], currency="CNY", buyers=["baidu", "tencent"])
    allocations = [{"buyer_id": "baidu", "share": "0"}, {"buyer_id": "tencent", "share": "1"}]
    ledger.record("order-allocated", "2023-03-16", {"order_id": "o1", "allocations": allocations})
    assert remarks(ledger) == []
    assert remarks(ledger, buyer=["tencent"]) == [{"kind": "no-rate", "subject": "CNY/USD", "count": 1}]


def test_captive_purchases_that_are_left_out_want_nothing(ledger: Ledger) -> None:
    ledger.supply("2023-03-15", [line("1", "800")])
    assert remarks(ledger, captive="exclude") == []


def test_exposure_says_it_too(ledger: Ledger) -> None:
    ledger.order("o1", "2023-03-15", [line("1", "800")], currency="CNY")
    answer = regulatory_exposure(ledger.events, buyer=["baidu"], effective_on=YEAR_END)
    assert answer["remarks"] == [{"kind": "no-rate", "subject": "CNY/USD", "count": 1}]
