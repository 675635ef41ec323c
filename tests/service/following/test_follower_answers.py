"""What a service answers over HTTP while its ledger cannot be followed to the end, or its clock cannot be trusted."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from psycopg import Connection
from pydantic import SecretStr
from starlette.testclient import TestClient

from domain.events import instant
from service.daybook import Daybook, open_daybook
from service.settings import Settings
from service.web.application import application
from service.web.entry.access import Access
from tests.service.postgres_owner import wait_until
from tests.service.purchases import events, insert_directly, market, order, organization, record, stored

VIEW = "/api/v1/views/vendor-dependence"


@pytest.fixture
def daybook(database: str, tmp_path: Path) -> Iterator[Daybook]:
    """An open ledger that holds the market and an order."""
    with open_daybook(Settings(home=tmp_path, database_url=SecretStr(database))) as opened:
        record(opened.committer, *market(), order("po-1"))
        yield opened


@pytest.fixture
def client(daybook: Daybook, tmp_path: Path) -> Iterator[TestClient]:
    """A client that may record and read."""
    app = application(daybook, Settings(home=tmp_path), Access.of([("secret", "recorder-7")]))
    with TestClient(app, headers={"Authorization": "Bearer secret"}) as opened:
        yield opened


def insert_last(daybook: Daybook, owner: Connection[Any], **changed: Any) -> None:
    """Insert a fifth event past the service."""
    place = {"position": 5, "version": 1, "id": "of-nvidia", "stream": "organization/nvidia"}
    data = {"organization_id": "nvidia", "name": "Nvidia", "country": "US"}
    insert_directly(owner, events(daybook.ledger)[0] | place | {"data": data} | changed)


def test_an_unknown_event_stops_every_answer_that_would_have_to_know_it(
    daybook: Daybook, client: TestClient, owner: Connection[Any]
) -> None:
    assert client.get(VIEW).json()["resolved"]["position"] == 4
    now = instant(datetime.now(UTC))
    insert_last(daybook, owner, type="organization-dreamt-of", recorded_at=now)
    assert wait_until(lambda: daybook.follower.failure is not None)

    asked = client.get(VIEW)
    assert (asked.status_code, asked.json()["type"]) == (503, "/problems/projection-stopped")
    assert "position 5: event type 'organization-dreamt-of'" in asked.json()["detail"]
    assert int(asked.headers["retry-after"]) > 0
    statuses = {
        "/api/v1/organizations": 503,
        f"{VIEW}?position=5": 503,
        f"{VIEW}?min_position=5": 503,
        f"{VIEW}?recorded_at={now}": 503,
        f"{VIEW}?position=6": 400,
        "/readyz": 503,
        "/livez": 200,
        # What was reached before stays answered, and the record itself stays readable.
        f"{VIEW}?position=4": 200,
        "/api/v1/events": 200,
        "/api/v1/events/5": 200,
    }
    assert {path: client.get(path).status_code for path in statuses} == statuses
    assert "organization-dreamt-of" in client.get("/readyz").text


def test_an_unknown_event_keeps_anything_from_being_decided_after_it(
    daybook: Daybook, client: TestClient, owner: Connection[Any]
) -> None:
    insert_last(daybook, owner, type="organization-dreamt-of", recorded_at=instant(datetime.now(UTC)))
    posted = client.post("/api/v1/events", json=order("po-2"))
    assert (posted.status_code, posted.json()["type"]) == (503, "/problems/newer-ledger")
    assert "position 5: unknown event type 'organization-dreamt-of'" in posted.json()["detail"]
    assert len(stored(daybook.ledger)) == 5


def test_while_the_clock_is_set_back_nothing_is_recorded_and_everything_is_answered(
    daybook: Daybook, client: TestClient, owner: Connection[Any]
) -> None:
    insert_last(daybook, owner, recorded_at=instant(datetime.now(UTC) + timedelta(hours=1)))
    posted = client.post("/api/v1/events", json=organization("tencent"))
    assert (posted.status_code, posted.json()["type"]) == (503, "/problems/unavailable")
    assert "the database's clock says" in posted.json()["detail"]
    assert len(stored(daybook.ledger)) == 5
    assert wait_until(lambda: client.get(VIEW).json()["resolved"]["position"] == 5)
