"""Idempotency keys and expected versions where the ledger is written: connections lost, others faster, groups mixed."""

import hashlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from psycopg import Connection

from domain.errors import Refusal
from service.recording.commands import KeyReused, Moved
from service.recording.committer import Committer
from service.recording.receipts import CommandReceipt, IdempotencyKey
from service.storing.ledger import Ledger
from tests.service.purchases import Event, amendment, appends_wait, events, head_held, market, order, read, record
from tests.service.wire import Lost, Wire, wire_to


def key(name: str = "k-1", what: str = "this") -> IdempotencyKey:
    """A key of the tester's, under which something is sent."""
    return IdempotencyKey("tester", name, hashlib.sha256(what.encode()).digest())


def send(committer: Committer, *sent: Event, key: IdempotencyKey) -> CommandReceipt:
    """Record events under a key."""
    return committer.submit(read(sent), "tester", key=key).result()


@pytest.fixture
def wire(database: str) -> Iterator[tuple[Wire, str]]:
    """A wire to this test's database, and the connection string that leads through it."""
    with tempfile.TemporaryDirectory(prefix="wire-") as folder, wire_to(database, Path(folder)) as found:
        yield found


@pytest.mark.parametrize("lost", get_args(Lost))
def test_a_connection_lost_while_committing_records_a_key_once(
    wire: tuple[Wire, str], committer: Committer, ledger: Ledger, owner: Connection[Any], lost: Lost
) -> None:
    record(committer, *market())
    through_wire = Ledger(wire[1])
    remote = Committer(through_wire)
    record(remote, order("po-1"))
    before = len(events(ledger))
    wire[0].break_at_next_commit(lost)
    first = send(remote, amendment("po-1", "-1"), key=key())
    assert wire[0].breaks == 1
    again = send(committer, amendment("po-1", "-1"), key=key())
    assert (first.recorded, again.replayed) == (1, True)
    assert again.events == first.events
    assert len(events(ledger)) == before + 1
    assert owner.execute("select count(*) from idempotency_keys").fetchone() == (1,)
    remote.close()
    through_wire.close()


def test_commands_of_one_group_may_have_one_key(
    committer: Committer, ledger: Ledger, owner: Connection[Any], database: str
) -> None:
    record(committer, *market(), order("po-1"))
    with head_held(database):
        blocked = committer.submit(read([amendment("po-1", "-1")]))
        assert appends_wait(owner)
        # These wait together, and are decided together.
        same = [committer.submit(read([amendment("po-1", "-2")]), "tester", key=key()) for _ in range(3)]
        other = committer.submit(read([amendment("po-1", "-3")]), "tester", key=key(what="that"))
        refused = committer.submit(read([amendment("po-9", "-1")]), "tester", key=key("k-2"))
        after = committer.submit(read([amendment("po-1", "-4")]), "tester", key=key("k-2", "that"))
    blocked.result()
    answers = [future.result() for future in same]
    assert [answer.replayed for answer in answers] == [False, True, True]
    assert {answer.events for answer in answers} == {answers[0].events}
    with pytest.raises(KeyReused, match="under the key 'k-1' something else was sent before"):
        other.result()
    with pytest.raises(Refusal, match="unknown order po-9"):
        refused.result()
    # What was refused left its key free.
    assert after.result().recorded == 1
    assert [event["data"]["changes"][0]["quantity"] for event in events(ledger)[-3:]] == ["-1", "-2", "-4"]


def test_a_version_is_expected_of_the_stream_as_the_group_leaves_it(
    committer: Committer, owner: Connection[Any], database: str
) -> None:
    record(committer, *market(), order("po-1"))
    at_one = {"order/po-1": frozenset({1})}
    with head_held(database):
        blocked = committer.submit(read([order("po-2")]))
        assert appends_wait(owner)
        futures = [committer.submit(read([amendment("po-1", "-1")]), expected=at_one) for _ in range(3)]
    blocked.result()
    assert futures[0].result().events[0].version == 2
    for future in futures[1:]:
        with pytest.raises(Moved, match="order/po-1 is at version 2, and the version wanted is 1"):
            future.result()


def test_what_is_not_there_is_at_version_0(committer: Committer) -> None:
    record(committer, *market())
    new = {"order/po-1": frozenset({0})}
    assert committer.submit(read([order("po-1")]), expected=new).result().recorded == 1
    with pytest.raises(Moved, match="is at version 1"):
        committer.submit(read([order("po-1")]), expected=new).result()
    with pytest.raises(Moved, match="the version wanted is of another sort"):
        committer.submit(read([amendment("po-1", "-1")]), expected={"order/po-1": frozenset()}).result()
