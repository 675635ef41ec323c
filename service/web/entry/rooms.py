"""Threads for what requests wait for, in rooms apart: one that is full does not block what is done in another."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import ParamSpec, TypeVar

import anyio
from anyio import CapacityLimiter, to_thread

from service.asking.clocks import PATIENCE_S
from service.web.problems import HttpProblem

P = ParamSpec("P")
T = TypeVar("T")

#: Requests that may wait for a place in one room, and how long; a request beyond is asked to come back.
MOST_WAITING = 256
LONGEST_WAIT_S = 10.0
RETRY_AFTER_S = "2"


class ThreadRoom:
    """Some threads, and a bounded queue before them."""

    def __init__(
        self, threads: int, *, most_waiting: int = MOST_WAITING, longest_wait_s: float = LONGEST_WAIT_S
    ) -> None:
        self._places = CapacityLimiter(threads)
        # A request that has a place needs no other one.
        self._unlimited = CapacityLimiter(float("inf"))
        self._most_waiting = most_waiting
        self._longest_wait_s = longest_wait_s
        self._waiting = 0

    async def run(self, act: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """What `act` returns, called in one of the threads; HttpProblem (503) where no place is free in time."""
        return await self._run(partial(act, *arguments, **named), self._longest_wait_s)

    async def go_on(self, act: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """As `run`, for an answer that has begun: it waits its turn, however long."""
        return await self._run(partial(act, *arguments, **named), None)

    async def _run(self, act: Callable[[], T], longest_wait_s: float | None) -> T:
        place = object()
        try:
            self._places.acquire_on_behalf_of_nowait(place)
        except anyio.WouldBlock:
            await self._wait_for(place, longest_wait_s)
        try:
            return await to_thread.run_sync(act, limiter=self._unlimited)
        finally:
            self._places.release_on_behalf_of(place)

    async def _wait_for(self, place: object, longest_wait_s: float | None) -> None:
        if longest_wait_s is not None and self._waiting >= self._most_waiting:
            raise _full()
        self._waiting += 1
        try:
            with anyio.fail_after(longest_wait_s):
                await self._places.acquire_on_behalf_of(place)
        except TimeoutError:
            raise _full() from None
        finally:
            self._waiting -= 1


def _full() -> HttpProblem:
    detail = "too many requests of this sort are being answered"
    return HttpProblem("unavailable", detail, headers={"Retry-After": RETRY_AFTER_S})


@dataclass(frozen=True)
class Rooms:
    """The rooms of one service. Probes are in none of them.

    Those that read from the database together have fewer threads than there are connections to it, so that some are
    left for recording itself and for probes.
    """

    #: Looking tokens up.
    admitting: ThreadRoom = field(default_factory=lambda: ThreadRoom(3))
    #: Reading what is sent to be recorded, and what it refers to.
    recording: ThreadRoom = field(default_factory=lambda: ThreadRoom(3))
    #: Answering from the views.
    answering: ThreadRoom = field(default_factory=lambda: ThreadRoom(8))
    #: Answering once a position is reached, for those who asked to wait: they only wait.
    awaiting: ThreadRoom = field(default_factory=lambda: ThreadRoom(16))
    #: Reading events and the log.
    reading: ThreadRoom = field(default_factory=lambda: ThreadRoom(3))
    #: Reading what listeners are behind.
    listening: ThreadRoom = field(default_factory=lambda: ThreadRoom(2))
    #: What operators do.
    managing: ThreadRoom = field(default_factory=lambda: ThreadRoom(2))
    #: Storing files that are sent to be imported, which takes as long as they are.
    importing: ThreadRoom = field(default_factory=lambda: ThreadRoom(2))

    def for_views(self) -> ThreadRoom:
        """Where a view is answered: apart where the caller asked to wait for it."""
        return self.answering if PATIENCE_S.get() is None else self.awaiting
