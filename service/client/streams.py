"""Events as they are read one after the other: page by page, line by line, or pushed; without any sending."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from service.client import requests
from service.client.calls import API, NDJSON, Call, content, queried
from service.client.lines import LONGEST_LINE_BYTES, EventLines, JsonLines
from service.client.problems import NotUnderstood
from service.shapes.answers import Data, EventPage, Evidence, StoredEvent

_decode = msgspec.json.Decoder(StoredEvent).decode
PAGE_EVENTS = 1_000
#: No service asks to be left alone for longer before it is connected to again.
LONGEST_RETRY_S = 60.0
#: What a service says before the first event, as a comment.
LISTENING_AFTER = "listening after "


def _event(data: str | bytes) -> StoredEvent:
    try:
        return _decode(data)
    except msgspec.MsgspecError as error:
        raise NotUnderstood(f"what was sent is no stored event: {error}") from error


@dataclass
class Pages:
    """Reading events page by page."""

    wanted: Mapping[str, Any]
    after: int
    #: Events still wanted; None: all.
    left: int | None
    done: bool = False

    def next(self) -> Call[EventPage]:
        """The call for the next page."""
        limit = PAGE_EVENTS if self.left is None else min(self.left, PAGE_EVENTS)
        self.asked = limit
        return requests.events_page(self.after, limit, **self.wanted)

    def take(self, page: EventPage) -> list[StoredEvent]:
        """The events of a page that came."""
        self.after = page.last_position
        if self.left is not None:
            self.left -= len(page.events)
        self.done = len(page.events) < self.asked or self.left == 0
        return page.events


@dataclass
class Offsets:
    """Reading the contributions to a row page by page, all of the moment of the first page."""

    asked: requests.EvidenceAsked
    done: bool = False
    _read: int = 0

    def take(self, page: Evidence) -> list[Data]:
        """The contributions of a page that came."""
        moment = page.resolved
        clocks: dict[str, Any] = {"effective_on": moment.effective_on, "position": moment.position}
        if moment.known_on is not None:
            clocks["known_on"] = moment.known_on
        kept = {name: value for name, value in self.asked.items() if name not in ("recorded_at", "min_position")}
        self._read += len(page.contributions)
        self.asked = {**kept, **clocks, "offset": self._read}  # type: ignore[typeddict-item]
        self.done = not page.contributions
        return page.contributions


@dataclass
class Lines:
    """Reading events line by line (NDJSON), beginning again behind the last one where the connection is lost."""

    wanted: Mapping[str, Any]
    after: int
    #: Whether it goes on when the service ends the answer, after a wait of so long.
    again_after_s: None = None
    _split: JsonLines = field(default_factory=JsonLines)

    def call(self) -> Call[bytes]:
        """The call, from where it is now."""
        self._split = JsonLines()
        query = queried({"after": self.after, **self.wanted})
        return Call("GET", f"{API}/events", content, query, {"Accept": NDJSON})

    def take(self, piece: bytes) -> Iterator[StoredEvent]:
        """The events that a piece of the answer completes."""
        for line in self._split.take(piece):
            yield from self._taken(line)

    def end(self) -> Iterator[StoredEvent]:
        """The event of a last line that nothing ends."""
        yield from self._taken(self._split.rest())

    def _taken(self, line: bytes) -> Iterator[StoredEvent]:
        if line.strip():
            event = _event(line)
            self.after = event.position
            yield event


@dataclass
class Listening:
    """Listening to events (server-sent events), connecting again behind the last one."""

    wanted: Mapping[str, Any]
    #: The position behind which it begins; None: the ledger's end as it is at the first connection.
    after: int | None
    #: How long the service asks to wait before connecting again.
    again_after_s: float = 2.0
    _split: EventLines = field(default_factory=EventLines)
    _data: list[str] = field(default_factory=list)
    _data_bytes: int = 0

    def call(self) -> Call[bytes]:
        """The call, from where it is now."""
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        if self.after is not None:
            headers["Last-Event-ID"] = str(self.after)
        # Of an event whose end did not come nothing counts.
        self._split = EventLines()
        self._forget()
        return Call("GET", f"{API}/events/stream", content, queried(self.wanted), headers)

    def take(self, piece: bytes) -> Iterator[StoredEvent]:
        """The events that a piece of the answer completes."""
        for line in self._split.take(piece):
            event = self._taken(line)
            if event is not None:
                self.after = event.position
                yield event

    def end(self) -> Iterator[StoredEvent]:
        """Nothing: an event is complete with the empty line behind it."""
        return iter(())

    def _taken(self, line: bytes) -> StoredEvent | None:
        if not line:
            data = "\n".join(self._data)
            self._forget()
            return _event(data) if data else None
        name, _, value = line.decode("utf-8", "replace").partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._gather(value, len(line))
        elif name == "retry" and value.isascii() and value.isdigit():
            self.again_after_s = min(int(value[:9]) / 1000, LONGEST_RETRY_S)
        elif not name and self.after is None and value.startswith(LISTENING_AFTER):
            # Before the first event a connection may be lost, too.
            said = value.removeprefix(LISTENING_AFTER)
            self.after = int(said) if said.isascii() and said.isdigit() and len(said) < 20 else None
        return None

    def _gather(self, value: str, size: int) -> None:
        self._data.append(value)
        self._data_bytes += size
        if self._data_bytes > LONGEST_LINE_BYTES:
            raise NotUnderstood(f"an event of the answer has more than {LONGEST_LINE_BYTES} bytes")

    def _forget(self) -> None:
        self._data.clear()
        self._data_bytes = 0
