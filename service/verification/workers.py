"""Reading a large ledger in several processes at once, each with a connection of its own to the same state."""

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

from psycopg import Connection

from service.postgres import kernel
from service.verification.reading import EventBlock, blocks, exported, snapshot_connection

#: Blocks that are read by one statement: 16,384 events.
CHUNK = 64
#: Below so many events one process is done before a second has started.
WORTH_IT_EVENTS = 150_000
#: PostgreSQL works as hard as each of them.
MOST_WORKERS = 4
#: Chunks under way for each worker.
AHEAD = 2

Chunk = tuple[int, int]

#: Of a worker process: its own connection.
_connection: Connection[Any] | None = None
_stack = ExitStack()


class BlockReader:
    """Reads chunks of blocks, several at once where there are workers, and gives them out in order."""

    def __init__(self, connection: Connection[Any], pool: ProcessPoolExecutor | None, workers: int) -> None:
        self._connection = connection
        self._pool = pool
        self._workers = workers

    def chunks(self, wanted: Iterator[Chunk]) -> Iterator[tuple[Chunk, list[EventBlock]]]:
        """Each chunk, given by its first and last block, with its blocks."""
        if self._pool is None:
            for chunk in wanted:
                yield chunk, list(blocks(self._connection, *chunk))
            return
        under_way: deque[tuple[Chunk, Future[list[EventBlock]]]] = deque()
        for chunk in wanted:
            under_way.append((chunk, self._pool.submit(_read, *chunk)))
            if len(under_way) >= AHEAD * self._workers:
                first, future = under_way.popleft()
                yield first, future.result()
        for first, future in under_way:
            yield first, future.result()


@contextmanager
def reader(
    conninfo: str | None, connection: Connection[Any], events: int, workers: int | None = None
) -> Iterator[BlockReader]:
    """The workers that read a ledger of so many events in the state that the connection sees."""
    if workers is None:
        workers = min(len(os.sched_getaffinity(0)), MOST_WORKERS) if events >= WORTH_IT_EVENTS else 0
    if workers == 0 or conninfo is None:
        yield BlockReader(connection, None, 0)
        return
    # A fork would share this process's connections.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, _start, (conninfo, exported(connection), os.getpid()))
    try:
        yield BlockReader(connection, pool, workers)
    finally:
        pool.shutdown(cancel_futures=True)


def _start(conninfo: str, snapshot: str, parent_pid: int) -> None:
    global _connection  # noqa: PLW0603 - one a process, made as the process begins
    kernel.die_with_parent(signal.SIGKILL, parent_pid)
    # Ctrl-C goes to every process of a terminal's group; the first one ends the others.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _connection = _stack.enter_context(snapshot_connection(conninfo, snapshot))


def _read(first: int, last: int) -> list[EventBlock]:
    assert _connection is not None
    return list(blocks(_connection, first, last))
