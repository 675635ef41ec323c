"""A file read into messages: what is said of it to its recorder, in its order.

This runs in a process of its own (reader.py), or where the file is one's own in the process that records it. What only
some files need is imported when one of these comes.
"""

import hashlib
import io
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any, BinaryIO

from service.importing.formats import (
    FORMATS,
    LARGEST_TABLE_BYTES,
    ImportFormat,
    guess_format,
    open_table,
    refuse_another,
)
from service.importing.items import Reading
from service.importing.opening import opened
from service.importing.plans import ImportPlan, Summary
from service.importing.reading.messages import (
    End,
    ExtractChecked,
    ExtractTask,
    FileDigest,
    FileForm,
    Message,
    OverviewSeen,
    ReaderTask,
    RowsSeen,
    SuggestedMapping,
    WirePlan,
)
from service.importing.reading.questions import Ask
from service.importing.reading.saying import SaidRemarks, clean_causes, cleaned_overview, in_messages, wire_entry
from service.importing.rows import BadFile, BadMapping, FileFault, read_rows

if TYPE_CHECKING:  # needed by few files
    from service.importing.orders.mapping import OrderMapping
    from service.importing.orders.table import OrderLines
    from service.importing.standing import LedgerStanding

#: Read at once where the digest is made.
CHUNK_BYTES = 1024 * 1024

#: Seen that the reader goes on.
Beat = Callable[[], None]


def messages(file: BinaryIO, wanted: ReaderTask, ask: Ask, beat: Beat = lambda: None) -> Iterator[Message]:
    """What a file holds; raises BadFile and BadMapping.

    The first message is its format, the second its digest, the last End.
    """
    file = opened(file)
    if wanted.suggest is not None:
        from service.importing.orders.suggesting.suggestion import suggest

        yield SuggestedMapping(suggest(file, wanted.suggest, beat).encode("utf-8", "replace").decode())
        yield End()
        return
    chosen = wanted.format or guess_format(file, wanted.mapping)
    refuse_another(file, chosen)
    yield FileForm(chosen)
    if wanted.judge_only:
        if wanted.mapping is not None:
            _judge_mapping(*wanted.mapping)
        yield End()
        return
    yield FileDigest(_digest(file, beat))
    yield from _content(file, FORMATS[chosen], wanted, ask, beat)
    yield End()


def _judge_mapping(name: str, content: bytes) -> None:
    """BadMapping where it is none."""
    from service.importing.orders.mapping import parse_mapping_text
    from service.importing.registers.mapping import parse_register_mapping, stated_kind

    (parse_mapping_text if stated_kind(name, content) is None else parse_register_mapping)(name, content)


def _content(file: BinaryIO, chosen: ImportFormat, wanted: ReaderTask, ask: Ask, beat: Beat) -> Iterator[Message]:
    summary = Summary("", chosen.name, 0, dry_run=False)
    match chosen.reads:
        case "lines":
            return (sheet.handed() for sheet in chosen.reader().RequestLines(file).sheets(wanted.sheet_lines))
        case "stream":
            reading = Reading(file, summary, wanted.strict, ask, beat, wanted.lenient)
            return in_messages(chosen.reader().read(reading), summary)
        case "table" | "sheet" | "register" | "document":
            return _table(file, chosen, wanted, summary, ask, beat)
        case "orders":
            return _orders(file, chosen, wanted, summary, ask, beat)


def _orders(
    file: BinaryIO, chosen: ImportFormat, wanted: ReaderTask, summary: Summary, ask: Ask, beat: Beat
) -> Iterator[Message]:
    if wanted.mapping is None:
        message = "a table of order lines needs a mapping, which says what its columns mean (--mapping FILE, or scms)"
        raise BadMapping("of no name", [message])
    from service.importing.orders.mapping import parse_mapping_text
    from service.importing.orders.registered import Registered
    from service.importing.orders.table import OrderLines
    from service.importing.standing import LedgerStanding

    mapping = parse_mapping_text(*wanted.mapping)
    standing = LedgerStanding(ask)
    registered = Registered(mapping.name, standing.bearers, standing.products, standing.product_streams)
    as_of = None if wanted.extract is None else wanted.extract.as_of
    if wanted.extract is not None:
        from service.importing.orders.extracts.extract import refuse_out_of_order

        refuse_out_of_order(mapping, wanted.extract, standing)
    with (
        closing(open_table(file, chosen.name, mapping)) as table,
        closing(
            OrderLines(table, mapping, summary, registered=registered, keep_raw=wanted.keep_raw, as_of=as_of, beat=beat)
        ) as orders,
    ):
        for rows in orders.reading():
            yield RowsSeen(rows)
        if wanted.overview:
            overview, found = orders.overview(standing.known)
            causes = clean_causes(found.causes())
            yield OverviewSeen(cleaned_overview(overview), causes)
            if wanted.strict and found.count:
                raise BadFile(found.faults(), causes)
        elif wanted.strict and wanted.extract is None:
            orders.refuse_faults()
        if wanted.extract is None:
            yield from in_messages(orders.groups(), summary)
        else:
            yield from _extract(orders, mapping, wanted.extract, standing, summary, beat)


