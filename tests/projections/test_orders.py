"""An order as of any time: its lines, its state and what its history says of each event."""

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from domain.catalogue import read_stored
from domain.events import Recorded
from projections.orders import order
from projections.parameters import Moment
from service.audit.verifier import World, vendor_dependence
from tests.ledgers import Book, line, market
from tests.projections.ledgers import DAYS, FIRST_DAY, RandomLedger

SEED = Path(__file__).parents[2] / "examples" / "ai-accelerators.ndjson"
YEAR_END = date(2023, 12, 31)
NOTHING = {"value": "0", "low": "0", "high": "0"}


@pytest.fixture
def book() -> Book:
    """Baidu with its Kunlunxin, Tencent and Alibaba of China; Nvidia and its A800 of the United States; Huawei."""
    return market()


def seen(
    book: Book, effective_on: date = YEAR_END, known_on: date | None = None, *, order_id: str = "o1", back: int = 0
) -> dict[str, Any] | None:
    """The order, or None, as it was `back` events before the last."""
    moment = Moment(effective_on=effective_on, known_on=known_on, position=len(book.events) - back)
    return order(book.history(f"order/{order_id}"), moment)


def read(book: Book, effective_on: date = YEAR_END, known_on: date | None = None, **asked: Any) -> dict[str, Any]:
    """The order, which must be there."""
    answer = seen(book, effective_on, known_on, **asked)
    assert answer is not None
    return answer


def exactly(number: str) -> dict[str, str]:
    """A figure without doubt."""
    return {"value": number, "low": number, "high": number}


def goods(answer: dict[str, Any], name: str = "1") -> tuple[Any, ...]:
    """Quantities ordered, delivered and open of a line: a text where exact, else [value, low, high]."""
    (found,) = [line for line in answer["lines"] if line["line"] == name]
    figures = [found[status]["quantity"] for status in ("ordered", "delivered", "open")]
    return tuple(figure["value"] if figure == exactly(figure["value"]) else [*figure.values()] for figure in figures)


def reasons(answer: dict[str, Any]) -> list[str | None]:
    """Why each event of the history does not count."""
    assert all(told["counts"] == (told["why_not"] is None) for told in answer["history"])
    return [told["why_not"] for told in answer["history"]]


def received(quantity: Any, name: str = "1", **amount: Any) -> dict[str, Any]:
    """A receipt on a line."""
    return {"line": name, "quantity": quantity, **amount}


# The seed


def recorded_seed() -> Book:
    """The example ledger, recorded in January 2026."""
    book = Book(today=date(2026, 1, 31))
    book.record([json.loads(request) for request in SEED.read_text(encoding="utf-8").splitlines()])
    return book


@cache
def seed() -> Book:
    """The example ledger, to be read only."""
    return recorded_seed()


def test_the_seeds_first_order_with_huawei_is_as_reported() -> None:
    answer = read(seed(), date(2023, 10, 31), date(2023, 11, 8), order_id="baidu-huawei-2023-08")
    history = answer.pop("history")
    assert answer == {
        "order_id": "baidu-huawei-2023-08",
        "vendor_id": "huawei",
        "buyers": ["baidu"],
        "currency": "CNY",
        "placed_on": "2023-08-31",
        "placed_effective_on": "2023-08",
        "basis": "estimated",
        "status": "open",
        "cancelled_on": None,
        "cancellation": None,
        "lines": [
            {
                "line": "1",
                "product_id": "hw-910b",
                "deliver_by": "2023-12-31",
                "ordered": {"quantity": exactly("1600"), "amount": exactly("450000000")},
                "delivered": {
                    "quantity": {"value": "1000", "low": "961", "high": "1000"},
                    "amount": {"value": "281250000", "low": "270281250", "high": "281250000"},
                },
                "open": {
                    "quantity": {"value": "600", "low": "600", "high": "639"},
                    "amount": {"value": "168750000", "low": "168750000", "high": "179718750"},
                },
                "over_received": False,
                "reduced_below_zero": False,
            }
        ],
        "allocations": None,
        "flags": [],
    }
    assert [told["type"] for told in history] == ["order-placed", "goods-received", "event-annotated"]
    placing = history[0]
    assert placing["source"]["citation"].startswith("Reuters, 2023-11-07")
    assert placing["notes"] == ["A second report puts the cost at about $61 million; the yuan amount is kept."]
    assert json.loads(json.dumps(history)) == history


