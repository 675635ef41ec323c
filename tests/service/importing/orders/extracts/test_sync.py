"""Extracts that say how things stand on a day: what of that the ledger has otherwise becomes facts of that day."""

import io
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from domain.periods import parse_day
from service.importing import streaming
from service.importing.importing import Here, form_of, import_file, import_from, wanted
from service.importing.plans import RowRefused, Summary
from service.importing.reading.messages import ExtractChecked, ExtractTask, Message
from service.importing.reading.questions import Ask
from service.importing.rows import BadFile, BadMapping
from service.importing.streaming import Options
from tests.service.importing.orders.extracts.conftest import AUGUST, JULY, JUNE, MAPPING, Planner


def test_what_differs_becomes_facts_of_the_day(planner: Planner) -> None:
    first = [{}, {"Pos": "20", "Item": "Seal"}, {"PO": "4712"}, {"PO": "4713"}, {"PO": "4714", "In": "4"}]
    assert planner.sync(JUNE, *first).types["order-placed"] == 4
    assert planner.facts(JUNE, *first) == []
    second = [
        {"Qty": "12", "Value": "1150.50"},
        {"Pos": "20", "Item": "Seal", "In": "3"},
        {"PO": "4712"},
        {"PO": "4713", "Status": "cancelled"},
        {"PO": "4714", "In": "1"},
        {"PO": "4715", "Ordered": "2024-07-02", "Item": "Valve"},
    ]
    found = planner.facts(JULY, *second)
    assert [fact for fact in found if not fact[0].endswith("-registered")] == [
        ("order-amended", JULY, {"order_id": "4711", "changes": [{"line": "10", "quantity": "2", "amount": "150.5"}]}),
        ("goods-received", JULY, {"order_id": "4711", "receipts": [{"line": "20", "quantity": "3"}]}),
        ("order-cancelled", JULY, {"order_id": "4713", "reason": "Status: cancelled"}),
        ("goods-returned", JULY, {"order_id": "4714", "returns": [{"line": "10", "quantity": "3"}]}),
        (
            "order-placed",
            "2024-07-02",
            {
                "order_id": "4715",
                "buyers": ["kisumu"],
                "vendor_id": "S-1",
                "currency": "EUR",
                "lines": [{"line": "10", "product_id": "valve", "quantity": "10", "amount": "1000"}],
            },
        ),
    ]
    assert planner.facts(JULY, *second) == []


def kinds(facts: list[tuple[str, str, dict[str, Any]]]) -> Counter[str]:
    """How many facts there are of each type."""
    return Counter(kind for kind, _, _ in facts)


def test_lines_that_come_and_go_are_added_and_taken_off_but_for_what_arrived(planner: Planner) -> None:
    planner.sync(JUNE, {"In": "4"}, {"Pos": "20", "Item": "Seal"})
    assert [
        data for _, _, data in planner.facts(JULY, {"Pos": "30", "Qty": "7", "Value": "70"}, confirm_missing=True)
    ] == [
        {"order_id": "4711", "lines": [{"line": "30", "product_id": "pump", "quantity": "7", "amount": "70"}]},
        {"order_id": "4711", "changes": [{"line": "10", "quantity": "-6", "amount": "-600"}]},
        {"order_id": "4711", "changes": [{"line": "20", "quantity": "-10", "amount": "-1000"}]},
    ]
    assert planner.facts(AUGUST, {"Pos": "30", "Qty": "7", "Value": "70"}) == []


def test_a_suppliers_name_country_and_parent_change_on_the_day(planner: Planner) -> None:
    planner.sync(JUNE, {}, {"PO": "4712", "No": "S-2", "Supplier": "Kisumu Valves", "Land": "KE", "Item": "Valve"})
    other = {
        "PO": "4712",
        "No": "S-2",
        "Supplier": "Kisumu Valves",
        "Land": "KE",
        "Item": "Valve",
        "Group": "Valve Holding",
    }
    changed = planner.facts(JULY, {"Supplier": "Müller SE", "Land": "AT"}, other)
    assert changed[0] == (
        "organization-changed",
        JULY,
        {"organization_id": "S-1", "name": "Müller SE", "country": "AT"},
    )
    registered, owned = changed[1:]
    assert (registered[0], registered[2]["name"]) == ("organization-registered", "Valve Holding")
    assert owned == ("organization-changed", JULY, {"organization_id": "S-2", "parent_id": "valve-holding"})
    [alone] = planner.facts(AUGUST, {"Supplier": "Müller SE", "Land": "AT"}, {**other, "Group": ""})
    assert alone[2] == {"organization_id": "S-2", "parent_id": None}


