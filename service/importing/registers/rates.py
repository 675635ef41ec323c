"""A table of exchange rates: a day or a month, a currency and a rate in each row, a base that is one."""

import hashlib
import json
from collections.abc import Sequence
from datetime import date
from typing import Any

from service.codes import codes
from service.importing.names import DIGITS, event_id
from service.importing.plans import Entry, ImportPlan, RowRemark
from service.importing.rates import CITATION, URL
from service.importing.registers.mapping import RegisterMapping
from service.importing.registers.tables import RegisterTable
from service.importing.rows import Row
from service.importing.standing import LedgerStanding

#: Digits of a rate before and behind the point.
RATE_DIGITS = (15, 10)
#: The column of the data portal that names a series, and how the names of rates begin.
SERIES_KEY, RATES_OF_ECB = "KEY", "EXR."
#: The European Central Bank's own, in CSV or XML.
OF_ECB = RegisterMapping(kind="rates", name="ecb-exr", citation=CITATION, url=URL)


def plan(rows: Sequence[Row], standing: LedgerStanding, mapping: RegisterMapping) -> ImportPlan:
    """What to record for these rows: a publication for each base and period, the oldest first; BadFile as usual."""
    if mapping == RegisterMapping(kind="rates") and rows and rows[0][SERIES_KEY].startswith(RATES_OF_ECB):
        mapping = OF_ECB
    return rates_plan(RegisterTable(rows, mapping), standing.today)


def rates_plan(table: RegisterTable, today: date) -> ImportPlan:
    """The publications of a table."""
    result = ImportPlan()
    found: dict[tuple[str, str], dict[str, str]] = {}
    lines: dict[tuple[str, str, str], int] = {}
    last: dict[tuple[str, str], tuple[str, int]] = {}
    for row in table.rows:
        try:
            read = _rate(table, row)
        except ValueError as error:
            table.faults.add(row.line, str(error))
            continue
        if read is None:
            result.noted.append(RowRemark(row.line, table.text(row, "day"), "has no rate"))
            continue
        base, effective_on, ends_on, currency, rate = read
        rates = found.setdefault((base, effective_on), {})
        line = lines.setdefault((base, effective_on, currency), row.line)
        if rates.setdefault(currency, rate) != rate:
            table.faults.add(row.line, f"{currency} is {rate} in {effective_on}, and {rates[currency]} on line {line}")
        last.setdefault((base, effective_on), (ends_on, row.line))
    table.faults.refuse()
    for (base, effective_on), rates in sorted(found.items(), key=lambda one: (last[one[0]][0], one[0])):
        ends_on, line = last[base, effective_on]
        result.entries.append(_publication(table, line, base, effective_on, ends_on, rates, today))
    return result


def _rate(table: RegisterTable, row: Row) -> tuple[str, str, str, str, str] | None:
    """Base, period, its last day, currency and rate; None: the row has no rate."""
    day = table.period(row, "day")
    if day is None:
        raise ValueError(f"{table.roles['day']} is empty")
    currency, base = table.text(row, "currency").upper(), table.text(row, "base").upper() or table.mapping.base
    for code, role in ((currency, "currency"), (base, "base")):
        if code not in codes().currencies:
            raise ValueError(f"{table.roles.get(role, role)}: {code[:40]!r} is not an ISO 4217 currency code")
    if currency == base:
        raise ValueError(f"{table.roles['currency']}: {currency} is the base, whose rate is 1")
    rate = table.figure(row, table.roles["rate"], RATE_DIGITS)
    if rate is None:
        return None
    if rate.startswith("-") or not rate.strip("0."):
        raise ValueError(f"{table.roles['rate']}: {rate} is no rate: it is more than 0")
    return base, day.text, day.last, currency, rate


def _publication(
    table: RegisterTable, line: int, base: str, effective_on: str, ends_on: str, rates: dict[str, str], today: date
) -> Entry:
    data = {"base": base, "rates": dict(sorted(rates.items()))}
    # A rate of a period that is not over is known since the import; of one that is, since its last day.
    known: dict[str, Any] = {"known_on": ends_on} if date.fromisoformat(ends_on) <= today else {}
    digest = hashlib.sha256(json.dumps([data, known], sort_keys=True).encode()).hexdigest()[:DIGITS]
    sent = {
        "type": "exchange-rates-published",
        # With other rates it is another publication, and the later one counts.
        "id": event_id(table.mapping.prefix, base, effective_on, digest),
        "effective_on": effective_on,
        **known,
        **table.envelope,
        "data": data,
    }
    return Entry(line, f"{base} {effective_on}", sent)
