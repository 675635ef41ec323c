"""What an upgrade would do: from which programs to which, what it keeps, and the space that it needs."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from service.asking.questions import NothingThere
from service.postgres.binaries import Binaries, find_binaries, installations
from service.postgres.errors import BinariesNotFoundError
from service.postgres.folder import PostgresFolder
from service.upgrading.errors import UpgradeRefused

#: The new data's write-ahead log (see `carrying.QUICK`), its system tables, and files that PostgreSQL makes on the way.
BESIDE_THE_TABLES_BYTES = 512 << 20
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class UpgradePlan:
    """An upgrade that could begin."""

    folder: PostgresFolder
    old: Binaries
    new: Binaries
    #: Tables and indexes of the old data.
    stored_bytes: int
    #: On the file system of the home.
    free_bytes: int

    @property
    def kept(self) -> Path:
        """Where the old data lies afterwards."""
        return self.folder.kept_data(self.old.major)

    @property
    def passing(self) -> Path:
        """The folder of everything that is there during an upgrade alone."""
        return self.folder.upgrading

    @property
    def needed_bytes(self) -> int:
        """The most that the new data takes: the old data stays where it is, and nothing is written in between."""
        return self.stored_bytes + BESIDE_THE_TABLES_BYTES

    def sentences(self) -> list[str]:
        """What it does, for people."""
        return [
            f"data: {self.folder.data}, of PostgreSQL {self.old.major}",
            f"read with: {self.old.folder} (PostgreSQL {self.old.version}, {self.old.place})",
            f"carried over to: {self.new.folder} (PostgreSQL {self.new.version}, {self.new.place})",
            f"kept afterwards: {self.kept}",
            f"space: {self.needed_bytes / MIB:,.0f} MiB are needed, {self.free_bytes / MIB:,.0f} MiB are free",
        ]

    def refuse_without_space(self) -> None:
        """UpgradeRefused where the new data would not fit beside the old."""
        if self.free_bytes < self.needed_bytes:
            raise UpgradeRefused(
                f"{self.needed_bytes / MIB:,.0f} MiB are needed beside {self.folder.data}, and"
                f" {self.free_bytes / MIB:,.0f} MiB are free there: nothing was changed"
            )


def planned(home: Path, usual: Path | None, old_bin: Path | None, new_bin: Path | None) -> UpgradePlan | int:
    """The upgrade of a home, or the version of its data where no newer one is there.

    `usual`: the folder of programs that the service is set to; `old_bin` and `new_bin` go before it, and before the
    places where programs are found by themselves. Raises NothingThere, UpgradeRefused, BinariesNotFoundError.
    """
    folder = PostgresFolder.below(home)
    major = folder.data_major()
    if major is None:
        raise NothingThere(f"{folder.data} holds no data of an embedded server")
    found = installations(usual)
    new = find_binaries(new_bin) if new_bin else max(found, key=lambda binaries: binaries.major, default=None)
    if new is None:
        find_binaries(None)  # says what was looked at
        raise BinariesNotFoundError("no programs of PostgreSQL were found")
    if new.major == major:
        return major
    if new.major < major:
        raise UpgradeRefused(f"{new.folder} is PostgreSQL {new.version}, older than the data, which {major} made")
    old = find_binaries(old_bin, major=major) if old_bin else _of(found, major)
    for name in ("pg_dump", "pg_restore"):
        if not os.access(new.program(name), os.X_OK):
            raise UpgradeRefused(f"{new.folder} has no {name}, which carries the data over: --bin names another folder")
    plan = UpgradePlan(folder, old, new, _stored_bytes(folder), shutil.disk_usage(folder.path).free)
    if plan.kept.exists():
        raise UpgradeRefused(f"{plan.kept} is kept from an earlier upgrade: `daybook upgrade --discard` removes it")
    return plan


def _of(found: list[Binaries], major: int) -> Binaries:
    for binaries in found:
        if binaries.major == major:
            return binaries
    there = ", ".join(f"{binaries.version} in {binaries.folder}" for binaries in found) or "none"
    raise BinariesNotFoundError(
        f"the data was made by PostgreSQL {major}, and only its own programs can read it. Found: {there}. Install"
        f" PostgreSQL {major}, and name the folder of its programs with --old-bin"
    )


def _stored_bytes(folder: PostgresFolder) -> int:
    total = 0
    there = folder.data if folder.data.exists() else folder.upgraded_data
    for root, _folders, files in os.walk(there / "base"):
        for name in files:
            total += Path(root, name).lstat().st_size
    return total