def test_a_name_that_makes_the_id_and_an_unknown_country_are_no_changes(planner: Planner) -> None:
    by_name = {"vendor": {"name": "Supplier", "country": {"column": "Land", "default": "ZZ"}}}
    planner.map(**by_name)
    planner.sync(JUNE, {})
    assert planner.facts(JULY, {"Supplier": "Muller gmbh", "Land": ""}) == []


def test_what_is_missing_is_reported_and_cancelled_where_asked(planner: Planner) -> None:
    rows = [{"PO": str(number)} for number in range(4700, 4712)]
    planner.sync(JUNE, *rows)
    reported = planner.sync(JULY, *rows[2:])
    assert [row for row, _ in planner.remarks(reported.plan.missing)] == ["4700", "4701"]
    assert (reported.recorded, planner.remarks(reported.plan.missing)[0][1]) == (
        0,
        "order 4700 is in the ledger, and not in the extract of 2024-07-31: nothing is recorded of that",
    )
    cancelled = planner.facts(JULY, *rows[2:], missing="cancel")
    assert [(kind, day, data["order_id"]) for kind, day, data in cancelled] == [
        ("order-cancelled", JULY, "4700"),
        ("order-cancelled", JULY, "4701"),
    ]
    assert planner.facts(JULY, *rows[2:], missing="cancel") == []
    back = planner.facts(AUGUST, *rows[1:])
    assert [(kind, data.get("retracts")) for kind, _, data in back] == [
        ("event-retracted", "erp:4701:2024-07-31:missing")
    ]


def test_orders_beyond_the_scope_are_not_missing_and_rows_beyond_it_are_faults(planner: Planner) -> None:
    early, other, own = {"PO": "1", "Ordered": "2023-01-05"}, {"PO": "2", "Unit": "Nairobi"}, {"PO": "3"}
    planner.sync(JUNE, early, other, own, {"PO": "4"})
    planner.map(scope={"buyers": ["Kisumu"], "placed_from": "2024-01-01"})
    found = planner.sync(JULY, own)
    assert [row for row, _ in planner.remarks(found.plan.missing)] == ["4"]
    for row, words in ((other, "nairobi is not among"), (early, "placed on 2023-01-05, beyond")):
        with pytest.raises(BadFile, match=words):
            planner.sync(JULY, own, row)
    planner.map(scope={"last_days": 31})
    assert not planner.sync(JULY, {"PO": "5", "Ordered": "2024-07-05"}).plan.missing


def test_an_extract_without_a_scope_that_lacks_more_than_a_fifth_is_refused_unless_confirmed(planner: Planner) -> None:
    rows = [{"PO": str(number)} for number in range(1, 11)]
    planner.sync(JUNE, *rows)
    head = planner.desk.head
    with pytest.raises(BadFile, match="of 10 lines that the ledger has of this mapping, the file lacks 3"):
        planner.sync(JULY, *rows[3:], {"PO": "11"}, missing="cancel")
    assert planner.desk.head == head
    assert len(planner.sync(JULY, *rows[2:]).plan.missing) == 2
    facts = planner.facts(JULY, *rows[3:], missing="cancel", confirm_missing=True)
    assert kinds(facts) == {"order-cancelled": 3}


