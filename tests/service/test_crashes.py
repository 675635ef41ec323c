"""A database server that crashes under load: what was acknowledged is there, nothing is there twice, work goes on."""

import json
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg

from projections.engine import Projection, batch_of
from service.following.follower import Follower
from service.postgres.embedded import EmbeddedPostgres
from service.recording.committer import Committer
from service.recording.receipts import CommandReceipt
from service.storing.ledger import Ledger
from tests.service.postgres_owner import wait_until
from tests.service.purchases import Event, market, note, order, record, stored

WRITERS = 6
#: Acknowledgements that make "under load", before a crash and after.
ENOUGH = 30


class Load:
    """Writers that record one command after the other, each with an id for its events and without in turn."""

    def __init__(self, committer: Committer) -> None:
        self.committer = committer
        #: What was acknowledged: the name of the command, and the receipt.
        self.acknowledged: list[tuple[str, CommandReceipt]] = []
        self.failures: list[Exception] = []
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(writer,)) for writer in range(WRITERS)]

    @contextmanager
    def running(self) -> Iterator[None]:
        """Write in the block, and until the last acknowledgement after it."""
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._ended.set()
            for thread in self._threads:
                thread.join()

    def goes_on(self) -> bool:
        """Whether enough more is acknowledged."""
        before = len(self.acknowledged)
        return wait_until(lambda: len(self.acknowledged) >= before + ENOUGH or bool(self.failures), 60)

    def _write(self, writer: int) -> None:
        turn = 0
        while not self._ended.is_set():
            turn += 1
            name = f"{writer}-{turn}"
            try:
                self.acknowledged.append((name, record(self.committer, *self._command(name, named=turn % 2 == 0))))
            except Exception as error:
                self.failures.append(error)
                return

    def _command(self, name: str, *, named: bool) -> list[Event]:
        # Nothing in the ledger's rules keeps a note from being recorded twice.
        ids = [{"id": f"n-{name}"}, {"id": f"o-{name}"}] if named else [{}, {}]
        return [note("of-baidu", name, **ids[0]), order(name, **ids[1])]


def crash_immediately(server: EmbeddedPostgres) -> None:
    """What `pg_ctl stop -m immediate` does; then a start, which recovers."""
    before = server.conninfo
    server.stop("immediate")
    assert server.start() == before


def crash_one_process(server: EmbeddedPostgres) -> None:
    """The operating system kills one of the server's processes; the server restarts all of them."""
    with psycopg.connect(server.conninfo, autocommit=True) as connection:
        pids = connection.execute(
            "select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"
        ).fetchall()
    os.kill(pids[0][0], signal.SIGKILL)


def test_crashes_under_load_lose_and_double_nothing(ledger_home: Path) -> None:
    with EmbeddedPostgres(ledger_home) as server, ExitStack() as stack:
        ledger = Ledger(server.conninfo)
        stack.callback(ledger.close)
        committer = Committer(ledger)
        stack.callback(committer.close)
        projection = stack.enter_context(Projection.open())
        follower = Follower(ledger, projection)
        follower.start()
        stack.callback(follower.close)
        record(committer, *market())
        load = Load(committer)
        with load.running():
            for crash in (crash_immediately, crash_one_process):
                assert load.goes_on()
                crash(server)
            assert load.goes_on()
        assert load.failures == []

        every = stored(ledger)
        events = [json.loads(state) for state in every]
        assert [event["position"] for event in events] == list(range(1, len(events) + 1))
        for name, receipt in load.acknowledged:
            noted, ordered = (events[placed.position - 1] for placed in receipt.events)
            assert (noted["data"]["note"], ordered["data"]["order_id"]) == (name, name)
            assert [placed.id for placed in receipt.events] == [noted["id"], ordered["id"]]
        said = Counter(event["data"].get("note") or event["data"].get("order_id") for event in events[3:])
        assert said == {name: 2 for name, _ in load.acknowledged}

        follower.wait_for(len(events), 30)
        with Projection.open() as at_once:
            at_once.apply(batch_of(enumerate(every, start=1)))
            assert projection.digest() == at_once.digest()
