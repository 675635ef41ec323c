"""Large groups are decided while the one before is recorded, on the presumption that what looks new is new."""

import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_args

import pytest
from psycopg import Connection

import service.recording.groups
import service.recording.waiting
from domain.errors import Conflict, Rejected
from domain.lots import Sent
from domain.merkle import leaf_hash
from domain.plain_orders import read_plain_order, read_plain_orders
from service.codes import codes
from service.recording.commands import Command, Oversized, Withdrawn
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
    read,
    receipt,
    record,
    retraction,
    stored,
)
from tests.service.wire import Lost, Wire, wire_to

#: Events in each group of these tests, all of which are large.
MANY = 6


#: Whether `orders` come as many at once.
SIDE_BY_SIDE = False


@pytest.fixture(autouse=True, params=["one by one", "side by side"])
def _every_group_is_large(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules[__name__], "SIDE_BY_SIDE", request.param == "side by side")
    monkeypatch.setattr(service.recording.groups, "LARGE_GROUP_EVENTS", MANY)
    monkeypatch.setattr(service.recording.waiting, "GROUP_EVENTS", MANY)
    monkeypatch.setattr(service.recording.groups, "PART_EVENTS", 4)
    monkeypatch.setattr(service.recording.groups, "WARY_GROUPS", 2)


def plain(sent: Event) -> Sent:
    """An order as the short road takes it."""
    found = read_plain_order(json.dumps(sent).encode(), codes())
    assert found is not None
    return found


def orders(name: str, many: int = MANY) -> Sequence[Sent]:
    """Plain orders, each under an id."""
    sent = [order(f"{name}-{n}", id=f"of-{name}-{n}") for n in range(many)]
    if not SIDE_BY_SIDE:
        return [plain(one) for one in sent]
    _, read = read_plain_orders([json.dumps(one).encode() for one in sent], codes())
    assert len(read) == many
    return [read]


def recorded_ids(ledger: Ledger, after: int = 3) -> list[str]:
    """The ids of what is recorded, in order."""
    return [event["id"] for event in events(ledger)[after:]]


def ids(*names: str) -> list[str]:
    """The ids of `orders`."""
    return [f"of-{name}-{n}" for name in names for n in range(MANY)]


def send(committer: Committer, *commands: Sequence[Sent]) -> list[Command]:
    """Have commands recorded one behind the other, each only where the one before is."""
    sent: list[Command] = []
    for requests in commands:
        sent.append(Command(requests, "tester", None, after=sent[-1] if sent else None))
        committer.enqueue(sent[-1])
    return sent


def positions(commands: Sequence[Command]) -> list[int]:
    """Where the events of commands stand."""
    return [placed.position for command in commands for placed in command.future.result().events]


def test_groups_are_recorded_in_their_order_without_gaps(committer: Committer, ledger: Ledger) -> None:
    record(committer, *market())
    names = [f"g{n}" for n in range(12)]
    sent = send(committer, *(orders(name) for name in names))
    assert positions(sent) == list(range(4, 4 + 12 * MANY))
    assert recorded_ids(ledger) == ids(*names)
    assert [len(event["actor"]) for event in events(ledger)[3:]] == [len("tester")] * 12 * MANY


def test_what_is_decided_ahead_builds_on_what_is_on_its_way(
    committer: Committer, ledger: Ledger, database: str, owner: Connection[Any]
) -> None:
    record(committer, *market())
    with head_held(database):
        futures = [committer.submit(orders("a"))]
        assert appends_wait(owner)
        futures += [
            committer.submit(read([amendment(f"a-{n}", "-600") for n in range(MANY)])),
            committer.submit(read([receipt(f"a-{n}", "333") for n in range(MANY)])),
            committer.submit(read([note(f"of-a-{n}", "seen") for n in range(MANY)])),
            committer.submit(read([retraction(f"of-a-{n}") for n in range(MANY)])),
            committer.submit(orders("a")),
        ]
    assert [future.result().recorded for future in futures[:4]] == [MANY] * 4
    # Each placing takes its amendment and its receipt along.
    assert futures[4].result().recorded == 3 * MANY
    assert futures[5].result().replayed
    assert [event.version for event in ledger.history("order/a-0")] == [1, 2, 3, 4, 5, 6, 7]


def test_others_that_append_in_between_are_taken_into_account(
    committer: Committer, ledger: Ledger, database: str, owner: Connection[Any]
) -> None:
    record(committer, *market())
    other_ledger = Ledger(database)
    other = Committer(other_ledger)
    with head_held(database):
        ours = send(committer, orders("a"), orders("b"), orders("c"))
        assert appends_wait(owner)
        theirs = other.submit(orders("b"))
    assert positions(ours[:1]) == list(range(4, 10)) or theirs.result().recorded == MANY
    for command in ours:
        command.future.result()
    theirs.result()
    other.close()
    other_ledger.close()
    assert sorted(recorded_ids(ledger)) == sorted(ids("a", "b", "c"))
    assert [event["position"] for event in events(ledger)] == list(range(1, 4 + 3 * MANY))


def test_in_a_race_of_large_groups_nothing_is_lost_or_doubled(
    committer: Committer, ledger: Ledger, database: str
) -> None:
    record(committer, *market())
    other_ledger = Ledger(database)
    other = Committer(other_ledger)
    names = [f"g{n}" for n in range(20)]
    sent = [one.submit(orders(name)) for name in names for one in (committer, other)]
    assert sum(future.result().recorded for future in sent) == 20 * MANY
    other.close()
    other_ledger.close()
    assert sorted(recorded_ids(ledger)) == sorted(ids(*names))
    assert [event["position"] for event in events(ledger)] == list(range(1, 4 + 20 * MANY))


