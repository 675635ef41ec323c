"""Files that are not what they claim to be, of every format: each a clear fault by line, and nothing else."""

import gzip
import io
import json
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from service.importing import opening
from service.importing.bounds import LONGEST_CELL
from service.importing.formats import FLATTENED, FORMATS, IN_SHEETS
from service.importing.importing import Here
from service.importing.opening import lines_of, opened
from service.importing.orders.mapping import parse_mapping_text
from service.importing.reading.messages import Message, ReaderTask
from service.importing.rows import BadFile, BadMapping
from tests.effort import Act, assert_no_dearer
from tests.service.importing.conftest import CHANGE, EXAMPLES, SCREENING_LIST, SEED, changes_csv
from tests.service.importing.ocds_samples import contract, package, release
from tests.service.importing.order_tables import COLUMNS, MAPPING, ROW, as_toml, faults, rows_csv
from tests.service.importing.orders.tables.test_columnar import parquet
from tests.service.importing.orders.tables.test_workbook import xlsx

DECLARED = ("m", as_toml(MAPPING).encode())
STORED = {
    "specversion": "1.0",
    "id": "e-1",
    "source": "/erp",
    "type": "daybook.organization-registered",
    "data": {"effective_on": "2020", "data": {"organization_id": "o", "name": "O", "country": "DE"}},
}
#: A file of each format that is in order.
GOOD: dict[str, bytes] = {
    "csv": rows_csv({}),
    "tsv": "\n".join(["\t".join(COLUMNS), "\t".join(ROW.values())]).encode(),
    "xlsx": xlsx({}),
    "parquet": parquet({}),
    "ndjson": SEED.read_bytes(),
    "cloudevents": json.dumps(STORED).encode() + b"\n",
    "ecb-rates": b"Date,USD,JPY,\n2024-03-01,1.08,162.5,\n2024-03-04,1.09,N/A,\n",
    "ocds": json.dumps(package(release(contracts=[contract()]))).encode(),
    "regulations": changes_csv(CHANGE),
    "screening-list": SCREENING_LIST.read_bytes(),
    "duplicates": b"organization_id,other_id,decision\na,b,\n",
    "ecb-xml": (EXAMPLES / "ecb-data-portal.xml").read_bytes(),
    "ocds-workbook": (EXAMPLES / "ocds-flattened.xlsx").read_bytes(),
    **{name: (EXAMPLES / f"{name}.csv").read_bytes() for name in ("organizations", "products", "rates")},
}
#: Formats that say at once that a workbook or a Parquet file is none of theirs.
OF_TEXT = [
    name for name in FORMATS if name not in ("xlsx", "parquet", FLATTENED) and FORMATS[name].reads not in IN_SHEETS
]
PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)
PDF = b"%PDF-1.7\n" + b"1 0 obj\n" * 100


def answers(question: str, names: Any) -> Any:
    """What an empty ledger says."""
    return {"today": "2026-11-01", "directory": ([], []), "events": {}, "streams": {}}.get(question, [])


def read(data: bytes, name: str) -> list[Message]:
    """All that a file says."""
    mapping = DECLARED if name in ("csv", "tsv", "xlsx", "parquet") else None
    return list(Here(io.BytesIO(data), ReaderTask(format=name, mapping=mapping)).messages(answers))


#: What is sent instead of a good file, and what is said of it.
DAMAGES: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "an image": (lambda good: PNG, "is a PNG image by how it begins"),
    "a document": (lambda good: PDF, "is a PDF document by how it begins"),
    "a packed image": (lambda good: gzip.compress(PNG), "is a PNG image within a gzip file"),
    "packed twice": (lambda good: gzip.compress(gzip.compress(good)), "is a gzip file within a gzip file"),
    "an old spreadsheet": (lambda good: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "is an old spreadsheet"),
    "packed otherwise": (lambda good: b"BZh91AY&SY" + bytes(50), "is a bzip2 file"),
    "packed and cut": (lambda good: gzip.compress(good)[:-9], "the gzip file is cut short"),
    "packed, and more": (lambda good: gzip.compress(good) + b"more", "something that is not gzip follows"),
    "packed and damaged": (
        lambda good: gzip.compress(good)[:-8] + bytes(4) + gzip.compress(good)[-4:],
        "the gzip file is damaged",
    ),
    "a bomb": (lambda good: gzip.compress(bytes(2_000_000)), "expands to more than 200 times its size"),
}


