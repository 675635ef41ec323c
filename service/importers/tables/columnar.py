"""Parquet, read a few thousand rows at a time."""

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from datetime import date, datetime
from decimal import Decimal
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from service.importers.opening import copied
from service.importers.rows import BadFile, Fault
from service.importers.streaming import Reject
from service.importers.tables import Cell, TableRow

BATCH_ROWS = 8_192
#: What a row group may take when it is unpacked, as the file declares it.
LARGEST_ROW_GROUP_BYTES = 2 * 1024 * 1024 * 1024


class Columnar:
    """A Parquet file; its lines are its rows, from 1."""

    def __init__(self, file: BinaryIO, *, floats: bool = False) -> None:
        self._floats = floats
        self._open = ExitStack()
        with ExitStack() as opening:
            copy = copied(file)
            if copy is not file:
                opening.enter_context(copy)
            try:
                self._file = pq.ParquetFile(copy)
                self._schema = self._file.schema_arrow
            except (pa.ArrowException, OSError, ValueError) as error:
                raise BadFile([Fault(1, f"not Parquet: {_short(error)}")]) from None
            _refuse_bombs(self._file.metadata)
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
            for batch in self._file.iter_batches(BATCH_ROWS, columns=names):
                columns = [_values(batch.column(batch.schema.get_field_index(name))) for name in names]
                for values in zip(*columns, strict=True):
                    line += 1
                    yield self._row(line, needed, values)
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise BadFile([Fault(line + 1, f"not Parquet: {_short(error)}")]) from None

    def _admit(self, place: int) -> None:
        field = self._schema.field(place)
        kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        if pa.types.is_floating(kind) and not self._floats:
            message = (
                f"column {field.name!r} holds binary floating point numbers ({kind}), which are not exact:"
                ' store decimals, or accept their shortest decimal form with read.float = "accept" in the mapping'
            )
            raise BadFile([Fault(1, message)])
        if pa.types.is_nested(kind):
            raise BadFile([Fault(1, f"column {field.name!r} holds {kind}, and a cell has one value")])

    def _row(self, line: int, needed: Sequence[int], values: Sequence[Any]) -> TableRow | Reject:
        cells: list[Cell] = [""] * len(self.columns)
        for place, value in zip(needed, values, strict=True):
            try:
                cells[place] = _cell(value)
            except ValueError as error:
                raw = {self.columns[place]: str(value) for place, value in zip(needed, values, strict=True)}
                return Reject(line, "", f"{self.columns[place]}: {error}", raw)
        return TableRow(line, cells)


def _refuse_bombs(metadata: Any) -> None:
    """BadFile where a part to be unpacked at once declares too much."""
    for group in range(metadata.num_row_groups):
        size = metadata.row_group(group).total_byte_size
        if size > LARGEST_ROW_GROUP_BYTES:
            message = f"row group {group + 1} takes {size:,} bytes, more than {LARGEST_ROW_GROUP_BYTES:,}: refused"
            raise BadFile([Fault(1, message)])


def _values(column: Any) -> list[Any]:
    if pa.types.is_timestamp(column.type):
        # Days are what is read; nanoseconds would need a type that Python has not.
        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
    values: list[Any] = column.to_pylist()
    return values


def _cell(value: Any) -> Cell:
    if value is None:
        return ""
    if isinstance(value, str | bool | Decimal):
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
        return value.decode()
    raise ValueError(f"{type(value).__name__} is neither text nor number nor date")


def _short(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
