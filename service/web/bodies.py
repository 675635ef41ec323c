"""Reading event requests out of a body: one event, an array, or NDJSON."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from starlette.requests import Request as HttpRequest

from domain.catalogue import read_request
from domain.errors import Invalid, Refusal
from domain.json_text import TooLong, parse_elements, parse_json, refuse_deep
from domain.lots import Sent
from domain.plain_orders import in_lots, read_plain_order
from service.codes import codes
from service.web.problems import REFUSALS, HttpProblem

#: Faults that one answer lists; behind the last of them nothing is read.
MOST_FAULTS = 100
#: So many bytes of events that are wrong are read through, however few these are.
MOST_WRONG_BYTES = 4 * 1024 * 1024
#: As it is sent: what is stored of an event is far less (domain.events.LARGEST_EVENT_BYTES).
LONGEST_EVENT_BYTES = 1024 * 1024
MOST_LINES = 1_000_000
#: Lines that are read at once.
LINES_AT_ONCE = 1_000

JSON = "application/json"
NDJSON = ("application/x-ndjson", "application/ndjson", "application/jsonl")


@dataclass(frozen=True)
class SentEvents:
    """The events of one body, and how to say where a fault is: by pointer, and by line for NDJSON."""

    requests: Sequence[Sent]
    #: By event the line it stands on; None: it is no NDJSON.
    lines: Sequence[int] | None
    single: bool

    def faults(self, refusal: Refusal, index: int) -> list[dict[str, Any]]:
        """The problems of one refused event, placed in the body."""
        line = None if self.lines is None else self.lines[index]
        return _placed(refusal, line, "" if self.single or line is not None else f"/{index}")

    def problem(self, refusal: Refusal) -> HttpProblem:
        """A refusal of one of the events, as the answer to the whole request."""
        faults = self.faults(refusal, refusal.index)
        name = next(name for kind, name in REFUSALS if isinstance(refusal, kind))
        line = f"line {faults[0]['line']}: " if "line" in faults[0] else ""
        return HttpProblem(name, line + str(refusal), faults)


class _Reading:
    """Reads events one after the other, as long as it is worth while to go on."""

    def __init__(self, most: int | None) -> None:
        self._most = most
        self.requests: list[Sent] = []
        self._events = 0
        self._faults: list[dict[str, Any]] = []
        self._wrong_bytes = 0

    def take(self, lot: Sent) -> None:
        """Take what is read; HttpProblem where there are more events than there may be."""
        self.requests.append(lot)
        self._events += len(lot)
        self._refuse_more()

    def add(self, sent: Any, line: int | None, pointer: str, size: int) -> None:
        """Take an event as it was sent; HttpProblem where enough is wrong to say so."""
        try:
            self.take(read_request(sent, codes()))
        except Invalid as invalid:
            self._faults += _placed(invalid, line, pointer)
            self._wrong_bytes += size
            if len(self._faults) >= MOST_FAULTS or self._wrong_bytes >= MOST_WRONG_BYTES:
                self.end()

    def _refuse_more(self) -> None:
        if self._most is not None and self._events > self._most:
            raise HttpProblem("invalid", f"there are more than {self._most:,} events in the request")

    def end(self) -> None:
        """HttpProblem says what was wrong, where anything was."""
        if self._faults:
            raise HttpProblem("invalid", _summary(self._faults), self._faults[:MOST_FAULTS])


def _placed(refusal: Refusal, line: int | None, pointer: str) -> list[dict[str, Any]]:
    where: Mapping[str, Any] = {} if line is None else {"line": line}
    return [{**where, "pointer": pointer + problem.pointer, "detail": problem.message} for problem in refusal.problems]


def _summary(faults: list[dict[str, Any]]) -> str:
    first = faults[0]
    where = f"line {first['line']}, {first['pointer'] or '/'}" if "line" in first else first["pointer"] or "/"
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{where}: {first['detail']}{more}"


async def read_body(request: HttpRequest, limit_bytes: int) -> bytes:
    """The whole body; HttpProblem where it is larger than a limit below that of its route, without reading further."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit_bytes:
            raise HttpProblem("too-large", f"the body has more than {limit_bytes} bytes")
        parts.append(part)
    return b"".join(parts)


def read_events(body: bytes, content_type: str, most: int | None = None) -> SentEvents:
    """The events of a body, all of them well-formed and no more than `most`; HttpProblem says where and what otherwise.

    Where much is wrong, the rest is not read.
    """
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type in NDJSON:
        return _read_lines(body, most)
    if media_type == JSON or (not media_type and body):
        plain = read_plain_order(body, codes())
        if plain is not None:
            return SentEvents([plain], None, single=True)
        return _read_list(body, most) if _begins_list(body) else _read_only(body)
    raise HttpProblem("unsupported-media-type", f"send {JSON} or {NDJSON[0]}, not {media_type!r:.80}")


_begins_list = re.compile(rb"[ \t\n\r]*\[").match


def _read_only(body: bytes) -> SentEvents:
    if len(body) > LONGEST_EVENT_BYTES:
        raise HttpProblem("too-large", f"an event has at most {LONGEST_EVENT_BYTES:,} bytes, not {len(body):,}")
    reading = _Reading(None)
    reading.add(_parse(body, None), None, "", len(body))
    reading.end()
    return SentEvents(reading.requests, None, single=True)


def _read_list(body: bytes, most: int | None) -> SentEvents:
    reading = _Reading(most)
    try:
        for index, (sent, length) in enumerate(parse_elements(body, LONGEST_EVENT_BYTES)):
            refuse_deep(sent, above=1)
            reading.add(sent, None, f"/{index}", length)
    except TooLong as error:
        raise HttpProblem("too-large", str(error)) from None
    except ValueError as error:
        raise HttpProblem("malformed", str(error), [{"pointer": "", "detail": str(error)}]) from None
    reading.end()
    return SentEvents(reading.requests, None, single=False)


def _read_lines(body: bytes, most: int | None) -> SentEvents:
    """What stands on each line: a plain order, or some JSON."""
    if body.count(b"\n") > MOST_LINES:
        raise HttpProblem("too-large", f"the body has more than {MOST_LINES:,} lines")
    reading = _Reading(most)
    numbers: list[int] = []
    lines = _lines(body)
    while chunk := list(islice(lines, LINES_AT_ONCE)):
        for first, lot in in_lots([text for _, text in chunk], codes()):
            if lot is not None:
                reading.take(lot)
            else:
                number, text = chunk[first]
                reading.add(_parse(text, number), number, "", len(text))
        numbers += [number for number, _ in chunk]
    reading.end()
    return SentEvents(reading.requests, numbers, single=False)


def _lines(body: bytes) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank, with their numbers."""
    number, counted = 1, 0
    for match in re.finditer(rb"[^\n]+", body):
        number += body.count(b"\n", counted, match.start())
        counted = match.start()
        if not (text := match[0]).isspace():
            if len(text) > LONGEST_EVENT_BYTES:
                detail = f"line {number}: an event has at most {LONGEST_EVENT_BYTES:,} bytes, not {len(text):,}"
                raise HttpProblem("too-large", detail, [{"line": number, "pointer": "", "detail": detail}])
            yield number, text


def _parse(text: bytes, line: int | None) -> Any:
    try:
        sent = parse_json(text)
        refuse_deep(sent)
        return sent
    except ValueError as error:
        where = {} if line is None else {"line": line}
        detail = str(error) if line is None else f"line {line}: {error}"
        raise HttpProblem("malformed", detail, [{**where, "pointer": "", "detail": str(error)}]) from None
