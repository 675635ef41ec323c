"""Recorded events of instruments, in few words, and the ledger's example as a reader of some day knows it."""

from collections.abc import Iterable
from datetime import date
from itertools import count
from pathlib import Path
from typing import Any

import pycountry

from domain.catalogue import read_request, read_stored
from domain.chronicles import Chronicle
from domain.events import Recorded, recorded
from domain.json_text import parse_json
from domain.ledger import Batch
from domain.streams import Stream
from domain.values import Codes

EXAMPLES = Path(__file__).parents[2] / "examples"


def said(type: str, effective_on: str, known_on: str | None = None, *, id: str | None = None, **data: Any) -> Any:  # noqa: A002
    """What one event says; known_on defaults to the day itself, `corrects` goes beside the data."""
    corrects = {"corrects": data.pop("corrects")} if "corrects" in data else {}
    known_on = known_on or effective_on
    return {"type": type, "id": id, "effective_on": effective_on, "known_on": known_on, **corrects, "data": data}


def history(*events: Any, regulation_id: str = "us-3a090") -> list[Recorded]:
    """The events of one instrument, recorded in this order from position 1."""
    stored = []
    for position, event in enumerate(events, start=1):
        about = {} if event["type"].startswith("event-") else {"regulation_id": regulation_id}
        stored.append(
            event
            | {
                "id": event["id"] or f"{regulation_id}-{position}",
                "v": 1,
                "position": position,
                "version": position,
                "stream": f"regulation/{regulation_id}",
                "basis": "reported",
                "data": about | event["data"],
            }
        )
    return [recorded(event) for event in stored]


def known(events: Iterable[Recorded], known_on: str) -> list[Recorded]:
    """What one could know on a day."""
    return [event for event in events if event.known_on <= date.fromisoformat(known_on)]


class NothingRecorded:
    """A ledger in which nothing is recorded."""

    def stream(self, name: str) -> Stream:
        """Empty."""
        return Stream()

    def chronicle(self, name: str) -> Chronicle:
        """Empty."""
        return Chronicle()

    def event(self, identifier: str) -> Recorded | None:
        """None."""
        return None


def ai_accelerators() -> list[Recorded]:
    """The example ledger, decided and recorded as the service would."""
    lines = (EXAMPLES / "ai-accelerators.ndjson").read_text().splitlines()
    sent = [parse_json(line) for line in lines]
    codes = Codes(
        frozenset(country.alpha_2 for country in pycountry.countries),
        frozenset(currency.alpha_3 for currency in pycountry.currencies),
    )
    numbers = count(1)
    batch = Batch(NothingRecorded(), date(2026, 1, 31), lambda: f"event-{next(numbers)}")
    batch.add([read_request(event, codes) for event in sent])
    recorded_at = "2026-01-31T12:00:00.000001Z"
    return [read_stored(draft.stored(position, recorded_at)) for position, draft in enumerate(batch.drafts, start=1)]
