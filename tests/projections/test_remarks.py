"""What the tables have to say of what was just recorded: each kind where it is called for, and where it is not."""

from collections.abc import Sequence
from typing import Any

import pytest

from projections.engine import Projection
from projections.remarks import CALLING, MOST_LISTED, Doubts, JustRecorded, doubts, likeliest
from tests.projections.ledgers import batch

Event = dict[str, Any]


def ledger(*said: tuple[str, dict[str, Any]] | tuple[str, dict[str, Any], str]) -> list[Event]:
    """Stored events, of 1 January 2024 or another day, one behind the other."""
    events = []
    for position, (kind, data, *day) in enumerate(said, 1):
        on = day[0] if day else "2024-01-01"
        event = {"type": kind, "id": f"e{position}", "position": position, "known_on": on, "effective_on": on}
        version = 2 if kind.startswith("goods-") else 1
        events.append({"v": version, "recorded_at": "2026-01-31T12:00:00.000000Z", "basis": "reported", **event})
        events[-1]["data"] = data
    return events


def said_of(events: Sequence[Event], *stretches: tuple[int, int]) -> list[Doubts]:
    """What there is to say of stretches of some events; none given: of the last."""
    with Projection.open() as projection:
        projection.apply(batch(events))
        with projection.cursor() as connection:
            asked = stretches or ((len(events), len(events)),)
            return doubts(JustRecorded(connection, asked), CALLING)


def kinds(events: Sequence[Event], *stretches: tuple[int, int]) -> list[str]:
    """The kinds of that."""
    return [found.kind for found in said_of(events, *stretches)]


def product(product_id: str = "910b", category: str = "ai-accelerator") -> tuple[str, dict[str, Any]]:
    return "product-registered", {"product_id": product_id, "name": product_id, "category": category}


def organization(identifier: str, country: str = "CN", **more: Any) -> tuple[str, dict[str, Any]]:
    return "organization-registered", {"organization_id": identifier, "name": identifier, "country": country, **more}


def order(quantity: Any = "10", amount: Any = "100", **changes: Any) -> tuple[str, dict[str, Any]]:
    line = {"line": "1", "product_id": "910b", "quantity": quantity, "amount": amount}
    return "order-placed", {
        "order_id": "po-1", "buyers": ["baidu"], "vendor_id": "huawei", "currency": "CNY", "lines": [line], **changes,
    }  # fmt: skip


MARKET = (organization("baidu"), organization("huawei"), product(), order())


def received(quantity: Any, **amount: Any) -> tuple[str, dict[str, Any]]:
    return "goods-received", {"order_id": "po-1", "receipts": [{"line": "1", "quantity": quantity, **amount}]}


def amended(**change: Any) -> tuple[str, dict[str, Any]]:
    return "order-amended", {"order_id": "po-1", "changes": [{"line": "1", **change}]}


def enacted(regulation_id: str = "ear", **conditions: Any) -> tuple[str, dict[str, Any]]:
    rule = {"rule_id": "r", "effect": "prohibited", **conditions}
    about = {"jurisdiction": "US", "authority": "BIS", "title": "A rule", "citation": "88 FR 1"}
    return "regulation-enacted", {"regulation_id": regulation_id, **about, "rules": [rule]}


def retracted(event: str) -> tuple[str, dict[str, Any]]:
    return "event-retracted", {"retracts": event, "reason": "wrong"}


# Categories


def test_a_category_that_no_product_has_is_said_with_the_likeliest_spelling() -> None:
    (found,) = said_of(ledger(*MARKET, enacted(categories=["AI-acelerator"])))
    assert (found.kind, found.count) == ("unknown-category", 1)
    (doubt,) = found.first
    assert (doubt.event, doubt.subject, doubt.likely) == ("e5", "ear/r", "ai-accelerator")
    assert doubt.detail.endswith("no product has it: perhaps 'ai-accelerator' is meant")


def test_a_category_unlike_all_others_has_no_likely_spelling() -> None:
    (found,) = said_of(ledger(*MARKET, enacted(categories=["paper"])))
    assert [(doubt.likely, doubt.detail) for doubt in found.first] == [
        (None, "the rule ear/r is for the category 'paper', and no product has it")
    ]


