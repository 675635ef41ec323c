"""The DuckDB database below a projection: how it is opened, what it may use, and what its errors mean."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Condition
from typing import NoReturn

import duckdb

from domain.errors import Invalid

#: Of every connection: standard output belongs to whoever asked.
QUIET = "set enable_progress_bar = false"
#: How long closing waits for those who read; then what they ask is interrupted, and then it does not wait for them.
READERS_S = 5.0

Settings = dict[str, str | bool | int | float | list[str]]

SETTINGS: Settings = {
    # Nothing is fetched or loaded from outside: what the views need is in the wheel.
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_community_extensions": False,
    "allow_persistent_secrets": False,
    # No statement reads or writes any file but the database's own, or changes what is said here.
    "enable_external_access": False,
    "python_enable_replacements": False,
    "lock_configuration": True,
    "allowed_configs": ["enable_progress_bar"],
}

#: What the system says of something that is used up, as it stands in DuckDB's messages.
USED_UP = {
    "no space left on device": "there is no space left on the disk",
    "disk quota exceeded": "there is no space left on the disk",
    "file too large": "there is no space left on the disk",
    "too many open files": "too many files are open",
    "cannot allocate memory": "there is not enough memory",
    "failed to allocate": "there is not enough memory",
    "out of memory": "there is not enough memory",
    "can't start new thread": "the system gives no further thread",
    "resource temporarily unavailable": "the system gives no further thread",
}
#: What only a file says that holds something else than what was written to it.
CORRUPT = ("corrupt", "checksum", "deserializ", "decompress", "not a valid duckdb database", "serialization error")
#: The types of figures, as they stand in what DuckDB says of one that is too large.
OF_FIGURES = ("HUGEINT", "INT128", "DECIMAL(38")
#: Another process has it open: DuckDB's own lock, beside ours.
HELD = "could not set lock on file"
#: What DuckDB says of everything once an error has left the database in no known state.
INVALIDATED = "database has been invalidated"


class Exhausted(Exception):
    """It takes more memory, space or files than there are. The database stands as it was.

    `what` is a sentence for whoever asked.
    """

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class Damaged(Exception):
    """What the file holds cannot be read, or is not what was written: build it anew."""


class Broken(Exception):
    """The database refuses to go on after an error: close it, and open it again."""


class Held(Exception):
    """Another process has the file open."""


class Closed(Exception):
    """The database is closed, or is not yet where it was before: ask again soon."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one database may use; None: what DuckDB takes."""

    memory_mb: int | None = None
    #: What it may write to its folder of temporary files, where memory does not suffice.
    spill_mb: int | None = None
    threads: int | None = None

    def settings(self, spill: Path | None) -> Settings:
        """As DuckDB's settings; `spill`: the folder of temporary files, None: it has none."""
        found: Settings = {"temp_directory": "" if spill is None else str(spill)}
        if self.memory_mb is not None:
            found["memory_limit"] = f"{self.memory_mb}MiB"
        if self.spill_mb is not None and spill is not None:
            found["max_temp_directory_size"] = f"{self.spill_mb}MiB"
        if self.threads is not None:
            found["threads"] = self.threads
        return found


class TooManyDigits(Invalid):
    """A figure has more digits than there is room for."""


class Database:
    """An open database: one connection that writes, and any number that read."""

    def __init__(self, path: Path | None, bounds: Bounds) -> None:
        spill = None if path is None else spill_of(path)
        target = ":memory:" if path is None else str(path)
        with judged():
            self.connection = duckdb.connect(target, config=SETTINGS | bounds.settings(spill))
            self.connection.execute(QUIET)
        #: Called with an error that the database does not go on after.
        self.on_fault: Callable[[Exception], None] = lambda fault: None
        self._readers: set[duckdb.DuckDBPyConnection] = set()
        self._left = Condition()
        self.is_closed = False

    @contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection that reads, for one thread, until the block ends.

        DuckDB's errors of it are raised as Exhausted, Damaged, Broken or Closed where they are that, and as
        TooManyDigits where a figure has more of them than there is room for.
        """
        with self._left:
            if self.is_closed:
                raise Closed("the views are being opened again")
            cursor = self.connection.cursor()
            self._readers.add(cursor)
        try:
            with judged():
                cursor.execute(QUIET)
                yield cursor
        except (Damaged, Broken) as fault:
            self.on_fault(fault)
            raise
        except (duckdb.InterruptException, duckdb.ConnectionException) as error:
            if self.is_closed:
                raise Closed("the views are being opened again") from error
            raise
        except (duckdb.OutOfRangeException, duckdb.ConversionException) as error:
            if any(words in str(error) for words in OF_FIGURES):
                raise TooManyDigits.at(
                    "", "what is asked for comes to more than 38 digits: ask for a part of it"
                ) from error
            raise
        finally:
            cursor.close()
            with self._left:
                self._readers.discard(cursor)
                self._left.notify_all()

    def close(self) -> None:
        """Stop further reads, wait a little for those under way, and let go of the file."""
        with self._left:
            if self.is_closed:
                return
            self.is_closed = True
            if not self._left.wait_for(lambda: not self._readers, READERS_S):
                for cursor in self._readers:
                    cursor.interrupt()
                self._left.wait_for(lambda: not self._readers, READERS_S)
            for cursor in self._readers:
                # As long as one is open, the file would be opened as the database that it was.
                cursor.close()
        self.connection.close()


def spill_of(path: Path) -> Path:
    """Where the database of a file writes what does not fit into memory."""
    return path.with_name(path.name + ".spill")


@contextmanager
def judged() -> Iterator[None]:
    """Raise DuckDB's errors in the block as what they mean, where they mean more than that a statement failed."""
    try:
        yield
    except duckdb.Error as error:
        raise_judged(error)


def raise_judged(error: duckdb.Error) -> NoReturn:
    """Raise an error of DuckDB as Exhausted, Damaged, Broken or Held, or else as it is."""
    said = str(error).lower()
    if isinstance(error, duckdb.OutOfMemoryException) and "max_temp_directory_size" in said:
        raise Exhausted("it needs more memory, and then more temporary space, than the views may use") from error
    if isinstance(error, duckdb.OutOfMemoryException):
        raise Exhausted("it needs more memory than the views may use") from error
    if INVALIDATED in said:
        raise Broken(f"the database refuses to go on: {error}") from error
    for words, what in USED_UP.items():
        if words in said and not isinstance(error, duckdb.FatalException | duckdb.InternalException):
            raise Exhausted(what) from error
    if HELD in said:
        raise Held(str(error)) from error
    of_file = isinstance(error, duckdb.IOException | duckdb.SerializationException)
    # What a checksum finds has no class of its own.
    if of_file or (type(error) is duckdb.Error and any(words in said for words in CORRUPT)):
        raise Damaged(str(error)) from error
    if isinstance(error, duckdb.FatalException | duckdb.InternalException):
        raise (Damaged if any(words in said for words in CORRUPT) else Broken)(str(error)) from error
    raise error