@pytest.mark.parametrize(
    ("effective_on", "known_on"),
    [(date(2023, 10, 31), date(2023, 11, 6)), (date(2023, 8, 30), None)],
    ids=["before it was reported", "before it was placed"],
)
def test_an_order_that_is_not_known_or_not_placed_yet_is_not_there(effective_on: date, known_on: date | None) -> None:
    assert seen(seed(), effective_on, known_on, order_id="baidu-huawei-2023-08") is None


def test_the_seeds_order_is_whole_on_the_day_it_was_placed_by() -> None:
    answer = read(seed(), date(2023, 8, 31), date(2023, 11, 7), order_id="baidu-huawei-2023-08")
    assert goods(answer) == ("1600", "0", "1600")
    assert reasons(answer) == [None, "not in effect yet", "not known yet"]
    assert answer["history"][0]["notes"] == []


def test_the_seeds_order_is_late_from_the_day_after_its_deadline_on() -> None:
    assert read(seed(), date(2023, 12, 31), order_id="baidu-huawei-2023-08")["flags"] == []
    assert read(seed(), date(2024, 1, 1), order_id="baidu-huawei-2023-08")["flags"] == ["late"]


def test_the_seeds_joint_order_is_allocated_and_its_unnamed_goods_are_known_by_their_price_alone() -> None:
    answer = read(seed(), order_id="cn4-nvidia-2023")
    assert answer["allocations"] == [
        {"buyer_id": buyer, "share": "0.25"} for buyer in ("baidu", "bytedance", "tencent", "alibaba")
    ]
    unknown = {"value": None, "low": "0", "high": None}
    assert answer["lines"][1]["open"] == {"quantity": unknown, "amount": exactly("4000000000")}
    assert answer["flags"] == []
    # The first line was due in 2023.
    assert read(seed(), date(2024, 1, 1), order_id="cn4-nvidia-2023")["flags"] == ["late"]


# Lines


def test_a_stream_without_events_is_no_order() -> None:
    assert order([], Moment(effective_on=YEAR_END, position=0)) is None


def test_changes_count_from_their_own_day_on(book: Book) -> None:
    book.order("o1", "2023-03-01", [line("100", "1000")])
    book.amend("o1", "2023-06-01", {"line": "1", "quantity": "-40", "amount": "-400.5"})
    assert goods(read(book, date(2023, 5, 31))) == ("100", "0", "100")
    assert goods(read(book, date(2023, 6, 1))) == ("60", "0", "60")
    assert read(book)["lines"][0]["ordered"]["amount"] == exactly("599.5")


def test_a_receipt_on_a_line_that_is_not_there_yet_does_not_count(book: Book) -> None:
    book.order("o1", "2023-03-01", [line("100")])
    further = [line("30", name="2") | {"deliver_by": "2023-10"}]
    book.say("order-amended", "2023-09-01", {"order_id": "o1", "lines": further})
    book.receive("o1", "2023-04-01", received("7", "2"))
    book.receive("o1", "2023-04-02", received("5", "2"), received("20"))
    book.amend("o1", "2023-04-03", {"line": "2", "quantity": "10"})
    before = read(book, date(2023, 8, 31))
    assert [found["line"] for found in before["lines"]] == ["1"]
    assert goods(before) == ("100", "20", "80")
    absent = "its line is not there"
    assert reasons(before) == [None, "not in effect yet", absent, None, absent]
    missing = [told.get("missing_lines") for told in before["history"]]
    assert missing == [None, None, ["2"], ["2"], ["2"]]
    after = read(book, date(2023, 9, 1))
    assert goods(after, "2") == ("40", "12", "28")
    assert after["lines"][1]["deliver_by"] == "2023-10"
    assert reasons(after) == [None] * 5
    assert not any("missing_lines" in told for told in after["history"])


def test_what_brings_a_line_counts_though_its_changes_speak_of_a_line_that_is_not_there(book: Book) -> None:
    book.order("o1", "2023-03-01", [line("100")])
    book.say("order-amended", "2023-09-01", {"order_id": "o1", "lines": [line("30", name="2")]})
    change = {"line": "2", "quantity": "5"}
    amendment = {"order_id": "o1", "changes": [change], "lines": [line("4", name="3")]}
    book.say("order-amended", "2023-04-01", amendment)
    answer = read(book, date(2023, 8, 31))
    assert [found["line"] for found in answer["lines"]] == ["1", "3"]
    assert (answer["history"][2]["counts"], answer["history"][2]["missing_lines"]) == (True, ["2"])


