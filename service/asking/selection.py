"""Which of the recorded events are wanted, and reading them page by page in the order of the ledger."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice

from projections.event_index import positions
from service.daybook import Daybook
from service.storing.ledger import EventFilter, StoredRow

#: Positions that are looked up at once among those that speak of something.
LOOKED_UP = 5_000


@dataclass(frozen=True, slots=True)
class Selection:
    """What is asked of events; None, or nothing: anything."""

    types: tuple[str, ...] = ()
    streams: tuple[str, ...] = ()
    #: Named by the event: an organisation, a product, a partnership or an instrument.
    subject: str | None = None
    #: The first and the last day on which the event's own time ends.
    effective_from: date | None = None
    effective_to: date | None = None
    #: From and up to this instant it was recorded.
    recorded_from: datetime | None = None
    recorded_to: datetime | None = None

    @property
    def by_projection(self) -> bool:
        """Whether only the projection knows which events these are."""
        return any(one is not None for one in (self.subject, self.effective_from, self.effective_to))

    def page(self, daybook: Daybook, after: int, limit: int, upto: int) -> list[StoredRow]:
        """The next events after a position, up to another, in order.

        Where the projection is asked, it has been waited for up to there.
        """
        if self.by_projection:
            return list(islice(self._looked_up(daybook, after, upto), limit))
        return daybook.ledger.recorder.rows_after(after, limit, upto=upto, wanted=self._wanted())

    def _looked_up(self, daybook: Daybook, after: int, upto: int) -> Iterator[StoredRow]:
        with daybook.projection.cursor() as connection:
            speaking = positions(connection, after, upto, self.subject, self.effective_from, self.effective_to)
            while found := list(islice(speaking, LOOKED_UP)):
                yield from daybook.ledger.recorder.rows_after(after, len(found), upto=upto, wanted=self._wanted(found))

    def _wanted(self, positions: Sequence[int] = ()) -> EventFilter:
        return EventFilter(self.types, self.streams, self.recorded_from, self.recorded_to, positions)
