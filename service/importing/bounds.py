"""How much of anything a file may have in any import: one place for these numbers, each with its reason.

The process that reads the file is bounded as a whole besides: in memory, in what it puts aside on disk, and in how
long it may stand still (apart.py, reader.py).
"""

MIB = 1024 * 1024
GIB = 1024 * MIB

# The process that reads a file

#: What judging a mapping, or how a file begins, may take: Python and its models need a third of it.
JUDGING_MB = 256
#: How long it may say nothing. While it reads it reports once a second that it goes on, so that this is a parser that
#: stands still; one that has had less than half of that time on a processor is waited for so many times as long.
STILL_S = 120.0
STARVED = 5
#: How long judging may take.
JUDGING_S = 20.0
#: What it may put aside in one temporary file: rows by order, releases by process, a workbook out of gzip.
PUT_ASIDE_BYTES = 32 * GIB
#: What is left free on the disk, which the database needs more.
RESERVE_BYTES = 256 * MIB

# Tables

#: Characters of a cell: what a spreadsheet's cell holds, and more than any field of an event takes.
LONGEST_CELL = 32_767
#: Columns of a table: as many as a spreadsheet has.
MOST_COLUMNS = 16_384
#: Characters of a column's name.
LONGEST_COLUMN_NAME = 1_024
#: Bytes of a row in CSV, over however many lines.
LONGEST_ROW_BYTES = MIB