def test_a_return_is_taken_off_and_without_an_amount_takes_off_what_the_goods_cost(book: Book) -> None:
    book.order("o1", "2023-03-01", [line("100", "1000")])
    book.receive("o1", "2023-04-01", received({"value": "40", "low": "35", "high": "45"}, amount="400"))
    book.give_back("o1", "2023-05-01", {"line": "1", "quantity": "38"})
    answer = read(book)
    assert goods(answer) == ("100", ["2", "0", "7"], ["98", "93", "100"])
    # 400 less 38 at 10 each.
    assert answer["lines"][0]["delivered"]["amount"] == exactly("20")
    book.give_back("o1", "2023-05-02", {"line": "1", "quantity": "1", "amount": "9.9999"})
    assert read(book)["lines"][0]["delivered"]["amount"] == exactly("10.0001")


def test_a_receipt_without_an_amount_is_worth_what_its_line_costs_as_it_is_known(book: Book) -> None:
    book.order("o1", "2023-01-01", [line("10", "100")])
    book.receive("o1", "2023-02-01", {"line": "1", "quantity": "10"})
    dearer = {"order_id": "o1", "changes": [{"line": "1", "amount": "100"}]}
    book.say("order-amended", "2023-01-15", dearer, known_on="2024-01-15")
    known = date(2023, 12, 31), date(2024, 12, 31)
    delivered = [read(book, known_on=day)["lines"][0]["delivered"]["amount"] for day in known]
    assert delivered == [exactly("100"), exactly("200")]


def test_an_order_that_is_amended_below_nothing_says_so_and_shows_nothing(book: Book) -> None:
    book.order("o1", "2023-01-01", [line("100", "1000")])
    # As decided, first more and then less; the less takes effect first.
    for effective_on, quantity in (("2024-01-01", "100"), ("2023-06-01", "-150")):
        change = {"order_id": "o1", "changes": [{"line": "1", "quantity": quantity}]}
        book.say("order-amended", effective_on, change, known_on="2023-01-02")
    answer = read(book, date(2023, 7, 1))
    assert goods(answer) == ("0", "0", "0")
    assert answer["flags"] == ["reduced-below-zero"]
    assert read(book, date(2024, 1, 1))["flags"] == []


def test_a_receipt_of_unknown_quantity_leaves_between_nothing_and_all_open(book: Book) -> None:
    book.order("o1", "2023-03-01", [line("100")])
    book.receive("o1", "2023-04-01", received(None))
    assert goods(read(book)) == ("100", [None, "0", None], ["100", "0", "100"])


@pytest.mark.parametrize(
    ("quantity", "over"),
    [("60", False), ("60.0001", True), ({"value": "70", "low": "60", "high": "80"}, False), (None, False)],
    ids=["exactly all", "one ten-thousandth over", "perhaps over", "unknown"],
)
def test_goods_beyond_the_order_are_flagged_where_that_is_certain(book: Book, quantity: Any, over: bool) -> None:
    book.order("o1", "2023-03-01", [line("100"), line("5", name="2")])
    book.receive("o1", "2023-04-01", received("40"))
    book.receive("o1", "2023-04-02", received(quantity))
    answer = read(book)
    assert [found["over_received"] for found in answer["lines"]] == [over, False]
    assert answer["flags"] == (["over-received"] if over else [])


def test_nothing_is_beyond_an_order_of_unknown_size(book: Book) -> None:
    book.order("o1", "2023-03-01", [line(None)])
    book.receive("o1", "2023-04-01", received("1000000"))
    assert read(book, date(2024, 1, 1))["flags"] == []


def test_of_an_over_received_line_nothing_is_open(book: Book) -> None:
    book.order("o1", "2023-03-01", [line("100")])
    book.receive("o1", "2023-04-01", received("101"))
    answer = read(book)
    assert goods(answer) == ("100", "101", "0")
    assert answer["status"] == "delivered"


# State


