"""What a mapping's keys make of rows: numbers in any form, countries by any name, rules for rows, status, credits."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from service.importing.items import EventGroup, Reject
from service.importing.orders.countries import country_code
from service.importing.orders.mapping import parse_mapping
from service.importing.orders.sharing import shares
from service.importing.rows import BadMapping
from tests.service.importing.order_tables import (
    COLUMNS,
    ROW,
    events,
    faults,
    mapping,
    placed,
    read,
    remarks,
    rows_csv,
)


def amount(text: str, **form: Any) -> str | None:
    """What becomes of an amount in this form; a fault's message where it is none."""
    declared = mapping(line__amount={"column": "Value", **form})
    data = rows_csv({"Value": text})
    if found := faults(data, declared):
        return found[0][1]
    line: Mapping[str, str | None] = placed(events(data, declared))["data"]["lines"][0]
    return line["amount"]


@pytest.mark.parametrize(
    ("text", "form", "kept"),
    [
        *[
            (f"1{space}234{space}567,5", {"thousands": " ", "decimal": ","}, "1234567.5")
            for space in " \u00a0\u202f\u2009"
        ],
        ("1’234’567.50", {"thousands": "'"}, "1234567.5"),
        ("1'234", {"thousands": "'"}, "1234"),
        ("12,34,567.5", {"groups": "indian"}, "1234567.5"),
        ("1.234", {"groups": "indian", "thousands": ".", "decimal": ","}, "1234"),
        ("$1,234.50", {"thousands": ",", "strip": ["$"]}, "1234.5"),
        ("EUR 1.234,5", {"thousands": ".", "decimal": ",", "strip": ["EUR", "€"]}, "1234.5"),
        ("1234 €", {"strip": ["€"]}, "1234"),
        ("12.5 pcs.", {"strip": ["pcs."]}, "12.5"),
        ("1.23456", {"round": 4}, "1.2346"),
        ("0.00005", {"round": 4}, "0"),
        ("0.00015", {"round": 4}, "0.0002"),
        ("", {"default": "7"}, "7"),
    ],
)
def test_numbers_are_read_in_the_forms_that_the_mapping_says(text: str, form: dict[str, Any], kept: str) -> None:
    assert amount(text, **form) == kept


@pytest.mark.parametrize(
    ("text", "form", "message"),
    [
        ("1,234,567", {"groups": "indian"}, "is no number with ',' groups as in 12,34,567 and '.'"),
        ("1 23", {"thousands": " "}, "is no number with ' ' between thousands and '.'"),
        ("(5.00)", {}, 'is in parentheses: the mapping would say negative = "parentheses"'),
        ("(5.00)", {"negative": "parentheses"}, "-5 is negative"),
        ("5.00-", {}, 'ends with a minus: the mapping would say negative = "trailing"'),
        ("5.00-", {"negative": "trailing"}, "-5 is negative"),
        ("$5", {}, 'is marked: the mapping would say strip = ["$"]'),
        ("5 EUR", {}, 'is marked: the mapping would say strip = ["EUR"]'),
        ("1’234.50", {}, "has separators in it"),
        ("0." + "1" * 41, {"round": 4}, "has more than 40 digits behind the point"),
        ("9" * 16, {"round": 4}, "has more than 15 digits before the point"),
    ],
)
def test_a_number_in_another_form_is_refused_and_the_key_named(text: str, form: dict[str, Any], message: str) -> None:
    assert message in str(amount(text, **form))


def test_the_sum_of_what_was_rounded_is_said() -> None:
    declared = mapping(line__amount={"column": "Value", "round": 2, "times": {"constant": "1.1"}})
    data = rows_csv({"Value": "1.234"}, {"Line": "2", "Value": "2"}, {"Line": "3", "Value": "0.05"})
    # 1.3574 is 1.36, 0.055 is 0.06.
    assert remarks(data, declared) == ["2 numbers were rounded, which changes their sum by 0.0076"]


def test_a_default_stands_where_a_row_has_no_value() -> None:
    declared = mapping(order__currency={"column": "Currency", "default": "KES"})
    assert placed(events(rows_csv({"Currency": ""}), declared))["data"]["currency"] == "KES"
    assert placed(events(rows_csv({}), declared))["data"]["currency"] == "EUR"
    with pytest.raises(BadMapping, match=r"line.amount: is optional and has a default"):
        parse_mapping("m", mapping(line__amount={"column": "V", "optional": True, "default": "1"}))


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Turkey", "TR"),
        ("Türkiye", "TR"),
        ("UK", "GB"),
        ("Russia", "RU"),
        ("South Korea", "KR"),
        ("Korea, Republic of", "KR"),
        ("Kosovo", "XK"),
        ("Congo, DRC", "CD"),
        ("Deutschland", "DE"),
        ("Côte d’Ivoire", "CI"),
        ("États-Unis", "US"),
        ("中国", "CN"),
        ("u.s.a.", "US"),
        ("deu", "DE"),
        ("Korea", None),
        ("Utopia", None),
    ],
)
def test_a_country_is_known_by_any_usual_name(name: str, code: str | None) -> None:
    assert country_code(name) == code
    if code is not None:
        declared = mapping(buyer__country="Unit")
        assert events(rows_csv({"Unit": name}), declared)[1]["data"]["country"] == code


