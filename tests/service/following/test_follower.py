"""Projections that follow the ledger: every event, in order, once, whatever is lost on the way."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from psycopg import Connection

import service.following.follower
from projections.engine import Projection, UnknownEvent, batch_of
from service.following.follower import Follower, Lagging, Stopped
from service.recording.committer import Committer
from service.storing.ledger import Ledger
from tests.service.postgres_owner import wait_until
from tests.service.purchases import (
    amendment,
    events,
    insert_directly,
    market,
    order,
    organization,
    receipt,
    record,
    stored,
)


@contextmanager
def following(ledger: Ledger, projection: Projection) -> Iterator[Follower]:
    """A follower at work, in the block."""
    follower = Follower(ledger, projection)
    follower.start()
    try:
        yield follower
    finally:
        follower.close()


def at_once(ledger: Ledger) -> dict[str, str]:
    """The digest of a projection that reads the whole ledger as one batch."""
    with Projection.open() as projection:
        projection.apply(batch_of(ledger.recorder.rows_after(0, 1_000_000)))
        return projection.digest()


def listeners(owner: Connection[Any]) -> list[int]:
    """The server processes of connections that listen to this database's ledger."""
    query = "select pid from pg_stat_activity where datname = current_database() and query = 'listen ledger_events'"
    return [pid for (pid,) in owner.execute(query)]


def page_through(ledger: Ledger, until: int) -> list[bytes]:
    """Tail the ledger in small pages, as a plain reader does, up to a position; the bytes of all that was seen."""
    seen: list[bytes] = []
    position = 0
    while position < until:
        for row in ledger.recorder.rows_after(position, 7):
            seen.append(row.state)
            position = row.position
    return seen


def test_eight_writers_and_eight_readers_agree_on_every_event(
    committer: Committer, ledger: Ledger, database: str
) -> None:
    turns, per_turn = 6, 3
    record(committer, *market())
    last = 3 + 8 * turns * per_turn
    seen: list[list[bytes]] = []

    def write(committer: Committer, writer: int) -> None:
        for turn in range(turns):
            name = f"po-{writer}-{turn}"
            record(committer, order(name, id=f"of-{name}"), receipt(name, "7"), amendment(name, "-9"))

    with ExitStack() as stack:
        other_ledger = Ledger(database)
        stack.callback(other_ledger.close)
        other = Committer(other_ledger)
        stack.callback(other.close)
        followers = []
        for n in range(4):
            projection = stack.enter_context(Projection.open())
            followers.append(stack.enter_context(following((ledger, other_ledger)[n % 2], projection)))
        readers = [threading.Thread(target=lambda: seen.append(page_through(other_ledger, last))) for _ in range(4)]
        writers = [threading.Thread(target=write, args=((committer, other)[n % 2], n)) for n in range(8)]
        for thread in readers + writers:
            thread.start()
        for thread in writers + readers:
            thread.join()
        for follower in followers:
            follower.wait_for(last, 30)
        digests = [follower.projection.digest() for follower in followers]
        positions = [follower.position for follower in followers]
    every = stored(ledger)
    assert len(every) == last
    assert seen == [every] * 4
    assert positions == [last] * 4
    assert digests == [at_once(ledger)] * 4


def test_what_another_service_records_is_followed_by_notification_alone(
    committer: Committer, ledger: Ledger, owner: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.following.follower, "POLL_S", 3600)
    with Projection.open() as projection, following(ledger, projection) as follower:
        assert wait_until(lambda: len(listeners(owner)) == 1)
        record(committer, *market())
        assert wait_until(lambda: follower.position == 3)


def test_what_another_service_records_is_followed_without_any_notification(
    committer: Committer, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.following.follower, "CHANNEL", "a_channel_nobody_notifies")
    with Projection.open() as projection, following(ledger, projection) as follower:
        record(committer, *market())
        assert wait_until(lambda: follower.position == 3)


def test_a_listener_whose_connection_is_ended_listens_again(
    committer: Committer, ledger: Ledger, owner: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.following.follower, "RECONNECT_S", 0.05)
    with Projection.open() as projection, following(ledger, projection) as follower:
        assert wait_until(lambda: len(listeners(owner)) == 1)
        (lost,) = listeners(owner)
        owner.execute("select pg_terminate_backend(%s)", (lost,))
        record(committer, *market())
        assert wait_until(lambda: follower.position == 3)
        assert wait_until(lambda: listeners(owner) not in ([], [lost]))
        record(committer, order("po-1"))
        assert wait_until(lambda: follower.position == 4)


def test_following_goes_on_when_every_connection_was_ended(
    committer: Committer, ledger: Ledger, owner: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.following.follower, "RECONNECT_S", 0.05)
    with Projection.open() as projection, following(ledger, projection) as follower:
        for name in ("baidu", "huawei"):
            record(committer, organization(name))
            owner.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid()"
            )
        record(committer, organization("nvidia"))
        follower.wait_for(3, 30)
        assert follower.failure is None


# Waiting


def test_waiting_for_a_position_returns_once_it_is_reached(committer: Committer, ledger: Ledger) -> None:
    with Projection.open() as projection, following(ledger, projection) as follower:
        follower.wait_for(0, 0)
        threading.Timer(0.1, record, (committer, *market())).start()
        follower.wait_for(3, 30)
        assert follower.position == 3


def test_waiting_for_what_does_not_come_ends_with_how_far_it_got(committer: Committer, ledger: Ledger) -> None:
    record(committer, *market())
    with Projection.open() as projection, following(ledger, projection) as follower:
        follower.wait_for(3, 30)
        with pytest.raises(Lagging, match="the projection is at 3, not yet at 4"):
            follower.wait_for(4, 0.01)


def test_catching_up_reads_page_after_page_and_says_how_far_it_is(
    committer: Committer, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.following.follower, "PAGE_EVENTS", 2)
    record(committer, *market(), order("po-1"), receipt("po-1", "1600"))
    told: list[tuple[int, int]] = []
    with Projection.open() as projection:
        Follower(ledger, projection).catch_up(lambda position, head: told.append((position, head)))
        assert told == [(2, 5), (4, 5), (5, 5)]
        assert projection.digest() == at_once(ledger)


# An event that cannot be read


def test_an_unknown_event_stops_the_projection_before_it_and_says_so_to_all_who_wait(
    committer: Committer, ledger: Ledger, owner: Connection[Any]
) -> None:
    record(committer, *market())
    with Projection.open() as projection, following(ledger, projection) as follower:
        follower.wait_for(3, 30)
        later = {"position": 4, "id": "of-tomorrow", "version": 2, "recorded_at": "2038-01-19T03:14:07.000000Z"}
        insert_directly(owner, events(ledger)[-1] | later | {"type": "product-dreamt-of"})
        for _ in range(2):
            with pytest.raises(Stopped, match="position 4: event type 'product-dreamt-of' with v '1' is not known"):
                follower.wait_for(4, 30)
        assert isinstance(follower.failure, UnknownEvent)
        assert (follower.position, projection.position) == (3, 3)
        assert projection.event("of-tomorrow") is None
        # What was reached before is answered.
        follower.wait_for(3, 0)
