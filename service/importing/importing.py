"""Recording what a file says, as somebody reads it: in this process, or in one of its own (apart.py)."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, suppress
from typing import Any, BinaryIO, Protocol

import msgspec

from domain.json_text import parse_json
from service.daybook import Daybook
from service.importing.entries import read_entries
from service.importing.events.lines import HandedLines
from service.importing.events.ndjson import import_ndjson, sheet_lines
from service.importing.formats import FORMATS
from service.importing.items import EventGroup, Reject
from service.importing.opening import size_of
from service.importing.orders.mapping import mapping_text
from service.importing.plans import Entry, Progress, RowRemark, Summary
from service.importing.reading import sources
from service.importing.reading.answers import Answers
from service.importing.reading.messages import (
    ExtractChecked,
    FileDigest,
    FileForm,
    Items,
    Message,
    OverviewSeen,
    ReaderTask,
    RowsSeen,
    WireEntry,
    WirePlan,
    WireReject,
    WireSheet,
)
from service.importing.reading.questions import Ask, Question
from service.importing.recording import ACTOR, Recorder
from service.importing.streaming import Options, record_stream
from service.importing.synced import SyncedExtract, SyncedExtracts, correlation_of
from service.storing.ledger import Unreachable

#: Hexadecimal digits of a file's SHA-256 that its events carry as their correlation id.
CORRELATION_DIGITS = 32
#: Remarks of a kind that are kept.
MOST_REMARKS = 10_000

#: Seen how many rows are read.
Reading = Callable[[int], None]


class ImportSource(Protocol):
    """A file that somebody reads."""

    #: How long it is; 0: unknown.
    size_bytes: int

    def messages(self, ask: Ask) -> Iterator[Message]:
        """What it says, from where the last that was taken left off; raises BadFile and BadMapping."""


class Here:
    """A file that is read in this process: for files of one's own, since nothing bounds what reading them takes."""

    def __init__(self, file: BinaryIO, wanted: ReaderTask) -> None:
        self.size_bytes = size_of(file)
        self._ask: Ask | None = None
        self._messages = sources.messages(file, wanted, self._asked)

    def _asked(self, question: Question, names: Sequence[str]) -> Any:
        assert self._ask is not None
        return self._ask(question, names)

    def messages(self, ask: Ask) -> Iterator[Message]:
        """What it says."""
        self._ask = ask
        return self._messages


def wanted(summary: Summary, options: Options) -> ReaderTask:
    """What is to be read, for an import with these options; BadMapping where there is no such mapping."""
    return ReaderTask(
        format=summary.format or None,
        mapping=None if options.mapping is None else (options.mapping, mapping_text(options.mapping)),
        strict=not options.continue_on_error,
        keep_raw=options.rejects is not None,
        register=options.register,
        lenient=options.lenient,
        sheet_lines=sheet_lines(),
        overview=options.dry_run,
        extract=options.extract,
    )


def form_of(source: ImportSource) -> str:
    """The format of a file that nothing was taken of yet; raises BadFile and BadMapping."""
    first = _first(source)
    if not isinstance(first, FileForm):
        raise msgspec.ValidationError("the reader did not begin with the format")
    return first.format


def _first(source: ImportSource) -> Message:
    """The next message that is more than a sign of life, which a reader gives that takes long to begin."""
    return next(message for message in source.messages(_ask_nothing) if not isinstance(message, RowsSeen))


def import_file(
    daybook: Daybook,
    file: BinaryIO,
    summary: Summary,
    options: Options | None = None,
    *,
    actor: str = ACTOR,
    progress: Progress = lambda done, total: None,
    reading: Reading = lambda rows: None,
) -> None:
    """Record what a file says that is read in this process; see `import_from`."""
    options = options or Options(dry_run=summary.dry_run)
    source = Here(file, wanted(summary, options))
    form_of(source)
    import_from(daybook, source, summary, options, actor=actor, progress=progress, reading=reading)


