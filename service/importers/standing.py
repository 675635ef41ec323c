"""What the ledger says already, as far as an import asks."""

import json
from collections.abc import Iterable, Iterator
from datetime import UTC, date
from functools import cached_property
from itertools import groupby

from domain.events import Recorded
from projections.organizations import organizations
from projections.parameters import Moment
from projections.products import products
from service.daybook import Daybook
from service.importers.directory import ALIAS, Directory
from service.importers.registered import Bearer
from service.store import read_bytes

#: Instruments that no event with this beginning of its id begins, in the order recorded.
INSTRUMENTS = """
select regulation_event.regulation_id
from regulation_event
join event on event.position = regulation_event.position
where regulation_event.type = 'regulation-enacted'
group by regulation_event.regulation_id
having not bool_or(starts_with(event.id, $beginning))
order by min(regulation_event.position)
"""
#: All that was ever said of what organisations are called, but for what was taken back, in the order recorded.
CALLED = """
select term.word, event.id, fact.registers, fact.name, fact.names, fact.identifiers
from organization_fact as fact
join term on term.number = fact.organization
join event on event.position = fact.position
where fact.position not in (select retracts from retraction)
order by min(fact.position) over (partition by fact.organization), fact.position
"""
#: The ids of all products.
PRODUCTS = """
select distinct term.word from product_fact join term on term.number = product_fact.product order by term.word
"""


class Standing:
    """A ledger as it stood when an import began; what is found by name is found as far as the projection is."""

    def __init__(self, daybook: Daybook) -> None:
        self._ledger = daybook.ledger
        self._daybook = daybook
        head = self._ledger.recorder.head()
        #: The ledger's own date.
        self.today: date = head.clock.astimezone(UTC).date()

    @cached_property
    def directory(self) -> Directory:
        """Every organisation and product as of today."""
        moment = Moment(effective_on=self.today, position=self._daybook.projection.position)
        with self._daybook.projection.cursor() as connection:
            return Directory(organizations(connection, moment), products(connection, moment))

    def bearers(self) -> Iterator[Bearer]:
        """Every organisation with all that it was ever called, in the order in which they were registered."""
        with self._daybook.projection.cursor() as connection:
            rows = connection.execute(CALLED).fetchall()
        for organization, said in groupby(rows, key=lambda row: row[0]):
            facts = list(said)
            names = [name for row in facts for name in (row[3], *json.loads(row[4] or "{}").values()) if name]
            known = [one for row in facts for one in json.loads(row[5] or "[]")]
            registration = next((row[1] for row in facts if row[2]), "")
            if names:
                aliases = tuple(one["id"] for one in known if one["scheme"] == ALIAS)
                yield Bearer(organization, registration, tuple(dict.fromkeys(names)), aliases)

    def products(self) -> set[str]:
        """The ids of all products."""
        with self._daybook.projection.cursor() as connection:
            return {word for (word,) in connection.execute(PRODUCTS).fetchall()}

    def events(self, identifiers: Iterable[str]) -> dict[str, Recorded]:
        """The events with these ids, as far as there are any."""
        found = self._ledger.recorder.by_ids(list(identifiers))
        return {identifier: read_bytes(state) for identifier, state in found.items()}

    def streams(self, names: Iterable[str]) -> dict[str, list[Recorded]]:
        """All events of these streams, by stream, in the order of their versions."""
        found = self._ledger.recorder.by_streams(list(names))
        return {name: [read_bytes(state) for state in states] for name, states in found.items()}

    def regulations(self, *, without: str) -> dict[str, list[Recorded]]:
        """All events of every instrument, by stream; the instruments in the order in which they were recorded.

        `without`: not those whose first event's id begins so.
        """
        with self._daybook.projection.cursor() as connection:
            rows = connection.execute(INSTRUMENTS, {"beginning": without}).fetchall()
        names = [f"regulation/{regulation_id}" for (regulation_id,) in rows]
        found = self.streams(names)
        return {name: found[name] for name in names}