def test_a_parent_is_registered_before_those_that_it_owns() -> None:
    declared = mapping(vendor__parent={"name": "Maker", "country": {"constant": "DK"}}, maker=None)
    sent = events(rows_csv({}), declared)
    assert [one["data"].get("organization_id") for one in sent[:2]] == ["grundfos", "muller-sohne-gmbh"]
    assert sent[1]["data"]["parent_id"] == "grundfos"
    [own] = [one for one in events(rows_csv({"Maker": "KSB", "Supplier": "KSB"}), declared) if "ksb" in one["id"]]
    assert "parent_id" not in own["data"]
    assert "parent_id" not in events(rows_csv({"Maker": ""}), mapping(vendor__parent="Maker", maker=None))[0]["data"]


def test_owners_in_a_circle_are_a_fault_of_the_row() -> None:
    declared = mapping(vendor__parent="Maker", maker=None, product=None)
    rows = rows_csv({"Supplier": "A", "Maker": "B"}, {"PO": "PO-2", "Supplier": "B", "Maker": "A"})
    assert faults(rows, declared)[0] == (2, "organisations own each other in a circle: a -> b -> a")
    differing = rows_csv({"Maker": "B"}, {"PO": "PO-2", "Maker": "C"})
    assert faults(differing, declared) == [
        (3, "organization muller-sohne-gmbh has the parent_id 'c', and 'b' on line 2")
    ]


STATUS = {"column": "Unit", "placed": ["Kenya"], "cancelled": ["Void*", "Cancelled"], "cancelled_on": ["due"]}


def with_status(**changes: Any) -> dict[str, Any]:
    """The small table's mapping, which reads the column Unit as the status."""
    return mapping(
        status={**STATUS, "cancelled": ["Cancelled"], **changes},
        buyer__country={"constant": "KE"},
        buyer__name={"constant": "Branch"},
    )


def test_a_cancelled_order_is_placed_and_cancelled() -> None:
    sent = events(rows_csv({"Unit": "Cancelled", "Arrived": ""}), with_status(known_on=["placed_on"]))
    assert [one["type"] for one in sent[-2:]] == ["order-placed", "order-cancelled"]
    assert sent[-1]["id"] == "pumps:PO-1:cancelled"
    assert (sent[-1]["effective_on"], sent[-1]["known_on"]) == ("2024-04-30", "2024-03-01")
    assert sent[-1]["data"] == {"order_id": "PO-1", "reason": "Unit: Cancelled"}


def test_of_an_order_that_stands_a_cancelled_line_is_amended_to_what_arrived() -> None:
    rows = rows_csv(
        {},
        {"Line": "2", "Unit": "Cancelled", "Qty": "10", "Value": "100"},
        {"Line": "3", "Unit": "Cancelled", "Arrived": "", "Qty": "4", "Value": "8"},
    )
    declared = with_status()
    declared["receipt"] = {**declared["receipt"], "quantity": {"constant": "3"}}
    sent = [one for one in events(rows, declared) if one["type"] == "order-amended"]
    assert [one["data"]["changes"] for one in sent] == [
        [{"line": "2", "quantity": "-7", "amount": "-70"}],
        [{"line": "3", "quantity": "-4", "amount": "-8"}],
    ]


def test_a_status_that_the_mapping_does_not_list_is_a_fault() -> None:
    rows = rows_csv({}, {"PO": "PO-2", "Unit": "Parked"}, {"PO": "PO-3", "Unit": ""})
    assert faults(rows, with_status()) == [
        (3, "Unit: 'Parked' is no status that the mapping lists (Kenya, Cancelled)"),
        (4, "Unit: an empty cell is no status that the mapping lists (Kenya, Cancelled)"),
    ]
    assert faults(rows, with_status(placed=["Kenya", ""], left_out=["Parked"])) == []
    undated = rows_csv({"Unit": "Cancelled", "Due": ""})
    assert "none of the dates that status.cancelled_on names" in faults(undated, with_status())[0][1]


