"""Hostile files to import: cut short, lying about their size, of another kind than they say, or larger within."""

import csv
import gzip
import io
import json
import struct
import zipfile
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from openpyxl import Workbook

from tests.hostile.bodies import deep, organization
from tests.hostile.rows import Hostile, Sent, Upload, blank_lines
from tests.service.importing.conftest import change, changes_csv
from tests.service.importing.order_tables import COLUMNS, ROW, as_toml, mapping, rows_csv

PUMPS = "hostile-pumps"
#: An import that ends badly, or a file that is refused at once.
REFUSED = (400, 413, 415, 422)
#: What stands beside a hostile cell in a table of order lines.
Rows = tuple[Mapping[str, str], ...]


def upload(file: bytes, format_name: str | None, **asked: str) -> Upload:
    """A file of a format; tables of order lines come with their mapping."""
    named = {} if format_name is None else {"format": format_name}
    if format_name in ("csv", "tsv", "xlsx", "parquet"):
        return Upload(file, {**named, "mapping": PUMPS, **asked}, as_toml(mapping()).encode())
    return Upload(file, {**named, **asked})


def file(
    name: str,
    format_name: str | None,
    make: Callable[[], bytes],
    *,
    statuses: tuple[int, ...] = REFUSED,
    says: str = "",
    unpacked: int = 0,
    **more: Any,
) -> Hostile:
    """A row; the harmless file is as long, or as long as what this one unpacks to."""

    def harmless() -> Sent:
        return blank_lines(max(unpacked, len(_made(make))))()

    return Hostile(
        f"{name} as {format_name}", lambda: upload(_made(make), format_name), harmless, statuses, says, **more
    )


@lru_cache(maxsize=1)
def _made(make: Callable[[], bytes]) -> bytes:
    return make()


def ndjson(*events: Any) -> bytes:
    """Events, one a line."""
    return b"".join(json.dumps(one).encode() + b"\n" for one in events)


def cloud_event(**changes: Any) -> bytes:
    """An event of another ledger."""
    event = {"specversion": "1.0", "id": "1", "source": "urn:x", "type": "daybook.organization-registered"}
    return json.dumps({**event, "data": organization("cloudy"), **changes}).encode() + b"\n"


def lines(**cells: str) -> bytes:
    """A table of order lines whose first has these cells."""
    return rows_csv(cells)


def packed(parts: Mapping[str, bytes]) -> bytes:
    """A zip file."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as out:
        for name, content in parts.items():
            out.writestr(name, content)
    return data.getvalue()


def workbook() -> dict[str, bytes]:
    """The parts of a workbook with one order line."""
    book = Workbook()
    assert book.active is not None
    book.active.append(list(COLUMNS))
    book.active.append([ROW[column] for column in COLUMNS])
    data = io.BytesIO()
    book.save(data)
    with zipfile.ZipFile(data) as parts:
        return {name: parts.read(name) for name in parts.namelist()}


def workbook_with(part: str, old: bytes, new: bytes) -> bytes:
    """A workbook, one part of which is changed."""
    parts = workbook()
    assert old in parts[part], parts[part][:2_000]
    return packed({**parts, part: parts[part].replace(old, new, 1)})


def lying_workbook() -> bytes:
    """A workbook whose sheet says that it is a byte long."""
    data = bytearray(packed(workbook()))
    place = data.index(b"xl/worksheets/sheet1.xml", data.index(b"PK\x01\x02")) - 46 + 24
    data[place : place + 4] = struct.pack("<I", 1)
    return bytes(data)


def parquet(**columns: Any) -> bytes:
    """A Parquet file with the small table's columns, some of them changed."""
    made = {name: pa.array([ROW[name]] * len(next(iter(columns.values()), [0]))) for name in COLUMNS}
    data = io.BytesIO()
    pq.write_table(pa.table({**made, **columns}), data, compression="zstd")
    return data.getvalue()