def import_from(
    daybook: Daybook,
    source: ImportSource,
    summary: Summary,
    options: Options,
    *,
    actor: str = ACTOR,
    progress: Progress = lambda done, total: None,
    reading: Reading = lambda rows: None,
) -> None:
    """Record what a file says whose format was taken, as the summary's format has it, and fill in the summary.

    Raises BadFile and BadMapping with nothing recorded, and RowRefused: with nothing recorded of files of up to 10,000
    events, else `summary.recorded` says what was.
    """
    digest = _first(source)
    if not isinstance(digest, FileDigest):
        raise msgspec.ValidationError("the reader did not tell the digest")
    recorder = Recorder(daybook, summary, f"import:{digest.sha256[:CORRELATION_DIGITS]}", actor)
    memory = _Memory(daybook, recorder, digest.sha256)
    heard = _Heard(source.messages(Answers(daybook, recorder)), summary, reading, memory.keep)
    reads = FORMATS[summary.format].reads
    if reads == "lines":
        with closing(heard.sheets()) as sheets:
            import_ndjson(HandedLines(sheets, source.size_bytes), recorder, summary, options, progress)
    elif reads in ("table", "sheet", "register", "document"):
        _record_plan(heard, recorder, summary, progress)
    else:
        try:
            record_stream(heard.items(), recorder, summary, options, progress)
        except BaseException:
            if not summary.recorded:
                memory.put_back()
            raise


class _Memory:
    """That an extract was synced, as the ledger remembers it from before the first event on."""

    def __init__(self, daybook: Daybook, recorder: Recorder, sha256: str) -> None:
        self._extracts = SyncedExtracts(daybook.ledger.recorder.datastore)
        self._recorder = recorder
        self._sha256 = sha256
        self._kept: tuple[ExtractChecked, SyncedExtract | None] | None = None

    def keep(self, extract: ExtractChecked) -> None:
        """Remember an extract, unless it is only rehearsed."""
        self._recorder.correlation_id = correlation_of(extract, self._sha256)
        if not self._recorder.rehearses:
            self._kept = extract, self._extracts.keep(extract, self._sha256)

    def put_back(self) -> None:
        """Remember what was remembered before, since nothing of it is recorded."""
        if self._kept is not None:
            # While the database is away, it stays remembered: nothing is lost by that but a question.
            with suppress(*Unreachable):
                self._extracts.put_back(self._kept[0], self._sha256, self._kept[1])


def _record_plan(heard: "_Heard", recorder: Recorder, summary: Summary, progress: Progress) -> None:
    plan = heard.plan()
    progress(0, summary.rows)
    recorder.record(plan, read_entries(plan))
    summary.types.update(str(entry.sent["type"]) for entry in plan)
    progress(summary.rows, summary.rows)


class _Heard:
    """The messages about what a file holds, the summary kept up to date with them."""

    def __init__(
        self,
        messages: Iterator[Message],
        summary: Summary,
        reading: Reading,
        checked: Callable[[ExtractChecked], None],
    ) -> None:
        self._messages = messages
        self._checked = checked
        self._summary = summary
        self._reading = reading

    def sheets(self) -> Generator[WireSheet, None, None]:
        """Lines of event requests."""
        for message in self._messages:
            if isinstance(message, WireSheet):
                yield message
            else:
                self._take(message)

    def items(self) -> Iterator[EventGroup | Reject]:
        """Groups and rejects."""
        for message in self._messages:
            if not isinstance(message, Items):
                self._take(message)
                continue
            needs = list(map(_entry, message.needs))
            for item in message.items:
                raw = parse_json(item.raw) if item.raw else None
                if isinstance(item, WireReject):
                    yield Reject(item.line, item.row, item.message, raw, item.rows)
                else:
                    size_bytes = sum(len(entry.sent) for entry in item.entries)
                    entries = list(map(_entry, item.entries))
                    needed = [needs[place] for place in item.needs]
                    yield EventGroup(entries, needed, item.rows, raw, size_bytes, expected=item.expected)

    def plan(self) -> list[Entry]:
        """All entries of a table."""
        entries: list[Entry] = []
        for message in self._messages:
            if isinstance(message, WirePlan):
                entries += map(_entry, message.entries)
            else:
                self._take(message)
        self._summary.plan.entries = entries
        return entries

    def _take(self, message: Message) -> None:
        if isinstance(message, OverviewSeen):
            self._summary.overview, self._summary.causes = message.overview, message.causes
        if isinstance(message, ExtractChecked):
            self._checked(message)
        if not isinstance(message, RowsSeen):
            return
        self._summary.rows = message.rows
        for kind, line, row, text in message.remarks:
            said: list[RowRemark] = getattr(self._summary.plan, kind)
            if len(said) < MOST_REMARKS:
                said.append(RowRemark(line, row, text))
        self._reading(message.rows)


def _entry(entry: WireEntry) -> Entry:
    sent = parse_json(entry.sent)
    if not isinstance(sent, dict):
        raise msgspec.ValidationError("an event request is an object")
    return Entry(entry.line, entry.row, sent)


def _ask_nothing(question: Question, names: Sequence[str]) -> Any:
    raise msgspec.ValidationError("the reader asked before its turn")
