"""vendor-dependence against worked answers, against the plain evaluation, and in its corners."""

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pycountry
import pytest

from projections.contributions import remarked
from projections.evidence import evidence, evidence_remarks
from projections.figures import plain, ratio, sum_of
from projections.parameters import VendorDependence
from projections.vendor_dependence import remarks_of, vendor_dependence
from service.audit.verifier import vendor_dependence as reference
from tests.projections.ledgers import Event, RandomLedger, batch, projected, random_query
from tests.reference.ledger import Ledger, line, market
from tests.test_reference import as_written

GOLDEN = Path(__file__).parents[1] / "golden" / "ai-accelerators-expected.json"
SEED = Path(__file__).parents[2] / "examples" / "ai-accelerators.ndjson"
YEAR_END = date(2023, 12, 31)


def country_name(code: str) -> str | None:
    """The English name of a country."""
    country = pycountry.countries.get(alpha_2=code)
    return None if country is None else country.name


def ask(events: list[Event], **query: Any) -> dict[str, Any]:
    """The view of a ledger: Baidu's units at the end of 2023, unless told otherwise."""
    asked = {"buyer": ["baidu"], "measure": "units", "effective_on": YEAR_END, "position": len(events)} | query
    with projected(events) as projection, projection.cursor() as cursor:
        return vendor_dependence(cursor, VendorDependence(**asked), country_name=country_name)


def figures(answer: dict[str, Any]) -> dict[Any, tuple[str | None, ...]]:
    """Value, low and high by row."""
    return {row["key"]: (row["value"], row["low"], row["high"]) for row in answer["rows"]}


def seed() -> list[Event]:
    """The example ledger as recorded."""
    ledger = Ledger()
    for request in SEED.read_text(encoding="utf-8").splitlines():
        event = json.loads(request)
        ledger.record(event.pop("type"), event.pop("effective_on"), event.pop("data"), **event)
    return ledger.events


@pytest.mark.parametrize(
    "case",
    json.loads(GOLDEN.read_text(encoding="utf-8"))["vendor-dependence"],
    ids=lambda case: " ".join(map(str, case["query"].values())),
)
def test_the_example_ledger_gives_the_worked_answers(case: dict[str, Any]) -> None:
    answer = ask(seed(), **(case["query"] | {"buyer": [case["query"]["buyer"]]}))
    answer["rows"] = {row["key"]: row for row in answer["rows"]}
    assert answer["rows"].keys() == case["rows"].keys()
    for part in ("rows", "total", "metrics"):
        assert as_written(case[part], answer[part]) == case[part]


@pytest.mark.parametrize("vagueness", [1, 0.1])
@pytest.mark.parametrize("ledger_seed", range(6))
def test_random_ledgers_give_what_the_plain_evaluation_gives(ledger_seed: int, vagueness: float) -> None:
    events = RandomLedger(ledger_seed, vagueness).grow(70)
    with projected(events) as projection, projection.cursor() as cursor:
        for query_seed in range(8):
            query = random_query(100 * ledger_seed + query_seed, events)
            answer = vendor_dependence(cursor, VendorDependence(**query), country_name=country_name)
            assert answer == reference(events, **query, country_name=country_name), query


@pytest.mark.parametrize("ledger_seed", range(100, 106))
def test_the_evidence_of_a_row_adds_up_to_its_figure(ledger_seed: int) -> None:
    events = RandomLedger(ledger_seed).grow(60)
    with projected(events) as projection, projection.cursor() as cursor:
        for query_seed in range(6):
            parameters = VendorDependence(**random_query(100 * ledger_seed + query_seed, events))
            for row in vendor_dependence(cursor, parameters, country_name=country_name)["rows"]:
                parts = evidence(cursor, parameters, row["key"])
                values = [part["value"] for part in parts if part["value"] is not None]
                assert row["value"] == (plain(sum_of(map(Decimal, values))) if values else None)
                assert row["low"] == plain(sum_of(Decimal(part["low"]) for part in parts))
                highs = [part["high"] for part in parts]
                assert row["high"] == (None if None in highs else plain(sum_of(map(Decimal, highs))))
                assert row["captive"] == all(part["captive"] for part in parts)
                postings = [posting for part in parts for posting in part["postings"]]
                ends = [posting["ends_on"] for posting in postings]
                derived = [posting["derived"] for posting in postings if posting["derived"] is not None]
                # The first of them is before the end of a derived posting, which is the last.
                ends += [event["ends_on"] for behind in derived for event in (*behind["receipts"], *behind["returns"])]
                assert (row["first_effective_on"], row["last_effective_on"]) == (min(ends), max(ends))