# What was not as new as it looked


def forgetful(committer: Committer) -> None:
    """Have the committer know nothing but what it looks up."""
    committer.cache.forget()


def test_orders_sent_again_are_replayed_though_nobody_remembers_them(committer: Committer, ledger: Ledger) -> None:
    record(committer, *market())
    first = committer.record(orders("a"))
    forgetful(committer)
    again = committer.record(orders("a"))
    assert (again.replayed, again.events) == (True, first.events)
    mixed = committer.record([*orders("b", 3), *orders("a", 3)])
    assert (mixed.recorded, [placed.position for placed in mixed.events]) == (3, [10, 11, 12, 4, 5, 6])
    assert len(stored(ledger)) == 12


def test_an_id_that_is_taken_is_a_conflict_and_an_order_that_stands_is_refused(
    committer: Committer, ledger: Ledger
) -> None:
    record(committer, *market())
    committer.record(orders("a"))
    for wrong, kind, why in (
        (order("new", id="of-a-0"), Conflict, "of-a-0 is recorded already with another data"),
        (order("a-0"), Rejected, "order/a-0 is registered already"),
        (order("a-1", id="of-another"), Rejected, "order/a-1 is registered already"),
    ):
        forgetful(committer)
        with pytest.raises(kind, match=why) as refused:
            committer.record([*orders("b", 5), plain(wrong)])
        assert refused.value.index == 5
    assert recorded_ids(ledger) == ids("a")


def test_registrations_are_presumed_to_be_new_too(committer: Committer, ledger: Ledger) -> None:
    record(committer, *market())
    forgetful(committer)
    more = [organization(f"buyer-{n}") for n in range(MANY - 1)]
    with pytest.raises(Rejected, match="organization/baidu is registered already") as refused:
        record(committer, *more, organization("baidu"))
    assert refused.value.index == MANY - 1
    forgetful(committer)
    assert record(committer, *more, organization("baidu", id="of-baidu")).recorded == MANY - 1
    assert len(stored(ledger)) == 3 + MANY - 1


def test_what_comes_after_something_refused_is_withdrawn(
    committer: Committer, ledger: Ledger, database: str, owner: Connection[Any]
) -> None:
    record(committer, *market())
    with head_held(database):
        sent = send(
            committer, orders("a"), orders("b"), [*orders("c", 5), plain(order("a-0"))], orders("d"), orders("e")
        )
        assert appends_wait(owner)
    assert [type(command.future.exception()) for command in sent] == [
        type(None),
        type(None),
        Rejected,
        Withdrawn,
        Withdrawn,
    ]
    assert recorded_ids(ledger) == ids("a", "b")
    # Who waits for nobody goes on.
    assert committer.record(orders("d")).recorded == MANY


def test_an_event_too_large_in_a_large_group_refuses_its_command_alone(
    committer: Committer, ledger: Ledger, database: str, owner: Connection[Any]
) -> None:
    record(committer, *market())
    large = note("of-baidu", "n" * 66_000)
    with head_held(database):
        futures = [committer.submit(orders("a"))]
        assert appends_wait(owner)
        futures += [committer.submit([*orders("b", 5), *read([large])]), committer.submit(orders("c"))]
    refusal = futures[1].exception()
    assert isinstance(refusal, Oversized)
    assert refusal.index == 5
    assert futures[2].result().recorded == MANY
    assert recorded_ids(ledger) == ids("a", "c")


# Lost connections


@pytest.fixture
def wire(database: str) -> Iterator[tuple[Wire, str]]:
    """A wire to this test's database, and the connection string that leads through it."""
    with tempfile.TemporaryDirectory(prefix="wire-") as folder, wire_to(database, Path(folder)) as found:
        yield found


@pytest.mark.parametrize("lost", get_args(Lost))
def test_a_connection_lost_while_a_large_group_commits_records_it_once(
    wire: tuple[Wire, str], committer: Committer, ledger: Ledger, lost: Lost
) -> None:
    record(committer, *market())
    through_wire = Ledger(wire[1])
    remote = Committer(through_wire)
    remote.record(orders("a"))
    wire[0].break_at_next_commit(lost)
    sent = send(remote, orders("b"), orders("c"), orders("d"))
    assert positions(sent) == list(range(4 + MANY, 4 + 4 * MANY))
    assert wire[0].breaks == 1
    remote.close()
    through_wire.close()
    assert recorded_ids(ledger) == ids("a", "b", "c", "d")


def test_what_was_accepted_is_recorded_before_the_end(ledger: Ledger) -> None:
    committer = Committer(ledger)
    record(committer, *market())
    futures = [committer.submit(orders(f"g{n}")) for n in range(10)]
    committer.close()
    assert [future.result(0).recorded for future in futures] == [MANY] * 10


def test_whoever_is_told_what_was_appended_is_told_in_order(ledger: Ledger) -> None:
    told: list[tuple[int, bytes]] = []
    committer = Committer(ledger, on_append=lambda first, leaves: told.append((first, leaves)))
    record(committer, *market())
    for future in [committer.submit(orders(f"g{n}")) for n in range(5)]:
        future.result()
    committer.close()
    assert b"".join([leaves for _, leaves in told]) == b"".join(map(leaf_hash, stored(ledger)))
    assert [first for first, _ in told] == [1, *range(4, 4 + 5 * MANY, MANY)]