def test_rows_are_chosen_by_rules_and_what_is_left_out_is_counted() -> None:
    declared = mapping(
        rows={"where": {"Currency": ["EUR", ""]}, "unless": {"Supplier": "*total*"}, "stop_at": {"PO": "Grand*"}}
    )
    total = {**dict.fromkeys(COLUMNS, ""), "Supplier": "Subtotal of May", "Value": "7"}
    rows = rows_csv({}, total, {"PO": "PO-2", "Currency": "USD"}, {**total, "Supplier": "A total"})
    data = (
        rows
        + b"Sum,total\r\n"
        + rows_csv({**total, "PO": "Grand total"}, {"PO": "PO 9", "Qty": "x"}).partition(b"\n")[2]
    )
    found = read(data, declared)
    assert [(type(one), one.rows) for one in found] == [(EventGroup, 1), (Reject, 1)]
    assert remarks(rows, declared) == [
        "1 row is left out by rows.unless: Supplier is 'Subtotal of May'",
        "1 row is left out by rows.where: Currency is 'USD'",
        "1 row is left out by rows.unless: Supplier is 'A total'",
    ]


def test_an_order_total_that_rows_repeat_counts_once() -> None:
    declared = mapping(line__amount=None, order__amount="Value")
    rows = rows_csv({"Qty": "1", "Value": "100"}, {"Line": "2", "Qty": "2", "Value": "100"})
    lines = placed(events(rows, declared))["data"]["lines"]
    assert [line["amount"] for line in lines] == ["33.3333", "66.6667"]
    alike = mapping(line__amount=None, order__amount="Value", order__shared="equally")
    assert [line["amount"] for line in placed(events(rows, alike))["data"]["lines"]] == ["50", "50"]
    differing = rows_csv({"Value": "100"}, {"Line": "2", "Value": "101"})
    assert faults(differing, declared) == [(3, "order PO-1 has the amount 101, and 100 on line 2")]
    assert remarks(rows, declared) == ["the amounts of 1 orders were shared among their lines"]


def test_an_order_total_beside_amounts_of_lines_is_their_sum() -> None:
    declared = mapping(order__amount="Qty")
    rows = rows_csv({"Qty": "9", "Value": "4"}, {"Line": "2", "Qty": "9", "Value": "5"})
    assert faults(rows, declared) == []
    wrong = rows_csv({"Qty": "9", "Value": "4"}, {"Line": "2", "Qty": "9", "Value": "6"})
    assert faults(wrong, declared) == [(2, "order PO-1 costs 9, and its lines 10 together")]


def test_lines_of_several_buyers_are_an_order_for_each_or_a_joint_one() -> None:
    rows = rows_csv({"Value": "100"}, {"Line": "2", "Unit": "Uganda", "Value": "200"})
    assert "has the buyer branch-uganda" in faults(rows)[0][1]
    found = read(rows, mapping(buyer__per_line="orders"))
    assert [one.entries[0].row for one in found if isinstance(one, EventGroup)] == [
        "PO-1:branch-kenya",
        "PO-1:branch-uganda",
    ]
    sent = events(rows, mapping(buyer__per_line="allocation"))
    assert placed(sent)["data"]["buyers"] == ["branch-kenya", "branch-uganda"]
    [allocated] = [one["data"]["allocations"] for one in sent if one["type"] == "order-allocated"]
    assert allocated == [
        {"buyer_id": "branch-kenya", "share": "0.333333"},
        {"buyer_id": "branch-uganda", "share": "0.666667"},
    ]


def test_a_credit_line_is_a_return_of_what_has_arrived() -> None:
    declared = mapping(credit={"kind": "return", "credited_on": ["due"], "known_on": ["due"]})
    rows = rows_csv({}, {"Line": "2", "Qty": "-2", "Value": "-1067", "Due": "2024-06-01"})
    [returned] = [one for one in events(rows, declared) if one["type"] == "goods-returned"]
    assert returned["id"] == "pumps:PO-1:2:returned"
    assert (returned["effective_on"], returned["known_on"]) == ("2024-06-01", "2024-06-01")
    assert returned["data"]["returns"] == [{"line": "1", "quantity": "2", "amount": "1067"}]
    assert faults(rows_csv({}, {"Line": "2", "Qty": "-4", "Value": "-1"}), declared) == [
        (3, "line 2 of order PO-1 gives back 4, and 3 had arrived")
    ]
    assert faults(rows_csv({}, {"Line": "2", "Qty": "-1", "Item": "Seal"}), declared)[0][1] == (
        "the quantity -1 is negative, and the amount 1600.5 is not"
    )


