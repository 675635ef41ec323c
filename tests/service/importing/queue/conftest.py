"""Imports of a ledger of the test's own, and files for them."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import pytest
from pydantic import SecretStr

from service.daybook import Daybook, open_daybook
from service.importing.queue.contents import Arrival, DiskRoom
from service.importing.queue.jobs import Job, SentFile, Wish
from service.importing.queue.leases import Leases
from service.importing.queue.registry import ImportRegistry
from service.recording.receipts import IdempotencyKey
from service.settings import Settings
from service.storing.ledger import Ledger


class Put(Protocol):
    """Puts a file into the queue."""

    def __call__(
        self, data: bytes, format_name: str = "ndjson", *, wish: Wish | None = None, key: IdempotencyKey | None = None
    ) -> Job:
        """The import that it makes."""


#: Another service that runs imports; of the same ledger.
Other = Callable[..., Leases]


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
def imports(ledger: Ledger) -> ImportRegistry:
    """Its imports."""
    return ImportRegistry(ledger.recorder.datastore)


@pytest.fixture
def room(tmp_path: Path) -> DiskRoom:
    """Where a service puts files aside."""
    return DiskRoom(tmp_path / "home" / "imports")


@pytest.fixture
def leases(imports: ImportRegistry) -> Leases:
    """A service that runs imports."""
    return Leases(imports)


@pytest.fixture
def put(imports: ImportRegistry, room: DiskRoom) -> Put:
    """Put a file into the queue."""

    def put(
        data: bytes, format_name: str = "ndjson", *, wish: Wish | None = None, key: IdempotencyKey | None = None
    ) -> Job:
        with Arrival(room, len(data)) as arrival:
            arrival.take(data)
            arrival.write()
            digest = hashlib.sha256(data).hexdigest()
            sent = SentFile(arrival.id, "events.ndjson", wish or Wish(format_name), "erp", digest, len(data))
            added, new = imports.add(sent, arrival.file, key)
            assert new
            return added

    return put