def dictionary() -> bytes:
    """One text of 100,000 bytes, eight thousand times."""
    return parquet(Supplier=pa.array(["x" * 100_000] * 8_192).dictionary_encode())


def lying_parquet() -> bytes:
    """A Parquet file whose footer is said to be longer than the file."""
    data = parquet()
    return data[:-8] + struct.pack("<I", 2**31 - 1) + data[-4:]


def members(count: int) -> bytes:
    """A gzip file of empty members, and one event at its end."""
    return gzip.compress(b"", mtime=0) * count + gzip.compress(b"{}\n", mtime=0)


def bomb(size: int, unit: bytes = b" ") -> bytes:
    """A gzip file that unpacks to so many bytes."""
    return gzip.compress(unit * size, 1, mtime=0)


def screening(**cells: str) -> bytes:
    """A screening list of one entry."""
    own = {
        "source": "Entity List (EL) - Bureau of Industry and Security",
        "type": "Entity",
        "name": "Acme",
        "addresses": "1 Road, Paris, FR",
        "federal_register_notice": "89 FR 1",
        "start_date": "2024-01-01",
        "license_requirement": "For all items subject to the EAR.",
        "alt_names": "",
    }
    columns = ("source", "type", "name", "addresses", "federal_register_notice", "start_date", "end_date")
    columns += ("license_requirement", "license_policy", "alt_names", "source_list_url", "ids")
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="")
    writer.writeheader()
    writer.writerow({**own, **cells})
    return text.getvalue().encode()


def regulation(**cells: str) -> bytes:
    """A table of one regulation change."""
    return changes_csv(change("HOSTILE", "RegulationPublished", **cells))


def release(**changes: Any) -> bytes:
    """A release package of one release."""
    own = {
        "ocid": "ocds-1-1",
        "id": "1",
        "date": "2024-01-01T00:00:00Z",
        "tag": ["contract"],
        "initiationType": "tender",
    }
    package = {"uri": "urn:x", "version": "1.1", "publishedDate": "2024-01-01T00:00:00Z", "publisher": {"name": "P"}}
    return json.dumps({**package, "releases": [{**own, **changes}]}).encode()


ANY = (201, *REFUSED)
LONG_CELL = "x" * 300_000

