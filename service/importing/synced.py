"""Which extracts were synced: the last of each scope, so that an older one is noticed."""

from dataclasses import dataclass
from datetime import date

from service.importing.reading.messages import ExtractChecked
from service.postgres.statements import statements_of
from service.storing.ledger import LedgerDatastore

SQL = statements_of(__file__)
#: Events whose streams are looked up together.
PAGE_EVENTS = 5_000
#: Hexadecimal digits of a file's SHA-256 in a correlation id.
CORRELATION_DIGITS = 16
#: Stands in a correlation id for a mapping that declares no scope.
NO_SCOPE = "all"


def correlation_of(extract: ExtractChecked, sha256: str) -> str:
    """What the events of an extract carry: of which mapping, day, scope and file they are."""
    return f"sync:{extract.mapping}:{extract.as_of}:{extract.scope or NO_SCOPE}:{sha256[:CORRELATION_DIGITS]}"


@dataclass(frozen=True, slots=True)
class SyncedExtract:
    """The last extract of a scope."""

    as_of: date
    sha256: str


class SyncedExtracts:
    """The extracts that one ledger remembers, shared by all services on its database."""

    def __init__(self, datastore: LedgerDatastore) -> None:
        self._datastore = datastore

    def last(self, mapping: str, scope: str) -> SyncedExtract | None:
        """The last extract of a scope, as it is remembered."""
        with self._datastore.get_connection() as connection:
            row = connection.execute(SQL["last"], {"mapping": mapping, "scope": scope}).fetchone()
        return None if row is None else SyncedExtract(row["as_of"], row["sha256"])

    def last_day(self, mapping: str, scope: str) -> date | None:
        """The day of the last extract of a scope; of a ledger that remembers none, as its events say."""
        found = self.last(mapping, scope)
        if found is not None:
            return found.as_of
        values = {**_ids_of(mapping), "beginning": f"sync:{mapping}:", "scope": scope or NO_SCOPE}
        with self._datastore.get_connection() as connection:
            row = connection.execute(SQL["correlated"], values).fetchone()
        return None if row is None or row["as_of"] is None else date.fromisoformat(row["as_of"])

    def keep(self, extract: ExtractChecked, sha256: str) -> SyncedExtract | None:
        """Remember an extract; the one that was remembered before it is returned."""
        before = self.last(extract.mapping, extract.scope)
        self._keep(extract.mapping, extract.scope, SyncedExtract(extract.as_of, sha256))
        return before

    def put_back(self, extract: ExtractChecked, sha256: str, before: SyncedExtract | None) -> None:
        """Remember again what was remembered before an extract of which nothing is recorded."""
        with self._datastore.get_connection() as connection:
            values = {"mapping": extract.mapping, "scope": extract.scope, "sha256": sha256}
            connection.execute(SQL["forget"], values)
        if before is not None:
            self._keep(extract.mapping, extract.scope, before)

    def orders(self, mapping: str, after: str) -> tuple[list[str], str]:
        """The streams of a page of orders' events whose ids begin with a mapping's name, and where the next begins.

        `after`: where the page begins; empty: at the first. An empty text is returned where there is no further page.
        """
        values = _ids_of(mapping)
        with self._datastore.get_connection() as connection:
            rows = connection.execute(
                SQL["orders"], {**values, "after": after or values["after"], "most": PAGE_EVENTS}
            ).fetchall()
        behind = rows[-1]["event_id"] if len(rows) == PAGE_EVENTS else ""
        return [*dict.fromkeys(row["originator_id"] for row in rows)], behind

    def _keep(self, mapping: str, scope: str, one: SyncedExtract) -> None:
        with self._datastore.get_connection() as connection:
            values = {"mapping": mapping, "scope": scope, "as_of": one.as_of, "sha256": one.sha256}
            connection.execute(SQL["keep"], values)


def _ids_of(mapping: str) -> dict[str, str]:
    """Between which texts the ids of a mapping's events are."""
    return {"after": f"{mapping}:", "end": f"{mapping};"}
