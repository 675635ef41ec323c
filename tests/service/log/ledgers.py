"""A database with a log, what a plain computation says of it, and what is looked at behind the service's back."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from psycopg import Connection
from pydantic import SecretStr

from domain.merkle import leaf_hash, root
from service.daybook import Daybook
from service.log.signatures import SigningKey
from service.settings import Settings
from tests.service.purchases import note, organization, read

NAME = "daybook"


def settings_of(database: str, home: Path, *keys: SigningKey) -> Settings:
    """Settings of a process on a database, with a home and signing keys of its own."""
    given = SecretStr(" ".join(key.encode() for key in keys)) if keys else None
    return Settings(home=home, database_url=SecretStr(database), signing_key=given)


def record(daybook: Daybook, count: int, name: str = "note") -> int:
    """Record so many events at once, notes on the ledger's first event, and say the last position."""
    events = [note("of-baidu", f"{name} {number}") for number in range(count)]
    if daybook.committer.acknowledged == 0 and daybook.ledger.recorder.head().position == 0:
        events[0] = organization("baidu", id="of-baidu")
        first = daybook.committer.record(read(events[:1]))
        events = events[1:]
        if not events:
            return first.events[-1].position
    return daybook.committer.record(read(events)).events[-1].position


def issued(owner: Connection[Any]) -> list[tuple[int, bytes, str]]:
    """Every checkpoint: size, root and note."""
    return owner.execute("select size, root, note from log_checkpoints order by size").fetchall()


def contradictions(owner: Connection[Any]) -> list[str]:
    """What in the stored log is not as a plain computation over the events has it."""
    leaves = [
        leaf_hash(state) for (state,) in owner.execute("select state from ledger_events order by notification_id")
    ]
    checkpoints = issued(owner)
    wrong = [f"root at {size}" for size, known, _ in checkpoints if root(leaves[:size]) != known]
    expected = tiles(leaves[: checkpoints[-1][0]])
    rows = owner.execute("select level, number, start, hashes from log_tiles order by level, number, start").fetchall()
    found: dict[tuple[int, int], bytes] = {}
    for place, segments in itertools.groupby(rows, key=lambda row: (row[0], row[1])):
        for _, _, start, hashes in segments:
            known = found.get(place, b"")
            if len(known) != 32 * start:
                wrong.append(f"tile {place} at {start}")
            found[place] = known + hashes
    return wrong + [
        f"tile {place}" for place in expected.keys() | found.keys() if expected.get(place) != found.get(place)
    ]


def tiles(leaves: Sequence[bytes]) -> dict[tuple[int, int], bytes]:
    """Every tile of a tree, by level and number."""
    found: dict[tuple[int, int], bytes] = {}
    level, hashes = 0, list(leaves)
    while hashes:
        for number in range(-(-len(hashes) // 256)):
            found[level, number] = b"".join(hashes[256 * number : 256 * number + 256])
        hashes = [root(hashes[at : at + 256]) for at in range(0, len(hashes) - 255, 256)]
        level += 1
    return found
