"""A ledger to import into, and small tables to import."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from domain.catalogue import read_request
from domain.events import Recorded
from domain.instruments import Instrument, instrument
from domain.json_text import parse_json
from domain.periods import parse_day
from service.codes import codes
from service.daybook import Daybook, open_daybook
from service.importing.formats import guess_format
from service.importing.importing import import_file
from service.importing.orders.mapping import mapping_text
from service.importing.plans import Summary
from service.importing.regulations.rows import COLUMNS, OTHER_COLUMNS
from service.importing.streaming import Options
from service.settings import Settings
from service.storing.ledger import EventFilter, read_bytes

EXAMPLES = Path(__file__).parents[3] / "examples"
REGULATIONS = EXAMPLES / "regulation_events.csv"
SCREENING_LIST = EXAMPLES / "entity_list_sample_orgs.csv"
SEED = EXAMPLES / "ai-accelerators.ndjson"


class Desk:
    """Somebody who imports into a ledger and looks at what is recorded."""

    def __init__(self, daybook: Daybook) -> None:
        self.daybook = daybook

    def record(self, requests: Sequence[Any]) -> None:
        """Record requests as a client would."""
        self.daybook.committer.record([read_request(request, codes()) for request in requests])

    def know(self, *organizations: str, country: str = "CN", **fields: Any) -> None:
        """Register organisations by name; the id is the first word."""
        self.record(
            [
                {
                    "type": "organization-registered",
                    "effective_on": "2000",
                    "known_on": "2017-01-01",
                    "data": {
                        "organization_id": name.split()[0].lower().strip(".,"),
                        "name": name,
                        "country": country,
                        **fields,
                    },
                }
                for name in organizations
            ]
        )

    def know_the_market(self) -> None:
        """The organisations and products of the seed, without its regulations."""
        lines = [parse_json(line) for line in SEED.read_bytes().splitlines()]
        self.record([line for line in lines if line["type"] in ("organization-registered", "product-registered")])

    def imports(
        self,
        source: Path | bytes,
        name: str | None = None,
        *,
        dry_run: bool = False,
        register: bool = False,
        options: Options | None = None,
    ) -> Summary:
        """Import a file and return what became of it."""
        options = options or Options(dry_run, register=register)
        self.daybook.follower.wait_for(self.head, 10)
        file = io.BytesIO(source if isinstance(source, bytes) else source.read_bytes())
        summary = Summary("a file", name or guess_format(file, _mapping(options)), 0, options.dry_run)
        import_file(self.daybook, file, summary, options)
        return summary

    @property
    def head(self) -> int:
        """The ledger's last position."""
        return self.daybook.ledger.recorder.head().position

    def events(self, *types: str) -> list[Recorded]:
        """The recorded events, of these types or of all."""
        rows = self.daybook.ledger.recorder.rows_after(0, 100_000, wanted=EventFilter(types))
        return [read_bytes(row.state) for row in rows]

    def event(self, identifier: str) -> dict[str, Any]:
        """A recorded event as it is stored."""
        return dict(parse_json(self.daybook.ledger.recorder.by_ids([identifier])[identifier]))

    def instrument(self, regulation_id: str, effective_on: str, known_on: str = "2026-11-01") -> Instrument:
        """An instrument on a day, as known on a day."""
        history = self.daybook.ledger.history(f"regulation/{regulation_id}")
        visible = [event for event in history if event.known_on <= parse_day(known_on)]
        found = instrument(visible, parse_day(effective_on))
        assert found is not None
        return found


def _mapping(options: Options) -> tuple[str, bytes] | None:
    return None if options.mapping is None else (options.mapping, mapping_text(options.mapping))


@pytest.fixture
def desk(database: str, tmp_path: Path) -> Iterator[Desk]:
    """A desk with an empty ledger."""
    settings = Settings(home=tmp_path / "home", database_url=SecretStr(database))
    with open_daybook(settings) as daybook:
        yield Desk(daybook)


@pytest.fixture
def market(desk: Desk) -> Desk:
    """A desk whose ledger knows Baidu, Huawei, Nvidia, Micron and others, and their accelerators."""
    desk.know_the_market()
    return desk


#: A row that is in order, but for what a test says of it.
CHANGE = {
    "event_id": "US-2019-EL-HUAWEI",
    "jurisdiction": "US",
    "authority": "BIS",
    "instrument": "Entity List addition: Huawei",
    "citation": "84 FR 22961",
    "announced_on": "2019-05-16",
    "published_on": "2019-05-21",
    "effective_from": "2019-05-16",
    "kind": "ListingAdded",
    "scope": "party=Huawei",
    "evidence": "M",
    "source_url": "https://example.org/84-fr-22961",
}


def change(event_id: str, kind: str, **values: str) -> dict[str, str]:
    """A row of regulation changes, which cites a document of its own."""
    own = {"event_id": event_id, "kind": kind, "instrument": event_id, "citation": f"document {event_id} 001"}
    return {**CHANGE, **own, **values}


def changes_csv(*rows: Mapping[str, str]) -> bytes:
    """Regulation changes as a file."""
    return table((*COLUMNS, *OTHER_COLUMNS), rows)


def table(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> bytes:
    """Rows as a CSV file."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()