def test_a_product_registered_in_the_same_batch_has_its_category_behind_the_rule_too() -> None:
    events = ledger(*MARKET[:2], enacted(categories=["ai-accelerator"]), product(), order())
    assert kinds(events, (3, 5)) == []


def test_a_licence_is_looked_at_as_a_rule_is() -> None:
    licence = "licence-granted", {"regulation_id": "ear", "licence_id": "l-1", "categories": ["gpu"]}
    (found,) = said_of(ledger(*MARKET, enacted(destinations=["CN"]), licence))
    assert [doubt.detail[:40] for doubt in found.first] == ["the licence ear/l-1 is for the category "]


def test_spellings_are_compared_whatever_their_case_and_marks() -> None:
    assert likeliest("AI accelerator", ["memory", "ai-accelerator"]) == "ai-accelerator"
    assert likeliest("", ["memory"]) is None
    assert likeliest("memory", []) is None


# Rules


MEANS_SOMETHING: tuple[dict[str, Any], ...] = (
    {"destinations": ["CN"]},
    {"vendors": ["huawei"]},
    {"products": ["910b"], "buyers": ["baidu"]},
    # The product's tpp is not known: it may be meant.
    {"when": {"attribute": "tpp", "op": ">=", "value": "4800"}},
    {"categories": ["ai-accelerator", "memory"]},
)
MEANS_NOTHING: tuple[dict[str, Any], ...] = (
    {"destinations": ["RU"]},
    {"vendors": ["baidu"]},
    {"products": ["910b"], "buyers": ["huawei"]},
    {"categories": ["ai-accelerator"], "vendor_countries": ["US"]},
)


def test_a_rule_is_said_to_match_nothing_where_it_means_nothing_bought() -> None:
    rules = [enacted(regulation_id=f"some-{n}", **one) for n, one in enumerate(MEANS_SOMETHING)]
    rules += [enacted(regulation_id=f"none-{n}", **one) for n, one in enumerate(MEANS_NOTHING)]
    found = said_of(ledger(*MARKET, *rules), (len(MARKET) + 1, len(MARKET) + len(rules)))
    idle = [doubt.subject for kind in found if kind.kind == "matches-nothing" for doubt in kind.first]
    assert idle == [f"none-{n}/r" for n in range(len(MEANS_NOTHING))]


def test_where_nothing_is_bought_yet_a_rule_matches_nothing() -> None:
    (found,) = said_of(ledger(*MARKET[:3], enacted(destinations=["CN"])))
    assert found.first[0].detail == "the rule ear/r does not mean anything: nothing is ordered or asserted yet"


def test_what_was_asserted_was_bought_and_what_was_taken_back_was_not() -> None:
    asserted = {"assertion_id": "a", "buyer_id": "baidu", "vendor_id": "baidu", "statement": "its own chips"}
    events = [*MARKET, ("supply-asserted", asserted), enacted(vendors=["baidu"])]
    assert kinds(ledger(*events)) == []
    assert kinds(ledger(*events[:5], retracted("e5"), events[5])) == ["matches-nothing"]


def test_a_rule_on_a_subsidiary_means_what_the_record_of_it_bought() -> None:
    events = [organization("inspur"), organization("inspur-2", same_as="inspur"), product(), *MARKET[:2]]
    bought = order(vendor_id="inspur-2")
    assert kinds(ledger(*events, bought, enacted(vendors=["inspur"]))) == []


# Rates


def publication(base: str, rates: dict[str, str], day: str) -> tuple[str, dict[str, Any], str]:
    return "exchange-rates-published", {"base": base, "rates": rates}, day


