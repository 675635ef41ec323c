"""Parquet, read a few thousand rows at a time."""

import io
import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from datetime import date, datetime
from decimal import Decimal
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from service.importing.bounds import LONGEST_CELL, MOST_COLUMNS
from service.importing.items import Reject
from service.importing.opening import copied
from service.importing.orders.day_formats import EXCEL_EPOCH
from service.importing.orders.mapping_parts import Read
from service.importing.orders.tables import Cell, TableRow
from service.importing.rows import BadFile, FileFault

#: Rows that are unpacked together: of the longest cells in some columns they fit into memory, since texts are kept as
#: they are in the file's own dictionaries, each once.
BATCH_ROWS = 8_192
#: What a row group may take when its pages are unpacked, as the file declares it.
LARGEST_ROW_GROUP_BYTES = 2 * 1024 * 1024 * 1024
#: What a file says of itself behind its rows: some 100 bytes for each column of each row group.
LARGEST_FOOTER_BYTES = 16 * 1024 * 1024
#: Texts in it: names of columns, and what programs leave there.
LARGEST_FOOTER_TEXT_BYTES = 4 * 1024 * 1024
#: Rows up to which a file may claim more than MOST_ROWS_A_BYTE of them for each of its bytes. A table of orders has no
#: two rows alike; a file that says one row a thousand million times fits into a KB.
FEW_ROWS = 1_000_000
MOST_ROWS_A_BYTE = 10
#: Bytes of a value of a fixed width: decimals have 32 at most.
WIDEST_BYTES = 64
#: Read at once of a column.
BUFFER_BYTES = 1024 * 1024
FOOTER = b"PAR1"


def open_table(file: BinaryIO, kind: str, read: Read) -> "Columnar":  # there is one kind
    """A Parquet file as a table, as a mapping says; BadFile where it is none."""
    return Columnar(file, floats=read.float == "accept")


class Columnar:
    """A Parquet file; its lines are its rows, from 1."""

    #: What serial numbers of days count from.
    first_day = EXCEL_EPOCH

    def __init__(self, file: BinaryIO, *, floats: bool = False) -> None:
        self._floats = floats
        self._open = ExitStack()
        with ExitStack() as opening:
            copy = copied(file)
            if copy is not file:
                opening.enter_context(copy)
            size = _refuse_footer(copy)
            try:
                metadata = pq.ParquetFile(copy, **_LIMITS).metadata
                _refuse_bombs(metadata, size)
                texts = [
                    metadata.schema.column(place).path
                    for place in range(metadata.num_columns)
                    if metadata.schema.column(place).physical_type == "BYTE_ARRAY"
                ]
                # Texts stay in dictionaries: unpacked, one text of a dictionary could stand in every row.
                self._file = pq.ParquetFile(copy, metadata=metadata, read_dictionary=texts, **_LIMITS)
                self._schema = self._file.schema_arrow
            except MemoryError:
                raise
            except (pa.ArrowException, OSError, ValueError) as error:
                raise BadFile([FileFault(1, f"not Parquet: {_short(error)}")]) from None
            self._open = opening.pop_all()
        self.columns = [name.strip() for name in self._schema.names]

    def close(self) -> None:
        """Let go of the copy of a compressed file."""
        self._open.close()

    def rows(self, needed: Sequence[int]) -> Iterator[TableRow | Reject]:
        """The rows; columns that are not needed are left empty."""
        for place in needed:
            self._admit(place)
        line = 0
        names = [self._schema.names[place] for place in needed]
        try:
            for batch in self._file.iter_batches(BATCH_ROWS, columns=names, use_threads=False):
                columns = [_values(batch.column(batch.schema.get_field_index(name))) for name in names]
                for values in zip(*columns, strict=True):
                    line += 1
                    yield self._row(line, needed, values)
        except MemoryError:
            raise
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise BadFile([FileFault(line + 1, f"not Parquet: {_short(error)}")]) from None

    def _admit(self, place: int) -> None:
        field = self._schema.field(place)
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        if self._schema.names.count(field.name) > 1:
            raise BadFile([FileFault(1, f"column {field.name!r} stands twice")])
        if pa.types.is_floating(kind) and not self._floats:
            message = (
                f"column {field.name!r} holds binary floating point numbers ({kind}), which are not exact:"
                ' store decimals, or accept their shortest decimal form with read.float = "accept" in the mapping'
            )
            raise BadFile([FileFault(1, message)])
        if pa.types.is_nested(kind):
            raise BadFile([FileFault(1, f"column {field.name!r} holds {str(kind)[:100]}, and a cell has one value")])
        if pa.types.is_fixed_size_binary(kind) and kind.byte_width > WIDEST_BYTES:
            raise BadFile([FileFault(1, f"column {field.name!r} holds values of {kind.byte_width:,} bytes each")])

    def _row(self, line: int, needed: Sequence[int], values: Sequence[Any]) -> TableRow | Reject:
        cells: list[Cell] = [""] * len(self.columns)
        for place, value in zip(needed, values, strict=True):
            try:
                cells[place] = _cell(value)
            except ValueError as error:
                raw = {self.columns[place]: _shown(value) for place, value in zip(needed, values, strict=True)}
                return Reject(line, "", f"{self.columns[place]}: {error}", raw)
        return TableRow(line, cells)


