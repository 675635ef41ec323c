"""Group commit: commands recorded together, each by itself acknowledged or refused."""

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from psycopg import Connection

import service.recording.waiting
from domain.errors import Invalid, Refusal, Rejected
from domain.events import LARGEST_EVENT_BYTES
from service.recording.committer import Committer
from service.recording.receipts import CommandReceipt
from service.recording.waiting import Busy, RecordingUnavailable
from service.storing.ledger import Ledger
from tests.service.purchases import (
    Event,
    amendment,
    appends_wait,
    cancellation,
    events,
    head_held,
    market,
    note,
    order,
    organization,
    product,
    read,
    receipt,
    record,
    retraction,
    stored,
    submit_together,
)


def transactions(owner: Connection[Any]) -> int:
    """How many transactions recorded what is there."""
    row = owner.execute("select count(distinct xmin::text) from ledger_events").fetchone()
    assert row is not None
    return int(row[0])


def refusal_of(future: "Future[CommandReceipt]") -> Refusal:
    refusal = future.exception()
    assert isinstance(refusal, Refusal)
    return refusal


# Groups


def test_writers_that_come_together_share_a_transaction(
    committer: Committer, ledger: Ledger, database: str, owner: Connection[Any]
) -> None:
    record(committer, *market())
    commands = [read([order(f"po-{n}", id=f"of-po-{n}")]) for n in range(64)]
    with head_held(database), ThreadPoolExecutor(16) as pool:
        futures = list(pool.map(committer.submit, commands))
    receipts = [future.result() for future in futures]
    assert [receipt.events[0].id for receipt in receipts] == [f"of-po-{n}" for n in range(64)]
    assert sorted(receipt.events[0].position for receipt in receipts) == list(range(4, 68))
    # The market's, that of the first to come, and that of all who came while it waited.
    assert transactions(owner) <= 3
    assert len(stored(ledger)) == 67


def test_what_an_earlier_command_of_the_group_recorded_can_be_built_on(
    committer: Committer, ledger: Ledger, database: str, owner: Connection[Any]
) -> None:
    futures = submit_together(committer, owner, database, market(), [order("po-1")], [amendment("po-1", "-100")])
    assert [placed.position for future in futures for placed in future.result().events] == [2, 3, 4, 5, 6]
    assert transactions(owner) == 2
    assert [event.version for event in ledger.history("order/po-1")] == [1, 2]


def test_a_refused_command_leaves_the_others_of_its_group_alone(
    committer: Committer, ledger: Ledger, database: str, owner: Connection[Any]
) -> None:
    record(committer, *market())
    before, refused, after = submit_together(
        committer,
        owner,
        database,
        [order("po-1", "100")],
        [order("po-2"), amendment("po-1", "-40"), amendment("po-1", "-100"), order("po-3")],
        [amendment("po-1", "-60"), organization("tencent")],
    )
    assert before.result().recorded == 1
    assert refusal_of(refused).index == 2
    assert str(refused.exception()) == ("/data/changes/0/quantity: -100 takes the quantity of line 1 (60) below zero")
    # The amendment by -40 went with its command, so that one by -60 leaves 40.
    assert after.result().recorded == 2
    assert [event["stream"] for event in events(ledger)[4:]] == ["order/po-1", "order/po-1", "organization/tencent"]
    record(committer, amendment("po-1", "-40"))
    with pytest.raises(Rejected):
        record(committer, amendment("po-1", "-1"))


def test_what_a_refused_command_would_have_recorded_is_not_there_for_the_next(
    committer: Committer, ledger: Ledger, database: str, owner: Connection[Any]
) -> None:
    record(committer, *market())
    taken = organization("baidu")
    refused, next_one = submit_together(committer, owner, database, [product("a800", id="a"), taken], [note("a", "?")])
    assert isinstance(refusal_of(refused), Rejected)
    assert str(refused.exception()) == "/data/organization_id: organization/baidu is registered already"
    assert isinstance(refusal_of(next_one), Invalid)
    assert len(stored(ledger)) == 4


