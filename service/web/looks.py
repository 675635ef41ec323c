"""Looks at something that changes, shared by all who ask at the same time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class SharedLook(Generic[T]):
    """One look at a time: who asks while one is under way is answered by the next, together with all others who do.

    So each answer is of a look that began after the question, and however many ask, two looks are the most there are.
    """

    def __init__(self, look: Callable[[], Awaitable[T]]) -> None:
        self._look = look
        self._running: asyncio.Task[T] | None = None
        self._next: asyncio.Task[T] | None = None

    async def __call__(self) -> T:
        """What is seen; raises what the look raises."""
        # One that was called off before it began is done, too.
        if self._next is None or self._next.done():
            self._next = asyncio.create_task(self._after(self._running))
            # By then there may be no caller left who awaits it.
            self._next.add_done_callback(lambda look: look.cancelled() or look.exception())
        return await asyncio.shield(self._next)

    async def _after(self, before: asyncio.Task[T] | None) -> T:
        if before is not None and not before.done():
            await asyncio.wait([before])
        self._running, self._next = self._next, None
        return await self._look()
