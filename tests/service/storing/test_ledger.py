"""The ledger as stored: the bytes of events, their positions and instants, and what reads give of them."""

import itertools
import json
import threading
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from eventsourcing.persistence import PersistenceError, ProgrammingError
from psycopg import Connection

from domain.events import Recorded, canonical, instant
from domain.ledger import Batch
from service.recording.committer import Committer
from service.storing.ledger import EventFilter, Ledger
from service.storing.streams import StreamCache
from service.storing.writing import ClockSetBack, Place, Sending, new_identifier, write
from tests.service.postgres_owner import wait_until
from tests.service.purchases import (
    amendment,
    appends_wait,
    events,
    insert_directly,
    market,
    order,
    organization,
    read,
    receipt,
    record,
    stored,
)


def test_an_event_is_stored_in_one_form_to_the_byte(committer: Committer, ledger: Ledger) -> None:
    sent = organization(
        "baidu", id="of-baidu", known_on="2023-09-01", source={"url": "https://例.cn", "citation": "册"}
    )
    sent["data"]["names"] = {"zh": "百度", "en": "Baidu\tInc."}
    committer.record(read([sent]), "recorder-7", "import-1")
    (state,) = stored(ledger)
    recorded_at = json.loads(state)["recorded_at"].encode()
    assert state == (
        b'{"actor":"recorder-7","basis":"reported","correlation_id":"import-1",'
        b'"data":{"country":"CN","name":"Baidu","names":{"en":"Baidu\\tInc.","zh":"' + "百度".encode() + b'"},'
        b'"organization_id":"baidu"},"effective_on":"2023-08-31","id":"of-baidu","known_on":"2023-09-01","position":1,'
        b'"recorded_at":"'
        + recorded_at
        + b'","source":{"citation":"'
        + "册".encode()
        + b'","url":"https://'
        + "例".encode()
        + b'.cn"},"stream":"organization/baidu","type":"organization-registered","v":1,"version":1}'
    )


def test_many_writers_of_two_services_leave_one_order_without_gaps(
    committer: Committer, ledger: Ledger, database: str, owner: Connection[Any]
) -> None:
    record(committer, *market())
    other_ledger = Ledger(database)
    other = Committer(other_ledger)

    def write(committer: Committer, writer: int) -> None:
        for turn in range(10):
            order_id = f"po-{writer}-{turn}"
            record(committer, order(order_id), amendment(order_id, "-100"), receipt(order_id, "500"))

    writers = [threading.Thread(target=write, args=((committer, other)[n % 2], n)) for n in range(8)]
    for thread in writers:
        thread.start()
    for thread in writers:
        thread.join()
    other.close()
    other_ledger.close()
    rows = owner.execute(
        "select notification_id, originator_id, originator_version, topic, event_id, recorded_at, state"
        " from ledger_events order by notification_id"
    ).fetchall()
    assert [row[0] for row in rows] == list(range(1, 3 + 8 * 10 * 3 + 1))
    moments = [row[5] for row in rows]
    assert all(before < after for before, after in itertools.pairwise(moments))
    versions: Counter[str] = Counter()
    for position, stream, version, event_type, identifier, recorded_at, state in rows:
        event = json.loads(state)
        assert canonical(event) == state
        names = ("position", "stream", "version", "type", "id", "recorded_at")
        assert [event[name] for name in names] == [
            position,
            stream,
            version,
            event_type,
            identifier,
            instant(recorded_at),
        ]
        versions[stream] += 1
        assert version == versions[stream]
    head = ledger.recorder.head()
    assert (head.position, head.recorded_at) == (len(rows), moments[-1])


def test_positions_are_given_in_the_order_of_commits_and_seen_only_then(
    committer: Committer, ledger: Ledger, owner: Connection[Any]
) -> None:
    batch = Batch(StreamCache(ledger.recorder), datetime.now(UTC).date(), new_identifier)
    batch.add(read([organization("baidu")]))
    with ledger.recorder.appending() as appending:
        appending.insert(write(map(Sending, batch.drafts), Place.after(appending.head)))
        later = committer.submit(read([organization("huawei")]))
        assert appends_wait(owner)
        assert (ledger.recorder.head().position, stored(ledger), later.done()) == (0, [], False)
    assert [placed.position for placed in later.result().events] == [2]
    assert [event["stream"] for event in events(ledger)] == ["organization/baidu", "organization/huawei"]


def test_an_append_that_breaks_off_uses_up_no_position(committer: Committer, ledger: Ledger) -> None:
    batch = Batch(StreamCache(ledger.recorder), datetime.now(UTC).date(), new_identifier)
    batch.add(read([organization("baidu")]))

    def break_off() -> None:
        with ledger.recorder.appending() as appending:
            appending.insert(write(map(Sending, batch.drafts), Place.after(appending.head)))
            raise EOFError

    with pytest.raises(EOFError):
        break_off()
    assert record(committer, organization("huawei")).events[0].position == 1


# The clock


def ahead(position: int, seconds: int) -> dict[str, Any]:
    """A stored event of so many seconds from now."""
    moment = datetime.fromtimestamp(datetime.now(UTC).timestamp() + seconds, UTC)
    return {
        "type": "organization-registered",
        "id": "of-nvidia",
        "v": 1,
        "position": position,
        "stream": "organization/nvidia",
        "version": 1,
        "recorded_at": instant(moment),
        "effective_on": "2023-08-31",
        "known_on": "2023-08-31",
        "basis": "reported",
        "data": {"organization_id": "nvidia", "name": "Nvidia", "country": "US"},
    }


