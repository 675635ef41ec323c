"""Rows put aside on disk and taken out again by group: any number of rows in little memory."""

import sqlite3
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from projections.blocks import read, without_comment
from service.importing.opening import refuse_full_disk

#: Rows written together.
WRITTEN_ROWS = 5_000
#: Steps of SQLite's between two beats: a fraction of a second.
STEPS_A_BEAT = 1_000_000
#: Of the temporary database's cache.
CACHE_KIBIBYTES = 32_768

SQL = {block.name: without_comment(block.text) for block in read(Path(__file__).with_suffix(".sql")).values()}


class SpooledRows(NamedTuple):
    """Rows of one group."""

    name: str
    contents: list[list[object]]


class RowSpool:
    """A temporary database on disk, gone when it is closed or the process ends."""

    def __init__(self, beat: Callable[[], None] = lambda: None) -> None:
        # An empty name: SQLite keeps the database in a file of its own, already unlinked.
        self._database = sqlite3.connect("", isolation_level=None)
        self._database.execute(f"pragma cache_size = -{CACHE_KIBIBYTES}")
        self._database.execute("pragma journal_mode = off")
        self._database.execute("pragma synchronous = off")
        # Sorting many rows takes long: `beat` says that it goes on.
        self._database.set_progress_handler(beat, STEPS_A_BEAT)
        self._database.execute(SQL["table"])
        self._waiting: list[tuple[str, bytes]] = []
        self._encode = msgspec.msgpack.Encoder().encode
        self._indexed = False

    def put(self, name: str, content: object) -> None:
        """Put a row (lists, texts, numbers, truths and None) aside, in the group of this name."""
        self._waiting.append((name, self._encode(content)))
        if len(self._waiting) >= WRITTEN_ROWS:
            self._write()

    def groups(self) -> Iterator[SpooledRows]:
        """The groups in the order of their first rows, as often as asked for; nothing may be put aside afterwards."""
        self._index()
        decode = msgspec.msgpack.Decoder().decode
        for name, rows in groupby(self._database.execute(SQL["groups"]), key=lambda row: row[0]):
            yield SpooledRows(name, [decode(content) for _, content in rows])

    def contents(self) -> Iterator[Any]:
        """All rows in the order in which they came, of any group."""
        self._write()
        decode = msgspec.msgpack.Decoder().decode
        for (content,) in self._database.execute(SQL["contents"]):
            yield decode(content)

    def has(self, name: str) -> bool:
        """Whether there is a group of this name; nothing may be put aside afterwards."""
        self._index()
        return bool(self._database.execute(SQL["has"], (name,)).fetchone()[0])

    def close(self) -> None:
        """Remove everything."""
        self._database.close()

    def _index(self) -> None:
        if not self._indexed:
            self._write()
            self._database.execute("create index by_name on spooled (name, place)")
            self._indexed = True

    def _write(self) -> None:
        refuse_full_disk()
        self._database.execute("begin")
        self._database.executemany("insert into spooled (name, content) values (?, ?)", self._waiting)
        self._database.execute("commit")
        self._waiting.clear()