@pytest.mark.parametrize("ledger_seed", [100, 101])
def test_the_remarks_of_rows_are_together_those_of_the_view(ledger_seed: int) -> None:
    events = RandomLedger(ledger_seed).grow(60)
    with projected(events) as projection, projection.cursor() as cursor:
        for query_seed in range(6):
            # What is left out may be of a row that is not there.
            query = random_query(100 * ledger_seed + query_seed, events) | {"exclude": []}
            parameters = VendorDependence(**query)
            answer = vendor_dependence(cursor, parameters, country_name=country_name)
            rows = [evidence_remarks(cursor, parameters, row["key"]) for row in answer["rows"]]
            assert remarked(one for several in rows for one in several) == answer["remarks"], query
            assert remarks_of(cursor, parameters) == answer["remarks"], query


def test_evidence_names_the_events_and_the_factors() -> None:
    events = seed()
    parameters = VendorDependence(buyer=("baidu",), effective_on="2023-12-01", position=len(events), status="delivered")
    with projected(events) as projection, projection.cursor() as cursor:
        found = evidence(cursor, parameters, "huawei")
        assert evidence(cursor, parameters, "micron") == []
        assert evidence(cursor, parameters, "nobody") == []
    rate = {"position": 27, "id": "e27", "type": "exchange-rates-published", "ends_on": "2023-08-31"}
    receipt = {"position": 45, "id": "e45", "type": "goods-received", "ends_on": "2023-10-31"}
    placing = next(
        event for event in events if event["type"] == "order-placed" and event["data"]["vendor_id"] == "huawei"
    )
    raw = {"value": "281250000", "low": "270281250", "high": "281250000"}
    (contribution,) = found
    value = Decimal(contribution.pop("value"))
    assert plain(value) == plain(281_250_000 * Decimal("1.0868") / Decimal("7.9196"))
    assert {name: contribution[name] for name in contribution if name not in ("low", "high")} == {
        "order_id": "baidu-huawei-2023-08",
        "line": "1",
        "vendor": "huawei",
        "product": "hw-910b",
        "captive": False,
        "figure": raw,
        "factors": {
            "rate": {"source": "7.9196", "target": "1.0868", "publication": rate},
            "attribute": None,
            "share": {"value": "1", "low": "1", "high": "1"},
            "remainder": None,
            "allocation": None,
        },
        "postings": [
            {
                "position": None,
                "id": None,
                "type": "derived",
                "ends_on": "2023-10-31",
                "derived": {
                    "receipts": [receipt],
                    "returns": [],
                    "line": [
                        {
                            "position": placing["position"],
                            "id": placing["id"],
                            "type": "order-placed",
                            "ends_on": "2023-08-31",
                        }
                    ],
                },
                **raw,
            }
        ],
    }


def test_evidence_comes_in_pages() -> None:
    ledger = market()
    for number in range(5):
        ledger.order(f"o{number}", "2023-01-01", [line("10")])
    parameters = VendorDependence(measure="units", effective_on=YEAR_END, position=len(ledger.events))
    with projected(ledger.events) as projection, projection.cursor() as cursor:
        page = evidence(cursor, parameters, "nvidia", limit=2, offset=3)
    assert [part["order_id"] for part in page] == ["o3", "o4"]


# What the random ledgers seldom reach


@pytest.mark.parametrize(("measure", "unit"), [("spend", "USD"), ("units", "unit"), ("capacity", "tpp")])
def test_the_largest_figures_that_can_be_recorded_add_up_exactly(measure: str, unit: str) -> None:
    most = "999999999999999.9999"
    ledger = market()
    ledger.product("largest", "nvidia", tpp="999999999.999999")
    lines = [line(most, most, "largest", str(number)) for number in range(100)]
    for order in ("o1", "o2"):
        ledger.order(order, "2023-01-01", lines)
    answer = ask(ledger.events, measure=measure)
    exact = 200 * Decimal(most) * (Decimal("999999999.999999") if measure == "capacity" else 1)
    assert answer["total"]["unit"] == unit
    assert figures(answer) == {"nvidia": (plain(exact),) * 3}


def test_a_rate_is_not_rounded_before_the_sum() -> None:
    ledger = market()
    ledger.record("exchange-rates-published", "2023-01-01", {"base": "EUR", "rates": {"USD": "1", "CNY": "3"}})
    for order in range(3):
        ledger.order(f"o{order}", "2023-01-02", [line("1", "0.0001")], currency="CNY")
    assert figures(ask(ledger.events, measure="spend")) == {"nvidia": ("0.0001",) * 3}