def test_a_credit_line_is_a_discount_on_what_other_lines_cost() -> None:
    declared = mapping(credit={"kind": "discount"}, line__amount={"column": "Value", "negative": "parentheses"})
    first, second = {"Value": "300"}, {"Line": "2", "Item": "Seal", "Value": "100"}
    named = rows_csv(first, second, {"Line": "3", "Item": "Seal", "Value": "(10)"})
    shared = rows_csv(first, second, {"Line": "3", "Item": "Rebate", "Value": "(10)"})
    taken = [
        [one["data"]["changes"] for one in events(rows, declared) if one["type"] == "order-amended"]
        for rows in (named, shared)
    ]
    assert taken == [
        [[{"line": "2", "amount": "-10"}]],
        [[{"line": "1", "amount": "-7.5"}, {"line": "2", "amount": "-2.5"}]],
    ]
    assert faults(rows_csv({"Value": "(1)"}), declared) == [
        (2, "order PO-1 has credit lines alone, and nothing that they credit")
    ]
    assert (
        "takes 101 off, and what it speaks of costs 100"
        in faults(rows_csv(first, second, {"Line": "3", "Item": "Seal", "Value": "(101)"}), declared)[0][1]
    )


def test_parts_add_up_to_the_whole() -> None:
    parts = shares(Decimal(100), [Decimal(1)] * 7, 4)
    assert sum(parts) == 100
    assert shares(Decimal(1), [Decimal(0), Decimal(0)], 4) == [Decimal("0.5"), Decimal("0.5")]


BARE = ",".join(ROW.values())


@pytest.mark.parametrize(
    ("data", "declared"),
    [
        (rows_csv({}).decode().encode("utf-16"), {}),
        (rows_csv({}).decode().encode("utf-16-be"), {}),
        (rows_csv({}).decode().encode("utf-16-le"), {"encoding": "utf-16"}),
        (b"sep=;\r\n" + rows_csv({}).replace(b",", b";"), {}),
        (b'\xef\xbb\xbf"sep=;"\r\n' + rows_csv({}).replace(b",", b";"), {"delimiter": ","}),
        (b"Report, of\r\n'a \" sheet\r\n\r\n" + rows_csv({}), {"header": 4}),
        (BARE.encode(), {"columns": [*COLUMNS]}),
        (b"a,b,c\r\n" + BARE.encode(), {"columns": [*COLUMNS], "header": 1}),
        (rows_csv(dict.fromkeys(COLUMNS, "text"), dict.fromkeys(COLUMNS, "unit"), {}), {"skip": 2}),
    ],
)
def test_a_text_is_read_however_it_is_wrapped(data: bytes, declared: dict[str, Any]) -> None:
    assert placed(events(data, mapping(read=declared)))["data"]["order_id"] == "PO-1"


def test_lines_are_counted_in_the_file_whatever_stands_before_the_header() -> None:
    data = b"one\r\ntwo\r\n" + rows_csv({}, {"PO": "PO-2", "Qty": "x"})
    assert faults(data, mapping(read={"header": 3}))[0][0] == 5
    assert faults(b"sep=,\r\n" + rows_csv({"Qty": "x"}))[0][0] == 3


def test_a_date_without_a_format_is_read_as_iso_8601_has_it() -> None:
    declared = mapping(dates__ordered="Ordered")
    assert placed(events(rows_csv({"Ordered": "2024-03-01T10:00:00"}), declared))["effective_on"] == "2024-03-01"
    assert faults(rows_csv({"Ordered": "01.03.2024"}), declared) == [
        (2, "Ordered: '01.03.2024' is no date of the form %Y-%m-%d: the mapping would say formats")
    ]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"status": {"column": "S", "cancelled": ["x"]}}, "status: cancelled needs cancelled_on"),
        ({"status": {"column": "S", "placed": ["x"], "left_out": ["x"]}}, "status: 'x' stands twice"),
        ({"status": {**STATUS, "cancelled_on": ["never"]}}, "status.cancelled_on names the date 'never'"),
        ({"credit": {"kind": "return"}, "receipt": None}, "what is returned has arrived before"),
        ({"credit": {"kind": "gift"}}, "credit.kind: must be 'return' or 'discount'"),
        ({"order__amount": "V", "buyer__per_line": "orders"}, "order.amount: is what an order costs"),
        ({"line__amount": {"column": "V", "round": 9}}, "line.amount.round"),
        ({"rows": {"wher": {}}}, "rows.wher: is no key of a mapping here (did you mean where?)"),
        ({"line__quantity": ["Qty", "Value"]}, "line.quantity"),
        ({"line__quantity": {"column": "Qty", "constant": "1"}}, "needs one of column, constant and template"),
    ],
)
def test_a_mapping_that_contradicts_itself_is_named_by_key(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(BadMapping) as caught:
        parse_mapping("orders.toml", mapping(**changes))
    assert problem in str(caught.value)
