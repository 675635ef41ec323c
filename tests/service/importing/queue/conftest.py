"""Jobs of a ledger of the test's own, and files for them."""

import hashlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from service.daybook import Daybook, open_daybook
from service.importing.queue.arriving import Arrival
from service.importing.queue.jobs import Job, Jobs, Wish
from service.settings import Settings
from service.storing.ledger import ledger_identity

Put = Callable[..., Job]


@pytest.fixture
def settings(database: str, tmp_path: Path) -> Settings:
    """Settings of a service on the test's own database."""
    return Settings(home=tmp_path / "home", database_url=SecretStr(database))


@pytest.fixture
def daybook(settings: Settings) -> Iterator[Daybook]:
    """An open ledger, empty."""
    with open_daybook(settings) as opened:
        yield opened


@pytest.fixture
def jobs(daybook: Daybook, settings: Settings) -> Jobs:
    """Its imports."""
    return Jobs(settings.home, ledger_identity(daybook.ledger))


@pytest.fixture
def put(jobs: Jobs) -> Put:
    """Put a file into the queue."""

    def put(data: bytes, format_name: str = "ndjson", *, into: Jobs = jobs, dry_run: bool = False) -> Job:
        with Arrival(into, len(data)) as arrival:
            arrival.take(data)
            arrival.finish()
            wish = Wish(format_name, dry_run=dry_run)
            digest = hashlib.sha256(data).hexdigest()
            now = datetime.now(UTC)
            job = Job(arrival.id, into.ledger, "events.ndjson", wish, "erp", digest, len(data), now)
            added, new = into.add(job, arrival.folder)
            assert new
            return added

    return put