def test_an_older_extract_of_the_scope_is_refused_unless_asked_for(planner: Planner) -> None:
    planner.sync(JULY, {})
    with pytest.raises(BadFile, match="is of 2024-06-30, and one of 2024-07-31 was synced"):
        planner.sync(JUNE, {"Qty": "9"})
    planner.sync(AUGUST, {})  # nothing is different, and it counts
    with pytest.raises(BadFile, match="one of 2024-08-31 was synced"):
        planner.sync(JULY, {})
    older = planner.facts(JULY, {"Qty": "9"}, allow_older=True)
    assert [(kind, day) for kind, day, _ in older] == [("order-amended", JULY)]
    with pytest.raises(BadFile, match="one of 2024-08-31 was synced"):
        planner.sync(JULY, {})
    planner.map(scope={"buyers": ["kisumu"]})
    planner.sync(JULY, {"Qty": "9"})
    with pytest.raises(BadFile, match=r"the extract is of 2999-01-01, and today is"):
        planner.sync("2999-01-01", {})


def test_a_ledger_made_again_from_its_events_knows_the_last_extract(planner: Planner) -> None:
    planner.sync(JUNE, {})
    planner.sync(JULY, {"Qty": "11"})
    with planner.desk.daybook.ledger.recorder.datastore.get_connection() as connection:
        connection.execute("delete from extracts")
    with pytest.raises(BadFile, match="one of 2024-07-31 was synced"):
        planner.sync(JUNE, {})


def test_a_sync_of_which_nothing_is_recorded_is_not_remembered(planner: Planner) -> None:
    planner.sync(JULY, {}, dry_run=True)
    with pytest.raises(BadFile):
        planner.sync(JULY, {"Status": "lost"})
    assert planner.sync(JUNE, {}).recorded


def test_what_people_changed_by_hand_is_compared_as_of_the_day(planner: Planner) -> None:
    planner.sync(JUNE, {}, {"PO": "4712"}, {"PO": "4713"}, {"PO": "4714"}, {"PO": "4715"})
    by_hand = [
        ("order-amended", "4711", "2024-07-10", {"changes": [{"line": "10", "quantity": "5"}]}),
        ("goods-received", "4712", "2024-07-11", {"receipts": [{"line": "10", "quantity": "6"}]}),
        ("order-cancelled", "4713", "2024-07-12", {"reason": "By telephone"}),
        # After the day of the extract: it cannot know of these.
        ("order-cancelled", "4714", "2024-08-02", {"reason": "By telephone"}),
        ("goods-received", "4715", "2024-08-03", {"receipts": [{"line": "10", "quantity": "2"}]}),
    ]
    planner.desk.record(
        [
            {"type": kind, "effective_on": day, "known_on": day, "data": {"order_id": planner.id(order_id), **data}}
            for kind, order_id, day, data in by_hand
        ]
    )
    july = [{"Qty": "15"}, {"PO": "4712", "In": "8"}, {"PO": "4713", "Qty": "9"}, {"PO": "4714"}, {"PO": "4715"}]
    found = planner.facts(JULY, *july)
    assert [(kind, data.get("receipts") or data.get("changes")) for kind, _, data in found] == [
        ("goods-received", [{"line": "10", "quantity": "2"}]),
        ("event-retracted", None),
        ("order-amended", [{"line": "10", "quantity": "-1"}]),
    ]
    assert planner.facts(JULY, *july) == []
    # A month later everything above counts.
    found = planner.facts(AUGUST, *july[:3], {"PO": "4714", "Status": "cancelled"}, {"PO": "4715", "In": "2"})
    assert found == []


def test_more_that_arrived_on_a_cancelled_order_moves_the_cancellation(planner: Planner) -> None:
    planner.sync(JUNE, {"In": "3", "Status": "cancelled"})
    assert planner.facts(JULY, {"In": "3", "Status": "cancelled", "Qty": "0", "Value": "0"}) == []
    found = planner.facts(JULY, {"In": "5", "Status": "cancelled"})
    assert [kind for kind, _, _ in found] == ["event-retracted", "goods-received", "order-cancelled"]
    assert planner.facts(AUGUST, {"In": "5", "Status": "cancelled"}) == []


