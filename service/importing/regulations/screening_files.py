"""Screening lists as files have them: the consolidated list's CSV and JSON, and OFAC's SDN list in CSV without header.

All become rows with the columns of the consolidated list's CSV, so that one entry is one instrument in any of them.
"""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import Any

from domain.json_text import parse_json
from domain.values import UNKNOWN_COUNTRY
from service.importing.causes import FaultsByCause
from service.importing.orders.countries import country_code
from service.importing.plans import ImportPlan
from service.importing.regulations import screening_list
from service.importing.regulations.screening_list import COLUMNS, COUNTRY_CODE, OTHER_COLUMNS
from service.importing.rows import BYTE_ORDER_MARK, BadFile, FileFault, Row, read_rows
from service.importing.standing import LedgerStanding

#: What stands for nothing in the SDN list, and the character that ends its file.
NOTHING, END = "-0-", "\x1a"
#: The SDN list's columns: it has no header.
OF_SDN = (
    "entity_number",
    "name",
    "type",
    "programs",
    "title",
    "call_sign",
    "vessel_type",
    "gross_tonnage",
    "gross_registered_tonnage",
    "vessel_flag",
    "vessel_owner",
    "remarks",
)
#: How a line of it begins: a number, a name in quotes, and what kind of entry it is.
FIRST_OF_SDN = re.compile(rb'\s*\d{1,9},"(?:[^"]|""){1,400}","?(?:-0-|individual|vessel|aircraft|entity) ?"?,')
SOURCE_OF_SDN = "Specially Designated Nationals (SDN) - Treasury Department"
#: Parts of its remarks: other names, and numbers with the countries that gave them.
ALSO_KNOWN = re.compile(r"""\b[af]\.?k\.?a\.? ["']([^"';]{1,300})["']""")
NUMBERED = re.compile(
    r"\b([A-Z][A-Za-z /-]{1,60}?) ?(?:No\.|Number|#) ([A-Z0-9][A-Z0-9./-]{1,60})(?: \(([^()]{1,60})\))?"
)
#: Fields of an entry in JSON that are lists of texts.
TEXTS = ("alt_names", "programs", "citizenships", "dates_of_birth", "nationalities", "places_of_birth")
ADDRESS = ("address", "city", "state", "postal_code", "country")


def is_one(start: bytes) -> bool:
    """Whether a file that begins so is a list in JSON, or the SDN list."""
    text = start.removeprefix(BYTE_ORDER_MARK).lstrip()
    if text.startswith((b"{", b"[")):
        return b'"federal_register_notice"' in text and b'"source"' in text
    return FIRST_OF_SDN.match(text) is not None


def rows_of(data: bytes) -> list[Row]:
    """The entries of a list as rows; BadFile lists what is wrong, by line (in JSON: by the number of the entry)."""
    text = data.removeprefix(BYTE_ORDER_MARK).lstrip()
    if text.startswith((b"{", b"[")):
        return _of_json(text)
    if FIRST_OF_SDN.match(text) is not None:
        return _of_sdn(data.removeprefix(BYTE_ORDER_MARK))
    return read_rows(data, COLUMNS, OTHER_COLUMNS)


def plan(rows: Sequence[Row], standing: LedgerStanding, *, register: bool) -> ImportPlan:
    """What to record for these rows."""
    return screening_list.plan(rows, standing, register=register)


def _of_json(text: bytes) -> list[Row]:
    try:
        whole = parse_json(text)
    except ValueError as error:
        raise BadFile([FileFault(1, str(error))]) from None
    entries = whole.get("results") if isinstance(whole, dict) else whole
    if not isinstance(entries, list):
        raise BadFile([FileFault(1, 'has no list of entries: {"results": [...]}, or a list by itself')])
    faults = FaultsByCause(mends=())
    rows = []
    for number, entry in enumerate(entries, 1):
        if not isinstance(entry, dict):
            faults.add(number, f"entry {number} is no object")
            continue
        missing = [name for name in ("source", "name") if not isinstance(entry.get(name), str)]
        if missing:
            faults.add(number, f"{missing[0]} is no text", f"entry {number}")
            continue
        rows.append(Row(number, dict(_values(entry))))
    faults.refuse()
    return rows


def _values(entry: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """An entry's fields as the CSV has them."""
    for name, value in entry.items():
        if name == "addresses":
            yield name, "; ".join(", ".join(_texts(one, ADDRESS)) for one in _objects(value))
        elif name == "ids":
            yield name, "; ".join(", ".join(_texts(one, ("type", "number", "country"))) for one in _objects(value))
        elif name in TEXTS and isinstance(value, list):
            yield name, "; ".join(str(one).strip() for one in value)
        else:
            yield name, "" if value is None or isinstance(value, dict | list) else str(value).strip()


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _texts(value: dict[str, Any], names: Sequence[str]) -> list[str]:
    return [str(value[name]).strip() for name in names if value.get(name) not in (None, "")]


def _of_sdn(data: bytes) -> list[Row]:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    faults = FaultsByCause(mends=())
    rows: list[Row] = []
    line = 1
    try:
        for values in reader:
            values = [value.strip() for value in values]
            if len(values) == len(OF_SDN):
                said = dict(zip(OF_SDN, ("" if value == NOTHING else value for value in values), strict=True))
                rows.append(Row(line, said | _remarked(said["remarks"]) | {"source": SOURCE_OF_SDN}))
            elif any(value not in ("", END) for value in values):
                faults.add(line, f"has {len(values)} values, and the SDN list has {len(OF_SDN)}")
            line = reader.line_num + 1
    except csv.Error as error:
        faults.add(line, f"not CSV: {error}")
    faults.refuse()
    return rows


def _remarked(remarks: str) -> dict[str, str]:
    """What the remarks say in the columns of the consolidated list; the SDN list has addresses in a file of its own."""
    numbers = NUMBERED.findall(remarks)
    countries = {country_code(country) for _, _, country in numbers if country} - {None}
    return {
        "alt_names": "; ".join(dict.fromkeys(ALSO_KNOWN.findall(remarks))),
        "ids": "; ".join(f"{kind.strip()}, {number}" for kind, number, _ in numbers),
        COUNTRY_CODE: str(countries.pop()) if len(countries) == 1 else UNKNOWN_COUNTRY,
    }
