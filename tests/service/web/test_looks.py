"""A look that many ask for at once is taken once, and never before it was asked for."""

import asyncio

import pytest

from service.web.looks import SharedLook


class Scene:
    """Something that changes, and how often it was looked at."""

    def __init__(self) -> None:
        self.state = 0
        self.looks = 0
        self.slow = asyncio.Event()

    async def look(self) -> int:
        self.looks += 1
        seen = self.state
        await self.slow.wait()
        if seen < 0:
            raise ConnectionError("out of sight")
        return seen


def test_whoever_asks_during_a_look_shares_the_next_one() -> None:
    async def play() -> None:
        scene = Scene()
        shared = SharedLook(scene.look)
        first = asyncio.ensure_future(shared())
        while not scene.looks:
            await asyncio.sleep(0)
        scene.state = 1
        others = [asyncio.ensure_future(shared()) for _ in range(1000)]
        await asyncio.sleep(0)
        scene.slow.set()
        assert await first == 0
        assert await asyncio.gather(*others) == [1] * 1000
        assert scene.looks == 2
        scene.state = 2
        assert await shared() == 2

    asyncio.run(play())


def test_a_look_that_fails_is_told_to_all_who_shared_it_and_to_nobody_after() -> None:
    async def play() -> None:
        scene = Scene()
        scene.slow.set()
        shared = SharedLook(scene.look)
        scene.state = -1
        asked = await asyncio.gather(shared(), shared(), return_exceptions=True)
        assert [type(answer) for answer in asked] == [ConnectionError, ConnectionError]
        scene.state = 3
        assert await shared() == 3

    asyncio.run(play())


def test_who_no_longer_waits_takes_the_look_from_nobody() -> None:
    async def play() -> None:
        scene = Scene()
        shared = SharedLook(scene.look)
        impatient, patient = asyncio.ensure_future(shared()), asyncio.ensure_future(shared())
        await asyncio.sleep(0)
        impatient.cancel()
        with pytest.raises(asyncio.CancelledError):
            await impatient
        scene.slow.set()
        assert await patient == 0

    asyncio.run(play())