def test_a_good_file_of_each_format_is_read() -> None:
    assert set(GOOD) == set(FORMATS)
    for name, data in GOOD.items():
        assert len(read(data, name)) >= 4, name
        assert len(read(gzip.compress(data), name)) >= 4, name


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_something_else_is_said_whatever_it_is_called(monkeypatch: pytest.MonkeyPatch, damage: str) -> None:
    monkeypatch.setattr(opening, "EXPANDED_BYTES", 1_000_000)
    spoil, message = DAMAGES[damage]
    for name, good in GOOD.items():
        with pytest.raises(BadFile) as caught:
            read(spoil(good), name)
        assert caught.value.faults[0].message.startswith(message.replace("expands", "the gzip file expands")), name
        assert caught.value.faults[0].line >= 1


@pytest.mark.parametrize("name", OF_TEXT)
@pytest.mark.parametrize("other", ["xlsx", "parquet"])
def test_a_table_of_another_kind_is_told_by_its_beginning(name: str, other: str) -> None:
    with pytest.raises(BadFile, match=rf"by how it begins, and not {name}"):
        read(GOOD[other], name)


@pytest.mark.parametrize(("name", "other"), [("xlsx", "parquet"), ("parquet", "xlsx")])
def test_one_kind_of_table_under_the_name_of_another(name: str, other: str) -> None:
    with pytest.raises(BadFile, match=rf"by how it begins, and not {name}"):
        read(GOOD[other], name)
    with pytest.raises(BadFile, match=r"^line 1: not "):
        read(GOOD["csv"], name)


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_that_is_cut_short_is_read_as_far_as_it_is_whole_or_refused(name: str) -> None:
    good = GOOD[name]
    for part in (1, 7, len(good) // 2, len(good) - 3):
        # Anything else than these is an error of ours.
        with suppress(BadFile, BadMapping):
            assert read(good[:part], name)


@pytest.mark.parametrize("name", ["ndjson", "cloudevents", "ocds"])
@pytest.mark.parametrize(
    "text",
    [
        b'{"specversion": "1.0", "ocid": ' + b"[" * 100_000 + b"]" * 100_000 + b"}\n",
        b'{"specversion": "1.0", "ocid": ' + b'{"a":' * 50_000 + b"1" + b"}" * 50_000 + b"}\n",
        b'{"specversion": "1.0", "ocid": ' + b"9" * 100_000 + b"}\n",
        b'{"specversion": "1.0", "ocid": 1e999999999}\n',
        b'{"specversion": "1.0", "ocid": "\xff"}\n',
    ],
)
def test_json_that_nobody_can_mean_is_refused_by_line(name: str, text: bytes) -> None:
    if name == "ndjson":
        [sheet] = [one for one in read(text, name) if hasattr(one, "wrong")]
        assert [number for number, _, _ in sheet.wrong] == [1]
        return
    with pytest.raises(BadFile, match=r"^line 1: "):
        read(text, name)


def test_many_members_of_a_gzip_file_take_as_long_as_they_are_many() -> None:
    def members(count: int) -> Act:
        data = gzip.compress(b"a\n") * count
        return lambda: sum(1 for _ in lines_of(opened(io.BytesIO(data))))

    # Each member was copied with all behind it: 16 times as many took 100 times as long.
    assert_no_dearer(members(16_000), members(1_000), times=40)


def test_members_with_nothing_in_them_are_counted() -> None:
    with pytest.raises(BadFile, match="more than 1,000 members in a row with nothing in them"):
        list(lines_of(opened(io.BytesIO(gzip.compress(b"") * 20_000))))
    packed = (gzip.compress(b"a\n") + gzip.compress(b"")) * 1_500
    assert sum(1 for _ in lines_of(opened(io.BytesIO(packed)))) == 1_500


def test_a_gzip_member_may_end_anywhere() -> None:
    for size in (1_000, 1_024, 3_000, 300_000):
        first = gzip.compress(bytes(range(256)) * (size // 256), compresslevel=0)
        both = io.BytesIO(first + gzip.compress(b"end") + bytes(5))
        assert opened(both).read()[-3:] == b"end"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'"' + b"x" * 2_000_000, "is longer than 1,048,576 bytes, and so is no row of a table"),
        (b'"' + b"x\n" * 1_000_000, "not CSV: field larger than field limit (131072)"),
        (b'"\n",' * 500_000, "a row of more than 1,048,576 bytes: is a quotation mark left open?"),
        (b",".join(b"%d" % n for n in range(20_000)), "the header names 20,000 columns, more than 16,384"),
        (b"PO," + b"x" * 2_000, "the header has a name of more than 1,024 characters"),
        ("PO,Line\n".encode("utf-32"), "is UTF-32: save it as UTF-8"),
        (b"\x00\x00\xfe\xff" + "PO,Line\n".encode("utf-32-be"), "is UTF-32: save it as UTF-8"),
    ],
)
def test_a_header_without_end_is_refused(text: bytes, message: str) -> None:
    [(line, said), *_] = faults(text)
    assert (line, said) == (1, message)


