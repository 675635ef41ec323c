"""Connections that are lost while an event is recorded: it is recorded once, or the caller is told."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from psycopg import Connection

from domain.errors import Corrupt
from service.recording.committer import Committer
from service.recording.waiting import RecordingUnavailable
from service.storing.ledger import Ledger
from tests.service.purchases import (
    amendment,
    appends_wait,
    events,
    head_held,
    insert_directly,
    market,
    note,
    order,
    organization,
    read,
    record,
    stored,
)
from tests.service.wire import Lost, Wire, wire_to


@pytest.fixture
def wire(database: str) -> Iterator[tuple[Wire, str]]:
    """A wire to this test's database, and the connection string that leads through it."""
    with tempfile.TemporaryDirectory(prefix="wire-") as folder, wire_to(database, Path(folder)) as found:
        yield found


@pytest.mark.parametrize("lost", get_args(Lost))
@pytest.mark.parametrize("others", [0, 2], ids=["alone", "with others between"])
def test_a_connection_lost_while_committing_records_once(
    wire: tuple[Wire, str], committer: Committer, ledger: Ledger, lost: Lost, others: int
) -> None:
    record(committer, *market())
    through_wire = Ledger(wire[1])
    remote = Committer(through_wire)
    record(remote, order("po-1"))
    for n in range(others):
        record(committer, note("of-baidu", f"note {n}"))
    wire[0].break_at_next_commit(lost)
    # Nothing names these events but the ledger: only it can tell that they are recorded already.
    answer = record(remote, amendment("po-1", "-1"), order("po-2"))
    assert wire[0].breaks == 1
    assert [placed.position for placed in answer.events] == [others + 5, others + 6]
    assert [(event["id"], event["type"]) for event in events(ledger)[others + 4 :]] == [
        (answer.events[0].id, "order-amended"),
        (answer.events[1].id, "order-placed"),
    ]
    assert record(remote, amendment("po-1", "-1")).events[0].version == 3
    remote.close()
    through_wire.close()


def test_an_append_whose_connection_is_ended_by_the_server_is_tried_again(
    committer: Committer, ledger: Ledger, owner: Connection[Any], database: str
) -> None:
    with head_held(database):
        future = committer.submit(read(market()))
        assert appends_wait(owner)
        ended = owner.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and wait_event_type = 'Lock'"
        )
        assert ended.fetchall() == [(True,)]
    assert [placed.position for placed in future.result().events] == [1, 2, 3]
    assert len(stored(ledger)) == 3


def test_every_connection_of_a_service_may_be_ended_between_two_events(
    committer: Committer, owner: Connection[Any]
) -> None:
    for name in ("baidu", "huawei", "nvidia"):
        record(committer, organization(name))
        owner.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
    assert record(committer, organization("tencent")).events[0].position == 4


def test_a_database_that_stays_out_of_reach_is_said_to_be(wire: tuple[Wire, str], ledger: Ledger) -> None:
    through_wire = Ledger(wire[1])
    through_wire.recorder.datastore.pool.timeout = 0.2
    remote = Committer(through_wire, patience_s=0.5)
    record(remote, organization("baidu"))
    wire[0].close()
    with pytest.raises(RecordingUnavailable, match="PostgreSQL cannot be reached"):
        record(remote, organization("huawei"))
    remote.close()
    through_wire.close()
    assert len(stored(ledger)) == 1


def test_nothing_is_decided_on_an_event_that_cannot_be_read(
    committer: Committer, ledger: Ledger, owner: Connection[Any]
) -> None:
    record(committer, *market())
    later = {"position": 4, "id": "of-tomorrow", "version": 2, "recorded_at": "2038-01-19T03:14:07.000000Z"}
    insert_directly(owner, events(ledger)[-1] | later | {"type": "product-dreamt-of"})
    with pytest.raises(Corrupt, match="position 4: unknown event type 'product-dreamt-of'"):
        record(committer, order("po-1"))
    assert len(stored(ledger)) == 4