def test_a_half_is_rounded_to_even_although_a_quotient_led_to_it() -> None:
    ledger = market()
    ledger.record("exchange-rates-published", "2023-01-01", {"base": "EUR", "rates": {"USD": "0.005", "CNY": "3"}})
    for order in range(3):
        ledger.order(f"o{order}", "2023-01-02", [line("1", "0.0005")], currency="CNY")
    # 3 x 0.0005 x 0.005 / 3 = 0.0000025, though a third is none of its parts.
    assert figures(ask(ledger.events, measure="spend")) == {"nvidia": ("0.000002",) * 3}


def test_evidence_shows_nothing_of_a_quotient_that_was_cut_off() -> None:
    ledger = market()
    ledger.record("exchange-rates-published", "2023-01-01", {"base": "EUR", "rates": {"USD": "1", "CNY": "3"}})
    for order, amount in (("o1", "4.5"), ("o2", "450000000"), ("o3", "1")):
        ledger.order(order, "2023-01-02", [line("1", amount)], currency="CNY")
    parameters = VendorDependence(effective_on=YEAR_END, position=len(ledger.events))
    with projected(ledger.events) as projection, projection.cursor() as cursor:
        found = evidence(cursor, parameters, "nvidia")
    assert [part["value"] for part in found] == ["1.5", "150000000", f"0.{'3' * 24}"]


def test_a_rate_beyond_all_measure_is_multiplied_line_by_line() -> None:
    ledger = market()
    rates = {"USD": "999999999999999", "CNY": "0.0000000001"}
    ledger.record("exchange-rates-published", "2023-01-01", {"base": "EUR", "rates": rates})
    ledger.order("o1", "2023-01-02", [line("1", "12345678901234.5678")], currency="CNY")
    value = "123456789012345554543210987654322000000"
    assert figures(ask(ledger.events, measure="spend")) == {"nvidia": (value,) * 3}


class Interrupted:
    """A connection between each two statements of which something happens."""

    def __init__(self, connection: Any, happens: Callable[[], None]) -> None:
        self.connection = connection
        self.happens = happens

    def execute(self, *statement: Any) -> Any:
        """Execute the statement, and let happen what happens after it."""
        result = self.connection.execute(*statement)
        self.happens()
        return result


def test_a_batch_applied_meanwhile_changes_no_answer() -> None:
    ledger = market()
    for number in range(30):
        ledger.order(f"o{number}", "2023-01-01", [line("10")])
    asked = VendorDependence(measure="units", effective_on=YEAR_END, position=len(ledger.events))
    for number in range(30):
        ledger.record("order-cancelled", "2023-02-01", {"order_id": f"o{number}", "reason": "export rule"})
    with projected(ledger.events[: asked.position]) as projection, projection.cursor() as cursor:

        def cancel_one() -> None:
            following = ledger.events[projection.position : projection.position + 1]
            projection.apply(batch(following))

        connection: Any = Interrupted(cursor, cancel_one)
        answer = vendor_dependence(connection, asked, country_name=country_name)
        assert projection.position > asked.position + 3
    assert figures(answer) == {"nvidia": ("300", "300", "300")}


def test_a_circle_of_parents_ends() -> None:
    ledger = market()
    for child, parent in [("huawei", "nvidia"), ("nvidia", "huawei"), ("kunlunxin", "nvidia")]:
        ledger.record("organization-changed", "2022-01-01", {"organization_id": child, "parent_id": parent})
    ledger.order("o1", "2023-01-01", [line("10")])
    # Of Nvidia the lineage is Nvidia and Huawei, and ends before Nvidia again.
    assert list(figures(ask(ledger.events, by="parent"))) == ["huawei"]


def test_nobody_asked_for_has_nothing() -> None:
    ledger = market()
    ledger.order("o1", "2023-01-01", [line("10")])
    answer = ask(ledger.events, buyer=["nobody"])
    metrics = ("hhi", "effective_vendors", "cr1", "cr3", "captive_share", "domestic_share", "at_risk")
    assert answer == {
        "total": {"value": "0", "low": "0", "high": "0", "unit": "unit"},
        "rows": [],
        "metrics": {
            **{f"{name}{end}": None for name in metrics for end in ("", "_low", "_high")},
            "at_risk_undetermined": None,
            "single_source": False,
            "coverage": {"quantified": 0, "active": 0},
        },
        "remarks": [],
    }


