"""The European Central Bank's reference rates: a table with a day a row and a currency a column, euros as the base."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

from domain.values import DECIMAL_PATTERN
from service.codes import codes
from service.importing.causes import FaultsByCause
from service.importing.items import EventGroup, Reading, Reject
from service.importing.orders.day_formats import reader_of
from service.importing.orders.tables import TableRow
from service.importing.orders.tables.delimited import Delimited
from service.importing.plans import Entry, Summary
from service.importing.rows import MOST_FAULTS, BadFile, FileFault

DATE = "Date"
BASE = "EUR"
#: No rate that day: the currency was not quoted, or is gone.
ABSENT = ("N/A", "")
CITATION = "European Central Bank, euro foreign exchange reference rates"
URL = "https://www.ecb.europa.eu/stats/policy_and_exchange_rates/euro_reference_exchange_rates/"
CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
DECIMAL = re.compile(DECIMAL_PATTERN, re.ASCII)
#: The history writes the first, the file of one day the second.
read_day = reader_of(["%Y-%m-%d", "%d %B %Y"])


def is_header(columns: Sequence[str]) -> bool:
    """Whether these columns are a day and at least two currencies."""
    named = [column for column in columns if column]
    return named[:1] == [DATE] and len(named) > 2 and all(CURRENCY.fullmatch(column) for column in named[1:])


def read(reading: Reading) -> Iterator[EventGroup | Reject]:
    """The rates that a file states."""
    return read_rates(reading.file, reading.summary, strict=reading.strict)


def read_rates(file: BinaryIO, summary: Summary, *, strict: bool = True) -> Iterator[EventGroup | Reject]:
    """A publication for each day, the oldest first (the file has the newest first).

    `strict`: BadFile lists every row that is wrong before the first is given; else they are rejected.
    """
    table = Delimited(file)
    currencies = _currencies(table.columns)
    read: list[tuple[str, EventGroup] | Reject] = []
    lines: dict[str, tuple[int, Any]] = {}
    for row in table.rows(()):
        summary.rows += 1
        try:
            if isinstance(row, Reject):
                raise ValueError(row.message)
            day, rates = _publication(row, currencies)
            line, before = lines.setdefault(day, (row.line, rates))
            if before != rates:
                raise ValueError(f"{day} has other rates than on line {line}")
            if line == row.line:
                read.append((day, EventGroup([_entry(row.line, day, rates)])))
        except ValueError as error:
            read.append(Reject(row.line, "", str(error), row.raw if isinstance(row, Reject) else list(row.cells)))
    rejects = [one for one in read if isinstance(one, Reject)]
    if strict:
        faults = FaultsByCause(mends=())
        faults.add_all(FileFault(one.line, one.message) for one in rejects)
        faults.refuse()
    yield from rejects
    groups = [one for one in read if not isinstance(one, Reject)]
    yield from (group for _, group in sorted(groups, key=lambda one: one[0]))


def _currencies(columns: Sequence[str]) -> list[tuple[int, str]]:
    """The places and codes of the currencies; the file ends each line with a comma, and so with a nameless column."""
    if not is_header(columns):
        raise BadFile([FileFault(1, "the header is not Date and then currencies: USD, JPY, ...")])
    places = [(place, column) for place, column in enumerate(columns) if column and column != DATE]
    unknown = [column for _, column in places if column not in codes().currencies or column == BASE]
    twice = sorted(column for column, count in Counter(column for _, column in places).items() if count > 1)
    if unknown or twice:
        named = ", ".join(unknown[:MOST_FAULTS])
        what = f"are no currencies that the euro has a rate to: {named}" if unknown else ""
        what = what or f"stand twice: {', '.join(twice)}"
        raise BadFile([FileFault(1, f"columns {what}")])
    return places


def _publication(row: TableRow, currencies: Sequence[tuple[int, str]]) -> tuple[str, dict[str, str]]:
    day = read_day(str(row.cells[0]).strip()).text
    rates = {}
    for place, currency in currencies:
        text = str(row.cells[place]).strip()
        if text in ABSENT:
            continue
        if not DECIMAL.fullmatch(text):
            raise ValueError(f"{currency}: {text[:40]!r} is not a plain decimal such as 1.1789")
        rates[currency] = text
    if not rates:
        raise ValueError(f"{day} has no rate at all")
    return day, rates


def _entry(line: int, day: str, rates: dict[str, str]) -> Entry:
    sent = {
        "type": "exchange-rates-published",
        "id": f"ecb:{BASE}:{day}",
        "effective_on": day,
        "known_on": day,
        "source": {"citation": CITATION, "url": URL},
        "data": {"base": BASE, "rates": rates},
    }
    return Entry(line, day, sent)
