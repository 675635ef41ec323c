"""The end of the ledger as listeners in this process hear of it."""

import asyncio

from domain.catalogue import read_request
from service.codes import codes
from service.committer import Committer
from service.store import Ledger
from service.tail import KEPT_EVENTS, Appended, Tail, Wanted


def register(committer: Committer, count: int, prefix: str) -> None:
    """Record so many organisations."""
    requests = [
        {
            "type": "organization-registered",
            "effective_on": "2024-01-01",
            "data": {"organization_id": f"{prefix}{number}", "name": "One", "country": "DE"},
        }
        for number in range(count)
    ]
    committer.record([read_request(request, codes()) for request in requests])


async def hear(tail: Tail, after: int, count: int, wanted: Wanted = Wanted()) -> list[Appended]:  # noqa: B008
    """The next events, so many."""
    heard: list[Appended] = []
    async for events in tail.listen(after, wanted, 5):
        assert events, "nothing came"
        heard += events
        if len(heard) >= count:
            break
    return heard


def test_whoever_is_far_behind_reads_all_of_it_in_order(ledger: Ledger, committer: Committer) -> None:
    count = KEPT_EVENTS + 700
    register(committer, count, "o")
    tail = Tail(ledger)
    heard = asyncio.run(hear(tail, 0, count))
    assert [event.position for event in heard] == list(range(1, count + 1))
    assert {event.type for event in heard} == {"organization-registered"}
    wanted = Wanted(streams=frozenset({"organization/o5", f"organization/o{count - 1}"}))
    found = asyncio.run(hear(tail, 0, 2, wanted))
    assert [event.position for event in found] == [6, count]
    tail.close()


def test_silence_is_told_after_the_patience(ledger: Ledger) -> None:
    tail = Tail(ledger)

    async def first() -> list[Appended]:
        async for events in tail.listen(0, Wanted(), 0.05):
            return events
        raise AssertionError("it ended")

    assert asyncio.run(first()) == []
    tail.close()


def test_listeners_end_when_the_tail_is_closed(ledger: Ledger) -> None:
    tail = Tail(ledger)

    async def listen() -> int:
        heard = 0
        async for events in tail.listen(0, Wanted(), 30):
            heard += len(events)
        return heard

    async def both() -> int:
        listening = asyncio.create_task(listen())
        await asyncio.sleep(0.2)
        await asyncio.to_thread(tail.close)
        return await asyncio.wait_for(listening, 10)

    assert asyncio.run(both()) == 0