TEXTS = (
    file("an empty file", "ndjson", lambda: b" \n" * 3, statuses=ANY),
    file("a line without end", "ndjson", lambda: b'{"a":"' + b"a" * 3_000_000),
    file("arrays in arrays", "ndjson", lambda: deep(b"[", 100_000, b"]") + b"\n"),
    file("lines of arrays", "ndjson", lambda: b"[[[[\n" * 100_000),
    file("numbers by the million", "ndjson", lambda: b"1\n" * 1_000_000),
    file(
        "a number of 60,000 digits", "ndjson", lambda: b'{"type":"order-placed","data":{"x":' + b"9" * 60_000 + b"}}\n"
    ),
    file("half a character", "ndjson", lambda: ndjson(organization("half", name="\ud800"))),
    file("no UTF-8", "ndjson", lambda: b'{"type":"\xff"}\n'),
    file("cut short", "ndjson", lambda: ndjson(organization("cut"))[:-20]),
    file("a table", "ndjson", lambda: lines()),
    file("a workbook", "ndjson", lambda: packed(workbook())),
    file("bytes of no kind", None, lambda: bytes(range(256)) * 1_000),
    file(
        "arrays in arrays", "cloudevents", lambda: cloud_event(data=1).replace(b"1}", deep(b"[", 50_000, b"]") + b"}")
    ),
    file("a text for data", "cloudevents", lambda: cloud_event(data="x" * 60_000)),
    file("data in another coding", "cloudevents", lambda: cloud_event(data_base64="!!!!", data=None)),
    file("a source that is no address", "cloudevents", lambda: cloud_event(source="http://["), statuses=ANY),
    file("cut short", "cloudevents", lambda: cloud_event()[:100]),
)
TABLES = (
    file("a cell of 300 KB", "csv", lambda: lines(Supplier=LONG_CELL)),
    file("a quote without end", "csv", lambda: lines() + b'"' + b"a,\n" * 60_000),
    file(
        "columns by the hundred thousand",
        "csv",
        lambda: b",".join(b"c%d" % number for number in range(100_000)) + b"\n",
    ),
    file("a column given twice", "csv", lambda: b"PO," + lines()),
    file("a row of a million cells", "csv", lambda: lines() + b"," * 900_000 + b"\n"),
    file("rows of one cell", "csv", lambda: lines() + b"x\n" * 40_000),
    file("NULs", "csv", lambda: lines(Supplier="a\0b")),
    file("a number of 60,000 digits", "csv", lambda: lines(Qty="9" * 60_000)),
    file("an exponent", "csv", lambda: lines(Qty="1e999999999")),
    file("a day behind all days", "csv", lambda: lines(Ordered="9999-99-99")),
    file("a header alone", "csv", lambda: lines().split(b"\n")[0], statuses=ANY),
    file("another encoding", "csv", lambda: lines().decode().encode("utf-32")),
    file("cut short", "csv", lambda: lines()[:-30]),
    file("a workbook", "csv", lambda: packed(workbook())),
    file("events", "csv", lambda: ndjson(organization("x"))),
    file("a cell of 20,000 semicolons", "regulations", lambda: regulation(scope="a;" * 20_000), statuses=ANY),
    file("a cell of brackets", "regulations", lambda: regulation(scope="(" * 20_000 + ";"), statuses=ANY),
    file("a title of spaces", "regulations", lambda: regulation(instrument="a" + " " * 20_000 + "b"), statuses=ANY),
    file(
        "thresholds by the thousand", "regulations", lambda: regulation(scope="TPP >= 4800 and " * 3_000), statuses=ANY
    ),
    file(
        "countries by the thousand",
        "regulations",
        lambda: regulation(scope="destinations " + "China, " * 5_000),
        statuses=ANY,
    ),
    file("a citation of commas", "regulations", lambda: regulation(citation=", " * 20_000), statuses=ANY),
    file("a cell of 300 KB", "regulations", lambda: regulation(scope=LONG_CELL)),
    file(
        "a day behind all days",
        "regulations",
        lambda: regulation(effective_from="9999-12-31", effective_to="9999-12-31"),
        statuses=ANY,
    ),
    file("cut short", "regulations", lambda: regulation()[:200]),
    file("names by the thousand", "screening-list", lambda: screening(alt_names="a; " * 15_000), statuses=ANY),
    file("a source of brackets", "screening-list", lambda: screening(source="(" * 20_000 + ")"), statuses=ANY),
    file("a source of spaces", "screening-list", lambda: screening(source="a" + " " * 20_000 + "("), statuses=ANY),
    file(
        "a requirement of brackets",
        "screening-list",
        lambda: screening(license_requirement="For all items subject to the EAR (See" + "(" * 20_000),
        statuses=ANY,
    ),
    file(
        "a requirement of spaces",
        "screening-list",
        lambda: screening(license_requirement="For all items subject to the EAR" + " " * 20_000 + "x"),
        statuses=ANY,
    ),
    file("a name of spaces", "screening-list", lambda: screening(name="a" + " " * 30_000 + "b"), statuses=ANY),
    file("addresses by the thousand", "screening-list", lambda: screening(addresses="x, FR; " * 5_000), statuses=ANY),
    file("a cell of 300 KB", "screening-list", lambda: screening(name=LONG_CELL)),
    file(
        "a header of 60 KB",
        "ecb-rates",
        lambda: b"Date," + b"USD," * 15_000 + b"\n2024-01-01," + b"1," * 15_000 + b"\n",
    ),
    file("a rate of 60,000 digits", "ecb-rates", lambda: b"Date,USD\n2024-01-01," + b"9" * 60_000 + b"\n"),
    file("a rate of none", "ecb-rates", lambda: b"Date,USD\n2024-01-01,0\n2024-01-02,-1\n2024-01-03,NaN\n"),
    file("a day of other digits", "ecb-rates", lambda: "Date,USD\n\u0662\u0660\u0662\u0664-01-01,1\n".encode()),
)
OCDS = (
    file("arrays in arrays", "ocds", lambda: b'{"releases":' + deep(b"[", 100_000, b"]") + b"}"),
    file("objects in objects", "ocds", lambda: b'{"releases":[{"a":' + b'{"a":' * 50_000),
    file("releases of nothing", "ocds", lambda: b'{"releases":[' + b"{}," * 10_000 + b"{}]}"),
    file("a date behind all days", "ocds", lambda: release(date="9999-12-31T23:59:59-14:00")),
    file("a date before all days", "ocds", lambda: release(date="0001-01-01T00:00:00+14:00")),
    file("a number without end", "ocds", lambda: release(id="1").replace(b'"id": "1"', b'"id": ' + b"9" * 100_000)),
    file(
        "an amount of an exponent",
        "ocds",
        lambda: release(contracts=[{"id": "1", "awardID": "1", "value": {"amount": 1, "currency": "EUR"}}]).replace(
            b'"amount": 1', b'"amount": 1e999999999'
        ),
    ),
    file("a package without end", "ocds", lambda: release()[:-5]),
    file(
        "parties by the thousand",
        "ocds",
        lambda: release(parties=[{"id": f"p{number}", "name": "P", "roles": ["buyer"]} for number in range(3_000)]),
        statuses=ANY,
    ),
    file("half a character", "ocds", lambda: release(ocid="\ud800")),
    file("a text without end", "ocds", lambda: b'{"releases":[{"ocid":"' + b"a" * 3_000_000),
)
BOOKS = (
    file(
        "60,000 styles of cells",
        "xlsx",
        lambda: workbook_with(
            "xl/styles.xml",
            b"<cellXfs",
            b"<cellStyleXfs>" + b'<xf numFmtId="0"/>' * 60_000 + b"</cellStyleXfs><cellXfs",
        ),
        statuses=ANY,
    ),
    file(
        "a cell in the last row",
        "xlsx",
        lambda: workbook_with(
            "xl/worksheets/sheet1.xml",
            b"</sheetData>",
            b'<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>x</t></is></c></row></sheetData>',
        ),
        statuses=ANY,
    ),
    file(
        "a part of 100 MB",
        "xlsx",
        lambda: packed({**workbook(), "xl/sharedStrings.xml": b"<sst>" + b" " * 100_000_000}),
        unpacked=1_000_000,
    ),
    file(
        "shared texts of 7 MB",
        "xlsx",
        lambda: packed({**workbook(), "xl/sharedStrings.xml": b"<sst>" + b"<si><t>a</t></si>" * 400_000 + b"</sst>"}),
        statuses=ANY,
        unpacked=2_000_000,
    ),
    file(
        "entities of entities",
        "xlsx",
        lambda: workbook_with("xl/worksheets/sheet1.xml", b"<worksheet", b'<!DOCTYPE a [<!ENTITY b "b">]><worksheet'),
    ),
    file(
        "elements in elements",
        "xlsx",
        lambda: workbook_with("xl/worksheets/sheet1.xml", b"<sheetData>", b"<sheetData>" + b"<a>" * 100_000),
    ),
    file(
        "a sheet of every cell there is",
        "xlsx",
        lambda: workbook_with(
            "xl/worksheets/sheet1.xml", b"<sheetData>", b'<dimension ref="A1:XFD1048576"/><sheetData>'
        ),
        statuses=ANY,
    ),
    file(
        "a cell of 300 KB",
        "xlsx",
        lambda: workbook_with(
            "xl/worksheets/sheet1.xml",
            b"</sheetData>",
            b'<row r="3"><c r="F3" t="inlineStr"><is><t>' + b"x" * 300_000 + b"</t></is></c></row></sheetData>",
        ),
    ),
    file(
        "a serial beyond all days",
        "xlsx",
        lambda: workbook_with(
            "xl/worksheets/sheet1.xml",
            b"</sheetData>",
            b'<row r="3"><c r="C3" s="1"><v>1e300</v></c></row></sheetData>',
        ),
    ),
    file(
        "a shared text that is not there",
        "xlsx",
        lambda: workbook_with(
            "xl/worksheets/sheet1.xml",
            b"</sheetData>",
            b'<row r="3"><c r="A3" t="s"><v>99999999</v></c></row></sheetData>',
        ),
    ),
    file("a size that is a lie", "xlsx", lying_workbook),
    file("cut short", "xlsx", lambda: packed(workbook())[:-100]),
    file(
        "parts by the ten thousand",
        "xlsx",
        lambda: packed({**workbook(), **{f"x/{number}": b"" for number in range(10_000)}}),
        statuses=ANY,
    ),
    file("another zip file", "xlsx", lambda: packed({"word/document.xml": b"<a/>"})),
    file("a table", "xlsx", lambda: lines()),
)
COLUMNAR = (
    file("one text of 100,000 bytes 8,192 times", "parquet", dictionary, grows_mb=400),
    file("a cell of 300 KB", "parquet", lambda: parquet(Supplier=pa.array([LONG_CELL]))),
    file("lists in a cell", "parquet", lambda: parquet(Supplier=pa.array([["a"]]))),
    file("structures in structures", "parquet", lambda: parquet(Supplier=pa.array([{"a": {"b": {"c": "d"}}}]))),
    file("no UTF-8", "parquet", lambda: parquet(Supplier=pa.array([b"\xff\xfe"]))),
    file("a footer longer than the file", "parquet", lying_parquet),
    file("a footer of nothing", "parquet", lambda: b"PAR1" + struct.pack("<I", 0) + b"PAR1"),
    file("cut short", "parquet", lambda: parquet()[:-40]),
    file("a part turned over", "parquet", lambda: parquet()[:40] + bytes(200) + parquet()[240:]),
    file("a table", "parquet", lambda: lines()),
)
PACKED = (
    file("20,000 empty members", "ndjson", lambda: members(20_000)),
    file("a bomb of one line", "ndjson", lambda: bomb(80_000_000), unpacked=2_000_000),
    file("a bomb of empty lines", "ndjson", lambda: bomb(80_000_000, b"\n"), unpacked=20_000_000),
    file("a bomb in a bomb", "ndjson", lambda: gzip.compress(bomb(50_000_000), mtime=0)),
    file("a bomb", "ocds", lambda: bomb(80_000_000), unpacked=2_000_000),
    file("a bomb", "xlsx", lambda: bomb(80_000_000), unpacked=8_000_000),
    file("a bomb", "regulations", lambda: bomb(80_000_000), unpacked=2_000_000),
    file("a gzip file cut short", "ndjson", lambda: gzip.compress(ndjson(organization("x")))[:-10]),
    file("a gzip file with another sum", "ndjson", lambda: gzip.compress(ndjson(organization("x")))[:-8] + bytes(8)),
    file(
        "a gzip file with something behind it",
        "ndjson",
        lambda: gzip.compress(ndjson(organization("y"))) + b"x" * 100_000,
    ),
    file("a gzip header without end", "ndjson", lambda: b"\x1f\x8b\x08\x08" + bytes(6) + b"a" * 1_000_000),
)

FILES = (*TEXTS, *TABLES, *OCDS, *BOOKS, *COLUMNAR, *PACKED)
