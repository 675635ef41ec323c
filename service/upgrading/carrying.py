"""Carrying a database from one server to another by PostgreSQL's own dump, through a pipe."""

import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO

import psycopg

from service.postgres.cluster import child_environment
from service.postgres.embedded import DATABASE
from service.storing.migrations.roles import as_service, close_doors, provide_roles
from service.upgrading.errors import UpgradeRefused

#: Of the server that is filled: what is loaded in the transaction that makes its table needs no write-ahead log then,
#: since it is on disk before the transaction is.
QUICK = {"wal_level": "minimal", "max_wal_senders": "0", "max_wal_size": "256MB", "autovacuum": "off"}
#: Of the server that is read: no session changes anything.
STILL = {"default_transaction_read_only": "on", "autovacuum": "off"}
#: How often it is looked how far a dump is.
LOOK_S = 0.5
#: Of what a program says, the end.
SAID_BYTES = 1500

#: Bytes carried over so far, and about how many there are.
OnProgress = Callable[[int, int], None]


class ProgramFailed(Exception):
    """A program of PostgreSQL ended with an error; the message is what it said."""


def refuse_strangers(source: str) -> None:
    """UpgradeRefused where the server has databases besides ours, which would stay behind."""
    with psycopg.connect(source, autocommit=True) as connection:
        others = connection.execute(
            "select datname from pg_database where not datistemplate and datname not in ('postgres', %s) order by 1",
            (DATABASE,),
        ).fetchall()
    if others:
        names = ", ".join(str(name) for (name,) in others)
        raise UpgradeRefused(f"the server has databases that would not be carried over: {names}; move them away first")


def carry(source: str, target: str, programs: Path, on_progress: OnProgress = lambda done, total: None) -> None:
    """Make the empty database `target` what `source` is: tables, rows, functions, triggers and rights.

    `programs`: a folder of PostgreSQL's, not older than either server. The roles are made as a service makes them.
    Raises ProgramFailed and psycopg.Error.
    """
    with psycopg.connect(target, autocommit=True) as connection:
        provide_roles(connection, as_service(target))
    total = _size(source)
    _pipe(
        [str(programs / "pg_dump"), "--format=custom", "--compress=none", f"--dbname={source}"],
        [str(programs / "pg_restore"), "--exit-on-error", "--single-transaction", f"--dbname={target}"],
        lambda: on_progress(min(_size(target), total), total),
    )
    with psycopg.connect(target, autocommit=True) as connection:
        close_doors(connection)
        connection.execute("vacuum (analyze)")


def schema(conninfo: str, programs: Path) -> str:
    """Everything in a database but its rows, as statements; the same for equal databases of different versions."""
    command = [str(programs / "pg_dump"), "--schema-only", f"--dbname={conninfo}"]
    done = subprocess.run(command, env=child_environment(), capture_output=True, check=False)  # noqa: S603  # our own
    if done.returncode:
        raise ProgramFailed(_end(done.stderr))
    # Comments name the versions, and the mark against hostile dumps is another each time.
    lines = done.stdout.decode().splitlines()
    return "\n".join(line for line in lines if not line.startswith(("--", "\\restrict", "\\unrestrict")))


def _size(conninfo: str) -> int:
    with psycopg.connect(conninfo, autocommit=True) as connection:
        row = connection.execute("select pg_database_size(current_database())").fetchone()
    return int(row[0]) if row else 0


def _pipe(first: list[str], second: list[str], look: Callable[[], None]) -> None:
    """Run two programs, the output of one the input of the other; ProgramFailed with what the one at fault says."""
    with tempfile.TemporaryFile() as first_said, tempfile.TemporaryFile() as second_said:
        environment = child_environment()
        writing = subprocess.Popen(first, stdout=subprocess.PIPE, stderr=first_said, env=environment)  # noqa: S603
        reading = None
        try:
            reading = subprocess.Popen(  # noqa: S603  # PostgreSQL's own
                second, stdin=writing.stdout, stdout=subprocess.DEVNULL, stderr=second_said, env=environment
            )
            assert writing.stdout is not None
            writing.stdout.close()  # it is the reader's now: the writer learns of its end
            while True:
                try:
                    reading.wait(LOOK_S)
                except subprocess.TimeoutExpired:
                    look()
                else:
                    break
            writing.wait()
        finally:
            for process in (writing, reading):
                if process is not None and process.poll() is None:
                    process.kill()
                    process.wait()
        # Where the reader ends first, the writer only says that its output is not read.
        for process, said in ((reading, second_said), (writing, first_said)):
            if process.returncode:
                raise ProgramFailed(_read(said))


def _read(said: IO[bytes]) -> str:
    said.seek(0)
    return _end(said.read())


def _end(said: bytes) -> str:
    return " | ".join(said[-SAID_BYTES:].decode(errors="replace").strip().splitlines()) or "it said nothing"