def _extract(
    orders: "OrderLines",
    mapping: "OrderMapping",
    task: ExtractTask,
    standing: "LedgerStanding",
    summary: Summary,
    beat: Beat,
) -> Iterator[Message]:
    from service.importing.orders.extent import scope_key
    from service.importing.orders.extracts.extract import Extract

    with Extract(orders, mapping, task, standing, summary, beat) as extract:
        extract.compare()
        yield ExtractChecked(mapping.name, scope_key(mapping), task.as_of)
        yield from in_messages(extract.groups(), summary)


def _table(
    file: BinaryIO, chosen: ImportFormat, wanted: ReaderTask, summary: Summary, ask: Ask, beat: Beat
) -> Iterator[Message]:
    from service.importing.entries import read_entries
    from service.importing.registers.overview import records_overview
    from service.importing.standing import LedgerStanding

    standing = LedgerStanding(ask)
    yield RowsSeen(0)
    summary.rows, summary.plan = _planned(file, chosen, wanted, standing, beat)
    yield RowsSeen(summary.rows)
    read_entries(summary.plan.entries)
    if wanted.overview:
        yield OverviewSeen(cleaned_overview(records_overview(summary.rows, summary.plan)), [])
    yield RowsSeen(summary.rows, list(SaidRemarks(summary).new()))
    yield WirePlan([wire_entry(entry) for entry in summary.plan.entries])


def _planned(
    file: BinaryIO, chosen: ImportFormat, wanted: ReaderTask, standing: "LedgerStanding", beat: Beat
) -> tuple[int, ImportPlan]:
    """How many rows a table has, and what is to be recorded for them."""
    table = chosen.reader()
    if chosen.reads == "register":
        from service.importing.registers.mapping import RegisterMapping, parse_register_mapping
        from service.importing.registers.sheets import sheet_rows

        mapping = RegisterMapping.model_validate({"kind": chosen.name})
        if wanted.mapping is not None:
            mapping = parse_register_mapping(*wanted.mapping)
        if mapping.kind != chosen.name:
            raise BadMapping(mapping.prefix, [f"kind: is {mapping.kind}, and the file is to be read as {chosen.name}"])
        rows = sheet_rows(file, (), beat, mapping.read)
        return len(rows), table.plan(rows, standing, mapping)
    if chosen.reads == "sheet":
        from service.importing.registers.sheets import sheet_rows

        rows = sheet_rows(file, table.COLUMNS, beat)
    elif chosen.reads == "document":
        rows = table.rows_of(_whole(file, chosen))
    else:
        rows = read_rows(_whole(file, chosen), table.COLUMNS, table.OTHER_COLUMNS)
    return len(rows), table.plan(rows, standing, register=wanted.register)


def _whole(file: BinaryIO, chosen: ImportFormat) -> bytes:
    file.seek(0)
    data = file.read(LARGEST_TABLE_BYTES + 1)
    if len(data) > LARGEST_TABLE_BYTES:
        raise BadFile([FileFault(1, f"is larger than {LARGEST_TABLE_BYTES:,} bytes, and so no table of {chosen.name}")])
    return data


def _digest(file: BinaryIO, beat: Beat) -> str:
    file.seek(0)
    digest = hashlib.sha256()
    while chunk := file.read(CHUNK_BYTES):
        digest.update(chunk)
        beat()
    return digest.hexdigest()


class Watched(io.RawIOBase):
    """A file whose reader is known to go on as long as it reads."""

    def __init__(self, file: BinaryIO, beat: Beat) -> None:
        super().__init__()
        self._file = file
        self._beat = beat

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """As the file does."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """As the file does."""
        return self._file.tell()

    def readinto(self, buffer: Any) -> int:
        """The next bytes."""
        self._beat()
        return self._file.readinto(buffer)  # type: ignore[attr-defined,no-any-return]
