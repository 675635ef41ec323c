"""Who runs imports, in the order in which they came: a thread of each service that uses the ledger, one at a time."""

import logging
import threading
import time
from contextlib import suppress

from service.daybook import Daybook
from service.following.follower import Lagging
from service.importing.queue import folders
from service.importing.queue.contents import Arrival, DiskRoom
from service.importing.queue.failures import explained, kind_of
from service.importing.queue.jobs import Job, SentFile
from service.importing.queue.leases import Leases, Turn
from service.importing.queue.progress import Doing, Importing
from service.importing.queue.registry import ImportRegistry
from service.importing.queue.run import ImportRun
from service.importing.queue.watch import Watch
from service.importing.reading.apart import ReaderBounds, ReaderNotStarted
from service.recording.receipts import IdempotencyKey
from service.recording.waiting import Busy, RecordingUnavailable
from service.running.attempts import Pauses
from service.running.routines import Routine
from service.settings import Settings
from service.storing.ledger import Unreachable, ledger_identity
from service.storing.writing import ClockSetBack

logger = logging.getLogger(__name__)

#: How often a service looks for imports without word of one: whether another has died that was running one.
POLL_S = 5.0
#: A lease is held on so many times before it would end.
HOLDS = 4
#: How long after a loss of the database an import is begun again.
RECONNECT_S = 2.0
#: After an error of ours, such as a disk that is full.
PAUSES = Pauses(first_s=0.5, most_s=RECONNECT_S)
#: How long the end of a service waits for an import to halt.
LEAVE_S = 15.0
ENDING = "the service ended: it is run again from its beginning"
AWAY = "the database was not there"
#: How often old imports are removed.
CLEARING_S = 3_600.0
DAY_S = 86_400

#: What passes: the import is run again.
PASSING = (*Unreachable, RecordingUnavailable, Busy, Lagging, ClockSetBack, ReaderNotStarted)