def test_a_row_without_end_is_refused_by_the_line_on_which_it_begins() -> None:
    open_quote = rows_csv({}) + b'PO-2,"' + b"x\n" * 100_000
    assert (3, "not CSV: field larger than field limit (131072)") in faults(open_quote)
    many = rows_csv({}) + b'"\n",' * 500_000
    assert faults(many) == [(3, "a row of more than 1,048,576 bytes: is a quotation mark left open?")]
    assert faults(rows_csv({}, {"Item": "x" * (LONGEST_CELL + 1)})) == [
        (3, f"has a cell of more than {LONGEST_CELL:,} characters")
    ]
    wide = rows_csv({}) + b"," * 1_000_000 + b"\n"
    assert faults(wide) == [(3, "has 1000001 values, and the header names 12 columns")]


@pytest.mark.parametrize(
    "text",
    [
        b"a" + b".a" * 12_000 + b" = 1",
        b"[" + b".".join([b"a"] * 12_000) + b"]",
        b"a = " + b"[" * 12_000,
        b"a = " + b"{b=" * 12_000,
        b'"a"' + b'."a"' * 6_000 + b" = 1",
        b"a" + b" . a" * 6_000 + b" = 1",
        b'"\\"' * 12_000,
        b'"""' + b'\\"' * 12_000,
        b"a = " + b"9" * 20_000,
        b"\n".join(b"k%d = 1" % n for n in range(20_000)),
        b"\xff",
    ],
)
def test_a_mapping_that_nobody_can_mean_is_refused_in_no_time(text: bytes) -> None:
    def judge() -> None:
        with pytest.raises(BadMapping):
            parse_mapping_text("m", text)

    harmless = b"".join(b'k%d = "a text of some words"\n' % n for n in range(len(text) // 32))

    def judge_harmless() -> None:
        with pytest.raises(BadMapping):
            parse_mapping_text("m", harmless)

    # It took ten thousand times as long.
    assert_no_dearer(judge, judge_harmless, times=40)


def test_a_mapping_as_deep_as_mappings_are_is_one() -> None:
    assert parse_mapping_text(*DECLARED).name == "pumps"
    quoted = DECLARED[1] + b"\n# a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t\n"
    assert parse_mapping_text("m", quoted.replace(b"Extract of", b"1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18"))
