"""Arrow and Parquet: the same columns with types of their own, and what was asked in the schema's metadata."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from domain.errors import Invalid
from service.exporters.columns import Column, Kind
from service.exporters.delimited import compact

#: Figures: as many digits as 128 bits hold, six of them behind the point as in answers.
FIGURE = pa.decimal128(38, 6)
INSTANT = pa.timestamp("us", tz="UTC")
TYPES: dict[Kind, pa.DataType] = {
    Kind.WORD: pa.string(),
    Kind.TEXT: pa.string(),
    Kind.FIGURE: FIGURE,
    # No type of either format holds any number of digits.
    Kind.EXACT: pa.string(),
    Kind.RATIO: pa.float64(),
    Kind.WHOLE: pa.int64(),
    Kind.FLAG: pa.bool_(),
    Kind.DAY: pa.date32(),
    Kind.INSTANT: INSTANT,
    Kind.STRUCTURE: pa.string(),
}
#: How a value of an answer becomes one of its column; kinds that are not here stay as they are.
READ: dict[Kind, Any] = {
    Kind.FIGURE: Decimal,
    Kind.DAY: date.fromisoformat,
    Kind.INSTANT: datetime.fromisoformat,
    Kind.STRUCTURE: compact,
}
#: The metadata's name in the schema.
METADATA = b"daybook"


def arrow_table(
    columns: Sequence[Column], rows: Iterable[Sequence[Any]], metadata: Mapping[str, Any] | None = None
) -> pa.Table:
    """Rows as an Arrow table; Invalid names a figure that is too large for the format."""
    fields = [pa.field(column.name, TYPES[column.kind]) for column in columns]
    told = None if metadata is None else {METADATA: json.dumps(metadata, ensure_ascii=False).encode()}
    taken = list(rows)
    arrays = [_array([row[place] for row in taken], column) for place, column in enumerate(columns)]
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata=told))


def _array(values: list[Any], column: Column) -> pa.Array:
    read = READ.get(column.kind)
    taken = values if read is None else [None if value is None else read(value) for value in values]
    try:
        return pa.array(taken, TYPES[column.kind])
    except pa.ArrowInvalid:
        largest = max((value for value in taken if value is not None), key=abs)
        message = f"{largest:f} of {column.name} has more digits than the 38 of this format: ask for csv or json"
        raise Invalid.at("/format", message) from None


def write_parquet(output: BinaryIO, table: pa.Table) -> None:
    """Write a table as a Parquet file."""
    pq.write_table(table, output, compression="zstd")


def write_arrow(output: BinaryIO, table: pa.Table) -> None:
    """Write a table as a stream of Arrow's inter-process format."""
    with pa.ipc.new_stream(output, table.schema) as stream:
        stream.write_table(table)
