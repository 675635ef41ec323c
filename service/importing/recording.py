"""Recording what an import has read, through the committer; or deciding it as a rehearsal."""

import time
from collections.abc import Collection, Mapping, Sequence

from domain.errors import Refusal
from domain.ledger import Batch
from domain.lots import Sent
from domain.streams import fold
from service.daybook import Daybook
from service.importing.plans import Entry, RowRefused, Summary
from service.recording.commands import Command, Withdrawn, oversized
from service.recording.receipts import CommandReceipt
from service.recording.waiting import Busy
from service.storing.ledger import read_bytes
from service.storing.streams import StreamCache
from service.storing.writing import Place, new_identifier, write

ACTOR = "import"
#: How long to leave a ledger alone that has too much to do.
BUSY_PAUSE_S = 0.05


class Recorder:
    """Records batches together or not at all, and counts their events in a summary.

    In a dry run it decides as the ledger would, against the ledger as it stood when the run began and all batches
    before, and records nothing.
    """

    def __init__(
        self, daybook: Daybook, summary: Summary, correlation_id: str | None = None, actor: str = ACTOR
    ) -> None:
        self._daybook = daybook
        self._summary = summary
        #: What its events carry.
        self.correlation_id = correlation_id
        self._actor = actor
        self._head = daybook.ledger.recorder.head()
        self._cache = StreamCache(daybook.ledger.recorder)
        calendar = daybook.ledger.calendar
        self._rehearsed = Batch(self._cache, calendar.day_of(self._head.clock), new_identifier, zone=calendar.name)

    @property
    def rehearses(self) -> bool:
        """Whether nothing is recorded."""
        return self._summary.dry_run

    def record(
        self, entries: Sequence[Entry], requests: Sequence[Sent], expected: Mapping[str, int] | None = None
    ) -> None:
        """Record the requests read from these entries; raises RowRefused.

        `expected`: streams, and the version that each must have, or nothing is recorded.
        """
        if not requests:
            return
        try:
            self.finish(self.begin(requests, expected=expected))
        except Refusal as refusal:
            raise RowRefused(entries[refusal.index], refusal) from None
        if self._summary.dry_run:
            if self._summary.rehearsed is not None:
                self._summary.rehearsed(entries)
            for entry in entries:
                self._summary.first.setdefault(str(entry.sent["type"]), entry)

    def begin(
        self, requests: Sequence[Sent], after: Command | None = None, expected: Mapping[str, int] | None = None
    ) -> Command:
        """Have requests recorded together without waiting for it; not where those that they come `after` are not.

        In a dry run they are decided at once.
        """
        versions = {stream: frozenset((version,)) for stream, version in (expected or {}).items()}
        command = Command(requests, self._actor, self.correlation_id, after=after, expected=versions)
        if self._summary.dry_run:
            try:
                command.future.set_result(self._rehearse(command))
            except Refusal as refusal:
                command.refuse(refusal)
            return command
        self._summary.begun.append(command)
        while True:
            try:
                self._daybook.committer.enqueue(command)
            except Busy:
                time.sleep(BUSY_PAUSE_S)
            else:
                return command

    def finish(self, command: Command) -> None:
        """Wait until what was begun is recorded, and count it; raises Refusal."""
        self._summary.count(command)

    def publish_meanwhile(self) -> None:
        """Have checkpoints issued from time to time, not one over everything at the end."""
        log = self._daybook.log
        if not self._summary.dry_run and not log.publisher.follows:
            log.start()

    def known(self, streams: Collection[str]) -> set[str]:
        """Which of these streams have begun; in a dry run those that it would have begun by now, too."""
        found = self._daybook.ledger.recorder.by_streams(list(streams)) if streams else {}
        begun = {name for name, states in found.items() if fold(map(read_bytes, states)).state is not None}
        rehearsed = self._rehearsed.streams
        return begun | {name for name in streams if name in rehearsed and self._rehearsed.state(name) is not None}

    def _rehearse(self, command: Command) -> CommandReceipt:
        if command.after is not None and command.after.refusal is not None:
            raise Withdrawn.at("", "what comes before it was not recorded")
        self._cache.prefetch([command.requests])
        command.outcomes = outcomes = self._rehearsed.add(command.requests)
        written = write(command.sendings(), Place.after(self._head))
        refusal = oversized(outcomes, list(map(len, written.states)))
        if refusal is not None:
            raise refusal
        return CommandReceipt(outcomes, command.recorded, 0, len(command.replayed))
