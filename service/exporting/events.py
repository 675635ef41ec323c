"""Recorded events in the formats of others, page by page, in memory that does not grow with the ledger."""

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, BinaryIO

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from service.exporting.columnar import INSTANT, METADATA
from service.exporting.delimited import csv_writer
from service.shapes import cloud_events
from service.storing.ledger import EventFilter, LedgerRecorder, StoredRow

PAGE_EVENTS = 5_000
#: Called with the position that is done, and the last.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class ExportSelection:
    """Which events."""

    #: Positions above this one ...
    after: int = 0
    #: ... up to and including this one.
    upto: int = 0
    #: None given: all.
    types: tuple[str, ...] = ()
    streams: tuple[str, ...] = ()

    def pages(self, recorder: LedgerRecorder, progress: Progress) -> Iterator[list[StoredRow]]:
        """The events, in order."""
        after = self.after
        while after < self.upto:
            wanted = EventFilter(self.types, self.streams)
            rows = recorder.rows_after(after, PAGE_EVENTS, upto=self.upto, wanted=wanted)
            if rows:
                yield rows
            after = rows[-1].position if len(rows) == PAGE_EVENTS else self.upto
            progress(after, self.upto)


class Event(msgspec.Struct):
    """A stored event as a row; what is nested stays the bytes that it is."""

    position: int
    recorded_at: str
    id: str
    type: str
    v: int
    stream: str
    version: int
    effective_on: str
    known_on: str
    basis: str
    data: msgspec.Raw
    actor: str | None = None
    corrects: str | None = None
    #: empty: absent
    source: msgspec.Raw = msgspec.Raw()
    correlation_id: str | None = None
    causation_id: str | None = None


#: The columns in order, each with its type in Arrow and Parquet.
COLUMNS: dict[str, pa.DataType] = {
    "position": pa.int64(),
    "recorded_at": INSTANT,
    "id": pa.string(),
    "type": pa.string(),
    "v": pa.int32(),
    "stream": pa.string(),
    "version": pa.int64(),
    "effective_on": pa.string(),
    "known_on": pa.date32(),
    "basis": pa.string(),
    "actor": pa.string(),
    "corrects": pa.string(),
    "correlation_id": pa.string(),
    "causation_id": pa.string(),
    "source": pa.string(),
    "data": pa.string(),
}
READ: dict[str, Callable[[Any], Any]] = {
    "recorded_at": datetime.fromisoformat,
    "known_on": date.fromisoformat,
    "source": lambda raw: bytes(raw).decode() or None,
    "data": lambda raw: bytes(raw).decode(),
}

_events = msgspec.json.Decoder(Event)


def write_ndjson(output: BinaryIO, pages: Iterator[list[StoredRow]], origin: str) -> int:
    """The stored bytes, one event a line; returns how many."""
    count = 0
    for rows in pages:
        output.write(b"".join(row.state + b"\n" for row in rows))
        count += len(rows)
    return count


def write_cloud_events(output: BinaryIO, pages: Iterator[list[StoredRow]], origin: str) -> int:
    """CloudEvents in structured mode, one a line."""
    count, source = 0, cloud_events.source_of(origin)
    for rows in pages:
        output.write(b"".join(cloud_events.structured(row.state, source) + b"\n" for row in rows))
        count += len(rows)
    return count


def write_csv(output: BinaryIO, pages: Iterator[list[StoredRow]], origin: str) -> int:
    """A row an event; data and source are JSON, which no spreadsheet runs."""
    count = 0
    text = io.StringIO(newline="")
    writer = csv_writer(text)
    writer.writerow(COLUMNS)
    for rows in pages:
        for event in _read(rows):
            writer.writerow([_text(getattr(event, name)) for name in COLUMNS])
        output.write(text.getvalue().encode())
        text.seek(0)
        text.truncate()
        count += len(rows)
    output.write(text.getvalue().encode())
    return count


def write_parquet(output: BinaryIO, pages: Iterator[list[StoredRow]], origin: str) -> int:
    """A Parquet file with typed columns."""
    count, schema = 0, _schema(origin)
    with pq.ParquetWriter(output, schema, compression="zstd") as writer:
        for events in _gathered(pages):
            writer.write_table(_table(events, schema))
            count += len(events)
    return count


def write_arrow(output: BinaryIO, pages: Iterator[list[StoredRow]], origin: str) -> int:
    """A stream of Arrow's inter-process format with typed columns."""
    count, schema = 0, _schema(origin)
    with pa.ipc.new_stream(output, schema) as stream:
        for rows in pages:
            stream.write_table(_table(_read(rows), schema))
            count += len(rows)
    return count


def _schema(origin: str) -> pa.Schema:
    metadata = {METADATA: msgspec.json.encode({"origin": origin})}
    return pa.schema(list(COLUMNS.items()), metadata=metadata)


#: A row group of Parquet reads well from some ten thousands of rows on.
GROUP_PAGES = 10


def _gathered(pages: Iterator[list[StoredRow]]) -> Iterator[list[Event]]:
    gathered: list[Event] = []
    for rows in pages:
        gathered += _read(rows)
        if len(gathered) >= GROUP_PAGES * PAGE_EVENTS:
            yield gathered
            gathered = []
    if gathered:
        yield gathered


def _read(rows: Sequence[StoredRow]) -> list[Event]:
    return [_events.decode(row.state) for row in rows]


def _table(events: Sequence[Event], schema: pa.Schema) -> pa.Table:
    arrays = []
    for name, kind in COLUMNS.items():
        read, values = READ.get(name), [getattr(event, name) for event in events]
        taken = values if read is None else [None if value is None else read(value) for value in values]
        arrays.append(pa.array(taken, kind))
    return pa.Table.from_arrays(arrays, schema=schema)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return bytes(value).decode() if isinstance(value, msgspec.Raw) else str(value)


Write = Callable[[BinaryIO, Iterator[list[StoredRow]], str], int]

#: By format; the names are those of views where both have one.
WRITERS: dict[str, Write] = {
    "ndjson": write_ndjson,
    "cloudevents": write_cloud_events,
    "csv": write_csv,
    "parquet": write_parquet,
    "arrow": write_arrow,
}
BINARY = ("parquet", "arrow")
