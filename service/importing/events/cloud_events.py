"""CloudEvents 1.0 in JSON, one a line, around events of Daybook: as its export writes them, or as requests."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO

from domain.catalogue import EVENT_TYPES, read_stored
from domain.errors import Corrupt, Invalid
from domain.json_text import parse_json
from service.importing.items import EventGroup, Reading, Reject
from service.importing.names import IDENTIFIER
from service.importing.opening import lines_of
from service.importing.plans import Entry, Summary
from service.importing.rows import BYTE_ORDER_MARK
from service.importing.streaming import check_stream
from service.shapes.cloud_events import SPECVERSION, TYPE_PREFIX

#: Attributes that every CloudEvent has.
REQUIRED = ("id", "source", "specversion", "type")
#: Of a stored event, what a request for it says; the rest is the recording ledger's.
REQUESTED = ("type", "effective_on", "known_on", "basis", "id", "corrects", "source", "data")
#: What only a stored event has.
STORED = frozenset(("v", "stream", "version", "recorded_at", "position"))


class NoEvent(ValueError):
    """A line that is no CloudEvent around an event of Daybook."""


def read(reading: Reading) -> Iterator[EventGroup | Reject]:
    """The events that a file holds."""
    if reading.strict:
        summary = Summary("", reading.summary.format, 0, dry_run=False)
        check_stream(read_cloud_events(reading.file, summary), reading.beat)
    return read_cloud_events(reading.file, reading.summary)


def read_cloud_events(file: BinaryIO, summary: Summary) -> Iterator[EventGroup | Reject]:
    """The events in the order of the file; a retraction and those that the ledger made of it are one group."""
    waiting: list[Entry] = []
    summary.rows = 0
    for line, text in lines_of(file):
        text = text.removeprefix(BYTE_ORDER_MARK) if line == 1 else text
        if not text.strip():
            continue
        summary.rows += 1
        try:
            sent, cause = _request(text)
        except (ValueError, Invalid, Corrupt) as error:
            yield from _group(waiting)
            waiting = []
            message = error.problems[0].message if isinstance(error, Invalid) else str(error)
            yield Reject(line, "", message, text.decode("utf-8", "replace").rstrip("\r\n"))
            continue
        if not waiting or cause != waiting[0].sent.get("id"):
            yield from _group(waiting)
            waiting = []
        waiting.append(Entry(line, "", sent))
    yield from _group(waiting)


def _group(entries: list[Entry]) -> Iterator[EventGroup]:
    if entries:
        yield EventGroup(entries, rows=len(entries))


def _request(text: bytes) -> tuple[dict[str, Any], str | None]:
    """The event request, and the id of the event that caused it in the ledger it comes from."""
    given = parse_json(text)
    if not isinstance(given, dict):
        raise NoEvent("a CloudEvent is a JSON object")
    missing = [name for name in REQUIRED if not isinstance(given.get(name), str) or not given[name]]
    if missing:
        raise NoEvent(f"a CloudEvent has {', '.join(missing)}, each a text")
    if given["specversion"] != SPECVERSION:
        raise NoEvent(f"is of CloudEvents {given['specversion'][:20]!r}, not {SPECVERSION}")
    data = _data(given)
    kind = given["type"].removeprefix(TYPE_PREFIX)
    if kind not in EVENT_TYPES:
        raise NoEvent(f"type {given['type'][:60]!r} is none of Daybook's, {TYPE_PREFIX}NAME")
    if data.get("type", kind) != kind:
        raise NoEvent(f"type is {given['type'][:60]!r}, and that of the event in it {str(data['type'])[:60]!r}")
    if data.keys() >= STORED:
        stored = _stored(data)
        return stored, data.get("causation_id")
    named = {"id": given["id"]} if "id" not in data and IDENTIFIER.match(given["id"]) else {}
    return {"type": kind, **named, **data}, None


def _data(given: Mapping[str, Any]) -> dict[str, Any]:
    media_type = given.get("datacontenttype", "application/json")
    kind = str(media_type).partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise NoEvent(f"datacontenttype is {media_type!r}, and an event is JSON")
    if "data_base64" in given:
        try:
            data = parse_json(base64.b64decode(str(given["data_base64"]), validate=True))
        except binascii.Error as error:
            raise NoEvent(f"data_base64: {error}") from None
    else:
        data = given.get("data")
    if not isinstance(data, dict):
        raise NoEvent("data is no event: a JSON object with type, effective_on and data")
    return data


def _stored(data: Mapping[str, Any]) -> dict[str, Any]:
    """A request for a stored event, in today's schema."""
    try:
        event = read_stored(data)
    except (KeyError, TypeError, ValueError) as error:
        raise NoEvent(f"data is no stored event: {type(error).__name__} {error}") from None
    today = {**data, "data": dict(event.data)}
    return {name: today[name] for name in REQUESTED if name in today}
