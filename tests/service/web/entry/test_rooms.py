"""Threads for requests: who fills those of one sort keeps nobody from what is of another."""

import asyncio
import threading
from typing import Any

import pytest
from starlette.testclient import TestClient

from service.web.entry.rooms import MOST_WAITING, Rooms, ThreadRoom
from service.web.problems import HttpProblem
from tests.service.postgres_owner import wait_until
from tests.service.web.conftest import EVENTS

VIEW = "/api/v1/views/vendor-dependence?buyer=acme"
ORGANIZATION = {
    "type": "organization-registered",
    "effective_on": "2024-01-01",
    "data": {"organization_id": "acme", "name": "Acme", "country": "DE"},
}


def test_a_room_that_is_full_is_unavailable_and_keeps_nobody_from_the_others(client: TestClient) -> None:
    app: Any = client.app
    rooms: Rooms = app.state.context.rooms
    free = threading.Event()
    assert client.portal is not None
    for room in (rooms.answering, rooms.awaiting):
        for _ in range(MOST_WAITING + 16):
            client.portal.start_task_soon(room.go_on, free.wait)
    try:
        assert wait_until(lambda: rooms.awaiting._waiting >= MOST_WAITING, 20)
        for headers in ({}, {"Prefer": "wait=30"}):
            answer = client.get(VIEW, headers=headers)
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
            assert answer.json()["type"] == "/problems/unavailable"
        assert client.get("/livez").status_code == 200
        assert client.get("/readyz").status_code == 200
        assert client.post(EVENTS, json=ORGANIZATION).status_code == 201
        assert client.get(f"{EVENTS}/1").status_code == 200
        assert client.get("/api/v1/webhooks").status_code == 200
    finally:
        free.set()
    assert wait_until(lambda: client.get(VIEW).status_code == 200, 20)


def test_a_place_is_waited_for_and_not_for_ever() -> None:
    async def asked() -> None:
        room = ThreadRoom(1, most_waiting=1, longest_wait_s=0.2)
        free = threading.Event()
        first = asyncio.ensure_future(room.run(free.wait, 60))
        await asyncio.sleep(0)
        waiting = asyncio.ensure_future(room.run(free.wait, 60))
        await asyncio.sleep(0.05)
        with pytest.raises(HttpProblem, match="too many"):
            await room.run(free.wait, 60)
        with pytest.raises(HttpProblem, match="too many"):
            await waiting
        begun = asyncio.ensure_future(room.go_on(lambda: "done"))
        await asyncio.sleep(0.3)
        free.set()
        assert await begun == "done"
        assert await first
        assert await room.run(lambda: "again") == "again"

    asyncio.run(asked())


def test_an_error_gives_the_place_back() -> None:
    async def asked() -> None:
        room = ThreadRoom(1, longest_wait_s=0.2)
        for _ in range(3):
            with pytest.raises(ZeroDivisionError):
                await room.run(lambda: 1 / 0)

    asyncio.run(asked())
