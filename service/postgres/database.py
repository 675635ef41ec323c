"""The database that holds a ledger: the operator's, or the embedded server's, kept running while it is used."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from service.home import provide
from service.postgres.binaries import find_binaries
from service.postgres.embedded import EmbeddedPostgres, attach
from service.postgres.errors import EmbeddedPostgresError, HomeInUseError
from service.running.routines import Routine
from service.settings import Settings

logger = logging.getLogger(__name__)

#: How often a service looks whether the embedded server that it uses is there.
LOOK_S = 1.0


@contextmanager
def database(
    settings: Settings, *, keep: bool = False, watched: Callable[[Routine], None] = lambda routine: None
) -> Iterator[str]:
    """A connection string of the ledger's owner, to migrate and to look: the operator's, or the embedded server's.

    Where another process runs the embedded server of this home, that one is used. `keep`: where the server ends in the
    block, with that process or because it was killed, it is started again from here; `watched` is called with the
    routine that does so.
    """
    if settings.database_url is not None:
        yield (settings.migrations_url or settings.database_url).get_secret_value()
        return
    provide(settings.home)
    server = EmbeddedPostgres(settings.home, settings.pg_bin)
    running = attach(settings.home)
    if running is None:
        try:
            conninfo = server.start()
        except HomeInUseError:
            # Another process was faster, just now.
            running = attach(settings.home)
            if running is None:
                raise
    if keep and running is None:
        _say_what_is_newer(server, settings.pg_bin)
    keeper = Routine("keeper", lambda routine: _keep(server, running or conninfo, routine), restarts=True)
    if keep:
        watched(keeper)
        keeper.start()
    try:
        yield running or conninfo
    finally:
        keeper.stop()
        server.stop()


def _say_what_is_newer(server: EmbeddedPostgres, bin_folder: Path | None) -> None:
    """Name the command, where new data would be made by another version than the one that made this home's."""
    major, default = server.folder.data_major(), find_binaries(bin_folder).major
    if major is not None and default > major:
        logger.warning(
            "the data is of PostgreSQL %s, and %s is there: `daybook upgrade` carries it over", major, default
        )


def _keep(server: EmbeddedPostgres, conninfo: str, routine: Routine) -> None:
    """Start the server where no process runs it; those who wait for it find it where it was."""
    while not routine.pause(LOOK_S):
        routine.alive()
        if not server.mend():
            logger.warning("the database server has lost its socket: starting it again")
            server.stop()
        if server.is_running or server.folder.is_taken():
            continue
        logger.warning("the database server has ended (%s): starting it again", server.poll())
        try:
            if server.start() != conninfo:
                # A home with a long path: the socket lies in a folder with another name each time.
                logger.error("the database server has moved: start the service again")
                return
        except HomeInUseError:
            continue  # another process was faster
        except EmbeddedPostgresError:
            logger.exception("the database server does not start")
