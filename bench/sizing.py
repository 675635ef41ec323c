"""How large a home becomes: what a million events take, in the database and beside it.

A fresh home takes in orders of two lines and, for each, the receipt of both; the views follow. It is measured while it
is empty, at half of the events and at all of them: what the second half adds is what a million is reckoned from, so
that what every home has (PostgreSQL's own tables, empty pages kept in store) is not counted as the events'. Each time
PostgreSQL has been asked to vacuum and to write everything out, and has been stopped.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from bench.harness.report import Report
from bench.harness.suite import Bench
from bench.material.files import order, receipt, write_lines
from bench.material.ledgers import record_seed
from service.daybook import open_daybook
from service.importing.importing import import_file
from service.importing.plans import Summary
from service.postgres.database import database
from service.settings import Settings

MIB = 1 << 20
#: A relation's name, and its bytes with those of its long values (pg_table_size counts those of a table alone).
RELATIONS = """
select relname, case relkind when 'i' then pg_relation_size(oid) else pg_table_size(oid) end
from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'i') order by relname
"""
DATABASE = "the rest of the database"
WAL = "write-ahead log"
#: Folders of the home, with what they are in the table.
FOLDERS = {
    "projections": "projection of one process",
    "checkpoints": "copies of checkpoints",
    "imports": "imports over HTTP",
}
LEDGER = {
    "ledger_events": "events",
    "ledger_events_pkey": "index: position",
    "ledger_events_event_id_key": "index: event id",
    "ledger_events_originator_id_originator_version_key": "index: stream",
    "log_tiles": "tiles of the log",
    "log_tiles_pkey": "index: tiles",
}


def measure(run: Bench, report: Report) -> None:
    """On a home with a PostgreSQL of its own."""
    events = run.size(200_000, 80_000, least=400) // 4 * 4
    folder = run.own("sizing")
    home = folder / "home"
    with open_daybook(Settings(home=home, database_url=None), follow=False) as daybook:
        record_seed(daybook)
    stages = [measured(home)]
    for first, last in ((0, events // 4), (events // 4, events // 2)):
        import_into(home, write_lines(folder / "events.ndjson", sent(first, last)))
        stages.append(measured(home))
    report.table(
        f"Sizes in MiB, measured with {events:,} events",
        ("what", "empty", f"at {events // 2:,}", f"at {events:,}", "a million"),
        rows(events, *stages),
    )


def rows(events: int, empty: dict[str, int], half: dict[str, int], whole: dict[str, int]) -> list[tuple[str, ...]]:
    """The table, and the sums below it."""
    found: list[tuple[str, ...]] = []
    totals = [0.0] * 4
    for what, size in whole.items():
        slope = (size - half[what]) * 1_000_000 / (events // 2)
        sizes = [empty[what], half[what], size, slope]
        totals = [total + taken for total, taken in zip(totals, sizes, strict=True)]
        found.append((what, *(f"{taken / MIB:,.1f}" for taken in sizes)))
    return [*found, ("everything", *(f"{total / MIB:,.1f}" for total in totals))]


def sent(first: int, last: int) -> Iterator[dict[str, object]]:
    """Orders, each with its receipt behind it."""
    for number in range(first, last):
        yield order(number)
        yield receipt(number)


def import_into(home: Path, path: Path) -> None:
    """Import a file, issue a checkpoint over all of it, and bring the views up."""
    summary = Summary(str(path), "ndjson", 0, dry_run=False)
    with path.open("rb") as file, open_daybook(Settings(home=home, database_url=None), follow=False) as daybook:
        import_file(daybook, file, summary)
        daybook.log.publisher.publish_all()
        daybook.follower.catch_up()
        assert not summary.rejected, summary
    with _owner(home) as connection:
        connection.execute("vacuum (analyze)")


@contextmanager
def _owner(home: Path) -> Iterator[psycopg.Connection[Any]]:
    """A connection of the database's owner, on a server that runs until the block ends."""
    with (
        database(Settings(home=home, database_url=None)) as conninfo,
        psycopg.connect(conninfo, autocommit=True) as connection,
    ):
        yield connection


def size(path: Path) -> int:
    """Bytes that everything in a folder takes on the disk."""
    return sum(found.lstat().st_blocks * 512 for found in path.rglob("*") if found.is_file())


def measured(home: Path) -> dict[str, int]:
    """The bytes of everything in a home that nobody works on."""
    with _owner(home) as connection:
        connection.execute("checkpoint")
        relations = {str(name): int(taken) for name, taken in connection.execute(RELATIONS)}
    data = home / "postgres" / "data"
    found = {text: relations[name] for name, text in LEDGER.items()}
    found[DATABASE] = size(data) - size(data / "pg_wal") - sum(found.values())
    found[WAL] = size(data / "pg_wal")
    found |= {text: size(home / name) for name, text in FOLDERS.items()}
    found["the server's log"] = sum(path.stat().st_size for path in (home / "postgres").glob("postgres.log*"))
    return found
