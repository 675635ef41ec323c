"""Delivery of events: in order, signed, again after failures, from where it was."""

import json
from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import Any

import pytest
from psycopg import Connection
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from service.recording.committer import Committer
from service.storing.ledger import Ledger
from service.webhooks.delivery import AT_ONCE, AT_ONCE_PER_HOST, NO_ANSWER, WAITS_S, Deliveries
from service.webhooks.registry import Due, WebhookRegistry
from tests.service.postgres_owner import wait_until
from tests.service.storing.test_tail import register
from tests.service.webhooks.receiving import Receiver, receiving
from tests.service.webhooks.test_exchange import listening, trickling

SOON = (0.01, 0.01, 0.01)
#: Where the receivers of these tests are.
HERE = (IPv4Network("127.0.0.0/8"),)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Who is told."""
    with receiving() as opened:
        yield opened


@pytest.fixture
def webhooks(ledger: Ledger) -> WebhookRegistry:
    """The webhooks of the test's ledger."""
    return WebhookRegistry(ledger.recorder.datastore)


@pytest.fixture
def deliveries(ledger: Ledger) -> Iterator[Deliveries]:
    """A worker that does not wait long between attempts."""
    worker = Deliveries(ledger, "daybook", waits_s=SOON, networks=HERE)
    worker.start()
    yield worker
    worker.close()


def ids_upto(ledger: Ledger) -> list[str]:
    """The ids of all events."""
    return [json.loads(row.state)["id"] for row in ledger.recorder.rows_after(0, 10_000)]


def test_every_event_is_delivered_once_in_order_and_signed(
    ledger: Ledger, committer: Committer, webhooks: WebhookRegistry, deliveries: Deliveries, receiver: Receiver
) -> None:
    made = webhooks.create(receiver.url, (), (), 0)
    register(committer, 250, "o")
    deliveries.wake()
    assert wait_until(lambda: webhooks.find(made.id).position == 250, 30)
    assert receiver.ids == ids_upto(ledger)
    for headers, body in receiver.came[:3]:
        assert headers["content-type"] == "application/cloudevents+json"
        event = Verifier(made.secret).verify(body, headers)
        assert event["type"] == "daybook.organization-registered"
    headers, body = receiver.came[0]
    with pytest.raises(WebhookVerificationError):
        Verifier(made.secret).verify(body.replace(b"One", b"Two"), headers)
    stored = ledger.recorder.rows_after(0, 1)[0].state
    assert b'"data":' + stored in body


def test_only_what_is_wanted_is_delivered(
    committer: Committer, webhooks: WebhookRegistry, deliveries: Deliveries, receiver: Receiver
) -> None:
    made = webhooks.create(receiver.url, (), ("organization/o3", "organization/o40"), 0)
    other = webhooks.create(receiver.url, ("product-registered",), (), 0)
    register(committer, 50, "o")
    deliveries.wake()
    assert wait_until(lambda: {webhooks.find(one.id).position for one in (made, other)} == {50}, 30)
    assert [json.loads(body)["subject"] for _, body in receiver.came] == ["organization/o3", "organization/o40"]
    assert webhooks.find(other.id).last_delivered_at is None


def test_after_a_failure_the_same_event_comes_again_and_none_is_left_out(
    ledger: Ledger, committer: Committer, webhooks: WebhookRegistry, deliveries: Deliveries, receiver: Receiver
) -> None:
    receiver.answer = lambda number: (500 if number in (3, 4) else 200, {})
    made = webhooks.create(receiver.url, (), (), 0)
    register(committer, 5, "o")
    deliveries.wake()
    assert wait_until(lambda: webhooks.find(made.id).position == 5, 30)
    ids = ids_upto(ledger)
    assert receiver.ids == [*ids[:3], ids[2], ids[2], *ids[3:]]
    assert (webhooks.find(made.id).failures, webhooks.find(made.id).last_error) == (0, None)


def test_it_is_disabled_after_repeated_failure_and_can_be_resumed(
    committer: Committer, webhooks: WebhookRegistry, deliveries: Deliveries, receiver: Receiver
) -> None:
    receiver.answer = lambda number: (503, {})
    made = webhooks.create(receiver.url, (), (), 0)
    register(committer, 2, "o")
    deliveries.wake()
    assert wait_until(lambda: webhooks.find(made.id).status == "disabled", 30)
    failed = webhooks.find(made.id)
    assert (failed.failures, failed.position, failed.last_error) == (len(SOON) + 1, 0, "position 1: answered 503")
    receiver.answer = lambda number: (200, {})
    webhooks.set_status(made.id, "active")
    deliveries.wake()
    assert wait_until(lambda: webhooks.find(made.id).position == 2, 30)


