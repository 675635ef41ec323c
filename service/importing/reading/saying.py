"""What was read, written into messages: groups and rejects many at a time, remarks once, texts that UTF-8 can write."""

import json
import time
from collections.abc import Iterable, Iterator
from typing import Any, get_args

import msgspec

from service.importing.faults import BadFile, FileFault
from service.importing.items import EventGroup, Reject
from service.importing.plans import Entry, Summary
from service.importing.reading.messages import (
    LARGEST_FRAME_BYTES,
    Items,
    Kind,
    Message,
    RowsSeen,
    WireEntry,
    WireGroup,
    WireReject,
)
from service.shapes.overviews import FaultCause, FaultPlace, TableOverview

#: Groups are sent together up to this size.
TOGETHER_BYTES = 256 * 1024
#: How often a reader says that it goes on.
BEAT_S = 1.0
#: What is said of rows.
KINDS: tuple[Kind, ...] = get_args(Kind)
#: Characters of a remark that are sent.
LONGEST_REMARK = 2_000


class SaidRemarks:
    """What is said of rows in a summary, each remark once."""

    def __init__(self, summary: Summary) -> None:
        self._summary = summary
        self._said = dict.fromkeys(KINDS, 0)

    def new(self) -> Iterator[tuple[Kind, int, str, str]]:
        """Those that were not given before."""
        for kind in KINDS:
            all_said = getattr(self._summary.plan, kind)
            for one in all_said[self._said[kind] :]:
                yield kind, one.line, _clean(one.row), _clean(one.message)
            self._said[kind] = len(all_said)


def in_messages(source: Iterable[EventGroup | Reject], summary: Summary) -> Iterator[Message]:
    """Groups and rejects, many in a message; what the summary says of them before them."""
    remarks = SaidRemarks(summary)
    needs: dict[int, tuple[int, Entry]] = {}
    items: list[WireGroup | WireReject] = []
    size, sent_at = 0, time.monotonic()
    for one in source:
        item = _reject(one) if isinstance(one, Reject) else _group(one, needs)
        items.append(item)
        size += _size_of(item)
        if size >= TOGETHER_BYTES or time.monotonic() - sent_at >= BEAT_S:
            yield from _items(summary, remarks, needs, items)
            items, needs, size, sent_at = [], {}, 0, time.monotonic()
    yield from _items(summary, remarks, needs, items)


def _items(
    summary: Summary, remarks: SaidRemarks, needs: dict[int, tuple[int, Entry]], items: list[WireGroup | WireReject]
) -> Iterator[Message]:
    yield RowsSeen(summary.rows, list(remarks.new()))
    if items:
        needed = [wire_entry(entry) for _, entry in needs.values()]
        size = sum(map(_size_of, items)) + sum(len(entry.sent) for entry in needed)
        if size > LARGEST_FRAME_BYTES // 2:
            last = items[-1]
            line = last.line if isinstance(last, WireReject) else last.entries[0].line
            message = f"what stands or falls together with this takes {size:,} bytes, more than is recorded together"
            raise BadFile([FileFault(line, message)])
        yield Items(needed, items)


def _size_of(item: WireGroup | WireReject) -> int:
    sent = sum(len(entry.sent) + len(entry.row) for entry in item.entries) if isinstance(item, WireGroup) else 0
    return sent + len(item.raw) + 100


def _group(group: EventGroup, needs: dict[int, tuple[int, Entry]]) -> WireGroup:
    places = []
    for need in group.needs:
        # By identity: groups share their registrations.
        place, _ = needs.setdefault(id(need), (len(needs), need))
        places.append(place)
    entries = [wire_entry(entry) for entry in group.entries]
    return WireGroup(entries, places, group.rows, _json(group.raw), dict(group.expected))


def _reject(one: Reject) -> WireReject:
    return WireReject(one.line, _clean(one.row), _clean(one.message)[:LONGEST_REMARK], _json(one.raw), one.rows)


def wire_entry(entry: Entry) -> WireEntry:
    """An event request as it goes into a pipe."""
    return WireEntry(entry.line, _clean(entry.row), _json(entry.sent))


def _json(value: Any) -> bytes:
    """JSON; of what UTF-8 cannot write (half of a character) with escapes."""
    if value is None:
        return b""
    try:
        return msgspec.json.encode(value)
    except (UnicodeEncodeError, msgspec.MsgspecError, TypeError, OverflowError):
        return json.dumps(value, default=str).encode()


def clean_causes(causes: Iterable[FaultCause]) -> list[FaultCause]:
    """Causes as they go into a pipe: short, and without half of a character."""
    return [
        FaultCause(
            _clean(one.cause),
            one.count,
            [FaultPlace(place.line, _clean(place.message)[:LONGEST_REMARK]) for place in one.places],
            None if one.mend is None else _clean(one.mend),
        )
        for one in causes
    ]


def cleaned_overview(overview: TableOverview) -> TableOverview:
    """An overview as it goes into a pipe: without half of a character."""
    return msgspec.convert(_cleaned(msgspec.to_builtins(overview)), TableOverview)


def _cleaned(value: Any) -> Any:
    """Plain values with texts that UTF-8 can write."""
    if isinstance(value, str):
        return _clean(value)
    if isinstance(value, list):
        return [_cleaned(one) for one in value]
    return {name: _cleaned(one) for name, one in value.items()} if isinstance(value, dict) else value


def _clean(text: str) -> str:
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
