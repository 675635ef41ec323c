"""One run of an import: its file is fetched, read by a process of its own, and recorded."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing, suppress
from threading import Event, Lock

import msgspec

from projections.remarks import Doubts
from service.daybook import Daybook
from service.importing.causes import by_cause
from service.importing.formats import FORMATS
from service.importing.importing import form_of, import_from, wanted
from service.importing.plans import RowRemark, Summary
from service.importing.queue.contents import DiskRoom, Rejects, fetched
from service.importing.queue.failures import TooMuchToRehearse
from service.importing.queue.jobs import ImportOutcome, Job, Listed, StoredFault
from service.importing.queue.leases import Leases
from service.importing.reading.apart import Apart, ReaderBounds
from service.importing.remarks import remark_on, rest_of
from service.importing.rows import MOST_FAULTS, BadFile
from service.importing.streaming import Options
from service.shapes.overviews import FirstEvent
from service.storing.ledger import Unreachable

#: How often progress is stored.
PROGRESS_S = 0.5
#: How long an import waits for the projection, which finds organisations by name.
PATIENCE_S = 60.0
#: A dry run remembers what it decides, in the memory of the service: so many events at most.
MOST_REHEARSED = 1_000_000


class Halted(Exception):
    """The import was called off, its lease is lost, or the service ends."""


class ImportRun:
    """One run of an import, and how far it is."""

    def __init__(
        self,
        daybook: Daybook,
        leases: Leases,
        job: Job,
        room: DiskRoom,
        closed: Event,
        bounds: ReaderBounds | None = None,
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        """`closed`: set once it is to halt; `alive` is called while it gets on."""
        self.job = job
        as_of = None if job.wish.extract is None else job.wish.extract.as_of
        self.summary = Summary(job.file, job.wish.format, 0, job.wish.dry_run, as_of)
        #: It is to end after the batch at hand.
        self.called_off = False
        #: Another service runs it by now: this one stores nothing more of it.
        self.lost = False
        #: Its end is stored, or that it is put back: nothing more is.
        self.abandoned = False
        self._daybook = daybook
        self._leases = leases
        self._closed = closed
        self._alive = alive
        self._room = room
        self._bounds = bounds
        self._rejects = Rejects(leases, job) if job.wish.continue_on_error else None
        self._done = 0
        #: On the clock of time.monotonic.
        self.began = time.monotonic()
        self._stored_at = self.began
        self._storing = Lock()

    def work(self) -> None:
        """Record what the file says; raises Halted where it is to stop, and what is wrong."""
        wish = self.job.wish
        options = Options(
            wish.dry_run, wish.continue_on_error, self._rejects, None, wish.register, wish.extract, wish.lenient
        )
        to_read = wanted(self.summary, options)
        if wish.mapping is not None:
            content = self._leases.imports.mapping(self.job.id)
            to_read = msgspec.structs.replace(to_read, mapping=(wish.mapping, content))
        with ExitStack() as stack:
            file = stack.enter_context(closing(fetched(self._leases.imports, self.job, self._room, self.halt)))
            head = self._daybook.ledger.recorder.head().position
            self._daybook.follower.wait_for(head, PATIENCE_S)
            source = stack.enter_context(Apart(file, to_read, self._bounds, self.halt))
            try:
                form_of(source)
                import_from(
                    self._daybook,
                    source,
                    self.summary,
                    options,
                    actor=self.job.actor,
                    progress=self._recorded,
                    reading=self._read,
                )
            except BadFile as bad:
                self.summary.causes = bad.causes or by_cause(bad.faults)
                raise
        remark_on(self._daybook, self.summary, followed=True)
        # Progress is reported batch by batch; rows left out behind the last batch belong to none.
        self._done = max(self._done, self.summary.rows)

    def halt(self) -> None:
        """Raises Halted where the import was called off, is another's, or the service ends."""
        if self._closed.is_set() or self.called_off or self.lost:
            raise Halted

    def hold(self) -> None:
        """Hold the lease on, and see whether the import was called off meanwhile."""
        with self._storing:
            if not self.abandoned:
                self._heed(self._leases.renew(self.job))

    def flush(self) -> None:
        """Store what it has left out so far."""
        if self._rejects is not None:
            self._rejects.flush()

    def now(self, faults: tuple[StoredFault, ...] | None = None) -> Job:
        """The import as far as it is."""
        summary = self.summary
        elapsed_s = time.monotonic() - self.began
        plan = summary.plan
        remarks = plan.reported
        listed = {
            name: _listed(said)
            for name, said in (
                ("known", plan.known),
                ("unread", plan.unread),
                ("noted", plan.noted),
                ("missing", plan.missing),
            )
            if said
        } | {kind.kind: _doubted(kind) for kind in summary.doubts}
        return msgspec.structs.replace(
            self.job,
            rows=max(summary.rows, self._done),
            done=self._done,
            recorded=summary.recorded,
            replayed=summary.replayed,
            rejected=summary.rejected or len(remarks),
            rows_per_s=round(self._done / elapsed_s, 1) if elapsed_s > 0 else None,
            outcome=ImportOutcome(dict(sorted(summary.types.items()))),
            listed=Listed(
                faults if faults is not None else _listed(remarks),
                listed,
                tuple(summary.causes),
                summary.overview,
                {name: FirstEvent(one.line, one.row, dict(one.sent)) for name, one in sorted(summary.first.items())},
            ),
        )

    def _recorded(self, done: int, total: int) -> None:
        self._done = done
        # Lines of events are read while others are recorded, and these are still to be counted: reading halts there.
        if FORMATS[self.job.wish.format].reads != "lines":
            self.halt()
        if self.summary.dry_run and self.summary.recorded > MOST_REHEARSED:
            raise TooMuchToRehearse(
                f"a dry run over HTTP rehearses {MOST_REHEARSED:,} events at most: rehearse this file by daybook import"
            )
        self._store()

    def _read(self, rows: int) -> None:
        self.summary.rows = max(self.summary.rows, rows)
        self.halt()
        self._store()

    def _store(self) -> None:
        now = time.monotonic()
        if now - self._stored_at < PROGRESS_S:
            return
        self._stored_at = now
        self._alive()
        # While the database is away, a reader of the import sees a little less.
        with self._storing, suppress(*Unreachable):
            if not self.abandoned:
                self.flush()
                self._heed(self._leases.progress(self.now()))

    def _heed(self, called_off: bool | None) -> None:
        self.lost = called_off is None
        self.called_off = self.called_off or bool(called_off)


def _listed(remarks: Sequence[RowRemark]) -> tuple[StoredFault, ...]:
    return tuple(StoredFault(one.line, one.row, one.message) for one in remarks[:MOST_FAULTS])


def _doubted(kind: Doubts) -> tuple[StoredFault, ...]:
    rest = rest_of(kind)
    first = tuple(StoredFault(None, one.subject, one.detail) for one in kind.first)
    return first if rest is None else (*first, StoredFault(None, "", rest))
