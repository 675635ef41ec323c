"""What if: the views as they would be had some events been recorded, by the same decisions and the same statements."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC

import duckdb

from domain.errors import Invalid
from domain.ledger import Batch, Sent
from projections.engine import OutOfOrder, batch_of
from service.daybook import Daybook
from service.following.follower import Lagging
from service.recording.streams import StreamCache
from service.storing.writing import Head, Numbered, Place, new_identifier, number

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
    events: tuple[Numbered, ...]


@contextmanager
def supposing(daybook: Daybook, requests: Sequence[Sent], patience_s: float) -> Iterator[Supposition]:
    """Decide requests on the ledger as it is now and read them into the views; nothing is recorded.

    Raises Refusal as recording them would, and Lagging where the ledger moves on faster than it can be followed.
    """
    if not 1 <= len(requests) <= MOST_EVENTS:
        raise Invalid.at("", f"a scenario supposes 1 to {MOST_EVENTS} events, not {len(requests)}")
    with ExitStack() as stack:
        for _ in range(ATTEMPTS):
            head = daybook.ledger.recorder.head()
            daybook.follower.wait_for(head.position, patience_s)
            numbered = _decided(daybook, requests, head)
            following = batch_of((event.position, event.state) for event in numbered)
            try:
                connection = stack.enter_context(daybook.projection.supposing(following))
            except OutOfOrder:
                continue  # somebody recorded an event meanwhile
            yield Supposition(connection, head.position, head.position + len(numbered), tuple(numbered))
            return
    raise Lagging(f"the ledger moved on {ATTEMPTS} times while the scenario was prepared")


def _decided(daybook: Daybook, requests: Sequence[Sent], head: Head) -> list[Numbered]:
    cache = StreamCache(daybook.ledger.recorder)
    cache.catch_up(head.position)
    cache.prefetch([requests])
    batch = Batch(cache, head.clock.astimezone(UTC).date(), new_identifier)
    batch.add(requests)
    return number([(draft, None, None) for draft in batch.drafts], Place.after(head))