def test_rates_the_other_way_round_are_said_and_rates_that_move_are_not() -> None:
    first = publication("USD", {"CNY": "7.2", "EUR": "0.92"}, "2024-01-01")
    turned = publication("USD", {"CNY": "0.1389", "EUR": "1.087"}, "2024-01-02")
    (found,) = said_of(ledger(first, turned))
    assert (found.kind, found.count, found.first[0].subject) == ("inverse-rates", 1, "USD/CNY")
    assert "1 USD buys 0.1389 CNY here, and bought 7.2 in the publication of 2024-01-01" in found.first[0].detail
    moved = publication("USD", {"CNY": "7.9", "EUR": "0.99"}, "2024-06-01")
    assert kinds(ledger(first, moved)) == []


def test_the_same_rate_of_the_other_base_is_the_inverse() -> None:
    first = publication("USD", {"CNY": "7.2"}, "2024-01-01")
    assert kinds(ledger(first, publication("CNY", {"USD": "7.2"}, "2024-01-02"))) == ["inverse-rates"]
    assert kinds(ledger(first, publication("CNY", {"USD": "0.139"}, "2024-01-02"))) == []


def test_only_the_rate_that_is_the_wrong_way_round_is_said_and_not_the_right_one_after_it() -> None:
    rates = ("7.2", "0.139", "7.1", "7.3", "0.141", "7.2")
    days = [f"2024-01-0{day}" for day in range(1, len(rates) + 1)]
    events = ledger(*(publication("USD", {"CNY": rate}, day) for rate, day in zip(rates, days, strict=True)))
    (found,) = said_of(events, (1, len(rates)))
    assert (found.count, [doubt.event for doubt in found.first]) == (2, [events[1]["id"], events[4]["id"]])
    assert [kinds(events[:end]) for end in range(1, len(rates) + 1)] == [
        ["inverse-rates"] if place in (1, 4) else [] for place in range(len(rates))
    ]


def test_a_rate_that_was_wrong_from_the_start_is_not_what_the_right_ones_are_held_against() -> None:
    rates = ("0.139", "7.2", "7.1", "7.3", "0.139")
    events = ledger(*(publication("USD", {"CNY": rate}, f"2024-01-0{n}") for n, rate in enumerate(rates, 1)))
    assert [bool(kinds(events[:end])) for end in range(1, len(rates) + 1)] == [False, True, False, False, True]


# Receipts


WITHIN: tuple[tuple[tuple[str, dict[str, Any]], ...], ...] = (
    (received("10"),),
    (received({"value": "11", "low": "9", "high": "12"}),),
    (received(None),),
    (amended(quantity="5"), received("15")),
    (received("11"), ("order-cancelled", {"reason": "over"}), received("1")),
)
BEYOND: tuple[tuple[tuple[str, dict[str, Any]], ...], ...] = (
    (received("10.0001"),),
    (received("4"), received("7")),
)


def test_a_receipt_that_is_certainly_beyond_the_order_is_said() -> None:
    events = [*MARKET[:3]]
    for name, cases in (("within", WITHIN), ("beyond", BEYOND)):
        for n, moves in enumerate(cases):
            events.append(order(order_id=f"{name}-{n}"))
            events += [(kind, data | {"order_id": f"{name}-{n}"}) for kind, data in moves]
    (found,) = said_of(ledger(*events), (4, len(events)))
    assert (found.kind, [doubt.subject for doubt in found.first]) == ("beyond-ordered", ["beyond-0/1", "beyond-1/1"])


def test_goods_sent_back_make_room_and_a_line_without_a_quantity_holds_anything() -> None:
    back = "goods-returned", {"order_id": "po-1", "returns": [{"line": "1", "quantity": "3"}]}
    assert kinds(ledger(*MARKET, received("10"), back, received("3"))) == []
    assert kinds(ledger(*MARKET[:3], order(None), received("1000"))) == []


def test_the_order_that_comes_in_the_same_batch_counts() -> None:
    events = ledger(*MARKET, received("12"))
    assert kinds(events, (4, 5)) == ["beyond-ordered"]
    (found,) = said_of(events, (4, 5))
    assert found.first[0].detail == "line 1 of order po-1: 12 received, 10 ordered"


# Assertions


