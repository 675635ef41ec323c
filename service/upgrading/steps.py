"""The steps of an upgrade in order, and the removal of what it kept."""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psycopg

from service.postgres.embedded import EmbeddedPostgres
from service.postgres.errors import EmbeddedPostgresError, HomeInUseError
from service.postgres.folder import PostgresFolder
from service.upgrading.carrying import QUICK, STILL, OnProgress, ProgramFailed, carry, refuse_strangers, schema
from service.upgrading.comparing import Contents, compare, events_upto
from service.upgrading.errors import NotTheSame, UpgradeFailed, UpgradeRefused
from service.upgrading.planning import UpgradePlan
from service.verification.findings import counted

#: How long the lock of an owner that has died is waited for: its server is stopping.
LOCK_PATIENCE_S = 30.0
#: Verifies the ledger of a connection string; raises NotTheSame.
Verify = Callable[[str], None]
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class KeptData:
    """What is known of data that was kept: its events, which the data in its place must have."""

    events: int
    digest: str


def upgrade(
    plan: UpgradePlan, verify: Verify, say: Say, on_progress: OnProgress = lambda done, total: None
) -> Contents:
    """Carry the data of a home over, and put it in the place of the old, which is kept; the events that it holds.

    Until the last step nothing of the home changes but a folder that is removed again. Raises UpgradeRefused,
    UpgradeFailed, NotTheSame.
    """
    plan.refuse_without_space()
    with _held(plan.folder) as lock:
        plan.folder.settle()
        if plan.folder.data_major() != plan.old.major:
            raise UpgradeRefused(f"{plan.folder.data} was changed meanwhile: look at it again")
        try:
            found = _carry_over(plan, lock, verify, say, on_progress)
            with _step("putting the new data in the place of the old", say):
                _note(plan, found)
                put_in_place(plan)
        finally:
            shutil.rmtree(plan.passing, ignore_errors=True)
    return found


def renames(plan: UpgradePlan) -> tuple[tuple[Path, Path], ...]:
    """How the new data takes the old one's place.

    Between any two a home starts: on the old data while it is there, and, where it is not, on the new, which then gets
    its name (`PostgresFolder.settle`).
    """
    folder = plan.folder
    made = PostgresFolder.below(plan.passing / "new").data
    return ((made, folder.upgraded_data), (folder.data, plan.kept), (folder.upgraded_data, folder.data))


def put_in_place(plan: UpgradePlan) -> None:
    """Rename, each name on disk before the next is changed; what is refused on the way is undone."""
    try:
        for old, new in renames(plan):
            old.rename(new)
            plan.folder.sync()
    except OSError:
        if not plan.folder.data.exists() and plan.kept.exists():
            plan.kept.rename(plan.folder.data)
        raise


def kept_versions(folder: PostgresFolder) -> dict[int, Path]:
    """The data that upgrades have kept, by version."""
    found = {path.name.removeprefix("data-"): path for path in folder.path.glob("data-*") if path.is_dir()}
    return {int(version): path for version, path in sorted(found.items()) if version.isdecimal()}


def discard(folder: PostgresFolder, conninfo: str, verify: Verify, say: Say) -> list[Path]:
    """Remove the data that upgrades have kept, once the data in its place has every event of it and verifies.

    Raises NotTheSame, UpgradeRefused.
    """
    removed = []
    for version, path in kept_versions(folder).items():
        kept = _noted(folder, version)
        say(f"comparing {counted(kept.events, 'event')} with those of {path.name}")
        if events_upto(conninfo, kept.events) != Contents(kept.events, kept.digest):
            raise NotTheSame(f"the ledger does not have the {counted(kept.events, 'event')} of {path}, which is kept")
        say("verifying the ledger")
        verify(conninfo)
        # Without the version's file it is no data that anybody would start on, wherever the removal ends.
        (path / "PG_VERSION").unlink(missing_ok=True)
        shutil.rmtree(path)
        _note_file(folder, version).unlink(missing_ok=True)
        removed.append(path)
    return removed


def _carry_over(plan: UpgradePlan, lock: int, verify: Verify, say: Say, on_progress: OnProgress) -> Contents:
    """Make the new data, whole and compared; both servers have ended then."""
    old = EmbeddedPostgres(
        plan.passing / "old", plan.old.folder, settings=STILL, data=plan.folder.data, holding=(lock,)
    )
    new = EmbeddedPostgres(plan.passing / "new", plan.new.folder, settings=QUICK, holding=(lock,))
    try:
        with _step(f"starting PostgreSQL {plan.old.major} on the data", say):
            old.start()
            refuse_strangers(old.conninfo)
        with _step(f"making data of PostgreSQL {plan.new.major}", say):
            new.start()
        with _step("carrying everything over", say):
            carry(old.conninfo, new.conninfo, plan.new.folder, on_progress)
        with _step("comparing tables, functions, triggers and rights", say):
            if schema(old.conninfo, plan.new.folder) != schema(new.conninfo, plan.new.folder):
                raise NotTheSame("what was carried over has other tables, functions, triggers or rights")
        with _step("comparing every row", say):
            found = compare(old.conninfo, new.conninfo, say)
        with _step("verifying the ledger", say):
            verify(new.conninfo)
        with _step("stopping both servers", say):
            old.stop()
            new.stop()
    finally:
        old.stop()
        new.stop()
    return found


@contextmanager
def _held(folder: PostgresFolder) -> Iterator[int]:
    """Own the home: no other process starts a server on it meanwhile."""
    try:
        lock = folder.take(os.getpid(), patience_seconds=LOCK_PATIENCE_S, give_up=lambda: False)
    except HomeInUseError as error:
        raise UpgradeRefused(f"{error}: stop the services of this home first") from None
    try:
        yield lock
    finally:
        os.close(lock)


@contextmanager
def _step(name: str, say: Say) -> Iterator[None]:
    """Say what is done, and where it fails, that this was it."""
    say(name)
    try:
        yield
    except NotTheSame as error:
        raise NotTheSame(f"{name}: {error}. The home has its old data, unchanged") from None
    except (EmbeddedPostgresError, ProgramFailed, psycopg.Error, OSError, ValueError) as error:
        raise UpgradeFailed(f"{name} failed: {str(error).strip()}. The home has its old data, unchanged") from error


def _note_file(folder: PostgresFolder, version: int) -> Path:
    return folder.path / f"data-{version}.json"


def _note(plan: UpgradePlan, found: Contents) -> None:
    """Write down what the old data holds, before it is kept."""
    with _note_file(plan.folder, plan.old.major).open("w") as file:
        json.dump(asdict(KeptData(found.rows, found.digest)), file)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())


def _noted(folder: PostgresFolder, version: int) -> KeptData:
    path = _note_file(folder, version)
    try:
        return KeptData(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise UpgradeRefused(
            f"{path} does not say what {folder.kept_data(version)} holds ({error}): remove that by hand"
        ) from None