def test_a_group_of_nothing_but_refusals_and_replays_records_nothing(
    committer: Committer, ledger: Ledger, database: str, owner: Connection[Any]
) -> None:
    record(committer, *market())
    futures = submit_together(
        committer, owner, database, [organization("baidu")], market(), [order("po-1"), organization("huawei")]
    )
    assert [refusal_of(futures[n]).index for n in (0, 2)] == [0, 1]
    assert [placed.position for placed in futures[1].result().events] == [1, 2, 3]
    assert len(stored(ledger)) == 4


def test_a_command_larger_than_a_group_is_recorded_in_one_transaction(
    committer: Committer, ledger: Ledger, owner: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.recording.waiting, "GROUP_EVENTS", 2)
    assert record(committer, *market(), order("po-1")).recorded == 4
    assert transactions(owner) == 1


def test_commands_that_make_a_group_too_large_wait_for_the_next_in_their_order(
    committer: Committer, ledger: Ledger, database: str, owner: Connection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.recording.waiting, "GROUP_EVENTS", 4)
    commands = [market(), [order("po-1"), amendment("po-1", "-1")], [amendment("po-1", "-2")], [order("po-2")]]
    futures = submit_together(committer, owner, database, *commands)
    assert [placed.position for future in futures for placed in future.result().events] == [2, 3, 4, 5, 6, 7, 8]
    assert transactions(owner) == 3


# Batches


def mixed(cycles: int) -> list[Event]:
    """Ten events a cycle, of every sort, each with an id and building on those before."""
    sent: list[Event] = []
    for n in range(cycles):
        ours, theirs = f"po-{n}", f"po-{n}-b"
        sent += [
            organization(f"vendor-{n}", id=f"v{n}"),
            product(f"chip-{n}", f"vendor-{n}", id=f"p{n}"),
            order(ours, id=f"a{n}"),
            order(theirs, "10", id=f"b{n}"),
            amendment(ours, "-600", id=f"c{n}"),
            receipt(ours, "333", id=f"d{n}"),
            receipt(ours, "667", id=f"e{n}"),
            note(f"d{n}", "counted twice: 芯片", id=f"f{n}"),
            retraction(f"b{n}", id=f"g{n}"),
            cancellation(ours, effective_on="2023-09-30", id=f"h{n}"),
        ]
    return sent


def test_ten_thousand_mixed_events_are_one_command(
    committer: Committer, ledger: Ledger, owner: Connection[Any]
) -> None:
    record(committer, *market())
    sent = mixed(1_000)
    answer = record(committer, *sent)
    assert answer.recorded == 10_000
    assert [placed.id for placed in answer.events] == [event["id"] for event in sent]
    assert [placed.position for placed in answer.events] == list(range(4, 10_004))
    assert transactions(owner) == 2
    again = record(committer, *sent)
    assert (again.replayed, again.events) == (True, answer.events)
    assert len(stored(ledger)) == 10_003


def test_a_thousand_events_with_one_that_is_refused_record_nothing(committer: Committer, ledger: Ledger) -> None:
    record(committer, *market())
    sent = mixed(100)
    sent[777:777] = [receipt("po-76", "1", effective_on="2023-10-01", id="late")]
    with pytest.raises(
        Rejected, match="received from 2023-10-01 on, after po-76 was cancelled on 2023-09-30"
    ) as refused:
        record(committer, *sent)
    assert refused.value.index == 777
    assert len(stored(ledger)) == 3
    del sent[777]
    assert record(committer, *sent).recorded == 1_000


# Sizes