def test_a_receiver_that_is_gone_is_disabled_at_once(
    committer: Committer, webhooks: WebhookRegistry, deliveries: Deliveries, receiver: Receiver
) -> None:
    receiver.answer = lambda number: (410, {})
    made = webhooks.create(receiver.url, (), (), 0)
    register(committer, 1, "o")
    deliveries.wake()
    assert wait_until(lambda: webhooks.find(made.id).status == "disabled", 30)
    assert len(receiver.came) == 1


def test_a_redirect_is_a_failure_and_is_not_followed(
    committer: Committer, webhooks: WebhookRegistry, deliveries: Deliveries, receiver: Receiver
) -> None:
    with receiving() as elsewhere:
        receiver.answer = lambda number: (307, {"Location": elsewhere.url})
        made = webhooks.create(receiver.url, (), (), 0)
        register(committer, 1, "o")
        deliveries.wake()
        assert wait_until(lambda: webhooks.find(made.id).status == "disabled", 30)
        assert elsewhere.came == []
    assert webhooks.find(made.id).last_error == "position 1: answered 307"


def test_nobody_listening_there_is_a_failure_that_says_so(
    committer: Committer, webhooks: WebhookRegistry, deliveries: Deliveries
) -> None:
    made = webhooks.create("http://127.0.0.1:9/", (), (), 0)
    register(committer, 1, "o")
    deliveries.wake()
    assert wait_until(lambda: webhooks.find(made.id).failures > 0, 30)
    assert webhooks.find(made.id).last_error == f"position 1: {NO_ANSWER}"


def test_it_can_be_told_again_from_a_position(
    ledger: Ledger, committer: Committer, webhooks: WebhookRegistry, deliveries: Deliveries, receiver: Receiver
) -> None:
    made = webhooks.create(receiver.url, (), (), 0)
    register(committer, 4, "o")
    deliveries.wake()
    assert wait_until(lambda: webhooks.find(made.id).position == 4, 30)
    webhooks.set_back(made.id, 2)
    deliveries.wake()
    assert wait_until(lambda: len(receiver.came) == 6, 30)
    ids = ids_upto(ledger)
    assert receiver.ids == [*ids, *ids[2:]]


def test_after_a_restart_it_goes_on_where_it_was(
    ledger: Ledger, committer: Committer, webhooks: WebhookRegistry, receiver: Receiver
) -> None:
    made = webhooks.create(receiver.url, (), (), 0)
    for count in (3, 7):
        register(committer, count, f"o{count}-")
        worker = Deliveries(ledger, "daybook", waits_s=SOON, networks=HERE)
        worker.start()
        assert wait_until(lambda: webhooks.find(made.id).position == ledger.recorder.head().position, 30)
        worker.close()
    assert receiver.ids == ids_upto(ledger)


def test_two_workers_deliver_each_event_once(
    ledger: Ledger, committer: Committer, webhooks: WebhookRegistry, deliveries: Deliveries, receiver: Receiver
) -> None:
    other = Deliveries(ledger, "daybook", waits_s=SOON, networks=HERE)
    other.start()
    made = webhooks.create(receiver.url, (), (), 0)
    for part in range(5):
        register(committer, 20, f"o{part}-")
        deliveries.wake()
        other.wake()
    assert wait_until(lambda: webhooks.find(made.id).position == 100, 30)
    other.close()
    assert receiver.ids == ids_upto(ledger)


def test_a_worker_that_died_is_followed_by_another_after_its_lease(
    committer: Committer, webhooks: WebhookRegistry, receiver: Receiver, ledger: Ledger, owner: Connection[Any]
) -> None:
    made = webhooks.create(receiver.url, (), (), 0)
    register(committer, 1, "o")
    assert [one.id for one in webhooks.claim("dead", 3600, 8)] == [made.id]
    assert webhooks.claim("alive", 60, 8) == []
    owner.execute("update webhooks set leased_until = now() - interval '1 second'")
    assert [one.id for one in webhooks.claim("alive", 60, 8)] == [made.id]
    assert not webhooks.delivered(made.id, "dead", 60, 1, sent=True)
    assert webhooks.find(made.id).position == 0


def test_a_new_secret_signs_beside_the_one_before(
    committer: Committer, webhooks: WebhookRegistry, deliveries: Deliveries, receiver: Receiver
) -> None:
    made = webhooks.create(receiver.url, (), (), 0)
    rotated = webhooks.rotate(made.id)
    assert rotated.secret != made.secret
    register(committer, 1, "o")
    deliveries.wake()
    assert wait_until(lambda: len(receiver.came) == 1, 30)
    headers, body = receiver.came[0]
    for secret in (made.secret, rotated.secret):
        assert Verifier(secret).verify(body, headers)["subject"] == "organization/o0"