def test_an_order_is_delivered_once_no_line_has_anything_open_by_its_best_figure(book: Book) -> None:
    book.order("o1", "2023-03-01", [line("100"), line("5", name="2")])
    book.receive("o1", "2023-04-01", received({"value": "100", "low": "90", "high": "100"}), received("4.9999", "2"))
    assert read(book)["status"] == "open"
    book.receive("o1", "2023-05-01", received("0.0001", "2"))
    assert read(book, date(2023, 4, 30))["status"] == "open"
    assert read(book, date(2023, 5, 1))["status"] == "delivered"
    book.give_back("o1", "2023-06-01", {"line": "2", "quantity": "1"})
    assert read(book)["status"] == "open"


def test_an_order_amended_to_nothing_is_void_and_not_delivered(book: Book) -> None:
    book.order("o1", "2023-03-01", [line("100", "1000"), line("5", name="2")])
    changes = [{"line": "1", "quantity": "-100", "amount": "-1000"}]
    book.say("order-amended", "2023-04-01", {"order_id": "o1", "changes": changes})
    assert read(book)["status"] == "open"
    book.say("order-amended", "2023-05-01", {"order_id": "o1", "changes": [{"line": "2", "quantity": "-5"}]})
    assert read(book, date(2023, 4, 30))["status"] == "open"
    assert read(book, date(2023, 5, 1))["status"] == "void"


def test_what_was_kept_of_an_order_amended_to_nothing_was_delivered(book: Book) -> None:
    book.order("o1", "2023-03-01", [line("100")])
    book.receive("o1", "2023-04-01", received("10"))
    book.say("order-amended", "2023-05-01", {"order_id": "o1", "changes": [{"line": "1", "quantity": "-100"}]})
    answer = read(book)
    assert (answer["status"], answer["flags"]) == ("delivered", ["over-received"])


def test_an_order_whose_goods_all_went_back_is_returned_and_nobody_is_late(book: Book) -> None:
    book.order("o1", "2023-03-01", [line("100") | {"deliver_by": "2023-05"}, line("5", name="2")])
    book.receive("o1", "2023-04-01", received("100"), received("5", "2"))
    book.give_back("o1", "2023-06-01", {"line": "1", "quantity": "100"})
    # The other line's goods were kept: a replacement is still due of these.
    assert (read(book)["status"], read(book)["flags"]) == ("open", ["late"])
    book.give_back("o1", "2023-07-01", {"line": "2", "quantity": "5"})
    answer = read(book)
    assert (answer["status"], answer["flags"]) == ("returned", [])
    assert goods(answer) == ("100", "0", "100")


def test_goods_that_went_back_before_all_had_arrived_are_still_due(book: Book) -> None:
    book.order("o1", "2023-03-01", [line("100")])
    book.receive("o1", "2023-04-01", received("99"))
    book.give_back("o1", "2023-05-01", {"line": "1", "quantity": "99"})
    assert read(book)["status"] == "open"
    book.receive("o1", "2023-06-01", received("1"))
    assert read(book)["status"] == "open"
    book.receive("o1", "2023-07-01", received("99"))
    assert read(book)["status"] == "delivered"


def test_where_nobody_knows_how_many_were_ordered_the_money_says_whether_all_is_delivered(book: Book) -> None:
    book.order("o1", "2023-03-01", [line(None, "4000")])
    book.receive("o1", "2023-04-01", received("10", amount="3000"))
    assert read(book)["status"] == "open"
    book.receive("o1", "2023-05-01", received(None, amount="1000"))
    assert read(book)["status"] == "delivered"


def test_an_order_of_which_nothing_is_known_stays_open(book: Book) -> None:
    book.order("o1", "2023-03-01", [line(None)])
    book.receive("o1", "2023-04-01", received("10", amount="1000"))
    assert read(book)["status"] == "open"


