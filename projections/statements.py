"""The statements of the views, from the `.sql` files beside this module, and how they are put to DuckDB."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from projections.blocks import read

FOLDER = Path(__file__).parent
PARAMETER = re.compile(r"\$([a-z_]+)")
#: The connection whose transaction a block of `snapshot` holds; DuckDB knows no transaction within another.
UNDER_WAY: ContextVar[duckdb.DuckDBPyConnection | None] = ContextVar("under_way", default=None)


@cache
def text(file: str) -> str:
    """The whole of a `.sql` file beside this module."""
    return (FOLDER / file).read_text(encoding="utf-8")


@cache
def blocks(file: str) -> dict[str, str]:
    """The text of every block of a `.sql` file that has no parameters, in the order in which they stand."""
    return {name: block.text for name, block in read(FOLDER / file).items() if not block.parameters}


def filled(file: str, names: str | Iterable[str], words: Mapping[str, str]) -> str:
    """The text of a block, or of several one after another, each with those of the words that it has as parameters."""
    found = read(FOLDER / file)
    return "".join(found[name].filled(words) for name in ([names] if isinstance(names, str) else names))


def rows(connection: duckdb.DuckDBPyConnection, statement: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    """What a statement selects, as dictionaries. Of the values only those that it names as `$parameter` are bound."""
    named = set(PARAMETER.findall(statement))
    result = connection.execute(statement, {name: value for name, value in values.items() if name in named})
    columns = [column[0] for column in result.description]
    return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]


@contextmanager
def snapshot(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Statements that all see the tables as they are at the first of them, and whose own changes are taken back.

    Within such a block of the same connection it is that block's transaction that they see.
    """
    if UNDER_WAY.get() is connection:
        yield
        return
    connection.execute("begin")
    under_way = UNDER_WAY.set(connection)
    try:
        yield
    finally:
        UNDER_WAY.reset(under_way)
        # Where the database refuses everything, the error of the block is the one that counts.
        with suppress(duckdb.Error):
            connection.execute("rollback")
