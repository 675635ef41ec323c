"""How fast a ledger is verified, beside what hashlib alone does over the same bytes.

    ./run bench verifying [--events 1000000]

The ledger holds orders of two lines, inserted directly; its log is published by the service's own publisher. The
processes that read import this module again, so most of what it needs is imported where it is used.
"""

import argparse
import hashlib
import tempfile
import time
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from bench.harness.table import print_table
from service.settings import Settings

INSERTED_AT_ONCE = 50_000
HASHED = 200_000

INSERT = """
insert into ledger_events
    (notification_id, originator_id, originator_version, topic, event_id, recorded_at, state)
select
    n, 'order/po-2026-' || n, 1, 'order-placed', 'evt-' || lpad(to_hex(n * 7919), 24, '0'), at,
    convert_to(
        '{"actor":"purchasing-' || n %% 40 || '","basis":"reported","data":{"buyers":["baidu"],"currency":"USD",'
        || '"lines":[{"amount":"' || 100000 + n %% 997 || '.50","deliver_by":"2024-03","line":"1",'
        || '"product_id":"nv-a800","quantity":"' || 1 + n %% 50 || '"},'
        || '{"amount":"' || 200000 + n %% 991 || '.25","deliver_by":"2024-06","line":"2",'
        || '"product_id":"nv-h800","quantity":"' || 1 + n %% 31 || '"}],'
        || '"order_id":"po-2026-' || n || '","vendor_id":"nvidia"},"effective_on":"2024-01-15",'
        || '"id":"evt-' || lpad(to_hex(n * 7919), 24, '0') || '","known_on":"2024-01-15","position":' || n
        || ',"recorded_at":"' || to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
        || '","source":{"citation":"Purchase register 2024, page ' || n / 40 || '"},'
        || '"stream":"order/po-2026-' || n || '","type":"order-placed","v":1,"version":1}',
        'UTF8'
    )
from (
    select n, timestamptz '2026-01-01 00:00:00Z' + n * interval '137 microseconds' as at
    from generate_series(%s::bigint, %s::bigint) n
) as numbered
order by n
"""


def fill(conninfo: str, home: Path, count: int) -> int:
    """Insert orders and publish a log over them; the bytes of all events."""
    from service.log.publisher import MOST_EVENTS
    from service.log.transparency import open_log
    from service.storing.ledger import Ledger, ledger_identity
    from service.storing.migrations import migrate

    migrate(conninfo)
    ledger = Ledger(conninfo)
    settings = Settings(home=home, database_url=SecretStr(conninfo))
    with psycopg.connect(conninfo, autocommit=True) as connection:
        with open_log(settings, "daybook", ledger, ledger_identity(ledger)) as log:
            for first in range(1, count + 1, INSERTED_AT_ONCE):
                connection.execute(INSERT, (first, min(first + INSERTED_AT_ONCE - 1, count)))
                while log.storage.head() - log.publisher.latest.size >= min(MOST_EVENTS, INSERTED_AT_ONCE):
                    log.publisher.publish(hurry=True)
            log.publisher.publish_all()
        ledger.close()
        connection.execute("vacuum analyze ledger_events")
        row = connection.execute("select sum(octet_length(state)) from ledger_events").fetchone()
    assert row is not None
    return int(row[0])


def hashlib_alone(conninfo: str, count: int) -> float:
    """Events a second when their bytes, in memory already, are hashed and nothing else is done."""
    with psycopg.connect(conninfo) as connection:
        cursor = connection.cursor(binary=True)
        query = "select state from ledger_events where notification_id <= %s order by notification_id"
        states = [state for (state,) in cursor.execute(query, (min(count, HASHED),))]
    start = time.perf_counter()
    for state in states:
        hashlib.sha256(state).digest()
    return len(states) / (time.perf_counter() - start)


def main() -> None:
    """Measure and print."""
    from service.cli.verify import home_keys
    from service.postgres.database import database
    from service.verification.ledger import VerificationScope, verify_ledger

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    count = parser.parse_args().events
    rates: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="daybook-bench-") as folder:
        home = Path(folder)
        with database(Settings(home=home, database_url=None)) as conninfo:
            size = fill(make_conninfo(conninfo), home, count)
            alone = [hashlib_alone(conninfo, count)]
            keys = home_keys(Settings(home=home))
            copies = list((home / "checkpoints").glob("*.ndjson"))
            for name, workers in (("verified", None), ("verified by one process", 0)):
                wanted = VerificationScope(keys, lambda origin, created_at: copies, workers=workers)
                start = time.perf_counter()
                report = verify_ledger(conninfo, wanted)
                rates[name] = count / (time.perf_counter() - start)
                assert report.holds, report.findings
                assert report.proven == count
                alone.append(hashlib_alone(conninfo, count))
    limit = sum(alone) / len(alone)
    rates["hashlib alone, one thread, bytes in memory"] = limit
    print_table(
        f"Verifying {count:,} orders of two lines, {size / count:.0f} bytes each",
        ("what", "events/s", "of hashlib alone"),
        [(name, f"{rate:,.0f}", f"{rate / limit:.2f}") for name, rate in rates.items()],
    )


if __name__ == "__main__":
    main()
