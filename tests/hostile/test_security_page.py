"""The limits that docs/security.md states are those of the code."""

import re

from domain.events import LARGEST_EVENT_BYTES
from domain.json_text import DEEPEST
from service.asking.paging import LONGEST_CURSOR, MOST
from service.asking.scenarios import MOST_EVENTS
from service.client import lines
from service.exporting.ocds import packages
from service.importing import bounds, formats, opening
from service.importing.ocds import days, documents
from service.importing.orders import kept_mappings
from service.importing.orders.tables import workbook_parts
from service.importing.queue import jobs
from service.importing.regulations import rows
from service.recording.waiting import PATIENCE_S
from service.settings import Settings
from service.web import bodies, idempotency, webhooks
from service.web.entry import connections, identities, published_keys, rate_limit, rooms
from service.web.entry.limits import LARGEST_AT_ONCE, MOST_PARAMETERS, SLOWEST_BYTES_PER_S, SMALL_BODY_BYTES
from service.webhooks import delivery, exchange
from tests.service.postgres_owner import ROOT

PAGE = ROOT / "docs" / "security.md"
UNITS = ((1024**3, "GiB"), (1024**2, "MiB"), (1024, "KiB"))


def size(count: int) -> str:
    """So many bytes as the page says it."""
    return next(f"{count // unit} {name}" for unit, name in UNITS if count % unit == 0)


def setting(name: str) -> int:
    """The default of a setting."""
    return int(Settings.model_fields[name].default)


LIMITS = {
    "line and headers of a request": size(connections.LARGEST_HEAD_BYTES),
    "headers": f"{connections.MOST_HEADERS}",
    "time for them": f"{connections.HttpConnection.patience_s:g} s",
    "bytes around the chunks of a body": size(connections.LARGEST_FRAMING_BYTES),
    "parameters": f"{MOST_PARAMETERS:,}",
    "a bearer token": f"{identities.LONGEST_TOKEN:,} characters",
    "a cursor": f"{LONGEST_CURSOR:,} characters",
    "an idempotency key": f"{idempotency.LONGEST_KEY} characters",
    "body of events": size(setting("body_limit_bytes")),
    "lines of it": f"{bodies.MOST_LINES:,}",
    "body of any other request, a scenario's too": size(SMALL_BODY_BYTES),
    "bodies of events read at once, together": f"{LARGEST_AT_ONCE} times the largest",
    "time for it": f"{setting('body_timeout_s')} s, or {size(SLOWEST_BYTES_PER_S)} a second",
    "depth of JSON": f"{DEEPEST}",
    "one event": f"{LARGEST_EVENT_BYTES:,} bytes",
    "faults listed in one answer": f"{bodies.MOST_FAULTS}",
    "events of a scenario": f"{MOST_EVENTS:,}",
    "requests that wait to be recorded": f"{setting('waiting_requests'):,}",
    "time that one waits for the database": f"{PATIENCE_S:g} s",
    "requests of one sort that wait for a thread": f"{rooms.MOST_WAITING}",
    "time that one of them waits": f"{rooms.LONGEST_WAIT_S:g} s",
    "an answer of the identity provider's keys": f"{published_keys.PATIENCE_S:g} s",
    "a key that the provider withdrew": f"{published_keys.KEYS_KEPT_S:g} s",
    "callers counted by the rate limit, of each sort": f"{rate_limit.MOST_COUNTED:,}",
    "entries of a page": f"{MOST:,}",
    "address of a webhook": f"{webhooks.LONGEST_URL:,} characters",
    "one message to a webhook": f"{exchange.TIMEOUT_S:g} s",
    "messages under way to one host": f"{delivery.AT_ONCE_PER_HOST} of {delivery.AT_ONCE}",
    "a mapping": size(kept_mappings.LARGEST_BYTES),
    "file of an import over HTTP": size(setting("import_limit_bytes")),
    "time to send it": f"{setting('import_timeout_s'):,} s",
    "imports that wait": f"{jobs.MOST_OPEN:,}",
    "memory for reading a file": f"{setting('import_memory_mb'):,} MiB, in a process of its own",
    "a cell of a table": f"{bounds.LONGEST_CELL:,} characters",
    "columns of a table": f"{bounds.MOST_COLUMNS:,}",
    "a row of CSV": size(bounds.LONGEST_ROW_BYTES),
    "rows of a table of regulations": f"{rows.MOST_ROWS:,}",
    f"a gzip file, beyond {size(opening.EXPANDED_BYTES)}": f"{opening.MOST_EXPANSION} times its size",
    "a line of text in a file": size(opening.LONGEST_LINE_BYTES),
    "a table of regulations or lists": size(formats.LARGEST_TABLE_BYTES),
    "parts of a workbook": f"{workbook_parts.MOST_PARTS:,}",
    "expansion of a workbook": f"{workbook_parts.MOST_EXPANSION} times",
    "a document of open contracting data": size(documents.LARGEST_DOCUMENT_BYTES),
    "values of a contracting process to judge": (f"{days.MOST_TIMES} times those stated, and {days.FREE_VALUES:,}"),
    "lines that releases of an exported order change": f"{packages.MOST_LINES:,}",
    "a line that the client reads": size(lines.LONGEST_LINE_BYTES),
}


def test_the_limits_of_the_page_are_those_of_the_code() -> None:
    table = PAGE.read_text("utf-8").partition("## Limits")[2].partition("\n## ")[0]
    rows = [re.split(r"\s*\|\s*", line.strip("| ")) for line in table.split("\n") if line.startswith("|")]
    assert {row[0]: row[1] for row in rows[2:]} == LIMITS


def test_the_page_is_narrow_enough_for_a_terminal() -> None:
    assert [line for line in PAGE.read_text("utf-8").split("\n") if len(line) > 100] == []


def test_a_message_to_a_webhook_ends_well_before_its_lease() -> None:
    assert exchange.TIMEOUT_S * 2 < delivery.LEASE_S