def test_what_no_fact_of_a_day_can_say_is_a_correction(planner: Planner) -> None:
    line = {
        "id": "Pos",
        "quantity": {"column": "Qty", "optional": True},
        "amount": {"column": "Value", "optional": True},
    }
    planner.map(line=line)
    planner.sync(JUNE, {"Qty": "", "In": "4"}, {"PO": "4712"}, {"PO": "4713"})
    other = {"PO": "4712", "No": "S-2", "Supplier": "Kisumu Valves", "Item": "Valve"}
    summary = planner.sync(JULY, {"Qty": "12", "In": "6"}, other, {"PO": "4713", "Ordered": "2024-03-02"})
    assert summary.types == {
        "event-retracted": 3,
        "order-placed": 3,
        "goods-received": 2,
        "organization-registered": 1,
        "product-registered": 1,
    }
    noted = planner.remarks(summary.plan.noted)
    assert [row for row, _ in noted] == ["4711", "4712", "4713"]
    assert "the quantity of line 10 is 12" in noted[0][1]
    placed, received, more = planner.desk.daybook.ledger.history(f"order/{planner.id('4711')}")[-3:]
    assert (placed.effective_on.text, placed.known_on.isoformat()) == ("2024-03-01", JULY)
    assert placed.stored is not None
    assert planner.short(placed.stored["corrects"]) == "erp:4711:placed"
    assert (received.effective_on.text, received.data["receipts"][0]["quantity"]) == (JUNE, "4")
    assert (more.effective_on.text, more.data["receipts"][0]["quantity"]) == (JULY, "2")
    assert planner.facts(JULY, {"Qty": "12", "In": "6"}, other, {"PO": "4713", "Ordered": "2024-03-02"}) == []


def test_a_receipt_of_unknown_quantity_is_corrected_by_what_arrived_to_date(planner: Planner) -> None:
    planner.sync(JUNE, {})
    unknown = {"order_id": planner.id("4711"), "receipts": [{"line": "10", "quantity": None}]}
    planner.desk.record(
        [
            {
                "type": "goods-received",
                "id": planner.id("by-hand"),
                "effective_on": "2024-07-03",
                "known_on": JULY,
                "data": unknown,
            }
        ]
    )
    retracted, received = planner.facts(JULY, {"In": "7"})
    assert retracted[2]["retracts"] == "by-hand"
    assert received == (
        "goods-received",
        "2024-07-03",
        {"order_id": "4711", "receipts": [{"line": "10", "quantity": "7"}]},
    )
    assert planner.facts(JULY, {"In": "7"}) == []


def test_where_it_has_always_been_so_facts_are_replaced(planner: Planner) -> None:
    planner.sync(JUNE, {"In": "4"}, {"PO": "4712"})
    planner.sync(JULY, {"In": "6", "Qty": "11"}, {"PO": "4712"})
    always = [{"In": "5", "Qty": "12", "Value": "1200", "Land": "AT"}, {"Pos": "20", "Land": "AT"}]
    rest = {"PO": "4712", "Land": "AT"}
    found = planner.facts(AUGUST, *always, rest, correct=True)
    assert [(kind, day) for kind, day, _ in found if kind != "event-retracted"] == [
        ("organization-registered", "../2024-03-01"),
        ("order-placed", "2024-03-01"),
        ("goods-received", JUNE),
        ("goods-received", JULY),
    ]
    lines = found[[kind for kind, _, _ in found].index("order-placed")][2]["lines"]
    assert [(one["line"], one["quantity"], one["amount"]) for one in lines] == [
        ("10", "12", "1200"),
        ("20", "10", "1000"),
    ]
    assert [data["receipts"][0]["quantity"] for kind, _, data in found if kind == "goods-received"] == ["4", "1"]
    assert planner.facts(AUGUST, *always, rest, correct=True) == []
    assert planner.facts(AUGUST, *always, rest) == []


def test_an_order_that_was_never_true_is_placed_again_where_an_extract_has_it(planner: Planner) -> None:
    planner.sync(JUNE, {})
    never = {"retracts": f"{planner.name}:{planner.id('4711')}:placed", "reason": "A test"}
    planner.desk.record([{"type": "event-retracted", "effective_on": JULY, "known_on": JULY, "data": never}])
    assert kinds(planner.facts(AUGUST, {})) == {"order-placed": 1}
    assert planner.facts(AUGUST, {}) == []


