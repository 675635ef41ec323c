"""What the ledger says already, as far as the reader of a file asks the holder of the ledger."""

import json
from collections.abc import Collection, Iterable, Iterator
from datetime import date
from functools import cached_property
from itertools import groupby
from typing import TYPE_CHECKING

from domain.json_text import parse_json
from service.importing.directory import ALIAS, Directory
from service.importing.orders.registered import Bearer
from service.importing.reading.questions import Ask

if TYPE_CHECKING:  # see _read
    from domain.events import Recorded


class LedgerStanding:
    """A ledger as it stood when an import began; what is found by name is found as far as the projection is."""

    def __init__(self, ask: Ask) -> None:
        self._ask = ask

    @cached_property
    def today(self) -> date:
        """The ledger's own date."""
        return date.fromisoformat(self._ask("today", ()))

    @cached_property
    def directory(self) -> Directory:
        """Every organisation and product as of today."""
        organizations, products = self._ask("directory", ())
        return Directory(organizations, products)

    def bearers(self) -> Iterator[Bearer]:
        """Every organisation with all that it was ever called, in the order in which they were registered."""
        for organization, said in groupby(self._ask("bearers", ()), key=lambda row: row[0]):
            facts = list(said)
            names = [name for row in facts for name in (row[3], *json.loads(row[4] or "{}").values()) if name]
            known = [one for row in facts for one in json.loads(row[5] or "[]")]
            registration = next((row[1] for row in facts if row[2]), "")
            if names:
                aliases = tuple(one["id"] for one in known if one["scheme"] == ALIAS)
                yield Bearer(organization, registration, tuple(dict.fromkeys(names)), aliases)

    def products(self) -> set[str]:
        """The ids of all products."""
        return set(self._ask("products", ()))

    def events(self, identifiers: Iterable[str]) -> "dict[str, Recorded]":
        """The events with these ids, as far as there are any."""
        return {identifier: _read(state) for identifier, state in self._ask("events", list(identifiers)).items()}

    def streams(self, names: Iterable[str]) -> "dict[str, list[Recorded]]":
        """All events of these streams, by stream, in the order of their versions."""
        found = self._ask("streams", list(names))
        return {name: list(map(_read, states)) for name, states in found.items()}

    def product_streams(self, products: Iterable[str]) -> "dict[str, list[Recorded]]":
        """All events of these products, by product, in the order of their versions."""
        found = self.streams(f"product/{product}" for product in products)
        return {name.removeprefix("product/"): events for name, events in found.items()}

    def history(self, stream: str) -> "list[Recorded]":
        """All events of a stream."""
        return self.streams([stream]).get(stream, [])

    def known(self, streams: Collection[str]) -> set[str]:
        """Which of these streams have begun."""
        return set(self._ask("known", list(streams)))

    def ordered_by(self, mapping: str) -> Iterator[list[str]]:
        """The streams of orders of which events begin with a mapping's name, page by page, some more than once."""
        after = ""
        while True:
            page, after = self._ask("placed", [mapping, after])
            yield page
            if not after:
                return

    def synced(self, mapping: str, scope: str) -> date | None:
        """The day of the last extract of a scope under a mapping; None: there was none."""
        found = self._ask("synced", [mapping, scope])
        return None if found is None else date.fromisoformat(found)

    def regulations(self, *, without: str) -> "dict[str, list[Recorded]]":
        """All events of every instrument, by stream; the instruments in the order in which they were recorded.

        `without`: not those whose first event's id begins so.
        """
        names = self._ask("regulations", [without])
        found = self.streams(names)
        return {name: found[name] for name in names}


def _read(state: bytes) -> "Recorded":
    # Tables of order lines ask for names alone, and the catalogue takes longest to import.
    from domain.catalogue import read_stored

    return read_stored(parse_json(state))