def test_from_its_cancellation_on_what_was_delivered_is_ordered_and_nothing_is_open(book: Book) -> None:
    due = line("100", "1000") | {"deliver_by": "2023-06"}
    book.order("o1", "2023-03-01", [due, line("5", name="2")])
    book.receive("o1", "2023-04-01", received({"value": "30", "low": "20", "high": "40"}))
    book.cancel("o1", "2023-07-01")
    before = read(book, date(2023, 6, 30))
    assert (before["status"], before["cancelled_on"], before["cancellation"]) == ("open", None, None)
    answer = read(book, date(2023, 7, 1))
    assert goods(answer) == (["30", "20", "40"], ["30", "20", "40"], "0")
    assert goods(answer, "2") == ("0", "0", "0")
    assert answer["lines"][0]["open"] == {"quantity": NOTHING, "amount": NOTHING}
    assert (answer["status"], answer["cancelled_on"]) == ("cancelled", "2023-07-01")
    assert answer["cancellation"] == {"reason": "the vendor cannot deliver", "regulation_id": None}
    # It was due by the day before, and is owed no more.
    assert answer["flags"] == ["cancelled"]


def test_nothing_of_a_cancelled_order_is_late_though_nobody_knows_how_much_was_delivered(book: Book) -> None:
    book.order("o1", "2023-03-01", [line("100") | {"deliver_by": "2023-06"}])
    book.receive("o1", "2023-04-01", received(None))
    book.cancel("o1", "2023-05-01")
    answer = read(book)
    assert goods(answer) == ([None, "0", None], [None, "0", None], "0")
    assert answer["flags"] == ["cancelled"]


def test_a_cancellation_names_the_instrument_that_forced_it() -> None:
    book = recorded_seed()
    data = {"order_id": "cn4-nvidia-2023", "reason": "no licence", "regulation_id": "us-3a090"}
    book.say("order-cancelled", "2023-11-17", data)
    answer = read(book, order_id="cn4-nvidia-2023")
    assert answer["cancellation"] == {"reason": "no licence", "regulation_id": "us-3a090"}


def test_the_first_of_two_cancellations_that_one_could_know_of_decides(book: Book) -> None:
    book.order("o1", "2023-03-01", [line("100")])
    first = book.cancel("o1", "2023-05-01")
    book.retract(first["id"], known_on="2023-09-01")
    book.cancel("o1", "2023-07-01")
    assert read(book, known_on=date(2023, 8, 31))["cancelled_on"] == "2023-05-01"
    assert read(book, known_on=date(2023, 9, 1))["cancelled_on"] == "2023-07-01"


@pytest.mark.parametrize(("deliver_by", "last"), [("2023-06-15", (6, 15)), ("2023-06", (6, 30)), ("2023", (12, 31))])
def test_what_is_open_after_the_last_day_for_delivery_is_late(
    book: Book, deliver_by: str, last: tuple[int, int]
) -> None:
    day = date(2023, *last)
    book.order("o1", "2023-03-01", [line("100") | {"deliver_by": deliver_by}, line("5", name="2")])
    assert read(book, day)["flags"] == []
    assert read(book, day + timedelta(1))["flags"] == ["late"]
    book.receive("o1", day.isoformat(), received("100"))
    assert read(book, day + timedelta(1))["flags"] == []


def test_a_joint_order_is_unallocated_until_an_allocation_counts(book: Book) -> None:
    book.order("o1", "2023-03-01", [line("120")], buyers=["baidu", "tencent"])
    shares = [{"buyer_id": "baidu", "share": "0.5"}]
    book.say("order-allocated", "2023-04-01", {"order_id": "o1", "allocations": shares})
    before = read(book, date(2023, 3, 31))
    assert (before["allocations"], before["flags"]) == (None, ["unallocated"])
    after = read(book, date(2023, 4, 1))
    assert (after["allocations"], after["flags"]) == (shares, [])


def test_the_latest_allocation_speaks_whichever_was_recorded_last(book: Book) -> None:
    def allocate(effective_on: str, share: Any) -> None:
        data = {"order_id": "o1", "allocations": [{"buyer_id": "baidu", "share": share}]}
        book.say("order-allocated", effective_on, data)

    book.order("o1", "2023-03-01", [line("120")], buyers=["baidu", "tencent"])
    vague = {"value": "0.25", "low": "0.2", "high": "0.5"}
    allocate("2023-07-01", vague)
    allocate("2023-05-01", "0.5")
    assert read(book)["allocations"] == [{"buyer_id": "baidu", "share": vague}]
    assert read(book, date(2023, 6, 30))["allocations"] == [{"buyer_id": "baidu", "share": "0.5"}]