def test_the_receivers_wish_to_wait_is_kept() -> None:
    deliveries = Deliveries.__new__(Deliveries)
    deliveries.waits_s = WAITS_S
    assert deliveries._wait_s(0, None) == pytest.approx(5, rel=0.21)
    assert deliveries._wait_s(0, 60.0) == pytest.approx(60, rel=0.21)
    assert deliveries._wait_s(0, 1e9) == pytest.approx(WAITS_S[-1], rel=0.21)
    assert deliveries._wait_s(len(WAITS_S), None) is None
    assert 2.5 < sum(WAITS_S) / 86_400 < 4


def test_what_is_sent_is_a_cloud_event(
    committer: Committer, webhooks: WebhookRegistry, deliveries: Deliveries, receiver: Receiver
) -> None:
    webhooks.create(receiver.url, (), (), 0)
    register(committer, 1, "o")
    deliveries.wake()
    assert wait_until(lambda: len(receiver.came) == 1, 30)
    headers, body = receiver.came[0]
    event = json.loads(body)
    assert event["specversion"] == "1.0"
    assert (event["subject"], event["source"]) == ("organization/o0", "urn:daybook:ledger:daybook")
    assert headers["webhook-id"] == event["id"]


def test_a_slow_host_does_not_take_the_workers_of_others(
    committer: Committer, webhooks: WebhookRegistry, deliveries: Deliveries, receiver: Receiver
) -> None:
    with listening(trickling) as (port, came):
        for _ in range(AT_ONCE):
            webhooks.create(f"http://127.0.0.2:{port}/", (), (), 0)
        made = webhooks.create(receiver.url, (), (), 0)
        register(committer, 3, "o")
        deliveries.wake()
        assert wait_until(lambda: webhooks.find(made.id).position == 3, 30)
        assert len(came) <= AT_ONCE_PER_HOST


def test_what_a_worker_holds_is_not_claimed_again_though_its_lease_has_run_out(
    committer: Committer, webhooks: WebhookRegistry, deliveries: Deliveries, owner: Connection[Any]
) -> None:
    with listening(trickling) as (port, came):
        webhooks.create(f"http://127.0.0.1:{port}/", (), (), 0)
        register(committer, 1, "o")
        deliveries.wake()
        assert wait_until(lambda: len(came) == 1, 30)
        owner.execute("update webhooks set leased_until = now() - interval '1 second'")
        assert len(webhooks.due("another")) == 1
        deliveries._give_out()
        assert deliveries._claimed.empty()
        assert len(came) == 1


def test_who_waits_longest_comes_first_and_one_host_is_not_all(deliveries: Deliveries) -> None:
    due = [Due(f"slow-{number}", "https://slow.example/") for number in range(20)]
    due += [Due(f"w-{number}", f"https://host-{number}.example/") for number in range(20)]
    first = [one.id for one in deliveries._chosen(due)]
    assert len(first) == AT_ONCE
    assert len([name for name in first if name.startswith("slow")]) == AT_ONCE_PER_HOST
    deliveries._served.update(dict.fromkeys(first, 1.0))
    second = [one.id for one in deliveries._chosen(due)]
    assert not set(first) & set(second)


def test_while_the_database_is_read_only_deliveries_wait_and_go_on_by_themselves(
    ledger: Ledger, committer: Committer, webhooks: WebhookRegistry, receiver: Receiver, owner: Connection[Any]
) -> None:
    def read_only(wanted: str) -> None:
        owner.execute("set default_transaction_read_only = off")
        owner.execute(f"alter database {owner.info.dbname} set default_transaction_read_only = {wanted}".encode())
        owner.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )

    def position() -> int:
        return int(owner.execute("select position from webhooks").fetchall()[0][0])

    webhooks.create(receiver.url, (), (), 0)
    register(committer, 8, "o")
    ids = ids_upto(ledger)
    read_only("on")
    worker = Deliveries(ledger, "daybook", waits_s=SOON, networks=HERE)
    worker.start()
    try:
        assert wait_until(lambda: "read-only" in str(worker._dispatcher.life.reason), 30)
        read_only("off")
        assert wait_until(lambda: position() == 8, 30)
        assert list(dict.fromkeys(receiver.ids)) == ids
        assert wait_until(lambda: worker._dispatcher.life.is_well, 30)
    finally:
        worker.close()
