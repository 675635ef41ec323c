"""Events as they are read one after the other: page by page, line by line, or pushed; without any sending."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from service.client import requests
from service.client.answers import EventPage, StoredEvent
from service.client.calls import API, NDJSON, Call, content, queried

_decode = msgspec.json.Decoder(StoredEvent).decode
PAGE_EVENTS = 1_000


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
class Lines:
    """Reading events line by line (NDJSON), beginning again behind the last one where the connection is lost."""

    wanted: Mapping[str, Any]
    after: int
    #: Whether it goes on when the service ends the answer, after a wait of so long.
    again_after_s: None = None

    def call(self) -> Call[bytes]:
        """The call, from where it is now."""
        query = queried({"after": self.after, **self.wanted})
        return Call("GET", f"{API}/events", content, query, {"Accept": NDJSON})

    def take(self, line: str) -> StoredEvent | None:
        """The event of a line; None: there is none."""
        if not line.strip():
            return None
        event = _decode(line)
        self.after = event.position
        return event


@dataclass
class Listening:
    """Listening to events (server-sent events), connecting again behind the last one."""

    wanted: Mapping[str, Any]
    #: The position behind which it begins; None: the ledger's end as it is at the first connection.
    after: int | None
    #: How long the service asks to wait before connecting again.
    again_after_s: float = 2.0
    _data: list[str] = field(default_factory=list)

    def call(self) -> Call[bytes]:
        """The call, from where it is now."""
        headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
        if self.after is not None:
            headers["Last-Event-ID"] = str(self.after)
        self._data.clear()
        return Call("GET", f"{API}/events/stream", content, queried(self.wanted), headers)

    def take(self, line: str) -> StoredEvent | None:
        """The event that a line completes."""
        if not line:
            data, self._data = "\n".join(self._data), []
            if not data:
                return None
            event = _decode(data)
            self.after = event.position
            return event
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "retry" and value.isdigit():
            self.again_after_s = int(value) / 1000
        elif not name and self.after is None and value.startswith("listening after "):
            # Before the first event a connection may be lost, too.
            self.after = int(value.removeprefix("listening after "))
        return None
