"""The HTTP application over a ledger of the test's own, with the seed recorded where a test asks for it."""

from collections.abc import Callable, Iterator
from ipaddress import IPv4Network
from pathlib import Path

import httpx2 as httpx
import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from service.daybook import Daybook, open_daybook
from service.settings import Settings
from service.storing.migrations.roles import as_service
from service.web.application import application
from service.web.entry.access import Access

TOKEN = "a-recorder's-token"
SEED = (Path(__file__).parents[3] / "examples" / "ai-accelerators.ndjson").read_bytes()
EVENTS = "/api/v1/events"

Post = Callable[..., httpx.Response]


@pytest.fixture
def settings(database: str, tmp_path: Path) -> Settings:
    """Settings of a service on the test's own database."""
    return Settings(
        home=tmp_path / "home",
        database_url=SecretStr(as_service(database)),
        migrations_url=SecretStr(database),
        body_limit_bytes=24 * 1024 * 1024,
        webhook_networks=(IPv4Network("127.0.0.0/8"),),
    )


@pytest.fixture
def daybook(settings: Settings) -> Iterator[Daybook]:
    """An open ledger, empty."""
    with open_daybook(settings) as opened:
        yield opened


@pytest.fixture
def client(daybook: Daybook, settings: Settings) -> Iterator[TestClient]:
    """A client with a valid token."""
    app = application(daybook, settings, Access.of([(TOKEN, "recorder-7")]))
    with TestClient(app, headers={"Authorization": f"Bearer {TOKEN}"}) as opened:
        yield opened


@pytest.fixture
def seeded(client: TestClient) -> TestClient:
    """The client of a ledger that holds the seed."""
    answer = client.post(EVENTS, content=SEED, headers={"Content-Type": "application/x-ndjson"})
    assert answer.status_code == 201, answer.text
    return client


@pytest.fixture
def nothing_recorded(client: TestClient) -> Iterator[None]:
    """Whatever the test does, the ledger is as long afterwards as it was before."""
    before = head(client)
    yield
    assert head(client) == before


def head(client: TestClient) -> int:
    """The ledger's last position."""
    return int(client.get("/readyz").json()["head"])