def asserted(
    buyer: str = "baidu", vendor: str = "huawei", product_id: str | None = "910b", quantity: str = "5"
) -> tuple[str, dict[str, Any]]:
    line = {"line": "1", "product_id": product_id, "quantity": quantity, "amount": quantity}
    parties = {"assertion_id": "a-1", "buyer_id": buyer, "vendor_id": vendor}
    return "supply-asserted", {**parties, "statement": "said", "currency": "CNY", "lines": [line]}


def test_an_assertion_of_what_an_order_has_as_well_is_said() -> None:
    (found,) = said_of(ledger(*MARKET, asserted()))
    assert [(found.kind, doubt.subject, doubt.event) for doubt in found.first] == [("counted-twice", "a-1", "e5")]
    assert kinds(ledger(*MARKET, asserted(vendor="baidu"))) == []
    assert kinds(ledger(*MARKET, asserted(product_id=None))) == []
    assert kinds(ledger(*MARKET, asserted(quantity="0"))) == []
    assert kinds(ledger(*MARKET, retracted("e4"), asserted())) == []


def test_the_buyer_of_a_joint_order_and_another_record_of_the_vendor_are_the_same_ones() -> None:
    joint = order(buyers=["kunlunxin", "baidu"])
    assert kinds(ledger(*MARKET[:3], organization("kunlunxin"), joint, asserted())) == ["counted-twice"]
    record = organization("huawei-2", same_as="huawei")
    assert kinds(ledger(*MARKET, record, asserted(vendor="huawei-2"))) == ["counted-twice"]


# Prices


def test_an_amendment_that_moves_the_price_of_goods_already_received_is_said() -> None:
    (found,) = said_of(ledger(*MARKET, received("10"), amended(quantity="10", amount="200")))
    assert found.kind == "reprices-received"
    assert found.first[0].detail == (
        "line 1 of order po-1 goes from 10 to 15 CNY each, and so do the 10 that have come:"
        " a second tranche at another price is a line of its own"
    )


def test_within_one_batch_only_what_came_before_the_amendment_is_repriced() -> None:
    batched = ledger(*MARKET, received("4"), amended(amount="50"))
    assert kinds(batched, (4, len(batched))) == ["reprices-received"]
    behind = ledger(*MARKET, amended(amount="50"), received("4"))
    assert kinds(behind, (4, len(behind))) == []


@pytest.mark.parametrize(
    "moves",
    [
        # At the same price.
        [received("10"), amended(quantity="10", amount="100")],
        # Nothing has come.
        [amended(amount="100")],
        # What came has an amount of its own.
        [received("10", amount="100"), amended(amount="100")],
        # A line of its own.
        [
            received("10"),
            (
                "order-amended",
                {
                    "order_id": "po-1",
                    "lines": [{"line": "2", "product_id": "910b", "quantity": "10", "amount": "200"}],
                },
            ),
        ],
    ],
)
def test_an_amendment_that_moves_no_price_of_goods_received_is_not(moves: list[tuple[str, dict[str, Any]]]) -> None:
    assert kinds(ledger(*MARKET, *moves)) == []


# Bounds


def test_of_a_large_batch_few_are_listed_and_all_are_counted() -> None:
    count = 300
    rules = [{"rule_id": f"r{n}", "effect": "prohibited", "categories": [f"gpu-{n}"]} for n in range(count)]
    about = {"jurisdiction": "US", "authority": "BIS", "title": "A rule", "citation": "88 FR 1"}
    (found,) = said_of(ledger(*MARKET, ("regulation-enacted", {"regulation_id": "ear", **about, "rules": rules})))
    assert (found.count, len(found.first)) == (count, MOST_LISTED)


def test_what_others_recorded_in_between_is_theirs() -> None:
    events = ledger(*MARKET, received("11"), ("event-annotated", {"annotates": "e1", "note": "n"}), received("1"))
    assert kinds(events, (4, 4), (6, 6)) == []
    assert kinds(events, (4, 4), (7, 7)) == ["beyond-ordered"]


def test_what_was_taken_back_is_not_remarked_upon() -> None:
    assert kinds(ledger(*MARKET, received("11"), retracted("e5")), (5, 6)) == []