def test_an_order_of_one_buyer_needs_no_allocation(book: Book) -> None:
    book.order("o1", "2023-03-01", [line("120")])
    assert (read(book)["allocations"], read(book)["flags"]) == (None, [])


# History


def test_a_retraction_known_later_leaves_the_receipt_to_those_who_knew_less(book: Book) -> None:
    book.order("o1", "2023-03-01", [line("100")])
    wrong = book.receive("o1", "2023-04-01", received("30"))
    (retraction,) = book.retract(wrong["id"], known_on="2023-06-01")
    before = read(book, known_on=date(2023, 5, 31))
    assert goods(before) == ("100", "30", "70")
    assert reasons(before) == [None, None, "not known yet"]
    assert before["history"][1]["retracted_by"] is None
    after = read(book, known_on=date(2023, 6, 1))
    assert goods(after) == ("100", "0", "100")
    assert reasons(after) == [None, "retracted", None]
    assert [told["retracted_by"] for told in after["history"]] == [None, retraction["id"], None]


def test_a_retraction_works_whatever_its_own_day(book: Book) -> None:
    book.order("o1", "2023-03-01", [line("100")])
    wrong = book.receive("o1", "2023-04-01", received("30"))
    # Its effective day is in 2025.
    book.retract(wrong["id"])
    assert reasons(read(book, date(2023, 4, 1))) == [None, "retracted", None]


def test_what_was_recorded_after_the_position_is_not_told(book: Book) -> None:
    book.order("o1", "2023-03-01", [line("100")])
    wrong = book.receive("o1", "2023-04-01", received("30"))
    book.retract(wrong["id"])
    assert goods(read(book, back=1)) == ("100", "30", "70")
    assert [told["version"] for told in read(book, back=1)["history"]] == [1, 2]
    assert goods(read(book, back=2)) == ("100", "0", "100")
    assert seen(book, back=3) is None


def test_an_order_whose_placing_is_retracted_is_not_there(book: Book) -> None:
    wrong = book.order("o1", "2023-03-01", [line("100")])
    book.receive("o1", "2023-04-01", received("30"))
    book.retract(wrong["id"], known_on="2023-06-01")
    assert seen(book) is None
    assert goods(read(book, known_on=date(2023, 5, 31))) == ("100", "30", "70")


def test_of_two_placings_under_one_id_the_one_that_one_could_know_of_counts(book: Book) -> None:
    wrong = book.order("o1", "2023-03-01", [line("100"), line("7", name="2")], vendor_id="nvidia")
    book.receive("o1", "2023-04-01", received("30"))
    book.retract(wrong["id"], known_on="2023-06-01")
    book.order(
        "o1",
        "2023-03-02",
        [line("50")],
        vendor_id="huawei",
        basis="assumed",
        known_on="2023-06-02",
        corrects=wrong["id"],
    )
    book.receive("o1", "2023-07-01", received("20"))

    before = read(book, known_on=date(2023, 5, 31))
    assert (before["vendor_id"], before["placed_on"], before["basis"]) == ("nvidia", "2023-03-01", "reported")
    assert goods(before) == ("100", "30", "70")
    assert reasons(before) == [None, None, *["not known yet"] * 4]

    assert seen(book, known_on=date(2023, 6, 1)) is None

    after = read(book)
    assert (after["vendor_id"], after["placed_on"], after["basis"]) == ("huawei", "2023-03-02", "assumed")
    assert [found["line"] for found in after["lines"]] == ["1"]
    assert goods(after) == ("50", "20", "30")
    assert reasons(after) == ["retracted", "retracted", None, None, None, None]
    assert after["history"][4]["corrects"] == wrong["id"]


def test_a_note_shows_once_it_is_known_and_not_once_it_is_retracted(book: Book) -> None:
    placed = book.order("o1", "2023-03-01", [line("100")])

    def annotate(note: str, **envelope: Any) -> str:
        data = {"annotates": placed["id"], "note": note}
        return str(book.say("event-annotated", "2024-02-01", data, **envelope)["id"])

    annotate("A second report agrees.", known_on="2023-05-01")
    slip = annotate("The price excludes tax.", known_on="2023-05-02")
    both = ["A second report agrees.", "The price excludes tax."]
    assert read(book)["history"][0]["notes"] == both
    assert read(book, known_on=date(2023, 5, 1))["history"][0]["notes"] == both[:1]
    assert read(book, known_on=date(2023, 4, 30))["history"][0]["notes"] == []
    book.retract(slip)
    assert read(book)["history"][0]["notes"] == both[:1]
    assert reasons(read(book)) == [None, None, "retracted", None]


