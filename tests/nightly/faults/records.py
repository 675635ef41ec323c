"""What the writers were told, held against what the database holds; shares no code with the service."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

ROWS = "select notification_id, event_id, state from ledger_events order by notification_id"


@dataclass
class Record:
    """What the writers of one run noted."""

    #: By id: an event as it was sent.
    sent: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: The ids of each batch.
    batches: list[list[str]] = field(default_factory=list)
    #: By id: the position that was answered.
    places: dict[str, int] = field(default_factory=dict)
    #: When each acknowledged attempt began and ended, by the machine's monotonic clock.
    acknowledged: list[tuple[float, float]] = field(default_factory=list)
    #: Answers that say "not now", and connections that broke.
    put_off: int = 0
    broken: int = 0
    #: The longest that one attempt took.
    slowest_s: float = 0.0
    #: Answers that nobody should get, and one id with two places.
    wrong: list[str] = field(default_factory=list)
    forgiven: Sequence[tuple[float, float]] = ()

    @classmethod
    def read(cls, folder: Path, forgiven: Sequence[tuple[float, float]] = ()) -> "Record":
        """The records of a folder as they stand; a line that is being written is not read.

        `forgiven`: from when to when an acknowledgement does not count.
        """
        record = cls(forgiven=forgiven)
        for line in _lines(sorted(folder.glob("*.record"))):
            record._take(line)
        return record

    def _take(self, line: dict[str, Any]) -> None:
        if "events" in line:
            self.batches.append([event["id"] for event in line["events"]])
            self.sent.update({event["id"]: event for event in line["events"]})
            return
        self.slowest_s = max(self.slowest_s, line["ended"] - line["began"])
        if "places" in line:
            if any(first <= line["ended"] <= last for first, last in self.forgiven):
                return
            self.acknowledged.append((line["began"], line["ended"]))
            for identifier, position in line["places"].items():
                if self.places.setdefault(identifier, position) != position:
                    self.wrong.append(f"{identifier} stood at {self.places[identifier]}, then at {position}")
        elif "wrong" in line:
            self.wrong.append(f"{line['status']} {line['wrong']}")
        elif "broken" in line:
            self.broken += 1
        else:
            self.put_off += 1

    def first_after(self, moment: float) -> float | None:
        """When the first acknowledgement of something begun after a moment came."""
        return min((ended for began, ended in self.acknowledged if began >= moment), default=None)


@dataclass(frozen=True)
class Verdict:
    """What is not as it was acknowledged."""

    events: int
    lost: list[str]
    doubled: list[str]
    moved: list[str]
    changed: list[str]
    #: Batches of which only a part is there.
    halved: list[str]
    #: Positions that are missing or out of order.
    gaps: list[int]
    #: Positions up to which the stored bytes are no longer what an earlier verdict saw.
    rewritten: list[int]
    #: SHA-256 over the stored bytes up to some positions, the last among them.
    digests: dict[int, str]

    @property
    def faults(self) -> list[str]:
        """What is wrong, in words; empty: nothing."""
        named = {"lost": self.lost, "doubled": self.doubled, "moved": self.moved, "changed": self.changed}
        named |= {"halved": self.halved, "gaps": [str(position) for position in self.gaps]}
        named |= {"rewritten": [str(position) for position in self.rewritten]}
        return [f"{len(found)} {name}: {', '.join(found[:5])}" for name, found in named.items() if found]


def judge(record: Record, conninfo: str, before: Verdict | None = None) -> Verdict:
    """Read every stored event from the database itself and compare it with what was sent and answered.

    `before`: a verdict of before, whose stored bytes must still be there.
    """
    known = before.digests if before else {}
    places: dict[str, int] = {}
    stored: dict[str, dict[str, Any]] = {}
    seen: Counter[str] = Counter()
    gaps, digests, digest, last = [], {}, hashlib.sha256(), 0
    with psycopg.connect(conninfo) as connection:
        for position, identifier, state in connection.execute(ROWS.encode()):
            if position != last + 1:
                gaps.append(position)
            last = position
            digest.update(state)
            if position in known:
                digests[position] = digest.hexdigest()
            event = json.loads(state)
            # An order is the fact; its second recording under another id would be one too many.
            seen[_fact(event)] += 1
            places[identifier] = position
            stored[identifier] = event
    digests[last] = digest.hexdigest()
    return Verdict(
        events=last,
        lost=[identifier for identifier in record.places if identifier not in places],
        doubled=[fact for fact, count in seen.items() if count > 1],
        moved=[name for name, place in record.places.items() if places.get(name, place) != place],
        changed=[name for name, event in record.sent.items() if name in stored and not _says(stored[name], event)],
        halved=[batch[0] for batch in record.batches if len({identifier in places for identifier in batch}) > 1],
        gaps=gaps,
        rewritten=[position for position, told in known.items() if digests.get(position) != told],
        digests=digests,
    )


def _fact(event: dict[str, Any]) -> str:
    data = event["data"]
    named = data.get("order_id") or data.get("organization_id") or data.get("product_id") or event["id"]
    return f"{event['type']} {named}"


def _says(stored: dict[str, Any], sent: dict[str, Any]) -> bool:
    return all(stored.get(name) == value for name, value in sent.items())


def _lines(files: Sequence[Path]) -> Iterator[dict[str, Any]]:
    for file in files:
        for line in file.read_bytes().split(b"\n")[:-1]:
            yield json.loads(line)