def test_receipts_with_days_of_their_own_keep_them(planner: Planner) -> None:
    dated = {"received_on": "arrived", "quantity": "In", "id": "Status"}
    planner.map(
        dates={"ordered": "Ordered", "arrived": "Group"},
        receipt=dated,
        status=None,
        vendor={"name": "Supplier", "country": "Land"},
    )
    first = {"Group": "2024-06-05", "In": "2", "Status": "GR1"}
    second = {"Group": "2024-07-09", "In": "3", "Status": "GR2"}
    planner.sync(JUNE, first)
    found = planner.facts(JULY, first, second)
    assert found == [
        ("goods-received", "2024-07-09", {"order_id": "4711", "receipts": [{"line": "10", "quantity": "3"}]})
    ]
    assert planner.facts(JULY, first, second) == []
    found = planner.facts(AUGUST, {**first, "In": "1"}, second)
    assert found == [("goods-returned", AUGUST, {"order_id": "4711", "returns": [{"line": "10", "quantity": "1"}]})]


def test_a_dry_run_says_what_it_would_record_and_the_first_of_each(planner: Planner) -> None:
    planner.sync(JUNE, {}, {"PO": "4712"})
    head = planner.desk.head
    summary = planner.sync(JULY, {"Qty": "12"}, {"PO": "4712", "Qty": "13", "In": "1"}, dry_run=True)
    assert planner.desk.head == head
    assert summary.types == {"order-amended": 2, "goods-received": 1}
    assert {name: (one.line, planner.short(one.row)) for name, one in summary.first.items()} == {
        "order-amended": (2, "4711"),
        "goods-received": (3, "4712"),
    }


FAULTS = (
    ([{}, {"Qty": "11"}], 3, "line 10 of order 4711 has the quantity 11, and 10 on line 2"),
    ([{"In": "1"}, {"In": "2"}], 3, "line 10 of order 4711 has another receipt than on line 2"),
    ([{}, {"Pos": "20", "Status": "lost"}], 3, "'lost' is no status that the mapping lists"),
    ([{"In": "-3"}], 2, "In: -3 is negative"),
    ([{"Ordered": "2024-08-01"}], 2, "Ordered: placed on 2024-08-01, after 2024-07-31, the day of the extract"),
    ([{"Land": "Atlantis"}], 2, "'Atlantis' is no country"),
)


def test_what_is_wrong_is_named_by_row_and_nothing_is_recorded(planner: Planner) -> None:
    for rows, line, words in FAULTS:
        [(found_on, message)] = planner.faults(JULY, *rows)
        assert (found_on, words in message) == (line, True), message
    planner.map(order={**MAPPING["order"], "currency": "Group"}, vendor={**MAPPING["vendor"], "parent": "Unit"})
    mixed = planner.faults(JULY, {"Group": "EUR"}, {"Group": "USD", "Pos": "20"})
    assert mixed == [(3, "order 4711 has the currency USD, and EUR on line 2")]
    planner.map(
        dates={"ordered": "Ordered", "extracted": "Group"},
        scope={"as_of": "extracted"},
        vendor={"name": "Supplier", "country": "Land"},
    )
    another = planner.faults(JULY, {"Group": JUNE})
    assert another == [(2, "Group: says 2024-06-30, and the extract was said to be of 2024-07-31")]


def test_a_mapping_that_reads_two_columns_into_one_field_is_refused(planner: Planner) -> None:
    planner.map(receipt={"to_date": "In", "quantity": "Qty"})
    with pytest.raises(BadMapping, match="to_date: is all that has arrived by the day of an extract, and quantity"):
        planner.sync(JULY, {})
    planner.map(line={**MAPPING["line"], "quantity": {"column": "Qty", "template": "{Value}"}})
    with pytest.raises(BadMapping, match="needs one of column, constant and template"):
        planner.sync(JULY, {})


def test_an_import_of_a_mapping_that_speaks_of_a_day_of_an_extract_is_refused(planner: Planner) -> None:
    with pytest.raises(BadMapping, match=r"receipt\.to_date: needs the day of an extract: daybook sync"):
        planner.desk.imports(planner.file({}), "csv", options=Options(mapping=str(planner.mapping)))