#: Read as it is needed, and nothing of what the file says of itself beyond what it may take.
_LIMITS = {
    "buffer_size": BUFFER_BYTES,
    "pre_buffer": False,
    "thrift_string_size_limit": LARGEST_FOOTER_TEXT_BYTES,
    "thrift_container_size_limit": 1_000_000,
}


class _TooLong:
    """A text that is longer than a cell may be."""

    def __init__(self, length: int) -> None:
        self.length = length


def _refuse_footer(file: BinaryIO) -> int:
    """The size of the file; BadFile where what it says of itself is too much, or not there."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - 8))
    length, sign = file.read(4), file.read(4)
    file.seek(0)
    if sign != FOOTER or size < 12:
        raise BadFile([FileFault(1, "not Parquet: its end is missing")])
    footer = int.from_bytes(length, "little")
    if footer > size - 8:
        raise BadFile(
            [FileFault(1, f"not Parquet: it says that its description has {footer:,} bytes, and has {size:,}")]
        )
    if footer > LARGEST_FOOTER_BYTES:
        message = f"its description has {footer:,} bytes, more than {LARGEST_FOOTER_BYTES:,}: refused"
        raise BadFile([FileFault(1, message)])
    return size


def _refuse_bombs(metadata: Any, size: int) -> None:
    """BadFile where it declares more columns or rows than it can have, or a part to be unpacked at once too much."""
    if metadata.num_columns > MOST_COLUMNS:
        raise BadFile([FileFault(1, f"has {metadata.num_columns:,} columns, more than {MOST_COLUMNS:,}")])
    if metadata.num_rows > FEW_ROWS and metadata.num_rows > MOST_ROWS_A_BYTE * size:
        raise BadFile([FileFault(1, f"claims {metadata.num_rows:,} rows in {size:,} bytes: refused")])
    for group in range(metadata.num_row_groups):
        taken = metadata.row_group(group).total_byte_size
        if taken > LARGEST_ROW_GROUP_BYTES:
            message = f"row group {group + 1} takes {taken:,} bytes, more than {LARGEST_ROW_GROUP_BYTES:,}: refused"
            raise BadFile([FileFault(1, message)])


def _values(column: Any) -> list[Any]:
    """The values of a column; texts that are too long are not made."""
    if pa.types.is_dictionary(column.type):
        words = _values(column.dictionary)
        return [None if place is None else words[place] for place in column.indices.to_pylist()]
    kind = column.type
    if pa.types.is_timestamp(kind):
        # Days are what is read; nanoseconds would need a type that Python has not.
        column = column.cast(pa.timestamp("us", kind.tz), safe=False)
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)) and not (
        pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind)
    ):
        values: list[Any] = column.to_pylist()
        return values
    # In bytes: a character takes up to four.
    lengths = pc.binary_length(column).to_pylist()
    if max((length for length in lengths if length is not None), default=0) <= LONGEST_CELL:
        return list(map(_decoded, column.to_pylist()))
    return [
        None if length is None else _decoded(column[place].as_py()) if length <= 4 * LONGEST_CELL else _TooLong(length)
        for place, length in enumerate(lengths)
    ]


def _decoded(value: Any) -> Any:
    """Bytes as the text that they are, once for each word of a dictionary; else as they are."""
    if isinstance(value, bytes):
        with suppress(UnicodeDecodeError):
            return value.decode()
    return value


def _shown(value: Any) -> str:
    return "" if isinstance(value, _TooLong) else str(value)[:LONGEST_CELL]


def _cell(value: Any) -> Cell:
    if value is None:
        return ""
    if isinstance(value, _TooLong):
        raise ValueError(f"has {value.length:,} bytes, more than {LONGEST_CELL:,} characters")
    if isinstance(value, str):
        if len(value) > LONGEST_CELL:
            raise ValueError(f"has {len(value):,} characters, more than {LONGEST_CELL:,}")
        return value
    if isinstance(value, bool | Decimal):
        return value
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} is no number that can be recorded")
        return Decimal(repr(value))
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, bytes):
        return _cell(value.decode())
    raise ValueError(f"{type(value).__name__} is neither text nor number nor date")


def _short(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
