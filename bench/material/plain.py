"""The lines of a ledger as plain tables: in DuckDB, and in PostgreSQL with an index; neither knows bounds or clocks."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import psycopg

from bench.material.ledgers import Filled
from bench.material.market import DAYS, FIRST_DAY

#: Made from the stored events themselves: a posting a line as ordered.
POSTINGS = """
create schema if not exists bench;
create table bench.posting as
select
    (convert_from(state, 'UTF8')::jsonb ->> 'effective_on')::date as placed_on,
    substring(convert_from(state, 'UTF8')::jsonb #>> '{data,vendor_id}' from '[0-9]+$')::integer as vendor,
    convert_from(state, 'UTF8')::jsonb #>> '{data,currency}' as currency,
    (line ->> 'amount')::numeric(19, 4) as amount
from ledger_events, jsonb_array_elements(convert_from(state, 'UTF8')::jsonb #> '{data,lines}') as line
where topic = 'order-placed';
create index on bench.posting (placed_on) include (vendor, currency, amount);
create table bench.factor as
with rate as (
    select
        (convert_from(state, 'UTF8')::jsonb ->> 'effective_on')::date as day, named.key as currency,
        named.value::numeric as rate
    from ledger_events, jsonb_each_text(
        convert_from(state, 'UTF8')::jsonb #> '{data,rates}' || '{"EUR": "1"}'::jsonb
    ) as named
    where topic = 'exchange-rates-published'
)
select own.day, own.currency, round(dollar.rate / own.rate, 10) as factor
from rate as own join rate as dollar on dollar.day = own.day and dollar.currency = 'USD';
create unique index on bench.factor (day, currency) include (factor);
"""
#: Spend in dollars by vendor, as of one day.
SPEND = """
select posting.vendor, sum(posting.amount * factor.factor)
from bench.posting join bench.factor on factor.day = posting.placed_on and factor.currency = posting.currency
where posting.placed_on <= %s
group by posting.vendor
"""
SUM = "select vendor, sum(amount) from posting group by vendor"


def fill_postgres(ledger: Filled) -> None:
    """Make the table in the ledger's own database, indexed and vacuumed."""
    with psycopg.connect(ledger.conninfo, autocommit=True) as connection:
        for statement in POSTINGS.split(";\n"):
            if statement.strip():
                connection.execute(statement.encode())
        connection.execute("vacuum (analyze) bench.posting")
        connection.execute("vacuum (analyze) bench.factor")


class PlainPostgres:
    """The plain table in PostgreSQL, asked for spend by vendor."""

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self._connection = connection
        self._random = Random(7)
        connection.execute("set max_parallel_workers_per_gather = 4")

    @classmethod
    @contextmanager
    def of(cls, ledger: Filled) -> Iterator["PlainPostgres"]:
        """That of a ledger, filled before."""
        with psycopg.connect(ledger.conninfo, autocommit=True) as connection:
            yield cls(connection)

    def ask(self) -> None:
        """Spend by vendor as of a random day of the second half."""
        day = date.fromordinal(FIRST_DAY.toordinal() + self._random.randrange(DAYS // 2, DAYS))
        assert self._connection.execute(SPEND, (day,)).fetchall()


class PlainSum:
    """A table of vendors and amounts in DuckDB, added up by vendor."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    @classmethod
    @contextmanager
    def of(cls, ledger: Filled, folder: Path) -> Iterator["PlainSum"]:
        """That of the lines of a ledger's orders, amounts as whole numbers."""
        path = folder / "plain.csv"
        query = (
            "copy (select vendor, (amount * 10000)::bigint from bench.posting where amount is not null) to stdout csv"
        )
        with (
            psycopg.connect(ledger.conninfo) as postgres,
            path.open("wb") as file,
            postgres.cursor().copy(query) as copy,
        ):
            for data in copy:
                file.write(data)
        with duckdb.connect(folder / "plain.duckdb") as connection:
            connection.execute(
                "create or replace table posting as"
                " from read_csv($path, header = false, columns = {'vendor': 'integer', 'amount': 'bigint'})",
                {"path": str(path)},
            )
            path.unlink()
            yield cls(connection)

    def ask(self) -> None:
        """Sums by vendor, as an Arrow table."""
        assert self._connection.sql(SUM).to_arrow_table().num_rows
