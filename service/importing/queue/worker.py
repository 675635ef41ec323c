"""Who runs imports, in the order in which they came: a thread of the process that leads among those of a home."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from typing import TextIO

import msgspec

from domain.errors import Corrupt, Refusal
from service.daybook import Daybook
from service.following.follower import Lagging, Stopped
from service.importing.formats import NDJSON
from service.importing.importing import form_of, import_from, wanted
from service.importing.orders.mapping import BadMapping
from service.importing.plans import Refused, Remark, Summary
from service.importing.queue.arriving import FULL
from service.importing.queue.jobs import MAPPING, REJECTS, UPLOAD, Fault, Job, Jobs
from service.importing.queue.progress import Doing, Importing
from service.importing.reading.apart import Apart, Bounds, NotStarted
from service.importing.rows import MOST_FAULTS, BadFile
from service.importing.streaming import Options
from service.recording.committer import Busy, Unavailable
from service.running.attempts import Pauses
from service.running.routines import Routine
from service.settings import Settings
from service.storing.ledger import Unreachable, ledger_identity
from service.storing.writing import ClockSetBack

logger = logging.getLogger(__name__)

#: How often a process looks for jobs that others have taken in, or whether it is to lead.
POLL_S = 1.0
#: How long after a loss of the database a job is begun again.
RECONNECT_S = 2.0
#: After an error of ours, such as a disk that is full.
PAUSES = Pauses(first_s=0.5, most_s=RECONNECT_S)
#: How long the end of a service waits for an import to halt.
LEAVE_S = 15.0
ENDING = "the service ended: it is run again from its beginning"
#: How often progress is written down.
PROGRESS_S = 0.5
#: How long an import waits for the projection, which finds organisations by name.
PATIENCE_S = 60.0
#: How often old jobs are cleared away.
CLEARING_S = 3_600.0
#: A dry run remembers what it decides, in the memory of the service: so many events at most.
MOST_REHEARSED = 1_000_000

#: What passes: the job is run again.
PASSING = (*Unreachable, Unavailable, Busy, Lagging, ClockSetBack, NotStarted)


class Halted(Exception):
    """The job was called off, or the service ends."""


class TooMuchToRehearse(Exception):
    """A dry run that would remember too much."""


class Worker:
    """Runs the imports of a ledger until it is closed."""

    def __init__(
        self,
        daybook: Daybook,
        jobs: Jobs,
        kept_days: float,
        leave_s: float = LEAVE_S,
        bounds: Bounds | None = None,
    ) -> None:
        self.jobs = jobs
        #: What reading a file may take.
        self._bounds = bounds or Bounds()
        self._daybook = daybook
        self._kept = timedelta(days=kept_days)
        self._cleared_at = -CLEARING_S
        self._leads = False
        self._leave_s = leave_s
        #: What is being run, and who may write how that went.
        self._run: Run | None = None
        #: Why the last job has to be run again; None: it has not.
        self._waits_for: str | None = None
        #: Why the last one failed, and when (time.monotonic).
        self._failure: tuple[str, float] | None = None
        self._writing = threading.Lock()
        self._wake = threading.Event()
        #: Runs the jobs; what an error leaves behind is taken up by whoever leads next.
        self.routine = Routine("imports", self._work_on, restarts=True, wake=self._wake.set, pauses=PAUSES)

    @classmethod
    def of(cls, daybook: Daybook, settings: Settings) -> "Worker":
        """The worker of a service with these settings, not started yet."""
        jobs = Jobs(settings.home, ledger_identity(daybook.ledger))
        return cls(daybook, jobs, settings.import_kept_days, bounds=Bounds.of(settings.import_memory_mb))

    def start(self) -> None:
        """Work in the background; raises NotStarted of service.running.routines where there is no thread for it."""
        self.routine.start()

    @property
    def importing(self) -> Importing:
        """How imports go just now."""
        run, life, failure, now = self._run, self.routine.life, self._failure, time.monotonic()
        reason = None if life.state in ("new", "stopped") else self._waits_for
        if life.state == "new":
            state: Doing = "off"
        elif not life.is_well:
            state, reason = "failing", "looking for imports failed, and is tried again: the log says why"
        elif run is not None:
            state, reason = "running", None
        elif not self._leads:
            state = "elsewhere"
        else:
            state = "retrying" if reason else "waiting" if self.jobs.waiting else "idle"
        return Importing(
            state,
            self.jobs.waiting,
            int(run is not None),
            None if run is None else now - run.began,
            reason,
            None if failure is None else failure[0],
            None if failure is None else now - failure[1],
        )

    def wake(self) -> None:
        """A job has come: look now."""
        self._wake.set()

    def close(self) -> None:
        """Stop after the batch that is being recorded; what is not finished is run again by the next process.

        A file whose reading cannot be halted in time is given up: its thread ends with the process, and writes nothing.
        """
        self.routine.stop(self._leave_s)
        with self._writing:
            if self._run is not None:
                self._run.abandoned = True
                self.jobs.put_back(self._run.told(), ENDING)
            self.jobs.resign()

    def _work_on(self, routine: Routine) -> None:
        try:
            while not routine.stopping.is_set():
                self._wake.clear()
                if self._lead() and (job := self.jobs.next()) is not None:
                    self._work(job)
                    routine.alive()
                    continue
                self._clear_away()
                routine.alive()
                self._wake.wait(POLL_S)
        except Exception:
            # The disk may be full. Whoever leads next takes up what lies there.
            with self._writing:
                self._leads = False
                self.jobs.resign()
            raise

    def _lead(self) -> bool:
        if not self._leads and self.jobs.lead():
            self.jobs.take_over()
            self._leads = True
        return self._leads

    def _clear_away(self) -> None:
        if self._leads and time.monotonic() - self._cleared_at >= CLEARING_S:
            self.jobs.clear_away(datetime.now(UTC) - self._kept)
            self._cleared_at = time.monotonic()

    def _work(self, job: Job) -> None:
        run = self._run = Run(self._daybook, self.jobs, job, self.routine.stopping, self._bounds, self.routine.alive)
        failure: Exception | None = None
        try:
            run.work()
        except Exception as error:
            failure = error
        with self._writing:
            self._run = None
            if not run.abandoned:
                self._write_down(run, failure)
        if isinstance(failure, PASSING):
            self.routine.pause(RECONNECT_S)

    def _write_down(self, run: "Run", failure: Exception | None) -> None:
        """Keep how a job ended, or that it is to be run again."""
        job = run.job
        self._waits_for = None
        if failure is None:
            done = run.told()
            self.jobs.end(done, "done", f"{done.rejected} rows are left out" if done.rejected else None)
        elif self.jobs.is_called_off(job.id):
            self.jobs.call_off(run.told())
        elif self.routine.stopping.is_set():
            self.jobs.put_back(run.told(), ENDING)
        elif isinstance(failure, PASSING):
            logger.info("import %s waits: %s", job.id, failure)
            missing = str(failure) if isinstance(failure, NotStarted) else "the database was not there"
            self._waits_for = missing
            self.jobs.put_back(run.told(), f"{missing}: it is run again from its beginning")
        else:
            faults, why = explained(failure, job)
            self._failure = (kind_of(failure), time.monotonic())
            self.jobs.end(run.told(faults), "failed", f"{why}; {run.kept()}")


def explained(error: Exception, job: Job) -> tuple[tuple[Fault, ...], str]:
    """What is wrong with the file, and the sentence that says why an import failed."""
    if isinstance(error, BadFile):
        more = f" (the first {MOST_FAULTS} faults are listed)" if len(error.faults) == MOST_FAULTS else ""
        return tuple(Fault(fault.line, "", fault.message) for fault in error.faults), f"the file is wrong{more}"
    if isinstance(error, BadMapping):
        faults = tuple(Fault(None, "", f"mapping {job.wish.mapping}: {problem}") for problem in error.problems)
        return faults, "the mapping does not go with the file"
    if isinstance(error, Refused):
        entry = error.entry
        return (Fault(entry.line, entry.row, str(error.refusal)),), f"the ledger refused line {entry.line}"
    if isinstance(error, Refusal | Corrupt | Stopped | TooMuchToRehearse):
        return (), str(error)
    if isinstance(error, OSError) and error.errno in FULL:
        return (), f"the disk is full: {error.strerror}"
    logger.error("incident %s", job.id, exc_info=error)
    return (), f"something broke: incident {job.id}"


def kind_of(error: Exception) -> str:
    """Why an import failed, in words for anybody: nothing of what the file says."""
    if isinstance(error, BadFile | BadMapping):
        return "the file is wrong" if isinstance(error, BadFile) else "the mapping does not go with the file"
    if isinstance(error, Refused | Refusal):
        return "the ledger refused what the file says"
    if isinstance(error, OSError) and error.errno in FULL:
        return "the disk is full"
    return "its own record says why"


class Run:
    """One run of a job, and how far it is."""

    def __init__(
        self,
        daybook: Daybook,
        jobs: Jobs,
        job: Job,
        closed: threading.Event,
        bounds: Bounds | None = None,
        alive: Callable[[], None] = lambda: None,
    ) -> None:
        """`closed`: set once it is to halt; `alive` is called while it gets on."""
        self.summary = Summary(job.file, job.wish.format, 0, job.wish.dry_run)
        self._daybook = daybook
        self.jobs = jobs
        self.job = job
        self._closed = closed
        self._bounds = bounds
        self._alive = alive
        #: Somebody else has written how it went, since it did not halt in time.
        self.abandoned = False
        self._done = 0
        #: On the clock of time.monotonic.
        self.began = time.monotonic()
        self._written_at = self.began

    def work(self) -> None:
        """Record what the file says; raises Halted where it is to stop, and whatever is wrong."""
        job, wish = self.job, self.job.wish
        mapping = str(self.jobs.path(job.id, MAPPING)) if wish.mapping is not None else None
        with ExitStack() as stack:
            file = stack.enter_context(self.jobs.path(job.id, UPLOAD).open("rb"))
            rejects: TextIO | None = None
            if wish.continue_on_error:
                path = self.jobs.path(job.id, REJECTS)
                # A line at a time, so that it can be read while it grows.
                rejects = stack.enter_context(path.open("w", encoding="utf-8", buffering=1))
            options = Options(wish.dry_run, wish.continue_on_error, rejects, mapping, wish.register)
            head = self._daybook.ledger.recorder.head().position
            self._daybook.follower.wait_for(head, PATIENCE_S)
            source = stack.enter_context(Apart(file, wanted(self.summary, options), self._bounds, self.halt))
            form_of(source)
            import_from(
                self._daybook,
                source,
                self.summary,
                options,
                actor=job.actor,
                progress=self._recorded,
                reading=self._read,
            )

    def halt(self) -> None:
        """Raises Halted where the job was called off or the service ends."""
        if self._closed.is_set() or self.jobs.is_called_off(self.job.id):
            raise Halted

    def told(self, faults: tuple[Fault, ...] | None = None) -> Job:
        """The job as far as it is."""
        summary = self.summary
        elapsed_s = time.monotonic() - self.began
        plan = summary.plan
        remarks = plan.reported
        return msgspec.structs.replace(
            self.job,
            rows=max(summary.rows, self._done),
            done=self._done,
            recorded=summary.recorded,
            replayed=summary.replayed,
            rejected=summary.rejected or len(remarks),
            rows_per_s=round(self._done / elapsed_s, 1) if elapsed_s > 0 else None,
            types=dict(sorted(summary.types.items())),
            faults=faults if faults is not None else _listed(remarks),
            remarks={
                name: _listed(said)
                for name, said in (("known", plan.known), ("unread", plan.unread), ("noted", plan.noted))
                if said
            },
        )

    def kept(self) -> str:
        """What became of what came before a failure."""
        before = 0 if self.summary.dry_run else self.summary.recorded
        if not before:
            return "nothing is recorded"
        return f"the {before} events before it are recorded, and are replayed when the file is imported again"

    def _recorded(self, done: int, total: int) -> None:
        self._done = done
        # Events of NDJSON are read while others are recorded, and these are still to be counted: reading halts there.
        if self.job.wish.format != NDJSON:
            self.halt()
        if self.summary.dry_run and self.summary.recorded > MOST_REHEARSED:
            raise TooMuchToRehearse(
                f"a dry run over HTTP rehearses {MOST_REHEARSED:,} events at most: rehearse this file by daybook import"
            )
        self._write()

    def _read(self, rows: int) -> None:
        self.summary.rows = max(self.summary.rows, rows)
        self.halt()
        self._write()

    def _write(self) -> None:
        now = time.monotonic()
        if now - self._written_at >= PROGRESS_S and not self.abandoned:
            self._written_at = now
            self._alive()
            # Who asks is told a little less.
            with suppress(OSError):
                self.jobs.write(self.told())


def _listed(remarks: Sequence[Remark]) -> tuple[Fault, ...]:
    return tuple(Fault(one.line, one.row, one.message) for one in remarks[:MOST_FAULTS])