class Worker:
    """Runs the imports of a ledger until it is closed; other services may do the same."""

    def __init__(
        self,
        daybook: Daybook,
        leases: Leases,
        room: DiskRoom,
        kept_days: float,
        leave_s: float = LEAVE_S,
        bounds: ReaderBounds | None = None,
    ) -> None:
        """`room`: where the file is put aside that is read. `kept_days`: for how long ended imports are listed."""
        self.imports = leases.imports
        self.room = room
        self._leases = leases
        #: What reading a file may take.
        self._bounds = bounds or ReaderBounds()
        self._daybook = daybook
        self._kept_s = kept_days * DAY_S
        self._cleared_at = -CLEARING_S
        self._leave_s = leave_s
        #: As this process last saw.
        self._turn = Turn(None, 0, elsewhere=False)
        #: What is being run, and who may store how that went.
        self._run: ImportRun | None = None
        #: Why the last import has to be run again; None: it has not.
        self._waits_for: str | None = None
        #: Why the last one failed, and when (time.monotonic).
        self._failure: tuple[str, float] | None = None
        self._storing = threading.Lock()
        self._wake = threading.Event()
        #: Runs the imports; what an error leaves behind is taken up at the next look, here or in another service.
        self.routine = Routine("imports", self._work_on, restarts=True, wake=self._wake.set, pauses=PAUSES)
        self._watch = Watch(self.imports.datastore, self._look, leases.lease_s / HOLDS)

    @classmethod
    def of(cls, daybook: Daybook, settings: Settings) -> "Worker":
        """The worker of a service with these settings, not started yet; what an earlier version has left is in the
        queue.
        """
        imports = ImportRegistry(daybook.ledger.recorder.datastore)
        room = DiskRoom(settings.home / "imports")
        folders.take_over(room, imports, ledger_identity(daybook.ledger))
        bounds = ReaderBounds.of(settings.import_memory_mb)
        return cls(daybook, Leases(imports), room, settings.import_kept_days, bounds=bounds)

    @property
    def routines(self) -> tuple[Routine, ...]:
        """What works in the background: the last one runs the imports."""
        return self._watch.routine, self.routine

    def start(self) -> None:
        """Work in the background; raises NotStarted of service.running.routines where there are no threads for it."""
        for routine in self.routines:
            routine.start()

    @property
    def importing(self) -> Importing:
        """How imports go just now."""
        run, life, failure, now = self._run, self.routine.life, self._failure, time.monotonic()
        reason = None if life.state in ("new", "stopped") else self._waits_for
        if life.state == "new":
            state: Doing = "off"
        elif not life.is_well:
            state, reason = "failing", "looking for imports failed, and is tried again: the log says why"
        elif reason is None and run is not None:
            state = "running"
        elif self._turn.elsewhere:
            state = "elsewhere"
        else:
            state = "retrying" if reason else "waiting" if self._turn.waiting else "idle"
        return Importing(
            state,
            self._turn.waiting,
            int(run is not None),
            None if run is None else now - run.began,
            reason,
            None if failure is None else failure[0],
            None if failure is None else now - failure[1],
        )

    def add(self, sent: SentFile, arrival: Arrival, key: IdempotencyKey | None) -> tuple[Job, bool]:
        """Put a file that has come into the queue, and look at once; see `ImportRegistry.add`."""
        added = self.imports.add(sent, arrival.file, key, arrival.room.check)
        self._turn = self._leases.look()
        self._wake.set()
        return added

    def close(self) -> None:
        """Stop after the batch that is being recorded; what is not finished is run again by the next service.

        A file whose reading cannot be halted in time is given up: its thread ends with the process, and stores nothing.
        """
        self.routine.stop(self._leave_s)
        with self._storing:
            if self._run is not None:
                self._run.abandoned = True
                # Where the database is away the lease ends by itself.
                with suppress(*Unreachable):
                    self._leases.put_back(self._run.now(), ENDING)
        self._watch.routine.stop(self._leave_s)

    def _look(self) -> None:
        """There may be something to run, or word for what is being run."""
        run = self._run
        if run is None:
            self._wake.set()
            return
        run.hold()
        self._turn = self._leases.look()

    def _work_on(self, routine: Routine) -> None:
        while not routine.stopping.is_set():
            self._wake.clear()
            try:
                self._turn = self._leases.next()
                if self._turn.job is not None:
                    self._work(self._run_of(self._turn.job))
                    continue
                self._clear_away()
                self._waits_for = None
            except Unreachable:
                self._waits_for = AWAY
            routine.alive()
            self._wake.wait(POLL_S)

    def _run_of(self, job: Job) -> ImportRun:
        stopping, alive = self.routine.stopping, self.routine.alive
        return ImportRun(self._daybook, self._leases, job, self.room, stopping, self._bounds, alive)

    def _clear_away(self) -> None:
        if time.monotonic() - self._cleared_at >= CLEARING_S:
            self.imports.clear_away(self._kept_s)
            self._cleared_at = time.monotonic()

    def _work(self, run: ImportRun) -> None:
        self._waits_for = None
        self._run = run
        failure: Exception | None = None
        try:
            run.work()
            run.flush()
        except Exception as error:
            failure = error
        while not self._stored(run, failure):
            if self.routine.pause(RECONNECT_S):
                return
        self.routine.alive()
        if isinstance(failure, PASSING):
            self.routine.pause(RECONNECT_S)

    def _stored(self, run: ImportRun, failure: Exception | None) -> bool:
        """Whether it is stored how a run ended; not where the database is away."""
        with self._storing:
            try:
                if not (run.abandoned or run.lost):
                    self._store(run, failure)
            except Unreachable:
                self._waits_for = AWAY
                return False
            run.abandoned = True
            self._run = None
            return True

    def _store(self, run: ImportRun, failure: Exception | None) -> None:
        """Store how an import ended, or that it is to be run again."""
        leases, job = self._leases, run.job
        self._waits_for = None
        if failure is None:
            done = run.now()
            leases.end(done, "done", f"{done.rejected} rows are left out" if done.rejected else None)
        elif run.called_off:
            leases.call_off(run.now())
        elif self.routine.stopping.is_set():
            leases.put_back(run.now(), ENDING)
        elif isinstance(failure, PASSING):
            logger.info("import %s waits: %s", job.id, failure)
            missing = str(failure) if isinstance(failure, ReaderNotStarted) else AWAY
            self._waits_for = missing
            leases.put_back(run.now(), f"{missing}: it is run again from its beginning")
        else:
            faults, why = explained(failure, job)
            self._failure = (kind_of(failure), time.monotonic())
            leases.end(run.now(faults), "failed", f"{why}; {run.summary.kept}")