def test_the_history_tells_what_stands_in_the_record(book: Book) -> None:
    placed = book.order("o1", "2023-03", [line("100")], known_on="2023-03-20", basis="estimated")
    (told,) = read(book)["history"]
    assert told == {
        "position": placed["position"],
        "version": 1,
        "id": placed["id"],
        "type": "order-placed",
        "effective_on": "2023-03",
        # It became known within the month.
        "ends_on": "2023-03-20",
        "known_on": "2023-03-20",
        "recorded_at": placed["recorded_at"],
        "basis": "estimated",
        "counts": True,
        "why_not": None,
        "retracted_by": None,
        "notes": [],
        "data": placed["data"],
    }


def test_the_history_names_who_recorded_an_event(book: Book) -> None:
    placed = book.order("o1", "2023-03-01", [line("100")])
    event = read_stored(placed | {"actor": "clerk-7"})
    answer = order([event], Moment(effective_on=YEAR_END, position=event.position))
    assert answer is not None
    assert answer["history"][0]["actor"] == "clerk-7"


# Against the reference


def single_orders(seed: int) -> Iterator[list[dict[str, Any]]]:
    """The events of each order of a random ledger, in stored form; every line is of a product of its own."""
    streams: dict[str, list[dict[str, Any]]] = defaultdict(list)
    order_of: dict[str, str] = {}
    for event in RandomLedger(seed).grow(150):
        data = event["data"]
        order_id = data.get("order_id") or order_of.get(data.get("retracts", ""))
        if order_id is None:
            continue
        order_of[event["id"]] = order_id
        if "lines" in data:
            lines = [line | {"product_id": f"product-{line['line']}"} for line in data["lines"]]
            event = event | {"data": data | {"lines": lines}}
        stream = streams[order_id]
        stream.append(event | {"stream": f"order/{order_id}", "version": len(stream) + 1})
    yield from streams.values()


def moments(events: list[dict[str, Any]]) -> Iterator[Moment]:
    """Days through the ledger's time, as known by then, a little later and today, at the head and half way."""
    half = events[len(events) // 2]["position"]
    for days in range(0, DAYS + 500, 130):
        day = FIRST_DAY + timedelta(days)
        for known_on in (None, day, day + timedelta(60)):
            for position in (events[-1]["position"], half):
                yield Moment(effective_on=day, known_on=known_on, position=position)


@pytest.mark.parametrize("seed", range(8))
def test_any_order_has_the_figures_of_the_reference(seed: int) -> None:
    compared = 0
    for stored in single_orders(seed):
        events = [read_stored(event) for event in stored]
        for moment in moments(stored):
            compared += agrees(stored, events, moment)
    assert compared > 100


def agrees(stored: list[dict[str, Any]], events: list[Recorded], moment: Moment) -> bool:
    """Compare an order with the reference evaluation of a ledger that holds nothing else; whether it was there."""
    world = World(stored, **moment.model_dump())
    answer = order(events, moment)
    placed = world.of_type("order-placed")
    if answer is None:
        assert not placed
        return False
    assert placed
    for status in ("ordered", "delivered", "open"):
        for measure, field in (("units", "quantity"), ("spend", "amount")):
            asked = {"currency": answer["currency"], "measure": measure, "status": status, "by": "product"}
            rows = vendor_dependence(stored, buyer=[], **moment.model_dump(), **asked)["rows"]
            expected = {row["key"]: {name: row[name] for name in NOTHING} for row in rows}
            found = {line["product_id"]: line[status][field] for line in answer["lines"]}
            # The reference drops what is exactly 0.
            assert found == {key: expected.get(key, NOTHING) for key in found}
            assert expected.keys() <= found.keys()
    in_force = {event["id"] for event in world.counting}
    absent = {told["id"] for told in answer["history"] if told["why_not"] == "its line is not there"}
    counting = {told["id"] for told in answer["history"] if told["counts"] and told["type"] != "event-retracted"}
    assert absent <= in_force
    assert counting == {event["id"] for event in world.counting if event["type"] != "event-retracted"} - absent
    return True
