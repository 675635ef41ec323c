"""How fast events are recorded, beside raw inserts of the same rows and the library's own save.

    ./run bench appending [--events 20000]

Everything runs on one embedded PostgreSQL with durable commits, on a ledger with the seed's organisations and products.
"""

import argparse
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

from bench.harness.table import print_table
from domain.catalogue import read_request
from domain.events import Request
from service.cli.seed import SEED
from service.codes import codes
from service.daybook import Daybook, open_daybook
from service.postgres.cluster import SUPERUSER
from service.settings import Settings
from service.web.bodies import read_events

BATCH = 2_000


def order(number: int, name: str) -> dict[str, Any]:
    """One order of two lines."""
    lines = [
        {"line": line, "product_id": "nv-a800", "quantity": "10", "amount": "100000.50", "deliver_by": "2024-03"}
        for line in ("1", "2")
    ]
    data = {"order_id": f"{name}-{number}", "buyers": ["baidu"], "vendor_id": "nvidia", "currency": "USD"}
    return {"type": "order-placed", "effective_on": "2024-01-15", "data": data | {"lines": lines}}


def orders(count: int, name: str) -> list[Request]:
    """Well-formed requests."""
    return [read_request(order(number, name), codes()) for number in range(count)]


@contextmanager
def timed(rates: dict[str, float], name: str, count: int) -> Iterator[None]:
    """Note events a second."""
    start = time.perf_counter()
    yield
    rates[name] = count / (time.perf_counter() - start)


def threads(daybook: Daybook, many: int, requests: list[Request]) -> None:
    """Record one request at a time from several threads."""

    def work(part: list[Request]) -> None:
        for request in part:
            daybook.committer.record([request])

    workers = [threading.Thread(target=work, args=(requests[n::many],)) for n in range(many)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()


class StockOrder(Aggregate):
    """The same order as the library would have it."""

    @event("Placed")
    def __init__(self, data: dict[str, Any]) -> None:
        self.data = data


def conninfo_of(daybook: Daybook) -> str:
    """A connection string that owns the ledger's database."""
    own = ("row_factory", "options")
    settings = {name: value for name, value in daybook.ledger.connection_settings.items() if name not in own}
    return psycopg.conninfo.make_conninfo(**{**settings, "user": SUPERUSER})


def raw_rows(daybook: Daybook, streams: str, count: int) -> list[tuple[Any, ...]]:
    """The first rows of the streams that begin so, as they are stored."""
    query = (
        "select notification_id, originator_id, originator_version, topic, event_id, recorded_at, state"
        " from ledger_events where originator_id like %s order by notification_id limit %s"
    )
    with daybook.ledger.recorder.datastore.get_connection() as connection:
        return [tuple(row.values()) for row in connection.execute(query, (f"{streams}%", count))]


COLUMNS = (
    "(notification_id bigint primary key, originator_id text, originator_version bigint, topic text,"
    " event_id text unique, recorded_at timestamptz, state bytea, unique (originator_id, originator_version))"
)


def raw_unnest(conninfo: str, rows: list[tuple[Any, ...]]) -> None:
    """Insert the same rows in batches, one transaction each, into a table with the same indexes."""
    kinds = ("bigint", "text", "bigint", "text", "text", "timestamptz", "bytea")
    query = f"insert into raw_unnest select * from unnest({', '.join(f'%b::{kind}[]' for kind in kinds)})"
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(f"create table raw_unnest {COLUMNS}")
        for start in range(0, len(rows), BATCH):
            columns = [list(column) for column in zip(*rows[start : start + BATCH], strict=True)]
            connection.execute(query, columns)


def raw_copy(conninfo: str, rows: list[tuple[Any, ...]]) -> None:
    """COPY BINARY the same rows in batches, one transaction each, into a table with the same indexes."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(f"create table raw_copy {COLUMNS}")
        for start in range(0, len(rows), BATCH):
            with connection.cursor().copy("copy raw_copy from stdin (format binary)") as copy:
                copy.set_types(["int8", "text", "int8", "text", "text", "timestamptz", "bytea"])
                for row in rows[start : start + BATCH]:
                    copy.write_row(row)


def stock_environment(conninfo: str) -> dict[str, str]:
    """What the library's own application takes to work on a database."""
    info = psycopg.conninfo.conninfo_to_dict(conninfo)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": str(info["dbname"]),
        "POSTGRES_HOST": str(info["host"]),
        "POSTGRES_PORT": str(info.get("port", "5432")),
        "POSTGRES_USER": str(info["user"]),
        "POSTGRES_PASSWORD": "unused",
    }


def stock_application(conninfo: str) -> Application[Any]:
    """The library's own application on a database."""
    return Application(stock_environment(conninfo))


def stock(conninfo: str, count: int) -> Callable[[], None]:
    """The library's own application saving one order at a time."""
    application = stock_application(conninfo)

    def save() -> None:
        for number in range(count):
            application.save(StockOrder(data=order(number, "stock")["data"]))
        application.close()

    return save


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=20_000)
    count = parser.parse_args().events
    rates: dict[str, float] = {}
    with (
        tempfile.TemporaryDirectory(prefix="daybook-bench-") as home,
        open_daybook(Settings(home=Path(home))) as daybook,
    ):
        conninfo = conninfo_of(daybook)
        daybook.committer.record(read_events(SEED.read_bytes(), "application/x-ndjson").requests)
        batch = orders(count, "batch")
        with timed(rates, "recorded, batches of 2,000", count):
            for start in range(0, count, BATCH):
                daybook.committer.record(batch[start : start + BATCH])
        rows = raw_rows(daybook, "order/batch-", count)
        with timed(rates, "raw insert (unnest) of the same rows", count):
            raw_unnest(conninfo, rows)
        with timed(rates, "COPY BINARY of the same rows", count):
            raw_copy(conninfo, rows)
        few = max(count // 10, 32)
        for many in (1, 8, 32, 64):
            part = orders(few // (8 if many == 1 else 1), f"threads{many}")
            with timed(rates, f"recorded, single orders, {many} threads", len(part)):
                threads(daybook, many, part)
        single = orders(few, "futures")
        with timed(rates, "recorded, single orders, from futures", few):
            for future in [daybook.committer.submit([request]) for request in single]:
                future.result()
        save = stock(conninfo, few // 4)
        with timed(rates, "stock library save, single orders, 1 thread", few // 4):
            save()
    limit = rates["COPY BINARY of the same rows"]
    print_table(
        f"Recording {count:,} orders of two lines",
        ("what", "events/s", "of COPY BINARY"),
        [(name, f"{rate:,.0f}", f"{rate / limit:.2f}") for name, rate in rates.items()],
    )


if __name__ == "__main__":
    main()
