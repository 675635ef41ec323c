"""CSV as others read it."""

import csv
import io

import pytest

from service.asking.columns import Column, ColumnKind
from service.exporting.delimited import write_csv


@pytest.mark.parametrize("name", ["a\rb", "\r=1+1", "a\r\nb", "a\nb", "\r\n", "a\u2028b\u0085c", 'a,"b"'])
def test_a_text_of_several_lines_stays_one_field(name: str) -> None:
    output = io.BytesIO()
    write_csv(
        output,
        [Column("id", ColumnKind.TEXT), Column("name", ColumnKind.TEXT)],
        [("1", name), ("2", "")],
        guarded=False,
    )
    rows = list(csv.reader(io.StringIO(output.getvalue().decode(), newline="")))
    assert rows == [["id", "name"], ["1", name], ["2", ""]]
    assert output.getvalue().startswith(b"id,name\n1,")