def test_nothing_is_recorded_while_the_clock_is_far_behind_the_last_event(
    committer: Committer, ledger: Ledger, owner: Connection[Any]
) -> None:
    record(committer, organization("baidu", id="of-baidu"))
    insert_directly(owner, ahead(2, seconds=3600))
    with pytest.raises(ClockSetBack, match=r"the last event was recorded at .*, the database's clock says "):
        record(committer, organization("huawei"))
    assert len(stored(ledger)) == 2
    # What needs no position is answered all the same.
    assert record(committer, organization("baidu", id="of-baidu")).replayed


def test_a_clock_that_is_a_little_behind_is_waited_out_by_microseconds(
    committer: Committer, ledger: Ledger, owner: Connection[Any]
) -> None:
    insert_directly(owner, ahead(1, seconds=30))
    record(committer, *market())
    moments = [datetime.fromisoformat(event["recorded_at"]) for event in events(ledger)]
    assert [(moment - moments[0]).total_seconds() for moment in moments] == [0, 0.000001, 0.000002, 0.000003]


# Reading


def test_pages_are_cut_by_position_type_stream_and_end(committer: Committer, ledger: Ledger) -> None:
    record(committer, *market(), order("po-1"), order("po-2"), amendment("po-1", "-100"))
    every = stored(ledger)
    recorder = ledger.recorder
    assert [row.position for row in recorder.rows_after(2, 2)] == [3, 4]
    assert [row.state for row in recorder.rows_after(4, 10, upto=5)] == every[4:5]
    assert recorder.rows_after(6, 10) == []
    orders = EventFilter(["order-placed", "order-amended"], ["order/po-1"])
    beginnings, of_one = EventFilter(["organization-registered", "order-placed"]), EventFilter(streams=["order/po-1"])
    assert [row.state for row in recorder.rows_after(0, 10, wanted=orders)] == [
        every[3],
        every[5],
    ]
    assert [row.position for row in recorder.rows_after(1, 2, wanted=beginnings)] == [2, 4]
    assert [row.position for row in recorder.rows_after(0, 10, upto=5, wanted=of_one)] == [4]


def test_events_are_found_by_id_and_by_stream(committer: Committer, ledger: Ledger) -> None:
    record(committer, *market(), order("po-1", id="of-po-1"), amendment("po-1", "-100"))
    every = stored(ledger)
    assert ledger.recorder.by_ids(["of-po-1", "of-nobody", "of-baidu"]) == {"of-baidu": every[0], "of-po-1": every[3]}
    assert ledger.recorder.by_streams(["order/po-1", "order/none"]) == {"order/po-1": every[3:]}
    assert [event.version for event in ledger.history("order/po-1")] == [1, 2]


def test_the_library_reads_the_same_events(committer: Committer, ledger: Ledger) -> None:
    record(committer, *market(), order("po-1"), amendment("po-1", "-100"))
    every = stored(ledger)
    assert [notification.state for notification in ledger.notification_log.select(start=1, limit=10)] == every
    assert ledger.recorder.max_notification_id() == 5
    assert [event.state for event in ledger.recorder.select_events("order/po-1")] == every[3:]
    history = [event for event in ledger.events.get("order/po-1") if isinstance(event, Recorded)]
    assert [event.type for event in history] == ["order-placed", "order-amended"]


def test_the_librarys_own_way_of_appending_is_closed(ledger: Ledger) -> None:
    with pytest.raises(ProgrammingError, match=r"appended by LedgerRecorder\.appending"):
        ledger.recorder.insert_events([])


def test_an_append_tells_those_who_listen(committer: Committer, database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute("listen ledger_events")
        record(committer, organization("baidu"))
        assert wait_until(lambda: len(list(connection.notifies(timeout=0.1, stop_after=1))) == 1)


def test_a_connection_that_failed_is_not_used_again(ledger: Ledger, owner: Connection[Any]) -> None:
    name = owner.info.dbname
    datastore = ledger.recorder.datastore

    def asked(statement: str) -> Any:
        with datastore.get_connection() as connection:
            return next(iter((connection.execute(statement.encode()).fetchone() or {"": None}).values()))

    for setting, statement, refused in (
        ("statement_timeout = 20", "select pg_sleep(0.2)", "canceling statement due to statement timeout"),
        ("search_path = nowhere", "select position from ledger_head", 'relation "ledger_head" does not exist'),
    ):
        owner.execute(f"alter database {name} set {setting}".encode())
        owner.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and pid <> pg_backend_pid()",
            (name,),
        )
        assert wait_until(lambda statement=statement, refused=refused: refused in str(_error_of(asked, statement)))
        owner.execute(f"alter database {name} reset {setting.partition(' ')[0]}".encode())
        # Those that began meanwhile are as the database was then: each fails once.
        assert wait_until(lambda statement=statement: all(_error_of(asked, statement) is None for _ in range(5)))


def _error_of(act: Any, *values: Any) -> Exception | None:
    try:
        act(*values)
    except PersistenceError as error:
        return error
    return None