def test_a_sync_that_is_broken_off_between_batches_records_the_rest_when_run_again(
    planner: Planner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "ATOMIC_EVENTS", 3)
    monkeypatch.setattr(streaming, "BATCH_EVENTS", 2)
    rows = [{"PO": str(number)} for number in range(1, 9)]
    july = [{**row, "Qty": "12", "In": "3"} for row in rows]
    planner.sync(JUNE, *rows)
    task = ExtractTask(parse_day(JULY))
    options = Options(mapping=str(planner.mapping), extract=task)
    before = planner.desk.head

    def break_off(done: int, total: int) -> None:
        if done > 2:
            raise KeyboardInterrupt

    summary = Summary("a file", "csv", 0, False, parse_day(JULY))
    with pytest.raises(KeyboardInterrupt):
        import_file(planner.desk.daybook, io.BytesIO(planner.file(*july)), summary, options, progress=break_off)
    recorded = planner.desk.head - before
    assert 0 < recorded < 16
    # It counts as the last one already.
    assert "one of 2024-07-31 was synced" in planner.faults(JUNE, *rows)[0][1]
    assert kinds(planner.facts(JULY, *july)).total() == 16 - recorded
    assert planner.facts(JULY, *july) == []


def test_an_order_that_changes_while_it_is_compared_is_refused(planner: Planner) -> None:
    planner.sync(JUNE, {})
    options = Options(mapping=str(planner.mapping), extract=ExtractTask(parse_day(JULY)))
    data = {"order_id": planner.id("4711"), "changes": [{"line": "10", "quantity": "1"}]}
    by_hand = {"type": "order-amended", "effective_on": JULY, "known_on": JULY, "data": data}

    class Changing(Here):
        """A file behind whose reader somebody changes the order."""

        def messages(self, ask: Ask) -> Iterator[Message]:
            for message in super().messages(ask):
                if isinstance(message, ExtractChecked):
                    planner.desk.record([by_hand])
                yield message

    summary = Summary("a file", "csv", 0, False, parse_day(JULY))
    source = Changing(io.BytesIO(planner.file({"Qty": "12"})), wanted(summary, options))
    form_of(source)
    with pytest.raises(RowRefused, match="is at version 2, and the version wanted is 1"):
        import_from(planner.desk.daybook, source, summary, options)
    [(_, _, amended)] = planner.facts(JULY, {"Qty": "12"})
    assert amended["changes"] == [{"line": "10", "quantity": "1"}]


def test_credit_lines_and_joint_orders_differ_only_where_something_changed(planner: Planner) -> None:
    credit = {"kind": "discount", "credited_on": ["as_of"]}
    planner.map(credit=credit, buyer={**MAPPING["buyer"], "per_line": "allocation"})
    rows = [{"Pos": "10"}, {"Pos": "20", "Unit": "Nairobi"}, {"Pos": "30", "Qty": "-0", "Value": "-100"}]
    rows[2] |= {"Qty": "0", "Item": "Pump"}
    assert kinds(planner.facts(JUNE, *rows))["order-allocated"] == 1
    assert planner.facts(JULY, *rows) == []
    rows[1]["Value"] = "3000"
    found = planner.facts(AUGUST, *rows)
    assert [kind for kind, _, _ in found] == ["order-amended", "order-amended", "order-allocated"]
    assert planner.facts(AUGUST, *rows) == []


def test_orders_that_were_imported_before_are_compared_as_others_are(planner: Planner) -> None:
    planner.map(receipt=None, status=None)
    imported = Options(mapping=str(planner.mapping))
    assert planner.desk.imports(planner.file({}, {"PO": "4712"}), "csv", options=imported).recorded
    planner.map()
    assert kinds(planner.facts(JULY, {"In": "3"}, {"PO": "4712"})) == {"goods-received": 1}
    # And the file of then, imported again, says nothing new.
    planner.map(receipt=None, status=None)
    again = planner.desk.imports(planner.file({}, {"PO": "4712"}), "csv", options=imported)
    assert (again.recorded, again.replayed) == (0, 2)
