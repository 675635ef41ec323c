"""Files that are not what they claim to be are refused whole, and every fault is named by its line."""

from collections.abc import Callable

import pytest

from service.importing.formats import guess_format
from service.importing.regulations.rows import COLUMNS, OTHER_COLUMNS, read_changes
from service.importing.rows import BadFile, read_rows
from tests.service.importing.conftest import REGULATIONS, SCREENING_LIST, SEED, Desk, change, changes_csv, table

GOOD = changes_csv(change("US-2019-EL-HUAWEI", "ListingAdded"))


def test_a_byte_order_mark_windows_line_ends_and_blank_lines_do_no_harm(desk: Desk) -> None:
    data = b"\xef\xbb\xbf" + GOOD.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n\r\n")
    assert desk.imports(data).rows == 1


def test_a_row_is_named_by_the_line_on_which_it_begins() -> None:
    data = b'name,note\n"a","two\nlines"\n\n"b","one"\n'
    assert [row.line for row in read_rows(data, ("name", "note"))] == [2, 5]


@pytest.mark.parametrize(
    ("spoil", "line", "message"),
    [
        (lambda data: b"", 1, "is empty"),
        (lambda data: data.replace(b"effective_from", b"effective"), 1, "lacks the columns 'effective_from'"),
        (lambda data: data.replace(b"effective_from", b"effective"), 1, "unknown columns 'effective'"),
        (lambda data: data.replace(b"doc_no", b"scope"), 1, "names twice 'scope'"),
        (lambda data: data.replace(b"Huawei\r", b"Huawei,one more\r") + b"a,b\r\n", 3, "has 2 values, and the header"),
        (lambda data: data + b"\xff\r\n", 3, "not UTF-8"),
        (lambda data: data + b'a,"b\r\n', 3, "not CSV"),
        (lambda data: data + b"a\0b" + b"," * 16 + b"\r\n", 3, "has a NUL character"),
    ],
)
def test_a_table_that_is_none_is_named_by_line(spoil: Callable[[bytes], bytes], line: int, message: str) -> None:
    with pytest.raises(BadFile) as caught:
        read_rows(spoil(GOOD), COLUMNS, OTHER_COLUMNS)
    assert any(fault.line == line and message in fault.message for fault in caught.value.faults), caught.value.faults


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"announced_on": "16 May 2019"}, "announced_on: '16 May 2019' is not a day"),
        ({"published_on": "2019-02-30"}, "published_on: '2019-02-30' is not a day"),
        ({"announced_on": "", "published_on": ""}, "neither announced_on nor published_on is given"),
        ({"effective_from": "soon"}, "effective_from: 'soon' is not a date"),
        ({"effective_from": ""}, "effective_from is empty"),
        ({"effective_to": "2019-05-15"}, "effective_to 2019-05-15 is before effective_from 2019-05-16"),
        ({"kind": "Rumour"}, "kind 'Rumour' is not one of ListingAdded"),
        ({"evidence": "X"}, "evidence 'X' is not one of M, S"),
        ({"event_id": "US 2019"}, "event_id 'US 2019' is not an id"),
        ({"event_id": "A" * 97}, "up to 96 letters"),
        ({"regulation_id": "a/b"}, "regulation_id 'a/b' is not an id"),
        ({"citation": ""}, "citation is empty"),
        ({"note": "said effective 2019-13-01"}, "note: '2019-13-01' is not a date"),
    ],
)
def test_a_bad_value_is_named_by_line_and_column(values: dict[str, str], message: str) -> None:
    good = change("US-2018-RULE-A", "RegulationEffective")
    rows = read_rows(changes_csv(good, {**change("US-2019-EL-HUAWEI", "ListingAdded"), **values}), COLUMNS)
    with pytest.raises(BadFile) as caught:
        read_changes(rows)
    assert [fault.line for fault in caught.value.faults] == [3]
    assert message in caught.value.faults[0].message


def test_of_a_file_with_a_bad_row_nothing_is_recorded(desk: Desk) -> None:
    good = change("US-2018-RULE-A", "RegulationEffective")
    with pytest.raises(BadFile, match="line 3: effective_from: 'soon' is not a date"):
        desk.imports(changes_csv(good, change("US-2019-EL-HUAWEI", "ListingAdded", effective_from="soon")))
    assert desk.head == 0


def test_every_bad_row_is_listed() -> None:
    with pytest.raises(BadFile) as caught:
        read_rows(table(("name",), [{"name": "a"}]) + b"a,b\n" * 3, ("name",))
    assert [fault.line for fault in caught.value.faults] == [3, 4, 5]


def test_a_row_id_stands_once_in_a_file() -> None:
    row = change("US-2019-EL-HUAWEI", "ListingAdded")
    with pytest.raises(BadFile, match="line 3: event_id US-2019-EL-HUAWEI stands on line 2 already"):
        read_changes(read_rows(changes_csv(row, row), COLUMNS))


def test_a_table_without_rows_records_nothing(desk: Desk) -> None:
    assert (desk.imports(table(COLUMNS, [])).rows, desk.head) == (0, 0)


def test_the_format_is_told_by_the_first_line() -> None:
    for path, name in ((REGULATIONS, "regulations"), (SCREENING_LIST, "screening-list"), (SEED, "ndjson")):
        with path.open("rb") as file:
            assert guess_format(file) == name
