"""Reports as files: a DuckDB database, or a folder of Parquet files, each put in its place when it is whole."""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow.parquet as pq

from service.asking.questions import Questions
from service.exporting.columnar import Portions, write_parquet
from service.exporting.files import naming, replacing
from service.reporting.contents import (
    IDENTIFYING,
    PUBLISHED,
    REPORT_TABLES,
    SCHEMA,
    ReportSource,
    ReportTable,
    ReportWish,
    identity_of,
    source_of,
)
from service.reporting.postgres import PublishedReports

#: How a DuckDB file is known.
DUCKDB = (".duckdb", ".db")
TABLES = (*REPORT_TABLES, PUBLISHED)


def publish_into(target: Path, questions: Questions, wish: ReportWish) -> PublishedReports:
    """Write reports as of the wish's moment into a DuckDB file, or a folder of Parquet files.

    Whoever reads has the file of before or the one of now, whole. Of a folder the files change one after the other,
    `published` last. What is level already is left as it is. Raises CannotWrite.
    """
    is_file = target.suffix in DUCKDB
    with naming(target):
        (target.parent if is_file else target).mkdir(parents=True, exist_ok=True)
        with _alone(target):
            source = source_of(questions, wish)
            moment = source.resolved["position"], source.resolved["effective_on"]
            if _published(target, is_file) == identity_of(source):
                return PublishedReports(*moment, {})
            rows = _write_database(target, source) if is_file else _write_folder(target, source)
    return PublishedReports(*moment, rows)


@contextmanager
def _alone(target: Path) -> Iterator[None]:
    """One publishes into a place at a time; another waits."""
    with target.with_name(f".{target.name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _published(target: Path, is_file: bool) -> list[str | None] | None:
    """What is published there, as `identity_of` has it; None: nothing that can be read."""
    path = target if is_file else target / f"{PUBLISHED.name}.parquet"
    if not path.exists():
        return None
    columns = ", ".join(f"{column.name}::varchar" for column in PUBLISHED.columns if column.name in IDENTIFYING)
    try:
        with duckdb.connect(str(target) if is_file else ":memory:", read_only=is_file) as connection:
            held = f"{SCHEMA}.{PUBLISHED.name}" if is_file else "read_parquet($path)"
            query = f"select {columns} from {held}"  # noqa: S608 - names of our own
            found = connection.execute(query, None if is_file else {"path": str(path)})
            row = found.fetchone()
    except duckdb.Error:
        return None
    return None if row is None else list(row)


def _write_database(target: Path, source: ReportSource) -> dict[str, int]:
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    rows = {}
    try:
        with duckdb.connect(str(draft)) as connection:
            connection.execute(f"create schema {SCHEMA}")
            for table in TABLES:
                rows[table.name] = _fill(connection, table, source)
        with draft.open("rb") as file:
            os.fsync(file.fileno())
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
        Path(f"{draft}.wal").unlink(missing_ok=True)
    return _without_published(rows)


def _fill(connection: duckdb.DuckDBPyConnection, table: ReportTable, source: ReportSource) -> int:
    """Make a table with its comments, portion by portion."""
    name = f"{SCHEMA}.{table.name}"
    portions, count = _portions(table, source), 0
    empty = portions.schema.empty_table()
    connection.from_arrow(empty).create(name)
    for portion in portions:
        connection.from_arrow(portion).insert_into(name)
        count += portion.num_rows
    connection.execute(f"comment on table {name} is {_quoted(table.words)}")
    for column in table.columns:
        connection.execute(f"comment on column {name}.{column.name} is {_quoted(table.comments[column.name])}")
    return count


def _write_folder(target: Path, source: ReportSource) -> dict[str, int]:
    rows = {}
    for table in TABLES:
        path = target / f"{table.name}.parquet"
        with replacing(path) as output:
            write_parquet(output, _portions(table, source))
        rows[table.name] = pq.read_metadata(path).num_rows
    return _without_published(rows)


def _portions(table: ReportTable, source: ReportSource) -> Portions:
    return Portions(table.columns, table.rows(source), {"resolved": dict(source.resolved), "table": table.words})


def _without_published(rows: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in rows.items() if name != PUBLISHED.name}


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
