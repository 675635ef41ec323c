"""Ledgers that come back from a backup made under load, or from a schema of before."""

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import psycopg
from psycopg import sql

from service.postgres.binaries import find_binaries
from tests.nightly.faults.stage import ExternalStage, Stage
from tests.service.postgres_owner import ROOT
from tests.service.processes import environment

#: What a command may take.
PATIENCE_S = 300


@contextmanager
def from_dump(stage: Stage, chance: random.Random) -> Iterator[None]:
    """A dump, made while writers write, takes the place of the database."""
    del chance
    assert isinstance(stage, ExternalStage)
    dump = stage.folder / "ledger.dump"
    with _forgiving(stage):
        _run("pg_dump", "--format=custom", f"--file={dump}", stage.conninfo())
        yield
        stage.end(0)
        _replace_database(stage)
        _run("pg_restore", "--exit-on-error", "--single-transaction", f"--dbname={stage.conninfo()}", str(dump))
        _set_aside(stage.home() / "checkpoints")
    stage.start(0)


@contextmanager
def from_base_backup(stage: Stage, chance: random.Random) -> Iterator[None]:
    """A base backup, made while writers write, takes the place of the server's data."""
    del chance
    base = stage.folder / "base"
    with _forgiving(stage):
        _run(
            "pg_basebackup",
            f"--pgdata={base}",
            "--wal-method=stream",
            "--checkpoint=fast",
            "--dbname",
            stage.conninfo(),
        )
        yield
        stage.end(0)
        data = stage.home() / "postgres" / "data"
        owner = data.stat()
        shutil.rmtree(data)
        shutil.copytree(base, data)
        for path in (data, *data.rglob("*")):
            os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
        data.chmod(0o700)
        shutil.rmtree(base)
        _set_aside(stage.home() / "checkpoints")
    stage.start(0)


@contextmanager
def from_archive(stage: Stage, chance: random.Random) -> Iterator[None]:
    """An archive, made while writers write, becomes a ledger in a new home."""
    del chance
    archive = stage.folder / "archive"
    with _forgiving(stage):
        vkey = _daybook(stage.home(), "checkpoint", "--vkey").strip()
        _daybook(stage.home(), "export", "parquet", str(archive))
        yield
        stage.end(0)
        key = (stage.home() / "signing-key").read_bytes()
        shutil.rmtree(stage.home())
        _daybook(stage.home(), "restore", str(archive), "--vkey", vkey)
        (stage.home() / "signing-key").write_bytes(key)
        shutil.rmtree(archive)
    stage.start(0)


def from_schema(scripts: Mapping[str, bytes]) -> Callable[[Stage, random.Random], AbstractContextManager[None]]:
    """The ledger as it stood under these migrations alone, which this version brings to today's schema."""

    @contextmanager
    def bring(stage: Stage, chance: random.Random) -> Iterator[None]:
        del chance
        assert isinstance(stage, ExternalStage)
        stage.end(0)
        rows = stage.look("select origin, created_at from ledger_identity")
        columns = "notification_id, originator_id, originator_version, topic, event_id, recorded_at, state"
        kept = stage.folder / "events.copy"
        out = f"copy ledger_events ({columns}) to stdout (format binary)".encode()
        with psycopg.connect(stage.conninfo()) as old, old.cursor().copy(out) as copy, kept.open("wb") as file:
            for piece in copy:
                file.write(piece)
        _replace_database(stage)
        with psycopg.connect(stage.conninfo()) as new:
            new.execute(
                "create table ledger_migrations (name text primary key,"
                " applied_at timestamptz not null default clock_timestamp())"
            )
            for name, script in scripts.items():
                new.execute(script)
                new.execute("insert into ledger_migrations (name) values (%s)", (name,))
            new.execute("insert into ledger_identity (origin, created_at) values (%s, %s)", rows[0])
            with new.cursor().copy(f"copy ledger_events ({columns}) from stdin (format binary)".encode()) as copy:
                copy.write(kept.read_bytes())
        yield
        stage.start(0)

    return bring


@contextmanager
def _forgiving(stage: Stage) -> Iterator[None]:
    """What is acknowledged in the block may be gone after it."""
    began = time.monotonic()
    yield
    stage.forgiven.append((began, time.monotonic()))


def _replace_database(stage: ExternalStage) -> None:
    with psycopg.connect(stage.conninfo()) as connection:
        name = sql.Identifier(connection.info.dbname)
    with psycopg.connect(stage.server.conninfo_of("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("drop database {} with (force)").format(name))
        connection.execute(sql.SQL("create database {}").format(name))


def _set_aside(checkpoints: Path) -> None:
    """What was signed after the backup is another history, as docs/operations.md says."""
    if checkpoints.exists():
        checkpoints.rename(checkpoints.with_name(f"checkpoints-{time.monotonic_ns()}"))


def _run(program: str, *arguments: str) -> None:
    command = [str(find_binaries().folder / program), *arguments]
    subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE_S)


def _daybook(home: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "service", "--home", str(home), *arguments],
        cwd=ROOT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, f"{arguments[0]}: {done.stderr[-500:]}"
    return done.stdout