def note_of(event_id: str, size: int, ledger: Ledger, committer: Committer) -> str:
    """A text that makes the next note on an event, under an id of one character, take exactly so many bytes."""
    record(committer, note(event_id, "芯", id="0"))
    smallest = len(stored(ledger)[-1]) - len("芯".encode())
    text = "芯" * ((size - smallest) // 3)
    return text + "x" * (size - smallest - len(text.encode()))


def test_the_largest_event_that_fits_is_recorded_and_one_byte_more_is_not(committer: Committer, ledger: Ledger) -> None:
    record(committer, organization("baidu", id="of-baidu"))
    text = note_of("of-baidu", LARGEST_EVENT_BYTES, ledger, committer)
    record(committer, note("of-baidu", text, id="1"))
    assert len(stored(ledger)[-1]) == 65_535
    with pytest.raises(Invalid, match="the event takes 65536 bytes, more than 65535"):
        record(committer, note("of-baidu", text + "x", id="2"))
    assert len(stored(ledger)) == 3


def test_an_event_that_is_too_large_refuses_its_command_and_what_builds_on_it_alone(
    committer: Committer, ledger: Ledger, database: str, owner: Connection[Any]
) -> None:
    record(committer, *market())
    huge = organization("tencent", id="huge")
    huge["data"]["name"] = "T" * 70_000
    large = note("of-baidu", "n" * 66_000)
    futures = submit_together(
        committer,
        owner,
        database,
        [order("po-1")],
        [organization("alibaba"), huge],
        [product("hunyuan", "tencent")],
        [order("po-2"), large],
        [amendment("po-1", "-1"), organization("bytedance")],
    )
    assert [future.exception() is None for future in futures] == [True, False, False, False, True]
    assert [refusal_of(futures[n]).index for n in (1, 3)] == [1, 1]
    assert str(futures[2].exception()) == "/data/vendor_id: unknown organization tencent"
    assert [event["stream"] for event in events(ledger)[4:]] == [
        "order/po-1",
        "order/po-1",
        "organization/bytedance",
    ]
    assert record(committer, organization("alibaba"), organization("tencent", id="huge")).recorded == 2


# The queue


def test_more_than_may_wait_is_refused_at_once(ledger: Ledger, database: str, owner: Connection[Any]) -> None:
    committer = Committer(ledger, waiting_commands=2)
    with head_held(database):
        futures = [committer.submit(read([organization("baidu")]))]
        assert appends_wait(owner)
        futures += [committer.submit(read([organization(name)])) for name in ("huawei", "nvidia")]
        with pytest.raises(Busy, match="2 requests wait to be recorded"):
            committer.submit(read([organization("tencent")]))
    assert [future.result().recorded for future in futures] == [1, 1, 1]
    assert record(committer, organization("tencent")).recorded == 1
    committer.close()


def test_a_command_that_is_called_off_in_time_is_not_recorded_and_disturbs_nobody(
    committer: Committer, ledger: Ledger, database: str, owner: Connection[Any]
) -> None:
    with head_held(database):
        taken = committer.submit(read([organization("baidu")]))
        assert appends_wait(owner)
        called_off = committer.submit(read([organization("huawei")]))
        waiting = committer.submit(read([organization("nvidia")]))
        assert called_off.cancel()
        assert not taken.cancel()
    assert (taken.result().recorded, waiting.result().recorded) == (1, 1)
    assert [event["stream"] for event in events(ledger)] == ["organization/baidu", "organization/nvidia"]


def test_what_was_accepted_is_recorded_before_the_end(ledger: Ledger, database: str, owner: Connection[Any]) -> None:
    committer = Committer(ledger)
    with ThreadPoolExecutor(1) as pool:
        with head_held(database):
            futures = [committer.submit(read([organization("baidu")]))]
            assert appends_wait(owner)
            futures += [committer.submit(read([organization(f"vendor-{n}")])) for n in range(50)]
            closing = pool.submit(committer.close)
        closing.result()
    assert [future.result().events[0].position for future in futures] == list(range(1, 52))
    with pytest.raises(RecordingUnavailable, match="the ledger is shutting down"):
        record(committer, organization("huawei"))


def test_no_command_is_left_without_an_answer_by_the_end(ledger: Ledger) -> None:
    for turn in range(20):
        committer = Committer(ledger)

        def submit(name: str, committer: Committer = committer) -> "Future[CommandReceipt] | None":
            try:
                return committer.submit(read([organization(name)]))
            except RecordingUnavailable:
                return None

        with ThreadPoolExecutor(4) as pool:
            submitted = [pool.submit(submit, f"vendor-{turn}-{n}") for n in range(8)]
            committer.close()
        futures = [done.result() for done in submitted]
        assert all(future.done() for future in futures if future is not None)
    answered = sum(future is not None for future in futures)
    assert len(stored(ledger)) >= answered
