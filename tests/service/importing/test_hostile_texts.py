"""Texts made to be slow: what reads names, scopes and dates takes time in proportion to them."""

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from service.importing import bounds
from service.importing.directory import Directory
from service.importing.orders.day_formats import reader_of
from service.importing.orders.fields import Layout
from service.importing.orders.mapping import parse_mapping
from service.importing.orders.mapping_parts import Value
from service.importing.places import codes_in, leading_countries
from service.importing.regulations.rows import MOST_CHARACTERS, MOST_ROWS, read_changes
from service.importing.regulations.scopes import take_apart
from service.importing.regulations.screening_list import COLUMNS, _source
from service.importing.regulations.thresholds import Unreadable, read_threshold
from service.importing.rows import BadFile, BadMapping, Row, read_rows
from tests.effort import Act, assert_in_proportion, assert_no_dearer
from tests.service.importing.conftest import change, table
from tests.service.importing.order_tables import mapping

LENGTH = 20_000
SCOPES = (";", "; ", "(;", ";)", "party=", "to A", "to China/", "items with :", "a => not 3A090", "China, ", "3A090: ")
SOURCES = (" ", "(", ")", "(a)", "(a) ", "(a)-", " - ", "(a) List ")
THRESHOLDS = ("TPP>=1 AND ", "TPP>=1 OR ", "non-datacentre ", "1,", "1 ", "(", "( TPP>=1 ")


def assert_linear(read: Callable[[Any], Any], text: str) -> None:
    """Four times as much takes at most about four times as long; a quadratic reader takes sixteen times."""

    def prepare(times: int) -> Act:
        def act() -> None:
            with contextlib.suppress(BadFile, Unreadable, ValueError):
                read(long)

        long = text * times
        return act

    assert_in_proportion(prepare, LENGTH // len(text))


@pytest.mark.parametrize("text", SCOPES)
def test_a_scope_is_taken_apart_in_one_pass(text: str) -> None:
    assert_linear(lambda scope: take_apart("A title", scope), text)
    assert_linear(lambda title: take_apart(title, ""), text)


def test_a_scope_is_parted_at_semicolons_that_stand_in_no_brackets() -> None:
    taken = take_apart("", "party=A (x; y);  buyers =\u00a0B;; items = all (a;b)c; (d; e")
    assert taken.named == {"party": "A (x; y)", "buyers": "B", "items": "all (a;b)c"}
    assert taken.other == ["(d", "e"]


@pytest.mark.parametrize("text", SOURCES)
def test_a_source_is_read_in_one_pass(text: str) -> None:
    assert_linear(_source, text)


@pytest.mark.parametrize(
    ("source", "parts"),
    [
        ("Entity List (EL) - Bureau of Industry", ("Entity List", "EL", "Bureau of Industry")),
        ("Military End User (MEU) List - Bureau", ("Military End User", "MEU", "Bureau")),
        ("Specially (x) Designated (SDN)  -  Treasury", ("Specially (x) Designated", "SDN", "Treasury")),
        ("Entity List", ("Entity List",) * 3),
        ("(EL) - Bureau", ("(EL) - Bureau",) * 3),
        ("Entity List (EL) - ", ("Entity List (EL) - ",) * 3),
    ],
)
def test_a_source_is_a_title_a_list_and_an_authority(source: str, parts: tuple[str, str, str]) -> None:
    assert _source(source) == parts


@pytest.mark.parametrize("text", [" ", "\u00a0", "and ", " and", ",", "; ", "Acme Pumps and "])
def test_a_list_of_names_is_resolved_in_one_pass(text: str) -> None:
    directory = Directory([{"organization_id": "acme", "name": "Acme Pumps"}], [])
    assert_linear(directory.resolve, text)
    assert_linear(directory.mentioned, text)
    assert_linear(directory.designated, text)


@pytest.mark.parametrize("text", ["CN, ", "XX ", "to ", "China and ", "China/", "United "])
def test_countries_are_read_in_one_pass(text: str) -> None:
    assert_linear(codes_in, text)
    assert_linear(leading_countries, text)


@pytest.mark.parametrize("text", THRESHOLDS)
def test_a_threshold_is_read_in_one_pass(text: str) -> None:
    assert_linear(read_threshold, text)


def test_what_a_text_mentions_is_found_without_looking_for_every_organisation() -> None:
    def prepare(count: int) -> Act:
        def act() -> None:
            for _ in range(300):
                directory.mentioned(text)
                directory.called("Nobody at all")

        known = [{"organization_id": f"o-{n}", "name": f"Organisation number {n}"} for n in range(count)]
        directory = Directory(known, [])
        text = "Entity List addition: Organisation number 17 and others"
        assert directory.mentioned(text) == ["o-17"]
        return act

    assert_no_dearer(prepare(8_000), prepare(500), times=4)


def test_long_names_are_mentioned_too() -> None:
    name = " ".join(f"word{n}" for n in range(30))
    directory = Directory([{"organization_id": "long", "name": name}], [])
    assert directory.mentioned(f"Addition of {name} today") == ["long"]


def test_a_cell_has_a_bound() -> None:
    row = dict.fromkeys(COLUMNS, "x")
    longest = "x" * bounds.LONGEST_CELL
    assert len(read_rows(table(COLUMNS, [{**row, "name": longest}]), COLUMNS)) == 1
    with pytest.raises(BadFile, match="line 2: has a cell of more than 32,767 characters"):
        read_rows(table(COLUMNS, [{**row, "name": f"{longest}x"}]), COLUMNS)


def test_a_table_of_regulation_changes_has_a_bound() -> None:
    many = [Row(n + 2, change(f"US-2019-{n}", "ListingAdded")) for n in range(MOST_ROWS + 1)]
    assert len(read_changes(many[:-1])) == MOST_ROWS
    with pytest.raises(BadFile, match=f"line {MOST_ROWS + 2}: .* has 2,000 rows at most"):
        read_changes(many)
    long = [Row(n + 2, change(f"US-2019-{n}", "ListingAdded", scope="x" * (MOST_CHARACTERS // 4))) for n in range(5)]
    with pytest.raises(BadFile, match="has 4,000,000 characters at most"):
        read_changes(long)


def test_a_date_has_a_bound_and_no_part_of_it_stands_twice() -> None:
    read = reader_of(["%Y-%m-%d", "%d %B %Y"])
    for text in ("1" * 80_000, "²" * 80_000, "٣" * 5, "2024-01-01" * 20):
        with pytest.raises(ValueError, match="is no date"):
            read(text)
    with pytest.raises(BadMapping, match="names a part of the date twice"):
        parse_mapping("pumps", mapping(dates__due__formats=["%Y-%m-%d " + "%H" * 30]))


def test_a_missing_column_is_compared_with_a_bounded_number_of_others() -> None:
    def layout(count: int) -> Layout:
        return Layout(parse_mapping("pumps", mapping()), [f"Column {n}" for n in range(count)])

    def prepare(count: int) -> Act:
        fresh = layout(count)
        return lambda: fresh.text(Value(column="Supplier"), "vendor.name")

    assert_in_proportion(prepare, 25_000, times=2)
    missing = layout(100_000)
    missing.text(Value(column="Supplier"), "vendor.name")
    with pytest.raises(BadMapping, match="names the column 'Supplier', which the file does not have"):
        missing.settle()
