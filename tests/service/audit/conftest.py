"""A ledger that holds the seed, and bundles made of it."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pydantic import SecretStr

from service.cli.main import main
from service.cli.seed import SEED
from service.daybook import Daybook, open_daybook
from service.log.signatures import SigningKey
from service.settings import Settings
from service.web.bodies import read_events

#: Figures with bounds, open bounds and shares; verdicts of all three kinds; a whole market, converted.
QUERIES = (
    "vendor-dependence?buyer=baidu&measure=units&effective_on=2023-08-31&known_on=2023-11-08&captive=exclude",
    "vendor-dependence?buyer=baidu&buyer_scope=group&measure=capacity&by=product&effective_on=2024-06-30",
    "vendor-dependence?by=country&status=delivered&window=P1Y&exclude=assumed&effective_on=2023-12-31&home=CN",
    "vendor-dependence?by=category&measure=units&effective_on=2023-12-31&currency=CNY&rates=effective",
    "regulatory-exposure?buyer=baidu&effective_on=2023-11-17",
    "regulatory-exposure?status=ordered&measure=units&effective_on=2023-10-31&known_on=2023-11-08",
)
KEY = SigningKey("daybook", bytes(range(32)))
VKEY = KEY.verifier.encode()

Run = Callable[..., Result]


@pytest.fixture
def settings(database: str, tmp_path: Path) -> Settings:
    """Settings of a ledger of the test's own, signed with a key that is known beforehand."""
    return Settings(
        home=tmp_path / "home", database_url=SecretStr(database), signing_key=SecretStr(KEY.encode()), wait_s=10
    )


@pytest.fixture
def seeded(settings: Settings) -> Settings:
    """Settings of a ledger that holds the seed, recorded in two parts with a checkpoint after each."""
    requests = read_events(SEED.read_bytes(), "application/x-ndjson").requests
    for part in (requests[:40], requests[40:]):
        with open_daybook(settings, follow=False) as daybook:
            daybook.committer.record(part)
    return settings


@pytest.fixture
def daybook(seeded: Settings) -> Iterator[Daybook]:
    """The ledger that holds the seed, open."""
    with open_daybook(seeded, follow=False) as opened:
        yield opened


@pytest.fixture
def run(seeded: Settings) -> Run:
    """Run a command on the ledger that holds the seed."""
    assert seeded.database_url is not None
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("DAYBOOK_")},
        "DAYBOOK_DATABASE_URL": seeded.database_url.get_secret_value(),
        "DAYBOOK_HOME": str(seeded.home),
        "DAYBOOK_SIGNING_KEY": KEY.encode(),
        "COLUMNS": "120",
    }

    def invoke(*arguments: str, **more: str) -> Result:
        return CliRunner().invoke(main, arguments, env=environment | more)

    return invoke


@pytest.fixture
def make_bundle(run: Run, tmp_path: Path) -> Callable[..., Path]:
    """Make a bundle of the seed with questions."""

    def make(*queries: str, position: int | None = None, name: str = "bundle.zip") -> Path:
        path = tmp_path / name
        at = () if position is None else ("--position", str(position))
        asked = [part for query in queries for part in ("--query", query)]
        done = run("export", "bundle", *at, *asked, "-o", str(path))
        assert done.exit_code == 0, done.output
        return path

    return make