def test_a_row_tells_all_that_is_known_of_it() -> None:
    ledger = market()
    ledger.order("o1", "2023-01-01", [line("30")])
    ledger.order("o2", "2023-02-01", [line("10")], vendor_id="kunlunxin")
    answer = ask(ledger.events)
    assert answer["rows"] == [
        {
            "key": "nvidia",
            "name": "Nvidia",
            "value": "30",
            "low": "30",
            "high": "30",
            "share": 0.75,
            "share_low": 0.75,
            "share_high": 0.75,
            "quantified": True,
            "captive": False,
            "restricted": "no",
            "country": "US",
            "first_effective_on": "2023-01-01",
            "last_effective_on": "2023-01-01",
        },
        {
            "key": "kunlunxin",
            "name": "Kunlunxin",
            "value": "10",
            "low": "10",
            "high": "10",
            "share": 0.25,
            "share_low": 0.25,
            "share_high": 0.25,
            "quantified": True,
            "captive": True,
            "restricted": "no",
            "country": "CN",
            "first_effective_on": "2023-02-01",
            "last_effective_on": "2023-02-01",
        },
    ]
    exact = {"hhi": 6250.0, "effective_vendors": 1.6, "cr1": 0.75, "cr3": 1.0, "captive_share": 0.25}
    exact |= {"domestic_share": 0.25, "at_risk": 0.0}
    assert answer["metrics"] == exact | {f"{name}_{end}": exact[name] for name in exact for end in ("low", "high")} | {
        "single_source": False,
        "coverage": {"quantified": 2, "active": 2},
        "at_risk_undetermined": 0.0,
    }


def cancelled(ledger: Ledger) -> None:
    """Three of ten have come when the order is cancelled."""
    ledger.order("o1", "2023-01-01", [line("10")])
    ledger.record("goods-received", "2023-02-01", {"order_id": "o1", "receipts": [line("3")]})
    ledger.record("order-cancelled", "2023-03-01", {"order_id": "o1", "reason": "export rule"})


def returned(ledger: Ledger) -> None:
    """Four of ten have come and five went back."""
    ledger.order("o1", "2023-01-01", [line("10")])
    ledger.record("goods-received", "2023-02-01", {"order_id": "o1", "receipts": [line("4")]})
    ledger.record("goods-returned", "2023-03-01", {"order_id": "o1", "returns": [{"line": "1", "quantity": "5"}]})


def vaguely_received(ledger: Ledger) -> None:
    """Of ten nobody knows how many have come."""
    ledger.order("o1", "2023-01-01", [line("10")])
    ledger.record("goods-received", "2023-02-01", {"order_id": "o1", "receipts": [line(None)]})


def overdelivered(ledger: Ledger) -> None:
    """Twelve of ten have come on one line, none of ten on the other."""
    ledger.order("o1", "2023-01-01", [line("10"), line("10", number="2")])
    ledger.record("goods-received", "2023-02-01", {"order_id": "o1", "receipts": [line("12")]})


@pytest.mark.parametrize(
    ("happens", "status", "figure", "last_on"),
    [
        (cancelled, "ordered", ("3", "3", "3"), "2023-02-01"),
        (cancelled, "open", None, None),
        (returned, "delivered", ("0", "0", "0"), None),
        (returned, "open", ("10", "10", "10"), "2023-03-01"),
        (vaguely_received, "delivered", (None, "0", None), "2023-02-01"),
        (vaguely_received, "open", ("10", "0", "10"), "2023-02-01"),
        (overdelivered, "open", ("10", "10", "10"), "2023-01-01"),
        (overdelivered, "delivered", ("12", "12", "12"), "2023-02-01"),
    ],
)
def test_ordered_delivered_and_open_of_a_line(
    happens: Callable[[Ledger], None], status: str, figure: tuple[str | None, ...] | None, last_on: str | None
) -> None:
    ledger = market()
    happens(ledger)
    answer = ask(ledger.events, status=status)
    if figure in (None, ("0", "0", "0")):
        assert answer["rows"] == []
    else:
        assert figures(answer) == {"nvidia": figure}
        assert answer["rows"][0]["last_effective_on"] == last_on


def test_figures_are_written_without_exponent_or_negative_nothing() -> None:
    assert plain(Decimal("1E+3")) == "1000"
    assert plain(Decimal("-0.0000001")) == "0"
    assert plain(Decimal("0.0000005") + Decimal("1e-18")) == "0.000001"
    assert plain(Decimal("0.0000005")) == "0"
    assert ratio(Decimal("-0.0000001")) == 0
    assert str(ratio(Decimal("-0.0000001"))) == "0.0"
