"""The end of the ledger as listeners in this process hear of it."""

import asyncio
import threading
from typing import Any

import pytest
from psycopg import Connection

from domain.catalogue import read_request
from service.codes import codes
from service.recording.committer import Committer
from service.running.attempts import Pauses
from service.running.routines import NotStarted
from service.storing.ledger import DescribedRow, EventFilter, Ledger
from service.storing.tail import KEPT_EVENTS, Tail
from tests.service.postgres_owner import wait_until


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


async def hear(tail: Tail, after: int, count: int, wanted: EventFilter = EventFilter()) -> list[DescribedRow]:  # noqa: B008
    """The next events, so many."""
    heard: list[DescribedRow] = []
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
    wanted = EventFilter(streams=frozenset({"organization/o5", f"organization/o{count - 1}"}))
    found = asyncio.run(hear(tail, 0, 2, wanted))
    assert [event.position for event in found] == [6, count]
    tail.close()


def test_silence_is_told_after_the_patience(ledger: Ledger) -> None:
    tail = Tail(ledger)

    async def first() -> list[DescribedRow]:
        async for events in tail.listen(0, EventFilter(), 0.05):
            return events
        raise AssertionError("it ended")

    assert asyncio.run(first()) == []
    tail.close()


def test_listeners_end_when_the_tail_is_closed(ledger: Ledger) -> None:
    tail = Tail(ledger)

    async def listen() -> int:
        heard = 0
        async for events in tail.listen(0, EventFilter(), 30):
            heard += len(events)
        return heard

    async def both() -> int:
        listening = asyncio.create_task(listen())
        await asyncio.sleep(0.2)
        await asyncio.to_thread(tail.close)
        return await asyncio.wait_for(listening, 10)

    assert asyncio.run(both()) == 0


def test_a_tail_that_cannot_read_the_ledger_for_a_while_goes_on_afterwards(
    ledger: Ledger, committer: Committer, owner: Connection[Any]
) -> None:
    tail = Tail(ledger)

    async def hear_through_trouble() -> list[DescribedRow]:
        hearing = asyncio.create_task(hear(tail, 0, 2))
        await asyncio.to_thread(wait_until, lambda: tail.routine.life.state == "running")
        owner.execute("alter table ledger_head rename to ledger_head_elsewhere")
        assert await asyncio.to_thread(wait_until, lambda: tail.routine.life.state == "pausing")
        assert "UndefinedTable" in str(tail.routine.life.reason) or "ledger_head" in str(tail.routine.life.reason)
        owner.execute("alter table ledger_head_elsewhere rename to ledger_head")
        await asyncio.to_thread(register, committer, 2, "o")
        return await hearing

    heard = asyncio.run(hear_through_trouble())
    assert [event.position for event in heard] == [1, 2]
    assert tail.routine.life.is_well
    tail.close()


def test_a_listener_for_whom_there_is_no_thread_is_told_and_the_next_one_hears(
    ledger: Ledger, committer: Committer, monkeypatch: pytest.MonkeyPatch
) -> None:
    tail = Tail(ledger)
    tail.routine.attempts.pauses = Pauses(first_s=0.0)

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with pytest.raises(NotStarted):
        asyncio.run(hear(tail, 0, 1))
    monkeypatch.undo()
    register(committer, 1, "o")
    assert [event.position for event in asyncio.run(hear(tail, 0, 1))] == [1]
    tail.close()
