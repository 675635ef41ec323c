"""Two service processes, each with a home of its own, on one database of the operator's."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg import sql

from service.log.signatures import SigningKey
from service.postgres.embedded import EmbeddedPostgres
from service.storing.ledger import LedgerDatastore
from service.storing.tokens import Tokens
from tests.service.postgres_owner import wait_until
from tests.service.processes import Service, serving
from tests.service.purchases import market, note, order
from tests.service.writers import EVENTS, VIEW, Writers, assert_nothing_lost_or_doubled, recorded

Pair = tuple[Service, Service]


@pytest.fixture(scope="module")
def shared_database(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[str]:
    """A database with an empty ledger, which the tests of this module share."""
    name = sql.Identifier("two_services")
    with psycopg.connect(postgres_server.conninfo_of("postgres"), autocommit=True) as connection:
        template = sql.Identifier(template_database)
        connection.execute(sql.SQL("create database {} template {} strategy file_copy").format(name, template))
        yield postgres_server.conninfo_of("two_services")
        connection.execute(sql.SQL("drop database {} with (force)").format(name))


@pytest.fixture(scope="module")
def pair(shared_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Two services that may both sign the log; what the orders build on is recorded."""
    database, tmp_path = shared_database, tmp_path_factory.mktemp("two-services")
    settings = {"DAYBOOK_DATABASE_URL": database, "DAYBOOK_SIGNING_KEY": SigningKey.generate("daybook").encode()}
    with serving(tmp_path / "first", settings) as first, serving(tmp_path / "second", settings) as second:
        with first.client() as client:
            assert client.post(EVENTS, json=market()).status_code == 201
        yield first, second


def checkpoints(database: str) -> list[tuple[int, bytes]]:
    """Size and root of every checkpoint there is, as they were issued."""
    with psycopg.connect(database) as connection:
        return connection.execute("select size, root from log_checkpoints order by issued_at, size").fetchall()


def test_both_write_at_once_and_nothing_is_lost_doubled_or_left_out(pair: Pair, shared_database: str) -> None:
    first, second = pair
    before = len(recorded(first))
    of_first, of_second = Writers(first, count=3, name="a"), Writers(second, count=3, name="b")
    # These send one batch to the one, the next to the other.
    of_both = Writers(first, second, count=2, name="c")
    with of_first.running(), of_second.running(), of_both.running():
        for writers in (of_first, of_second, of_both):
            assert writers.go_on()
    events = recorded(first)
    assert recorded(second) == events
    assert_nothing_lost_or_doubled(events, of_first, of_second, of_both)
    sent = sum(len(writers.sent) for writers in (of_first, of_second, of_both))
    assert len(events) == before + 2 * sent
    answers = []
    for service in pair:
        with service.client() as client:
            answers.append(client.get(VIEW, params={"measure": "units", "position": len(events)}).json())
    assert answers[0] == answers[1]
    orders = sum(event["type"] == "order-placed" for event in events)
    assert answers[0]["total"]["value"] == str(1600 * orders)

    def is_covered() -> bool:
        return checkpoints(shared_database)[-1][0] == len(events)

    assert wait_until(is_covered)
    sizes = [size for size, _ in checkpoints(shared_database)]
    assert sizes == sorted(set(sizes))
    notes = []
    for service in pair:
        with service.client() as client:
            notes.append(client.get("/log/checkpoint").text)
    assert notes[0] == notes[1]


def test_the_same_event_sent_to_both_at_once_is_recorded_once(pair: Pair) -> None:
    batches = [[note("of-baidu", f"twice {turn}", id=f"twice-{turn}")] for turn in range(20)]

    before = len(recorded(pair[0]))

    def send(service: Service) -> list[tuple[int, int]]:
        with service.client() as client:
            answers = [client.post(EVENTS, json=batch) for batch in batches]
        return [(answer.status_code, answer.json()["first_position"]) for answer in answers]

    with ThreadPoolExecutor(2) as pool:
        told = list(zip(*pool.map(send, pair), strict=True))
    for one, other in told:
        assert sorted((one[0], other[0])) == [200, 201]
        assert one[1] == other[1]
    assert len(recorded(pair[0])) == before + len(batches)


def test_what_was_recorded_by_the_one_is_read_at_the_other(pair: Pair) -> None:
    first, second = pair
    before = sum(event["type"] == "order-placed" for event in recorded(first))
    with first.client() as writing, second.client() as reading:
        for turn in range(1, 11):
            answer = writing.post(EVENTS, json=order(f"po-{turn}"))
            seen = reading.get(VIEW, params={"measure": "units", "min_position": answer.json()["last_position"]})
            assert seen.status_code == 200, seen.text
            assert seen.json()["total"]["value"] == str(1600 * (before + turn))
            writing, reading = reading, writing


def test_a_token_that_one_made_is_let_in_by_the_other(pair: Pair, shared_database: str) -> None:
    datastore = LedgerDatastore(shared_database)
    made, text = Tokens(datastore).create("a colleague", "recorder")
    datastore.close()
    for number, service in enumerate(pair):
        with service.client() as client:
            headers = {"Authorization": f"Bearer {text}"}
            sent = client.post(EVENTS, json=note("of-baidu", "by token", id=f"by-token-{number}"), headers=headers)
            assert sent.status_code == 201
            position = sent.json()["last_position"]
            assert client.get(f"{EVENTS}/{position}").json()["actor"] == made.actor


def test_events_of_the_one_are_streamed_by_the_other(pair: Pair) -> None:
    first, second = pair
    heard: list[dict[str, Any]] = []
    listening = threading.Event()
    before = len(recorded(first))

    def listen() -> None:
        with first.client() as client, client.stream("GET", f"{EVENTS}/stream") as answer:
            for line in answer.iter_lines():
                if line.startswith(": listening"):
                    listening.set()
                if line.startswith("data: "):
                    heard.append(json.loads(line.removeprefix("data: ")))
                    if len(heard) == 4:
                        return

    thread = threading.Thread(target=listen)
    thread.start()
    assert listening.wait(20)
    for number, service in enumerate((second, first, second, second)):
        with service.client() as client:
            assert client.post(EVENTS, json=note("of-baidu", "heard", id=f"heard-{number}")).status_code == 201
    thread.join(20)
    assert [event["id"] for event in heard] == [f"heard-{number}" for number in range(4)]
    assert [event["position"] for event in heard] == list(range(before + 1, before + 5))
