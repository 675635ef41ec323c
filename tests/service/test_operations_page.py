"""The times that docs/operations.md states, of who waits how long for what, are those of the code."""

import re

from service.cli import serving
from service.importing import bounds
from service.importing.queue import leases, run, worker
from service.observing.aside import LAST_S
from service.postgres.connections import LOCK_TIMEOUT_S, NOTICING
from service.recording.committer import CLOSING_S, CUT_OFF_S
from service.recording.groups import SLOW_S
from service.recording.health import REHEARSALS
from service.recording.waiting import PATIENCE_OF_EVENT_S, PATIENCE_S
from service.settings import Settings
from service.storing.ledger import CONNECTION_WAIT_S
from service.storing.tokens import TRUSTED_S
from service.web import readiness, stream
from service.web.entry import published_keys, rooms
from service.webhooks import delivery, exchange
from tests.service.postgres_owner import ROOT

PAGE = ROOT / "docs" / "operations.md"


def setting(name: str) -> int:
    """The default of a setting."""
    return int(Settings.model_fields[name].default)


#: By what waits: how long, and what else the row says in numbers.
WITHIN = {
    "a request to record while PostgreSQL is gone, slow or shut, from when it came": (
        f"{PATIENCE_S:g} s + {1000 * PATIENCE_OF_EVENT_S:g} ms for each event"
    ),
    "a request behind it, or behind one that takes long to decide": "the same, from when it came",
    "a request that takes longer than that to decide": "the same",
    "requests that came together with one that takes long to decide": f"{SLOW_S:g} s",
    "a connection from which an answer is awaited that no request needs any more": f"{CUT_OFF_S:g} s",
    "a lock in the database that another holds, such as a process that was stopped": f"{LOCK_TIMEOUT_S} s",
    "a connection over TCP whose other end is gone without a word": f"{NOTICING['tcp_user_timeout'] // 1000} s",
    "the next rehearsal after an append that failed": f"{REHEARSALS.first_s:g} s, then up to {REHEARSALS.most_s:g} s",
    "a read or a question while PostgreSQL is gone": f"{CONNECTION_WAIT_S:g} s",
    "a read or a question of which too many are answered": f"{rooms.LONGEST_WAIT_S:g} s",
    "a question while the views are behind": (
        f"{setting('wait_s')} s; `Prefer: wait` up to {setting('longest_wait_s')} s"
    ),
    "a question that takes too much memory": f"{setting('projection_spill_mb')} MiB on the disk",
    "`/readyz`": f"{readiness.PATIENCE_S:g} s",
    "a request's headers, and then its body": f"{setting('body_timeout_s')} s",
    "a listener who takes nothing": f"{stream.SEND_TIMEOUT_S:g} s",
    "one message to a webhook": f"{exchange.TIMEOUT_S:g} s",
    "a service that sends to a webhook and says nothing": f"{delivery.LEASE_S:g} s",
    "a process that reads a file to import and says nothing": f"{bounds.STILL_S:g} s",
    "how a mapping or a file's beginning is judged": f"{bounds.JUDGING_S:g} s",
    "an import, for the views": f"{run.PATIENCE_S:g} s",
    "a service that runs an import and says nothing": f"{leases.LEASE_S:g} s",
    "a token that was revoked": f"{TRUSTED_S:g} s; its event streams {TRUSTED_S + stream.ADMITTED_S:g} s",
    "the keys of an identity provider, a request": f"{published_keys.PATIENCE_S:g} s",
    "the keys of an identity provider that does not answer": f"{published_keys.KEPT_WITHOUT_WORD_S:g} s",
    "SIGTERM: an answer under way": f"{serving.GRACE_S} s",
    "SIGTERM: an import's batch, messages to webhooks": f"{worker.LEAVE_S:g} s",
    "SIGTERM: what waits to be recorded, behind a slow decision, a lock or a database that is gone": (
        f"{CLOSING_S:g} s, and {2 * CUT_OFF_S:g} s to cut connections"
    ),
    "SIGTERM: the last lines of a log that is not read": f"{LAST_S:g} s",
    "SIGTERM: the end of the process": f"{serving.WHOLE_END_S} s",
}


#: An entry of the list: what waits, how long, what happens then, and what sets that.
ENTRY = re.compile(r"- (.+?): \*\*(.+?)\*\*, then (.+)\. Set by (.+)\.")


def rows() -> list[tuple[str, str, str, str]]:
    """The entries of the list."""
    section = PAGE.read_text("utf-8").partition("### Who waits how long for what\n")[2].partition("\n## ")[0]
    found = []
    for entry in re.findall(r"^- .+\n(?:  .+\n)*", section, re.MULTILINE):
        match = ENTRY.fullmatch(" ".join(entry.split()))
        assert match is not None, entry
        found.append((match[1], match[2], match[3], match[4]))
    return found


def test_who_waits_how_long_is_as_the_code_has_it() -> None:
    assert {row[0]: row[1] for row in rows()} == WITHIN
    (message,) = (row for row in rows() if row[0] == "one message to a webhook")
    first_s, last_s = delivery.WAITS_S[0], delivery.WAITS_S[-1]
    assert message[2] == f"it failed: tried again after {first_s:g} s, and later up to {last_s / 3600:g} h"


def test_what_sets_a_bound_is_where_the_table_says() -> None:
    source = "".join(path.read_text("utf-8") for path in (ROOT / "service").rglob("*.py"))
    for row in rows():
        for name in re.findall(r"`(?!DAYBOOK_)([A-Z_]+)`", row[3]):
            assert re.search(rf"^{name}\b.*=", source, re.MULTILINE), name
        for path in re.findall(r"\(`(\S+\.py)`\)", row[3]):
            assert (ROOT / "service" / path).is_file(), path


def test_what_the_parts_of_an_end_may_take_is_within_the_whole() -> None:
    recording_s = CLOSING_S + 2 * CUT_OFF_S
    assert serving.GRACE_S + worker.LEAVE_S + recording_s + LAST_S <= serving.WHOLE_END_S
    # What is being sent ends while an import does.
    assert exchange.TIMEOUT_S <= worker.LEAVE_S
