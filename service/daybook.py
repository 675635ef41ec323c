"""The parts put together: database, ledger, committer, projection, follower."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from projections.database import Bounds
from projections.engine import Projection, check_types
from service.following.follower import Follower
from service.following.projection_files import open_file
from service.home import provide
from service.log.keeping import all_kept
from service.log.transparency import TransparencyLog, open_log
from service.postgres.database import database
from service.recording.committer import Committer
from service.running.routines import Life, Routine
from service.settings import Settings
from service.storing.ledger import Ledger, ledger_identity
from service.storing.migrations import WrongLedger, migrate
from service.storing.migrations.roles import as_service, powers
from service.storing.tail import Tail

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Daybook:
    """A ledger in use."""

    origin: str
    ledger: Ledger
    committer: Committer
    follower: Follower
    log: TransparencyLog
    tail: Tail
    #: Called whenever this process has recorded something.
    watchers: list[Callable[[], None]]

    #: What works in the background of this process beside what this opens itself.
    others: list[Routine] = field(default_factory=list)

    @property
    def routines(self) -> list[Routine]:
        """Everything that works in the background, and is watched."""
        views, log = self.follower.routines, self.log.publisher.routine
        return [*self.committer.routines, *views, self.tail.routine, log, *self.others]

    @property
    def lives(self) -> list[Life]:
        """How each of them does."""
        return [routine.life for routine in self.routines]

    @property
    def projection(self) -> Projection:
        """What the views read."""
        return self.follower.projection


def refuse_to_begin(home: Path) -> None:
    """WrongLedger where a home that has seen a ledger grow would begin another: the database is not the one of before.

    An empty ledger in the place of one that was lost, or restored under another name, would look like the loss of all.
    """
    for kept in all_kept(home):
        raise WrongLedger(
            f"{home} knows a ledger of {kept.size} events (checkpoint of {kept.name!r}), and the database holds none:"
            " restore it first, or begin another with another home"
        )


def at_run_time(settings: Settings, owner: str) -> str:
    """The connection string that a service works with on the database that `owner` migrates.

    Its role can only add to the ledger, unless the operator gave one connection string for everything.
    """
    return as_service(owner) if settings.database_url is None else settings.database_url.get_secret_value()


def _say_what_could_end_it(ledger: Ledger) -> None:
    with ledger.recorder.datastore.get_connection() as connection:
        for power in powers(connection):
            logger.warning("the service's connection could change what is recorded: %s (see daybook doctor)", power)


@contextmanager
def open_daybook(
    settings: Settings, *, follow: bool = True, progress: Callable[[int, int], None] = lambda position, head: None
) -> Iterator[Daybook]:
    """Open the ledger of these settings, making what is missing.

    `follow`: keep the projection up in the background; else it is brought up to the ledger's end once, here. Raises
    Unread where this code would record types of events that its views do not know.
    """
    check_types()
    with ExitStack() as stack:
        provide(settings.home)
        others: list[Routine] = []
        conninfo = stack.enter_context(database(settings, keep=follow, watched=others.append))
        own = at_run_time(settings, conninfo)
        origin = migrate(conninfo, settings.origin, service=own, before=lambda: refuse_to_begin(settings.home))
        ledger = Ledger(own, calendar=settings.calendar)
        stack.callback(ledger.close)
        log = stack.enter_context(open_log(settings, origin, ledger, ledger_identity(ledger)))
        folder, bounds = settings.home / "projections", settings.projection_bounds
        file = stack.enter_context(open_file(folder, ledger_identity(ledger), ledger, bounds))
        follower = Follower(ledger, file.projection, file)
        stack.callback(follower.close)

        tail = Tail(ledger)
        stack.callback(tail.close)
        watchers = [follower.wake, tail.wake]

        def recorded(first: int, leaves: bytes) -> None:
            log.recorded(first, leaves)
            for wake in watchers:
                wake()

        committer = Committer(ledger, on_append=recorded, waiting_commands=settings.waiting_requests)
        stack.callback(committer.close)
        if follow:
            _say_what_could_end_it(ledger)
            follower.start()
            log.start()
        else:
            follower.catch_up(progress)
        yield Daybook(origin, ledger, committer, follower, log, tail, watchers, others)


@contextmanager
def open_ledger(settings: Settings) -> Iterator[Ledger]:
    """Open the ledger of these settings alone, without views, making what is missing."""
    with database(settings) as conninfo:
        own = at_run_time(settings, conninfo)
        migrate(conninfo, settings.origin, service=own, before=lambda: refuse_to_begin(settings.home))
        ledger = Ledger(own, calendar=settings.calendar)
        try:
            yield ledger
        finally:
            ledger.close()


@contextmanager
def open_projection(home: Path, ledger: Ledger, bounds: Bounds | None = None) -> Iterator[Projection]:
    """The first projection file of this ledger that no other process holds, begun anew where it is not of this ledger.

    DuckDB lets one process open a file, so each process that works on the home has a file of its own.
    """
    with open_file(home / "projections", ledger_identity(ledger), ledger, bounds or Bounds()) as file:
        yield file.projection
