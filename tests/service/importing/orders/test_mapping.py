"""Mapping files: what is wrong with one is said by key, before a row is read."""

from pathlib import Path
from typing import Any

import pytest

from service.importing.orders.mapping import load_mapping, parse_mapping, shipped
from service.importing.rows import BadMapping
from tests.service.importing.order_tables import mapping, read, rows_csv


def test_the_shipped_mappings_are_in_order() -> None:
    assert "scms" in shipped()
    assert list(shipped()) == sorted(shipped())
    # Two exports of one system record the same orders, and so go by its name.
    assert {name: load_mapping(name).name for name in shipped()} == {name: name for name in shipped()} | {
        "odoo-orders": "odoo"
    }


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"line__quantity": {"colum": "Qty"}},
            "line.quantity.colum: is no key of a mapping here (did you mean column?)",
        ),
        (
            {"line__quantity": {"column": "Qty", "constant": "1"}},
            "line.quantity: needs one of column, constant and",
        ),
        ({"line__quantity": {}}, "line.quantity: needs one of column, constant and template, not none"),
        ({"line__amount": None}, "line.amount: is required"),
        ({"line__amount": {"column": "V", "thousands": "."}}, "line.amount: thousands and decimal are both '.'"),
        ({"lines": {}}, "lines: is no key of a mapping here (did you mean line?)"),
        ({"order__placed_on": "orderd"}, "order.placed_on.date names the date 'orderd', and [dates] has ordered, due"),
        ({"order__known_on": ["nowhere"]}, "order.known_on names the date 'nowhere'"),
        ({"receipt__received_on": "never"}, "receipt.received_on names the date 'never'"),
        ({"dates__due": {"column": "Due", "formats": []}}, "dates.due.formats: must have at least 1 item, not 0"),
        ({"dates__due": {"column": "Due", "formats": ["%Q"]}}, "dates.due: '%Q' has %Q: there are %d %m"),
        ({"dates__due": {"column": "Due", "formats": ["%d.%Y"]}}, "dates.due: '%d.%Y' is no date"),
        ({"dates__due": {"column": "Due", "formats": ["%Y%Y"]}}, "dates.due: '%Y%Y' names a part of the date twice"),
        ({"read": {"encoding": "klingon"}}, "read: 'klingon' is no encoding of text"),
        ({"read": {"encoding": "utf-32"}}, "read: 'utf-32' does not end lines as ASCII does"),
        ({"read": {"delimiter": ";;"}}, "read.delimiter: "),
        ({"name": "a name"}, "name: must match"),
        ({"product": None}, "maker and attributes are a product's, and there is no [product]"),
        ({"vendor__differing": "last"}, "vendor.differing: must be 'refuse' or 'first'"),
    ],
)
def test_a_fault_is_named_by_its_key(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(BadMapping) as caught:
        parse_mapping("pumps.toml", mapping(**changes))
    assert [found for found in caught.value.problems if problem in found], caught.value.problems


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"line__quantity": "Quantity"},
            "line.quantity.column names the column 'Quantity', which the file does not have",
        ),
        (
            {"vendor__name": "Suplier"},
            "vendor.name.column names the column 'Suplier', which the file does not",
        ),
        ({"buyer__name": {"template": "{Unt}"}}, "buyer.name.template names the column 'Unt', which the file does not"),
        ({"dates__due": {"column": "Du", "formats": ["%Y"]}}, "dates.due.column names the column 'Du'"),
        ({"read": {"ignored": []}, "line__id": None}, "the file has columns that the mapping does not know: 'Line'"),
    ],
)
def test_columns_that_the_file_lacks_or_adds_are_named(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(BadMapping) as caught:
        read(rows_csv({}), mapping(**changes))
    assert [found for found in caught.value.problems if problem in found], caught.value.problems


def test_a_column_that_stands_twice_is_not_read() -> None:
    with pytest.raises(BadMapping, match="names the column 'PO', which the file has twice"):
        read(rows_csv({}).replace(b"Line,", b"PO,", 1), mapping(line__id=None))


def test_a_mapping_that_is_not_there_or_no_toml_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadMapping, match=r"no such file, and none is shipped by that name \(.*\bscms\b.*\)"):
        load_mapping(str(tmp_path / "missing.toml"))
    broken = tmp_path / "broken.toml"
    broken.write_text("name = ")
    with pytest.raises(BadMapping, match="is not TOML: Invalid value"):
        load_mapping(str(broken))
