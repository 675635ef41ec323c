"""Which service runs an import: the one that has its lease, until it ends it or says nothing for too long."""

import secrets
from dataclasses import dataclass

from psycopg import Connection
from psycopg.rows import DictRow

from service.importing.queue.jobs import MOST_DEATHS, Ended, ImportOutcome, Job, called_off_detail
from service.importing.queue.registry import CHANNEL, SQL, ImportRegistry, as_json, end, found

#: A service that says nothing for so long has died, and another one takes its import over.
LEASE_S = 15.0


@dataclass(frozen=True, slots=True)
class Turn:
    """What a service finds that looks for an import to run."""

    #: The import that it runs from now on; None: there is none for it.
    job: Job | None
    #: Imports that wait behind that.
    waiting: int
    #: Another service runs one: a ledger's imports are run one after the other.
    elsewhere: bool


class Leases:
    """Takes up the imports of a ledger for one service; a lease that was lost answers False, and the run ends."""

    def __init__(self, imports: ImportRegistry, lease_s: float = LEASE_S) -> None:
        self.imports = imports
        self.lease_s = lease_s
        self._lease = secrets.token_hex(8)

    def next(self) -> Turn:
        """The first import that waits, which runs from now on, unless another service runs one."""
        turn = self.look()
        if turn.elsewhere or not turn.waiting:
            return turn
        with self.imports.alone() as connection:
            turn = self._look(connection)
            job = None if turn.elsewhere else self._begin_first(connection)
            return Turn(job, self._look(connection).waiting, elsewhere=turn.elsewhere)

    def look(self) -> Turn:
        """The same without taking any up."""
        with self.imports.datastore.get_connection() as connection:
            return self._look(connection)

    def renew(self, job: Job) -> bool | None:
        """Hold a lease on; whether the import was called off. None: the lease is lost."""
        return self._held("renew", job)

    def progress(self, job: Job) -> bool | None:
        """Store how far an import is, and hold the lease on; whether it was called off. None: the lease is lost."""
        values = {
            name: getattr(job, name) for name in ("rows", "done", "recorded", "replayed", "rejected", "rows_per_s")
        }
        return self._held("progress", job, **values, outcome=as_json(job.outcome), listed=as_json(job.listed))

    def reject(self, job: Job, number: int, content: bytes) -> bool:
        """Store a further part of what an import leaves out."""
        values = {"id": job.id, "lease": self._lease, "number": number, "content": content}
        with self.imports.datastore.get_connection() as connection:
            return connection.execute(SQL["reject"], values).rowcount == 1

    def put_back(self, job: Job, why: str) -> bool:
        """Have an import that broke off run again, from its beginning."""
        return self._finished(job, "put-back", ImportOutcome(job.outcome.types, why))

    def end(self, job: Job, state: Ended, detail: str | None = None) -> bool:
        """Store how an import ended; its file is no longer needed."""
        return self._finished(job, "end", ImportOutcome(job.outcome.types, detail), state=state)

    def call_off(self, job: Job) -> bool:
        """End an import that was called off."""
        return self.end(job, "cancelled", called_off_detail(job))

    def _look(self, connection: Connection[DictRow]) -> Turn:
        row = connection.execute(SQL["open"], {"lease": self._lease}).fetchone()
        assert row is not None
        return Turn(None, row["waiting"] + row["orphaned"], elsewhere=row["elsewhere"])

    def _begin_first(self, connection: Connection[DictRow]) -> Job | None:
        while (first := connection.execute(SQL["first"], {"lease": self._lease}).fetchone()) is not None:
            job = found(connection, first["id"])
            if job.called_off:
                end(connection, job, "cancelled", called_off_detail(job))
            elif first["orphaned"] and job.deaths + 1 >= MOST_DEATHS:
                connection.execute(SQL["died"], {"id": job.id})
                end(connection, job, "failed", f"given up: the service died {MOST_DEATHS} times while it ran")
            else:
                if first["orphaned"]:
                    connection.execute(SQL["died"], {"id": job.id})
                values = {"id": job.id, "lease": self._lease, "lease_s": self.lease_s}
                connection.execute(SQL["begin"], values)
                connection.execute(SQL["remove"], {"id": job.id, "kind": "rejects"})
                return found(connection, job.id)
        return None

    def _held(self, statement: str, job: Job, **values: object) -> bool | None:
        values |= {"id": job.id, "lease": self._lease, "lease_s": self.lease_s}
        with self.imports.datastore.get_connection() as connection:
            row = connection.execute(SQL[statement], values).fetchone()
        return None if row is None else bool(row["called_off"])

    def _finished(self, job: Job, statement: str, outcome: ImportOutcome, **values: object) -> bool:
        """Store how far an import got, and that this service runs it no longer."""
        with self.imports.datastore.get_connection() as connection, connection.transaction():
            counts = {
                name: getattr(job, name) for name in ("rows", "done", "recorded", "replayed", "rejected", "rows_per_s")
            }
            held = {"id": job.id, "lease": self._lease, "lease_s": self.lease_s}
            written = {**held, **counts, "outcome": as_json(outcome), "listed": as_json(job.listed)}
            if connection.execute(SQL["progress"], written).fetchone() is None:
                return False
            connection.execute(SQL[statement], {**held, **values, "outcome": written["outcome"]})
            if statement == "end":
                connection.execute(SQL["remove"], {"id": job.id, "kind": "file"})
            connection.execute(SQL["notify"], {"channel": CHANNEL})
            return True
