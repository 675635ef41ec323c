"""How large a home becomes: what a million events take, in the database and beside it.

    ./run bench sizing [--events 200000]

A fresh home takes in orders of two lines and, for each, the receipt of both; the views follow. It is measured while it
is empty, at half of the events and at all of them: what the second half adds is what a million is reckoned from, so
that what every home has (PostgreSQL's own tables, empty pages kept in store) is not counted as the events'. Each time
PostgreSQL has been told to vacuum and to write everything out, and has been stopped.
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
from rich.console import Console
from rich.table import Table

from bench.appending import conninfo_of
from bench.importing import order
from service.cli.seed import SEED
from service.daybook import open_daybook
from service.importing.importing import import_file
from service.importing.plans import Summary
from service.postgres.database import database
from service.settings import Settings
from service.web.bodies import read_events

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


def receipt(number: int) -> dict[str, object]:
    """The goods of an order, two years later."""
    receipts = [{"line": line, "quantity": str(1 + number % 997)} for line in ("1", "2")]
    data = {"order_id": f"po-{number}", "receipts": receipts}
    return {"id": f"got:{number}", "type": "goods-received", "effective_on": "2025-06-01", "data": data}


def sent(first: int, last: int) -> Iterator[dict[str, object]]:
    """Orders, each with its receipt behind it."""
    for number in range(first, last):
        yield order(number)
        yield receipt(number)


def import_into(home: Path, path: Path) -> None:
    """Import a file, issue a checkpoint over all of it, and bring the views up."""
    summary = Summary(str(path), "ndjson", 0, dry_run=False)
    with path.open("rb") as file, open_daybook(Settings(home=home), follow=False) as daybook:
        import_file(daybook, file, summary)
        daybook.log.publisher.publish_all()
        daybook.follower.catch_up()
        assert not summary.rejected, summary
        with psycopg.connect(conninfo_of(daybook), autocommit=True) as connection:
            connection.execute("vacuum (analyze)")


def size(path: Path) -> int:
    """Bytes that everything in a folder takes on the disk."""
    return sum(found.lstat().st_blocks * 512 for found in path.rglob("*") if found.is_file())


def measured(home: Path) -> dict[str, int]:
    """The bytes of everything in a home that nobody works on."""
    with database(Settings(home=home)) as conninfo, psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("checkpoint")
        relations = {str(name): int(taken) for name, taken in connection.execute(RELATIONS)}
    data = home / "postgres" / "data"
    found = {text: relations[name] for name, text in LEDGER.items()}
    found[DATABASE] = size(data) - size(data / "pg_wal") - sum(found.values())
    found[WAL] = size(data / "pg_wal")
    found |= {text: size(home / name) for name, text in FOLDERS.items()}
    found["the server's log"] = sum(path.stat().st_size for path in (home / "postgres").glob("postgres.log*"))
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=200_000)
    count = parser.parse_args().events // 4 * 4
    with tempfile.TemporaryDirectory(prefix="daybook-bench-") as folder:
        home, path = Path(folder) / "home", Path(folder) / "events.ndjson"
        with open_daybook(Settings(home=home), follow=False) as daybook:
            daybook.committer.record(read_events(SEED.read_bytes(), "application/x-ndjson").requests)
        stages = [measured(home)]
        for first, last in ((0, count // 4), (count // 4, count // 2)):
            with path.open("w") as file:
                file.writelines(json.dumps(event) + "\n" for event in sent(first, last))
            import_into(home, path)
            stages.append(measured(home))
    print_sizes(count, *stages)


def print_sizes(count: int, empty: dict[str, int], half: dict[str, int], whole: dict[str, int]) -> None:
    """The table, in 80 columns."""
    table = Table(title=f"Sizes in MiB, measured with {count:,} events", title_justify="left")
    for column in ("what", "empty", f"at {count // 2:,}", f"at {count:,}", "a million"):
        table.add_column(column, justify="left" if column == "what" else "right")
    totals = [0.0] * 4
    for what, size in whole.items():
        slope = (size - half[what]) * 1_000_000 / (count // 2)
        sizes = [empty[what], half[what], size, slope]
        totals = [total + taken for total, taken in zip(totals, sizes, strict=True)]
        table.add_row(what, *(f"{taken / MIB:,.1f}" for taken in sizes))
    table.add_section()
    table.add_row("everything", *(f"{total / MIB:,.1f}" for total in totals))
    Console(width=80).print(table)


if __name__ == "__main__":
    main()
