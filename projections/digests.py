"""Digests of a projection's tables: equal contents, equal digests, however the events were batched."""

from collections import Counter
from dataclasses import dataclass

import duckdb

from projections import statements

TABLES = """
    select table_name from duckdb_tables()
    where not temporary and database_name = current_database()
    order by table_name
"""
#: Columns that number terms: the only whole numbers of this width, but for the places of lines in a list.
NUMBERED = """
    select table_name, column_name from duckdb_columns()
    where
        not internal and database_name = current_database()
        and data_type = 'INTEGER' and column_name <> 'ordinal' and table_name <> 'term'
    order by table_name, column_name
"""
DIGEST = """
    select count(*) || ' ' || coalesce(sum(hash(contents)::hugeint), 0)
    from (select {columns} from {rows}) as contents
"""
#: Where the event that a row comes from is not in a column `position`.
PLACES = {"joint_buyer": "placed_position", "order_line": "line_key >> 16"}


@dataclass(frozen=True, slots=True)
class Extent:
    """The part of a table that the events up to a position make."""

    #: What is compared of each row.
    columns: str
    #: A table expression.
    rows: str
    #: Where in the ledger a row comes from, as an expression.
    place: str


def extents(connection: duckdb.DuckDBPyConnection, upto: int) -> dict[str, Extent]:
    """Of every table the part that the events up to a position make, as if nothing had come after them."""
    names = [name for (name,) in connection.execute(TABLES).fetchall()]
    found = {
        name: Extent(
            "*", f"(from {name} where {PLACES.get(name, 'position')} <= {upto:d})", PLACES.get(name, "position")
        )
        for name in names
        if name not in ("head", "term", "irregular_posting")
    }
    # How far a projection has come is not what it holds.
    found["head"] = Extent("fingerprint", "head", "0")
    found["term"] = Extent("*", f"(from term where number <= {_last_term(connection, found)})", "number")
    # What happened to a line before it became irregular stands there only from then on.
    irregular = f"select line_key from irregular where position <= {upto:d}"  # noqa: S608  # a number
    rows = f"(from irregular_posting where position <= {upto:d} and line_key in ({irregular}))"
    found["irregular_posting"] = Extent("*", rows, "position")
    return dict(sorted(found.items()))


def _last_term(connection: duckdb.DuckDBPyConnection, found: dict[str, Extent]) -> int:
    """The last term that was mentioned: terms are numbered in the order of first mention, and rows name them all."""
    last = -1
    for table, column in connection.execute(NUMBERED).fetchall():
        if table in found:
            # Names of tables and columns come from the catalogue just read.
            row = connection.execute(f"select max({column}) from {found[table].rows}").fetchone()  # noqa: S608
            last = max(last, -1 if row is None or row[0] is None else row[0])
    return last


def digest_of(connection: duckdb.DuckDBPyConnection, upto: int | None = None) -> dict[str, str]:
    """Of every table a digest of its rows that does not depend on their order.

    `upto`: as if nothing had come after that position; the projection has reached it.
    """
    with statements.snapshot(connection):
        if upto is None:
            names = [name for (name,) in connection.execute(TABLES).fetchall()]
            parts = {name: ("*", name) for name in names}
        else:
            parts = {name: (extent.columns, extent.rows) for name, extent in extents(connection, upto).items()}
        return {
            name: str(connection.execute(DIGEST.format(columns=columns, rows=rows)).fetchall()[0][0])
            for name, (columns, rows) in parts.items()
        }


#: Rows of a table are compared in so many parts before they are looked at one by one.
PARTS = 1_000


def differing_rows(
    live: duckdb.DuckDBPyConnection, replayed: duckdb.DuckDBPyConnection, table: str, upto: int, most: int
) -> tuple[list[str], list[str]]:
    """Of a table the rows that one of two projections has and the other has not, as text: up to so many of each."""
    extent = extents(live, upto)[table]
    other = extents(replayed, upto)[table]
    span = max(1, -(-(upto + 1) // PARTS))
    summed = (
        "select ({place}) // {span} as part, count(*), sum(hash(contents)::hugeint) from {rows} as contents group by 1"
    )

    def parts(connection: duckdb.DuckDBPyConnection, of: Extent) -> set[tuple[object, ...]]:
        return set(connection.execute(summed.format(place=of.place, span=span, rows=of.rows)).fetchall())

    mine: Counter[str] = Counter()
    theirs: Counter[str] = Counter()
    differing = {part[0] for part in parts(live, extent) ^ parts(replayed, other)}
    for part in sorted(differing, key=str):
        for connection, of, found in ((live, extent, mine), (replayed, other, theirs)):
            query = f"select contents::varchar from {of.rows} as contents where ({of.place}) // {span} = ?"  # noqa: S608
            found.update(text for (text,) in connection.execute(query, [part]).fetchall())
        if len(mine - theirs) >= most and len(theirs - mine) >= most:
            break
    return sorted((mine - theirs).elements())[:most], sorted((theirs - mine).elements())[:most]
