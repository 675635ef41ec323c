"""The HTTP application over a ledger of the test's own, with the seed recorded where a test asks for it."""

from collections.abc import Callable, Iterator
from ipaddress import IPv4Network
from pathlib import Path

import httpx2 as httpx
import pytest
from pydantic import SecretStr
from starlette.testclient import TestClient

from service.daybook import Daybook, open_daybook
from service.postgres.embedded import EmbeddedPostgres
from service.settings import Settings
from service.storing.migrations.roles import as_service
from service.web.application import application
from service.web.entry.access import Access
from tests.conftest import fresh_database

TOKEN = "a-recorder's-token"
SEED = (Path(__file__).parents[3] / "examples" / "ai-accelerators.ndjson").read_bytes()
EVENTS = "/api/v1/events"

Post = Callable[..., httpx.Response]


@pytest.fixture
def settings(database: str, tmp_path: Path) -> Settings:
    """Settings of a service on the test's own database."""
    return settings_of(database, tmp_path / "home")


def settings_of(database: str, home: Path) -> Settings:
    """Settings of a service on a database."""
    return Settings(
        home=home,
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
    with client_of(daybook, settings) as opened:
        yield opened


def client_of(daybook: Daybook, settings: Settings) -> TestClient:
    """A client with a valid token, once it is entered."""
    app = application(daybook, settings, Access.of([(TOKEN, "recorder-7")]))
    return TestClient(app, headers={"Authorization": f"Bearer {TOKEN}"})


@pytest.fixture
def seeded(client: TestClient) -> TestClient:
    """The client of a ledger that holds the seed."""
    return with_seed(client)


def with_seed(client: TestClient) -> TestClient:
    """The client, with the seed recorded."""
    answer = client.post(EVENTS, content=SEED, headers={"Content-Type": "application/x-ndjson"})
    assert answer.status_code == 201, answer.text
    return client


@pytest.fixture(scope="module")
def seeded_once(
    postgres_server: EmbeddedPostgres, template_database: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    """The same for all tests of a module; see `reader`."""
    with fresh_database(postgres_server, template_database) as database:
        settings = settings_of(database, tmp_path_factory.mktemp("read") / "home")
        with open_daybook(settings) as daybook, client_of(daybook, settings) as client:
            yield with_seed(client)


@pytest.fixture
def reader(seeded_once: TestClient) -> Iterator[TestClient]:
    """The client of a ledger that holds the seed, which a test only asks: opening one takes 0.3 s."""
    before, headers = head(seeded_once), dict(seeded_once.headers)
    yield seeded_once
    assert (head(seeded_once), dict(seeded_once.headers)) == (before, headers)


@pytest.fixture
def nothing_recorded(client: TestClient) -> Iterator[None]:
    """Whatever the test does, the ledger is as long afterwards as it was before."""
    before = head(client)
    yield
    assert head(client) == before


def head(client: TestClient) -> int:
    """The ledger's last position."""
    return int(client.get("/readyz").json()["head"])
