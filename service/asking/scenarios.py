"""What if: the views as they would be had some events been recorded, by the same decisions and the same statements."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import duckdb

from domain.errors import Invalid
from domain.ledger import Batch
from domain.lots import Sent, many
from projections.engine import OutOfOrder, batch_of
from service.daybook import Daybook
from service.following.follower import Lagging
from service.storing.streams import StreamCache
from service.storing.writing import Head, Place, Sending, Written, new_identifier, write

#: Events that one scenario may suppose.
MOST_EVENTS = 1_000
#: Attempts while others record events that the scenario would have to follow.
ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class Supposition:
    """A projection that sees what was supposed, until the block ends."""

    connection: duckdb.DuckDBPyConnection
    #: The ledger as it is ends here ...
    baseline_position: int
    #: ... and as it is supposed to be, here.
    position: int
    events: Written


@contextmanager
def supposing(daybook: Daybook, requests: Sequence[Sent], patience_s: float) -> Iterator[Supposition]:
    """Decide requests on the ledger as it is now and read them into the views; nothing is recorded.

    Raises Refusal as recording them would, and Lagging where the ledger moves on faster than it can be followed.
    """
    events_asked = many(requests)
    if not 1 <= events_asked <= MOST_EVENTS:
        raise Invalid.at("", f"a scenario supposes 1 to {MOST_EVENTS} events, not {events_asked}")
    with ExitStack() as stack:
        for _ in range(ATTEMPTS):
            head = daybook.ledger.recorder.head()
            daybook.follower.wait_for(head.position, patience_s)
            events = _decided(daybook, requests, head)
            following = batch_of(zip(events.positions, events.states, strict=True))
            try:
                connection = stack.enter_context(daybook.projection.supposing(following))
            except OutOfOrder:
                continue  # somebody recorded an event meanwhile
            yield Supposition(connection, head.position, head.position + events.many, events)
            return
    raise Lagging(f"the ledger moved on {ATTEMPTS} times while the scenario was prepared")


def _decided(daybook: Daybook, requests: Sequence[Sent], head: Head) -> Written:
    cache = StreamCache(daybook.ledger.recorder)
    cache.catch_up(head.position)
    cache.prefetch([requests])
    calendar = daybook.ledger.calendar
    batch = Batch(cache, calendar.day_of(head.clock), new_identifier, zone=calendar.name)
    batch.add(requests)
    return write(map(Sending, batch.drafts), Place.after(head))
