"""What the ledger says already, as far as an import asks."""

from collections.abc import Iterable
from datetime import UTC, date
from functools import cached_property

from domain.events import Recorded
from projections.organizations import organizations
from projections.parameters import Moment
from projections.products import products
from service.daybook import Daybook
from service.importers.directory import Directory
from service.store import read_bytes

INSTRUMENTS = "select regulation_id from regulation_event group by regulation_id order by min(position)"


class Standing:
    """A ledger as it stood when an import began; what is found by name is found as far as the projection is."""

    def __init__(self, daybook: Daybook) -> None:
        self._ledger = daybook.ledger
        self._projection = daybook.projection
        head = self._ledger.recorder.head()
        #: The ledger's own date.
        self.today: date = head.clock.astimezone(UTC).date()

    @cached_property
    def directory(self) -> Directory:
        """Every organisation and product as of today."""
        moment = Moment(effective_on=self.today, position=self._projection.position)
        with self._projection.cursor() as connection:
            return Directory(organizations(connection, moment), products(connection, moment))

    def events(self, identifiers: Iterable[str]) -> dict[str, Recorded]:
        """The events with these ids, as far as there are any."""
        found = self._ledger.recorder.by_ids(list(identifiers))
        return {identifier: read_bytes(state) for identifier, state in found.items()}

    def streams(self, names: Iterable[str]) -> dict[str, list[Recorded]]:
        """All events of these streams, by stream, in the order of their versions."""
        found = self._ledger.recorder.by_streams(list(names))
        return {name: [read_bytes(state) for state in states] for name, states in found.items()}

    def regulations(self) -> dict[str, list[Recorded]]:
        """All events of every instrument, by stream; the instruments in the order in which they were recorded."""
        with self._projection.cursor() as connection:
            rows = connection.execute(INSTRUMENTS).fetchall()
        names = [f"regulation/{regulation_id}" for (regulation_id,) in rows]
        found = self.streams(names)
        return {name: found[name] for name in names}
