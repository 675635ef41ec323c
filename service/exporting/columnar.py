"""Arrow and Parquet: the same columns with types of their own, and what was asked in the schema's metadata."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import islice
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from domain.errors import Invalid
from service.asking.columns import Column, ColumnKind
from service.exporting.delimited import compact

#: Figures: as many digits as 128 bits hold, six of them behind the point as in answers.
FIGURE = pa.decimal128(38, 6)
INSTANT = pa.timestamp("us", tz="UTC")
TYPES: dict[ColumnKind, pa.DataType] = {
    ColumnKind.WORD: pa.string(),
    ColumnKind.TEXT: pa.string(),
    ColumnKind.FIGURE: FIGURE,
    # No type of either format holds any number of digits.
    ColumnKind.EXACT: pa.string(),
    ColumnKind.RATIO: pa.float64(),
    ColumnKind.WHOLE: pa.int64(),
    ColumnKind.FLAG: pa.bool_(),
    ColumnKind.DAY: pa.date32(),
    ColumnKind.INSTANT: INSTANT,
    ColumnKind.STRUCTURE: pa.string(),
}
#: How a value of an answer becomes one of its column; kinds that are not here stay as they are.
READ: dict[ColumnKind, Any] = {
    ColumnKind.FIGURE: Decimal,
    ColumnKind.DAY: date.fromisoformat,
    ColumnKind.INSTANT: datetime.fromisoformat,
    ColumnKind.STRUCTURE: compact,
}
#: Rows of one group: a file with more has several, so that memory stays flat.
GROUP_ROWS = 50_000
#: The metadata's name in the schema.
METADATA = b"daybook"


@dataclass(frozen=True, slots=True)
class Portions:
    """Rows as Arrow tables of one schema, each of GROUP_ROWS rows at most, made as they are taken."""

    columns: Sequence[Column]
    rows: Iterable[Sequence[Any]]
    #: What the schema says besides.
    metadata: Mapping[str, Any]

    @property
    def schema(self) -> pa.Schema:
        """The schema of every table."""
        fields = [pa.field(column.name, TYPES[column.kind]) for column in self.columns]
        return pa.schema(fields, metadata={METADATA: json.dumps(self.metadata, ensure_ascii=False).encode()})

    def __iter__(self) -> Iterator[pa.Table]:
        """The tables; Invalid names a figure that is too large for the format."""
        rows, schema = iter(self.rows), self.schema
        while taken := list(islice(rows, GROUP_ROWS)):
            arrays = [_array([row[place] for row in taken], column) for place, column in enumerate(self.columns)]
            yield pa.Table.from_arrays(arrays, schema=schema)


def _array(values: list[Any], column: Column) -> pa.Array:
    read = READ.get(column.kind)
    taken = values if read is None else [None if value is None else read(value) for value in values]
    try:
        return pa.array(taken, TYPES[column.kind])
    except pa.ArrowInvalid:
        largest = max((value for value in taken if value is not None), key=abs)
        room = FIGURE.precision - FIGURE.scale
        message = f"{largest:f} of {column.name} has more than this format's {room} digits: ask for csv or json"
        raise Invalid.at("/format", message) from None


def write_parquet(output: BinaryIO, portions: Portions) -> None:
    """Write rows as a Parquet file."""
    with pq.ParquetWriter(output, portions.schema, compression="zstd") as writer:
        for table in portions:
            writer.write_table(table)


def write_arrow(output: BinaryIO, portions: Portions) -> None:
    """Write rows as a stream of Arrow's inter-process format."""
    with pa.ipc.new_stream(output, portions.schema) as stream:
        for table in portions:
            stream.write_table(table)
