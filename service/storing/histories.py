"""The history of one thing: its stream's events as they are stored, as of a moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from domain.events import Recorded
from domain.streams import ABOUT_EVENTS
from service.postgres.statements import statements_of
from service.storing.ledger import Ledger, read_bytes

SQL = statements_of(__file__)


@dataclass(frozen=True, slots=True)
class PastEvent:
    """An event of a history, and the bytes that are stored of it."""

    event: Recorded
    state: bytes


class Histories:
    """Reads streams of a ledger; every method may be called from any thread."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def version(self, stream: str, position: int) -> int:
        """The version that a stream had when the ledger was at a position; 0: it had not begun."""
        with self.ledger.recorder.datastore.get_connection() as connection:
            row = connection.execute(SQL["version"], (stream, position), prepare=True).fetchone()
        return 0 if row is None else int(row["originator_version"])

    def last_recorded(self, stream: str, position: int) -> tuple[int, date]:
        """Position and day of the last event that a stream had when the ledger was at a position."""
        with self.ledger.recorder.datastore.get_connection() as connection:
            row = connection.execute(SQL["last-recorded"], (stream, position), prepare=True).fetchone()
        assert row is not None
        return int(row["notification_id"]), self.ledger.calendar.day_of(row["recorded_at"])

    def stream_of(self, event_id: str) -> str | None:
        """The stream of the event with this id; None: there is no such event. It never becomes another."""
        found = self.ledger.recorder.by_ids([event_id]).get(event_id)
        return None if found is None else read_bytes(found).stream

    def past_events(
        self, stream: str, position: int, known_on: date | None = None, effective_on: date | None = None
    ) -> Sequence[PastEvent]:
        """The events of a stream up to a position that one could know on a day, in the order of their versions.

        Retracted ones stand among them, with what retracts them. `effective_on`: without those that were to come then;
        what is said about an event is about the record and not about the world, and is never left out for that.
        """
        found = []
        for state in self.ledger.recorder.by_streams([stream]).get(stream, ()):
            event = read_bytes(state)
            if event.position > position or (known_on is not None and event.known_on > known_on):
                continue
            if effective_on is not None and event.ends_on > effective_on and event.type not in ABOUT_EVENTS:
                continue
            found.append(PastEvent(event, state))
        return found


def latest(events: Sequence[Recorded], effective_on: date) -> Recorded | None:
    """Of the events of a moment the one that has the last word (docs/semantics.md, rule 5); None: none is in effect."""
    retracted = {event.data["retracts"] for event in events if event.type == "event-retracted"}
    standing = [
        event
        for event in events
        if event.type not in ABOUT_EVENTS and event.id not in retracted and event.ends_on <= effective_on
    ]
    return max(standing, key=lambda event: (event.ends_on, event.known_on, event.position), default=None)
