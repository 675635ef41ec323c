"""A ledger of some hundred events with a log of several checkpoints, and what it takes to verify and to damage it."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection

from domain.merkle import Edge, leaf_hash
from domain.notes import Checkpoint, Note
from domain.tiles import HEIGHT, grown
from service.cli.verify import home_keys
from service.log.signatures import SigningKey
from service.log.transparency import open_log
from service.recording.committer import Committer
from service.settings import Settings
from service.storing.ledger import Ledger, ledger_identity
from service.verification.findings import LedgerFinding, Report
from service.verification.ledger import VerificationScope, verify_state
from tests.service.purchases import market, order, record

#: Of the checkpoints, the first of size 0 aside; none but one ends with a tile.
SIZES = (40, 200, 256, 300, 420, 500, 530)
COVERED = SIZES[-1]
#: The last events are not covered by a checkpoint.
EVENTS = COVERED + 5


@dataclass(frozen=True)
class Sound:
    """A ledger in which everything is as it should be."""

    conninfo: str
    home: Path

    @property
    def key(self) -> SigningKey:
        """What its log is signed with."""
        return SigningKey.parse((self.home / "signing-key").read_text().strip())

    @property
    def copies(self) -> Path:
        """The checkpoints kept outside the database."""
        (path,) = (self.home / "checkpoints").glob("*.ndjson")
        return path

    def wanted(self, *, copies: bool = True, anchors: Sequence[Path] = ()) -> VerificationScope:
        """How it is verified, with its key and the copies of its home."""
        kept = [self.copies] if copies else []
        return VerificationScope(home_keys(Settings(home=self.home)), lambda origin, created_at: kept, tuple(anchors))


def make_sound(conninfo: str, home: Path) -> Sound:
    """Fill an empty ledger."""
    ledger = Ledger(conninfo)
    settings = Settings(home=home)
    with open_log(settings, "daybook", ledger, ledger_identity(ledger)) as log:
        committer = Committer(ledger, on_append=log.recorded)
        record(committer, *market())
        recorded = 3
        for size in SIZES:
            record(committer, *[order(f"po-{number}") for number in range(recorded, size)])
            recorded = size
            log.publisher.publish(hurry=True)
            log.publisher.keep()
        committer.close()
    # Without the log: these stay uncovered.
    committer = Committer(ledger)
    record(committer, *[order(f"po-{number}") for number in range(COVERED, EVENTS)])
    committer.close()
    ledger.close()
    return Sound(conninfo, home)


@contextmanager
def damaging(conninfo: str) -> Iterator[Connection[Any]]:
    """A superuser's connection, for which no trigger works; what it does is undone."""
    with psycopg.connect(conninfo) as connection:
        connection.execute("set session_replication_role = replica")
        connection.commit()
        yield connection
        connection.rollback()


def verified(
    connection: Connection[Any], wanted: VerificationScope, damage: Callable[[Connection[Any]], object]
) -> Report:
    """The result of verifying a ledger that was damaged, which is then as it was."""
    with connection.transaction(force_rollback=True):
        damage(connection)
        return verify_state(connection, wanted)


def told(report: Report) -> list[tuple[str, int | None]]:
    """Kind and position of every finding."""
    return [(str(finding.kind), finding.position) for finding in report.findings]


def first(report: Report) -> LedgerFinding:
    """What is reported first."""
    assert report.findings, "nothing was found"
    return report.findings[0]


# What an attacker does.


def states(connection: Connection[Any]) -> list[bytes]:
    """The bytes of every event, in order."""
    query = "select state from ledger_events order by notification_id"
    return [bytes(state) for (state,) in connection.execute(query)]


def renumber(connection: Connection[Any], position: int, to: int) -> None:
    """Put one event elsewhere."""
    connection.execute("update ledger_events set notification_id = %s where notification_id = %s", (to, position))


def shift(connection: Connection[Any], first: int, last: int, by: int) -> None:
    """Put neighbouring events further to the front or to the back."""
    far = 10_000_000
    among = "where notification_id between %s and %s"
    statement = f"update ledger_events set notification_id = notification_id + %s {among}".encode()
    connection.execute(statement, (far, first, last))
    connection.execute(statement, (by - far, far + first, far + last))


def set_head(connection: Connection[Any]) -> None:
    """Have ledger_head agree with the last event."""
    connection.execute(
        "update ledger_head set (position, recorded_at) ="
        " (select notification_id, recorded_at from ledger_events order by notification_id desc limit 1)"
    )


def swap(connection: Connection[Any], one: int, other: int) -> None:
    """Put two events in each other's place."""
    renumber(connection, one, 99_999_999)
    renumber(connection, other, one)
    renumber(connection, 99_999_999, other)


def cut_log(connection: Connection[Any], size: int) -> None:
    """Take out of the log what it gained beyond a checkpoint."""
    connection.execute("delete from log_checkpoints where size > %s", (size,))
    for level in range(3):
        connection.execute(
            "delete from log_tiles where level = %s and number * 256 + start >= %s", (level, size >> HEIGHT * level)
        )


def sign_anew(connection: Connection[Any], base: int, key: SigningKey) -> None:
    """Have the log go on from a checkpoint to the last event, with a new checkpoint signed by a key."""
    cut_log(connection, base)
    leaves = [leaf_hash(state) for state in states(connection)]

    def tile(level: int, number: int) -> bytes:
        query = "select hashes from log_tiles where level = %s and number = %s order by start"
        return b"".join(bytes(hashes) for (hashes,) in connection.execute(query, (level, number)))

    for segment in grown(base, leaves[base:], tile):
        connection.execute(
            "insert into log_tiles (level, number, start, hashes) values (%s, %s, %s, %s)",
            (segment.level, segment.number, segment.start, segment.hashes),
        )
    root = Edge().extended(leaves).root
    body = Checkpoint("daybook", len(leaves), root).body()
    note = Note(body, (key.sign(body),)).encode().decode()
    connection.execute("insert into log_checkpoints (size, root, note) values (%s, %s, %s)", (len(leaves), root, note))
