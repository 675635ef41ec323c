"""Ledgers to measure on: a PostgreSQL of the run's own, with a database for each, filled as fast as it goes."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random

import psycopg
from psycopg.conninfo import make_conninfo
from pydantic import SecretStr

from bench.material.market import Made, market
from domain.events import canonical
from service.cli.seed import SEED
from service.daybook import Daybook, open_daybook
from service.postgres.database import database
from service.settings import Settings
from service.storing.migrations.roles import as_service
from service.storing.writing import Place, Written
from service.web.bodies import read_events

#: Events that are written down, and copied in, at once.
PAGE = 20_000


@dataclass(frozen=True, slots=True)
class Cluster:
    """A running PostgreSQL with durable commits."""

    #: Of its superuser, in its first database.
    conninfo: str
    folder: Path

    @classmethod
    @contextmanager
    def started(cls, folder: Path) -> Iterator["Cluster"]:
        """Run one until the block ends."""
        with database(Settings(home=folder, database_url=None)) as conninfo:
            yield cls(conninfo, folder)

    def create(self, name: str) -> str:
        """The connection string of a new, empty database."""
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            connection.execute(f"create database {name}".encode())
        return make_conninfo(self.conninfo, dbname=name)

    def drop(self, name: str) -> None:
        """Remove a database that nothing is connected to any more."""
        with psycopg.connect(self.conninfo, autocommit=True) as connection:
            connection.execute(f"drop database if exists {name} with (force)".encode())


@dataclass(frozen=True, slots=True)
class Filled:
    """A ledger with events, its log published and its views level."""

    home: Path
    conninfo: str
    events: int
    lines: int = 0
    buyers: int = 0

    @property
    def settings(self) -> Settings:
        """To open it."""
        return settings_of(self.home, self.conninfo)

    def environment(self, token: str) -> dict[str, str]:
        """For a service of it."""
        return {
            "DAYBOOK_HOME": str(self.home),
            "DAYBOOK_DATABASE_URL": as_service(self.conninfo),
            "DAYBOOK_MIGRATIONS_URL": self.conninfo,
            "DAYBOOK_ADMIN_TOKEN": token,
        }


def settings_of(home: Path, conninfo: str) -> Settings:
    """The settings of a ledger in a database of the run's PostgreSQL."""
    return Settings(home=home, database_url=SecretStr(as_service(conninfo)), migrations_url=SecretStr(conninfo))


def fill(cluster: Cluster, name: str, record: Callable[[Daybook], int], *, lines: int = 0, buyers: int = 0) -> Filled:
    """A ledger of its own that `record` puts events into (how many, it says), published, projected and vacuumed."""
    conninfo, home = cluster.create(name), cluster.folder.parent / name
    with open_daybook(settings_of(home, conninfo), follow=False) as daybook:
        events = record(daybook)
        daybook.log.publisher.publish_all()
        daybook.follower.catch_up()
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("vacuum (analyze)")
    return Filled(home, conninfo, events, lines, buyers)


def fill_market(cluster: Cluster, name: str, lines: int, buyers: int) -> Filled:
    """The ledger of a market with so many order lines and buyers."""
    made = market(lines, Random(1), buyers)
    return fill(cluster, name, lambda daybook: write(daybook, made), lines=lines, buyers=buyers)


def record_seed(daybook: Daybook) -> int:
    """Record the example ledger; how many events it has."""
    return len(daybook.committer.record(read_events(SEED.read_bytes(), "application/x-ndjson").requests).events)


def write(daybook: Daybook, made: Iterable[Made], numbering: "Numbering | None" = None) -> int:
    """Append events as they are made, decided by nothing, in the form in which all are stored; how many.

    `numbering`: of a ledger that grows by several such calls.
    """
    numbering, left, total = numbering or Numbering(), iter(made), 0
    while page := list(islice(left, PAGE)):
        with daybook.ledger.recorder.appending() as appending:
            appending.copy([numbering.written(page, Place.after(appending.head)).rows()])
        total += len(page)
        if daybook.ledger.recorder.head().position - daybook.log.publisher.latest.size >= 10 * PAGE:
            daybook.log.publisher.publish(hurry=True)
    return total


class Numbering:
    """Events as stored, each with its version in its stream."""

    def __init__(self) -> None:
        self._versions: dict[str, int] = {}
        #: The last order, and the version of the last event in its stream: what happens to an order follows it at once.
        self._order, self._order_version = "", 0

    def written(self, page: list[Made], place: Place) -> Written:
        """Events written down from a place on."""
        positions = range(place.position, place.position + len(page))
        versions, states = [], []
        for position, recorded_at, (name, day, stream, data) in zip(
            positions, place.instants(len(page)), page, strict=True
        ):
            version = self._version_in(stream)
            versions.append(version)
            on = day.isoformat()
            stored = {
                "type": name,
                "id": f"event-{position}",
                "v": 1,
                "position": position,
                "stream": stream,
                "version": version,
                "recorded_at": recorded_at,
                "effective_on": on,
                "known_on": on,
                "basis": "reported",
                "data": data,
            }
            states.append(canonical(stored))
        return Written(
            positions,
            [stream for _, _, stream, _ in page],
            versions,
            [name for name, _, _, _ in page],
            [f"event-{position}" for position in positions],
            range(place.recorded_us, place.recorded_us + len(page)),
            states,
        )

    def _version_in(self, stream: str) -> int:
        if stream.startswith("order/"):
            self._order_version = self._order_version + 1 if stream == self._order else 1
            self._order = stream
            return self._order_version
        self._versions[stream] = self._versions.get(stream, 0) + 1
        return self._versions[stream]
