"""Replays: every projection built anew from the stored bytes, and compared with the one that answers."""

import json
import logging
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from projections.database import Bounds
from projections.digests import differing_rows
from projections.engine import OutOfOrder, Projection, fingerprint
from service.audit.questions import Saved
from service.audit.remote import Remote
from service.audit.verifier import differences
from service.daybook import Daybook
from service.following.follower import Follower
from service.following.pages import PAGE_EVENTS, LedgerPages
from service.storing.ledger import Ledger

logger = logging.getLogger(__name__)

#: Rows of a table, and places in an answer, that are named where they differ.
MOST_NAMED = 20

#: What is being done, how much of it is done, and how much there is.
OnProgress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class TableDifference:
    """A table that two projections have not alike."""

    #: "live", or the address of a service.
    where: str
    table: str
    #: Digests: the number of rows, and a sum over them. None: there is no such table.
    found: str | None
    replayed: str | None
    #: Rows of the live projection that the replayed one has not, and the other way round; the first few.
    rows_found: Sequence[str] = ()
    rows_replayed: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class AnswerDifference:
    """A place in an answer that differs."""

    where: str
    query: str
    #: A JSON pointer into the answer.
    path: str
    found: Any
    replayed: Any


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of a replay."""

    position: int
    tables: int
    queries: int
    #: What was compared: "live", and the address of a service.
    compared: Sequence[str]
    differing_tables: Sequence[TableDifference]
    differing_answers: Sequence[AnswerDifference]

    @property
    def is_equal(self) -> bool:
        """Whether nothing differs."""
        return not self.differing_tables and not self.differing_answers

    def written(self) -> dict[str, Any]:
        """As JSON."""
        return {"equal": self.is_equal, **asdict(self)}


def replay(
    daybook: Daybook,
    position: int,
    queries: Sequence[Saved],
    *,
    folder: Path,
    wait_s: float,
    remote: Remote | None = None,
    bounds: Bounds | None = None,
    on_progress: OnProgress = lambda what, done, total: None,
) -> Replayed:
    """Build a projection of the events up to a position, and compare it and its answers with the live one's.

    `folder`: where its file lies meanwhile, and `bounds` what it may use. `remote`: a running service that is compared
    as well.
    """
    with rebuilt(daybook.ledger, position, folder, on_progress, bounds) as projection:
        expected = projection.digest(position)
        tables = [*_tables(daybook.projection, projection, expected, position)]
        if remote is not None:
            tables += _tables_of(remote, expected, position)
        fresh = replace(daybook, follower=Follower(daybook.ledger, projection))
        answers: list[AnswerDifference] = []
        for done, saved in enumerate(queries, 1):
            replayed = _plain(saved.answered(fresh, wait_s))
            answers += _differing("live", saved, _live(saved, daybook, wait_s), replayed)
            if remote is not None:
                # In what words a question is refused is the transport's matter.
                expected_there = {"refused": True} if "refused" in replayed else replayed
                answers += _differing(remote.address, saved, remote.answer(saved), expected_there)
            on_progress("asking", done, len(queries))
    compared = ["live"] if remote is None else ["live", remote.address]
    return Replayed(position, len(expected), len(queries), compared, tables, answers)


@contextmanager
def rebuilt(
    ledger: Ledger, position: int, folder: Path, on_progress: OnProgress, bounds: Bounds | None = None
) -> Iterator[Projection]:
    """A projection of the events up to a position, read anew from their stored bytes into a file that does not stay."""
    with (
        tempfile.TemporaryDirectory(prefix=f"replay-{os.getpid()}-", dir=folder) as temporary,
        Projection.open(Path(temporary) / "replay.duckdb", bounds) as projection,
    ):
        pages = LedgerPages(ledger.recorder)
        while projection.position < position:
            page = pages.after(projection.position, PAGE_EVENTS, upto=position)
            if not page.batch.num_rows:
                raise OutOfOrder(
                    f"the ledger has no event at position {projection.position + 1}, though its head is later"
                )
            projection.apply(page.batch)
            on_progress("replaying", projection.position, position)
        yield projection


def _tables(
    live: Projection, replayed: Projection, expected: Mapping[str, str], position: int
) -> Iterator[TableDifference]:
    found = live.digest(position)
    for table in sorted(found.keys() | expected.keys()):
        if found.get(table) == expected.get(table):
            continue
        if table not in found or table not in expected:
            yield TableDifference("live", table, found.get(table), expected.get(table))
            continue
        with live.cursor() as one, replayed.cursor() as other:
            mine, theirs = differing_rows(one, other, table, position, MOST_NAMED)
        yield TableDifference("live", table, found[table], expected[table], mine, theirs)


def _tables_of(remote: Remote, expected: Mapping[str, str], position: int) -> Iterator[TableDifference]:
    answered = remote.digest(position)
    if answered["fingerprint"] != fingerprint():
        # Tables of other code are laid out otherwise; answers are compared all the same.
        yield TableDifference(remote.address, "head", str(answered["fingerprint"]), fingerprint())
        return
    found = answered["tables"]
    for table in sorted(found.keys() | expected.keys()):
        if found.get(table) != expected.get(table):
            yield TableDifference(remote.address, table, found.get(table), expected.get(table))


def _differing(where: str, saved: Saved, found: Any, replayed: Any) -> Iterator[AnswerDifference]:
    for path, mine, theirs in islice(differences(found, replayed), MOST_NAMED):
        yield AnswerDifference(where, saved.text, path or "/", mine, theirs)


def _live(saved: Saved, daybook: Daybook, wait_s: float) -> Any:
    """The live projection's answer, or why it has none: tables that were tampered with may break a view anywhere."""
    try:
        return _plain(saved.answered(daybook, wait_s))
    except Exception as error:
        logger.info("%s has no live answer", saved.text, exc_info=True)
        return {"failed": f"{type(error).__name__}: {error}"}


def _plain(answer: Any) -> Any:
    """An answer as JSON has it."""
    return json.loads(json.dumps(answer))
