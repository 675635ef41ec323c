"""Who listens for word from other services, and says every few seconds that it is time to look."""

from collections.abc import Callable
from contextlib import closing
from typing import Any, cast

import psycopg
from psycopg import Connection

from service.importing.queue.registry import CHANNEL
from service.postgres.connections import cut
from service.running.attempts import Pauses
from service.running.routines import Routine
from service.storing.ledger import LedgerDatastore

#: After an error, such as a database that is away.
PAUSES = Pauses(first_s=0.25, most_s=4.0)


class Watch:
    """Calls `look` whenever an import was added, called off or put back, and every few seconds without word."""

    def __init__(self, datastore: LedgerDatastore, look: Callable[[], None], every_s: float) -> None:
        self._datastore = datastore
        self._look = look
        self._every_s = every_s
        self._connection: Connection[Any] | None = None
        #: Listens on a connection of its own.
        self.routine = Routine("imports-watch", self._listen, restarts=True, wake=self._hang_up, pauses=PAUSES)

    def _listen(self, routine: Routine) -> None:
        settings = cast("dict[str, Any]", self._datastore.pool.kwargs)
        with closing(psycopg.connect(**settings, autocommit=True)) as connection:
            self._connection = connection
            try:
                connection.execute(f"listen {CHANNEL}".encode())
                while not routine.stopping.is_set():
                    self._look()
                    routine.alive()
                    for _ in connection.notifies(timeout=self._every_s, stop_after=1):
                        pass
            except psycopg.OperationalError:
                if not routine.stopping.is_set():
                    raise
            finally:
                self._connection = None

    def _hang_up(self) -> None:
        connection = self._connection
        if connection is not None:
            cut(connection)
