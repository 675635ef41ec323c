"""Two services on one ledger: each decides on what it knows, and misses nothing that the other recorded meanwhile."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from psycopg import Connection

import service.storing.streams
from domain.errors import Invalid, Rejected
from service.recording.committer import Committer
from service.storing.ledger import Ledger
from tests.service.purchases import (
    Event,
    amendment,
    appends_wait,
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
)


@pytest.fixture
def other(database: str) -> Iterator[Committer]:
    """The writer of another service on the same ledger."""
    ledger = Ledger(database)
    committer = Committer(ledger)
    yield committer
    committer.close()
    ledger.close()


def give_back(order_id: str, quantity: str) -> Event:
    """Chips of an order go back."""
    data = {"order_id": order_id, "returns": [{"line": "1", "quantity": quantity}]}
    return {"type": "goods-returned", "effective_on": "2023-10-31", "data": data}


def race(
    one: Committer, other: Committer, owner: Connection[Any], conninfo: str, ours: Event, theirs: Event
) -> list[BaseException | None]:
    """Have both decide before either records; what each was refused for."""
    with head_held(conninfo):
        futures = [one.submit(read([ours])), other.submit(read([theirs]))]
        assert appends_wait(owner, 2)
    return [future.exception() for future in futures]


def test_of_two_that_register_one_order_exactly_one_wins(
    committer: Committer, other: Committer, ledger: Ledger, owner: Connection[Any], database: str
) -> None:
    record(committer, *market())
    refused = race(committer, other, owner, database, order("po-1", "100"), order("po-1", "200"))
    assert [type(refusal) for refusal in refused if refusal is not None] == [Rejected]
    assert [event["stream"] for event in events(ledger)[3:]] == ["order/po-1"]


def test_goods_that_came_once_go_back_once(
    committer: Committer, other: Committer, ledger: Ledger, owner: Connection[Any], database: str
) -> None:
    record(committer, *market(), order("po-1"), receipt("po-1", "5"))
    record(other, note("of-baidu", "both know the order"))
    record(committer, note("of-baidu", "both know the order"))
    refused = race(committer, other, owner, database, give_back("po-1", "3"), give_back("po-1", "3"))
    (refusal,) = (refusal for refusal in refused if refusal is not None)
    assert str(refusal) == "/data/returns/0/quantity: 6 returned of line 1, 5 received"
    assert [event["type"] for event in events(ledger)].count("goods-returned") == 1


def test_one_event_sent_to_both_is_recorded_once(
    committer: Committer, other: Committer, ledger: Ledger, owner: Connection[Any], database: str
) -> None:
    sent = organization("baidu", id="of-baidu")
    with head_held(database):
        futures = [committer.submit(read([sent])), other.submit(read([sent]))]
        assert appends_wait(owner, 2)
    receipts = [future.result() for future in futures]
    assert sorted(receipt.recorded for receipt in receipts) == [0, 1]
    assert receipts[0].events == receipts[1].events
    assert len(stored(ledger)) == 1


def test_in_a_long_race_every_order_has_one_winner(committer: Committer, other: Committer, ledger: Ledger) -> None:
    record(committer, *market())
    names = [f"po-{n}" for n in range(40)]

    def place(committer: Committer) -> set[str]:
        won = set()
        for name in names:
            try:
                record(committer, order(name), amendment(name, "-1"))
                won.add(name)
            except Rejected:
                pass
        return won

    with ThreadPoolExecutor(4) as pool:
        won = list(pool.map(place, (committer, other, committer, other)))
    assert sorted(name for names in won for name in names) == sorted(names)
    assert sorted(event["stream"] for event in events(ledger)[3:]) == sorted(f"order/{name}" for name in names * 2)


def test_what_one_registers_the_other_can_name_at_once(committer: Committer, other: Committer) -> None:
    with pytest.raises(Invalid, match="unknown organization huawei"):
        record(other, product("910b"))
    record(committer, organization("huawei", id="of-huawei"))
    record(other, product("910b"))
    record(committer, note("of-huawei", "maker of the 910B"), organization("baidu"))
    record(other, order("po-1"))
    with pytest.raises(Rejected, match="order/po-1 is registered already"):
        record(committer, order("po-1"))


def test_what_one_takes_off_an_order_the_other_knows(
    committer: Committer, other: Committer, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service.storing.streams, "FURTHEST_BEHIND", 3)
    record(committer, *market(), order("po-1", "1000"))
    for turn in range(10):
        # Now within what a service reads up on, now beyond it.
        between = [note("of-baidu", f"note {n}") for n in range(turn)]
        record((committer, other)[turn % 2], *between, amendment("po-1", "-100"))
    for writer in (committer, other):
        with pytest.raises(Rejected, match=r"-1 takes the quantity of line 1 \(0\) below zero"):
            record(writer, amendment("po-1", "-1"))
    assert [event.version for event in ledger.history("order/po-1")] == list(range(1, 12))


def test_what_one_retracts_is_gone_for_the_other(committer: Committer, other: Committer) -> None:
    record(committer, *market(), order("po-1", id="of-po-1"), receipt("po-1", "5", id="first"))
    record(other, receipt("po-1", "5"), retraction("first"))
    with pytest.raises(Rejected, match="6 returned of line 1, 5 received"):
        record(committer, give_back("po-1", "6"))
    record(committer, retraction("of-po-1"))
    with pytest.raises(Invalid, match="unknown order po-1"):
        record(other, receipt("po-1", "5"))
    record(other, order("po-1", "7"))
    with pytest.raises(Rejected, match=r"takes the quantity of line 1 \(7\) below zero"):
        record(committer, amendment("po-1", "-8"))
