"""Verifying a ledger: everything in its database read again, and held against what was signed."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection

from domain.merkle import HASH_BYTES, subtree_root
from domain.notes import VerifierKey
from domain.tiles import WIDTH
from service.log.keys import log_name
from service.verification.checkpoints import Keyring, Outside, faulty_cosignature, named, read_file
from service.verification.findings import FindingKind, Findings, LedgerFinding, Report, counted, listed, places
from service.verification.growing import Upper, tile_finding
from service.verification.locating import Locator
from service.verification.reading import EventBlock, hashes_of, rows, snapshot_connection
from service.verification.stored import Stored, StoredTile
from service.verification.survey import Survey, chunks
from service.verification.workers import BlockReader, reader

#: What a verification reports of its progress: events read, events there are, and whether it is looking closer.
OnProgress = Callable[[int, int, bool], None]


class NothingToVerify(Exception):
    """There is no log to hold the ledger against, or no key."""


@dataclass(frozen=True, slots=True)
class VerificationScope:
    """What a ledger is to be verified with."""

    #: The keys of its log; of a note at least one must have signed, and none wrongly.
    keys: tuple[VerifierKey, ...]
    #: The files in which a home keeps copies of the checkpoints of a ledger of this origin, made at this time.
    kept: Callable[[str, datetime], Sequence[Path]] = lambda origin, created_at: ()
    #: Checkpoints from elsewhere.
    anchors: tuple[Path, ...] = ()
    #: Processes that read; None: as many as are worth it.
    workers: int | None = None


def verify_ledger(
    conninfo: str, wanted: VerificationScope, on_progress: OnProgress = lambda read, there, closer: None
) -> Report:
    """Verify the ledger of a database as it is now; raises NothingToVerify, and OSError for a file of checkpoints.

    Anything that was done to the database becomes a finding, never an exception.
    """
    with snapshot_connection(conninfo) as connection:
        return verify_state(connection, wanted, on_progress, conninfo)


def verify_state(
    connection: Connection[Any],
    wanted: VerificationScope,
    on_progress: OnProgress = lambda read, there, closer: None,
    conninfo: str | None = None,
) -> Report:
    """Verify the ledger as a connection sees it; several processes read it only where they can see the same state."""
    started = time.monotonic()
    stored, outside = Stored(connection), Outside()
    files = [(path, read_file(path)) for path in wanted.anchors]
    try:
        if not stored.has_log():
            raise NothingToVerify("the database holds no log yet: `daybook init` begins one")
        (origin, created_at), *_ = stored.identity() or [("", None)]
    except (psycopg.Error, UnicodeError) as error:
        return _unreadable(wanted, error, started)
    keyring = Keyring(log_name(str(origin)), wanted.keys)
    kept_files = wanted.kept(str(origin), created_at) if created_at is not None else []
    kept = tuple(outside.read(str(path), read_file(path), keyring) for path in kept_files)
    anchors = tuple(outside.read(str(path), data, keyring) for path, data in files)
    verification = _Verification(conninfo, connection, stored, keyring, outside, wanted, on_progress)
    verification.run()
    found, more = listed(verification.findings.ordered())
    return Report(
        keyring.origin,
        named(wanted.keys),
        verification.events,
        verification.proven,
        verification.checkpoints,
        verification.cosignatures,
        kept,
        anchors,
        found,
        more + verification.findings.more,
        time.monotonic() - started,
    )


def _unreadable(wanted: VerificationScope, error: Exception, started: float) -> Report:
    finding = _refused(error)
    return Report("", named(wanted.keys), 0, 0, 0, 0, (), (), (finding,), 0, time.monotonic() - started)


def _refused(error: Exception) -> LedgerFinding:
    said = str(error).strip().partition("\n")[0]
    return LedgerFinding(FindingKind.UNREADABLE, f"PostgreSQL does not give out what is to be verified: {said}")


@dataclass(slots=True)
class _Verification:
    conninfo: str | None
    connection: Connection[Any]
    stored: Stored
    keyring: Keyring
    outside: Outside
    wanted: VerificationScope
    on_progress: OnProgress
    findings: Findings = field(default_factory=Findings)
    events: int = 0
    proven: int = 0
    checkpoints: int = 0
    cosignatures: int = 0

    def run(self) -> None:
        """Look at everything; what PostgreSQL does not give out is a finding too."""
        try:
            self._run()
        except psycopg.OperationalError as error:
            if error.sqlstate is None or error.sqlstate.startswith(("08", "57")):
                raise  # it went away: that says nothing of the ledger
            self.findings.add(_refused(error))
        except (psycopg.Error, UnicodeError) as error:
            self.findings.add(_refused(error))

    def _run(self) -> None:
        last = self.stored.last_event()
        there = last[0] if last is not None else 0
        largest = self.stored.largest_checkpoint()
        survey = Survey(
            self.stored, self.connection, self.keyring, self.outside, self.findings, largest,
            lambda read: self.on_progress(read, there, False),
        )  # fmt: skip
        with reader(self.conninfo, self.connection, there, self.wanted.workers) as reading:
            survey.run(reading)
            self.events, self.proven = survey.events, survey.reference.proven
            self.checkpoints = survey.checkpoints
            if survey.dirty is not None:
                self._look_closer(survey, reading, there)
        if survey.dirty is None:
            survey.upper.finish()
            self.findings.add(*survey.upper.findings)
        self._beyond(survey, there)
        self._contradictions(survey, there)
        self._log_itself(survey)
        self._ledger_itself(last)

    def _look_closer(self, survey: Survey, reading: BlockReader, there: int) -> None:
        """Read once more what differs, and say what happened to it."""
        assert survey.dirty is not None
        reference = survey.reference
        locator = Locator(reference, survey.dirty * WIDTH + 1, reference.proven)
        upper = Upper(self.stored, survey.largest or 0, max(survey.largest or 0, reference.upto))
        known = True
        seen = 0
        for (first, last), chunk in reading.chunks(chunks(self.stored)):
            tiles = self.stored.tiles(0, first, last)
            for block in chunk:
                tile = tiles.get(block.number) or StoredTile(0, block.number)
                seen += len(block.leaves) // HASH_BYTES
                right = self._right(survey, block, tile)
                known = known and right is not None
                if known and right is not None and len(right) == WIDTH * HASH_BYTES:
                    upper.add(subtree_root(right))
                if block.number >= survey.dirty:
                    self._locate(locator, reference.upto, block, right)
            self.on_progress(seen, there, True)
        self.findings.add(*locator.findings())
        if known:
            upper.finish()
            self.findings.add(*upper.findings)

    def _locate(self, locator: Locator, upto: int, block: EventBlock, right: bytes | None) -> None:
        first, count = block.number * WIDTH, len(block.leaves) // HASH_BYTES
        covered = min(WIDTH, max(0, upto - first))
        if block.in_order and not count:
            return  # what is missing shows in what is there
        if block.in_order and covered in (0, count) and right is not None and right == block.leaves[: len(right)]:
            certain = covered > 0
            locator.take_block(first + 1, count, block.first_at, block.last_at, certain=certain)
        else:
            for row in rows(self.connection, first, first + WIDTH):
                locator.take(row)

    def _right(self, survey: Survey, block: EventBlock, tile: StoredTile) -> bytes | None:
        """The right hashes of a block, as far as the log goes; what its tile has wrong is noted."""
        reference = survey.reference
        first = block.number * WIDTH
        upto = max(reference.upto, survey.largest or 0)
        width = min(WIDTH, max(0, upto - first))
        held = bytes(tile.hashes)
        if width == 0 and not held:
            return b""
        decided = any(part.first <= first + WIDTH and part.last > first for part in reference.decided)
        if not decided:
            right: bytes | None = held if len(held) >= width * HASH_BYTES else None
        else:
            own = block.leaves or b"".join(
                row.leaf for row in rows(self.connection, first, first + WIDTH) if row.leaf is not None
            )
            right = reference.block(block.number, own, min(WIDTH, max(0, reference.upto - first)))
        self._compare_tile(tile, held, right, min(WIDTH, max(0, (survey.largest or 0) - first)))
        return right

    def _compare_tile(self, tile: StoredTile, held: bytes, right: bytes | None, needed: int) -> None:
        if right is not None:
            for place, (there, wanted) in enumerate(zip(hashes_of(held), hashes_of(right), strict=False)):
                if there != wanted:
                    what = f"is {there.hex()}, and the events up to a signed checkpoint lead to {wanted.hex()}"
                    self.findings.add(tile_finding(tile, place, what))
        count = len(held) // HASH_BYTES
        if tile.fault is not None:
            self.findings.add(tile_finding(tile, count, f"does not follow: {tile.fault}"))
        elif count < needed:
            first = tile.number * WIDTH + count + 1
            upto = tile.number * WIDTH + needed
            several = needed - count > 1
            message = f"{tile.path}: the hashes of {places(first, upto)} are missing"
            self.findings.add(LedgerFinding(FindingKind.TILE, message, first, upto if several else None))

    def _beyond(self, survey: Survey, there: int) -> None:
        """Checkpoints that cover more events than there are."""
        end = max(survey.end, there)
        beyond: list[tuple[int, str]] = []
        for size, signed in survey.take_checkpoints(end, 1 << 62).items():
            beyond += [(size, checkpoint.source) for checkpoint in signed]
        beyond += [(checkpoint.size, checkpoint.source) for checkpoint in survey.unmatched if checkpoint.size > there]
        if not beyond:
            return
        size, source = max(beyond)
        truncated = [finding for finding in self.findings.found if finding.kind is FindingKind.TRUNCATED]
        for finding in truncated:
            self.findings.found.remove(finding)
        message = (
            f"truncated: the checkpoint of size {size:,}, kept in {source}, covers events that are not there"
            f" ({places(there + 1, size)})"
        )
        first = min([there + 1, *(finding.position or 0 for finding in truncated)])
        self.findings.add(
            LedgerFinding(FindingKind.TRUNCATED, message, first, size if size > first else None, size=size)
        )

    def _contradictions(self, survey: Survey, there: int) -> None:
        """Signed checkpoints that the ledger does not lead to."""
        reference, proven = survey.reference, survey.reference.proven
        reported = False
        for signed in sorted(survey.unmatched, key=lambda one: one.size):
            if signed.size > there:
                continue
            if signed.size <= proven and not signed.outside:
                message = (
                    f"the stored checkpoint of size {signed.size:,} has the root {signed.root.hex()}, not the ledger's"
                )
                self.findings.add(LedgerFinding(FindingKind.CHECKPOINT, message, size=signed.size))
                continue
            explained = signed.size > proven and any(
                finding.position is not None and proven < finding.position <= signed.size
                for finding in self.findings.found
                if finding.kind not in (FindingKind.COLUMN, FindingKind.TIME)
            )
            if reported or explained:
                continue
            before = [size for size in survey.matched_outside if size < signed.size]
            first = (max(before, default=0) if signed.size <= reference.proven else proven) + 1
            what = places(first, signed.size)
            message = (
                f"{what}: other events were recorded here. The checkpoint of size {signed.size:,}, kept in"
                f" {signed.source}, has the root {signed.root.hex()}, and neither events nor tiles lead there"
            )
            upto = signed.size if signed.size > first else None
            self.findings.add(LedgerFinding(FindingKind.REWRITTEN, message, first, upto, size=signed.size))
            reported = True

    def _log_itself(self, survey: Survey) -> None:
        if survey.largest is None:
            self.findings.add(
                LedgerFinding(FindingKind.CHECKPOINT, "the log has no checkpoint at all, not even that of size 0")
            )
        elif not self.stored.checkpoints(-1, 0):
            self.findings.add(LedgerFinding(FindingKind.CHECKPOINT, "the first checkpoint, of size 0, is gone", size=0))
        if survey.reference.upto > (survey.largest or 0):
            message = (
                f"the tiles hold the hashes of {counted(survey.reference.upto, 'event')}, and the last checkpoint is of"
                f" size {survey.largest or 0:,}: the checkpoint of size {survey.reference.upto:,} was removed"
            )
            if all(finding.size != survey.reference.upto for finding in self.findings.found):
                self.findings.add(LedgerFinding(FindingKind.CHECKPOINT, message, size=survey.reference.upto))
        for size, line, has_checkpoint in self.stored.cosignatures():
            self.cosignatures += 1
            fault = faulty_cosignature(size, line, has_checkpoint)
            if fault is not None:
                self.findings.add(fault)
        self.findings.add(*self.outside.findings)

    def _ledger_itself(self, last: tuple[int, int | None] | None) -> None:
        position, recorded_at = last if last is not None else (0, None)
        heads = self.stored.heads()
        if len(heads) != 1:
            message = f"ledger_head has {counted(len(heads), 'row')}, not one"
            self.findings.add(LedgerFinding(FindingKind.HEAD, message))
        for head, head_at in heads:
            if head != position:
                message = f"ledger_head names position {head:,} as the last, and the last event stands at {position:,}"
                self.findings.add(LedgerFinding(FindingKind.HEAD, message, min(head, position) + 1))
            elif head_at != recorded_at:
                message = "ledger_head names another recorded_at than that of the last event"
                self.findings.add(LedgerFinding(FindingKind.HEAD, message))
        if unplaced := self.stored.unplaced():
            message = f"{counted(unplaced, 'event')} without a position from 1 on: inserted"
            self.findings.add(LedgerFinding(FindingKind.INSERTED, message, 0))
        if len(identities := self.stored.identity()) != 1:
            message = f"ledger_identity has {counted(len(identities), 'row')}, not one"
            self.findings.add(LedgerFinding(FindingKind.HEAD, message))
