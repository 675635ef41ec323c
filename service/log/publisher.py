"""Publishing checkpoints: at most one a second while events arrive, and by one process at a time."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import timedelta

from domain.merkle import EMPTY_ROOT
from domain.notes import Checkpoint, Note, NoteError, parse_note, parse_signature
from service.log.keeping import Keeping
from service.log.signatures import SigningKey, verify
from service.log.storage import Issued, LogDamaged, LogStorage
from service.log.tree import Tree
from service.running.attempts import Pauses
from service.running.routines import Routine

logger = logging.getLogger(__name__)

#: Between two checkpoints, of this process or another.
INTERVAL_S = 1.0
#: Between two copies outside the database, while events arrive.
KEEP_S = 10.0
#: Events that one checkpoint covers more than the one before it, at most: what is hashed stays in memory till then.
MOST_EVENTS = 1 << 18
#: How long the end of a process waits for another process that publishes just then.
PATIENCE_S = 10.0
#: Between two attempts, at most.
MOST_PAUSE_S = 2.0
#: Between two looks whether it is time, while events arrive.
LOOK_S = 0.1


class NotPublished(Exception):
    """A position is not covered by a checkpoint yet."""


class Publisher:
    """Issues the checkpoints of one log as far as this process has its keys, and follows those that others issue."""

    def __init__(
        self, name: str, storage: LogStorage, tree: Tree, keeping: Keeping, keys: Sequence[SigningKey]
    ) -> None:
        self.name = name
        self.storage = storage
        self.tree = tree
        self.keeping = keeping
        self.keys = tuple(keys)
        #: Why this process publishes nothing; None: it does.
        self.hindrance: str | None = None
        self._latest: Issued | None = None
        #: When this process saw it first, by its own clock that is never set.
        self._seen_at = float("-inf")
        self._observing = threading.Lock()
        #: What contradicts the copies that this home keeps; None: nothing does.
        self._contradiction: str | None = None
        self._kept_at = float("-inf")
        self._wake = threading.Event()
        self._moved = threading.Condition()
        #: Publishes in the background; damage is the end, anything else is tried again.
        self.routine = Routine(
            "publisher",
            self._run,
            restarts=lambda error: not isinstance(error, LogDamaged),
            wake=self._wake.set,
            pauses=Pauses(most_s=MOST_PAUSE_S),
        )
        #: One publication at a time within this process.
        self._busy = threading.Lock()

    @property
    def hindrance_told(self) -> str | None:
        """The hindrance in words for anybody: nothing of where this home lies."""
        if self.hindrance is not None and self.hindrance == self._contradiction:
            return "the checkpoints that this home keeps contradict the database"
        return self.hindrance

    def begin(self, make_keys: Callable[[], Sequence[SigningKey]]) -> bool:
        """Issue the first checkpoint, of size 0, unless there is one; whether it was. `make_keys` is for then."""
        while self.storage.latest() is None:
            with self.storage.publishing() as publishing:
                if publishing is not None and publishing.latest() is None:
                    self.keys = tuple(make_keys())
                    publishing.publish(0, EMPTY_ROOT, self._signed(0, EMPTY_ROOT), ())
                    return True
            time.sleep(0.02)  # another process issues it just now
        return False

    def follow(self) -> Issued:
        """Take note of the last checkpoint, of any process; LogDamaged where what is stored contradicts it."""
        latest = self.latest
        self._observe(latest)
        return latest

    def start(self) -> None:
        """Publish in the background what is recorded from now on, and what was recorded before."""
        self.routine.start()

    def wake(self) -> None:
        """Something was recorded: look now."""
        self._wake.set()

    @property
    def known_size(self) -> int:
        """The size of the last checkpoint that this process has seen."""
        return 0 if self._latest is None else self._latest.size

    @property
    def follows(self) -> bool:
        """Whether it was started to publish in the background."""
        return self.routine.is_started

    @property
    def latest(self) -> Issued:
        """The last checkpoint, of this process or another."""
        issued = self.storage.latest()
        if issued is None:
            raise LogDamaged("the log has no checkpoint")
        return issued

    def wait_for(self, position: int, patience_s: float) -> Issued:
        """The last checkpoint, once it covers a position; raises NotPublished where that takes too long."""
        issued = self.follow()
        give_up_at = time.monotonic() + patience_s
        while issued.size < position:
            left = give_up_at - time.monotonic()
            if left <= 0:
                why = f": {self.hindrance_told}" if self.hindrance else ""
                raise NotPublished(f"the last checkpoint covers {issued.size} events, not yet {position}{why}")
            self.wake()
            with self._moved:
                self._moved.wait(min(left, 0.25))
            issued = self.follow()
        return issued

    def publish(self, *, hurry: bool = False) -> bool:
        """Issue a checkpoint if there are further events and, without `hurry`, the last one is a second old.

        Returns whether one was issued, by this process. LogDamaged where what is stored contradicts the last one.
        """
        with self._busy:
            latest = self.follow()
            head = self.storage.recorder.head()
            if head.position <= latest.size or self._hindered(latest):
                return False
            if not hurry and not self._is_due(head.clock - latest.issued_at):
                return False
            growth = self.tree.growth(min(head.position, latest.size + MOST_EVENTS))
            note = self._signed(growth.size, growth.root)
            with self.storage.publishing() as publishing:
                if publishing is None:
                    return False
                before = publishing.latest()
                if before is None or before.size != growth.base:
                    return False  # another process was faster
                publishing.publish(growth.size, growth.root, note, growth.segments)
            self._observe(Issued(growth.size, growth.root, head.clock, note))
            return True

    def publish_all(self, patience_s: float = PATIENCE_S) -> None:
        """Issue checkpoints until one covers what is recorded now, as far as this process may."""
        head = self.storage.head()
        give_up_at = time.monotonic() + patience_s
        while self.latest.size < head:
            if self.publish(hurry=True):
                give_up_at = time.monotonic() + patience_s
            elif self.hindrance is not None or time.monotonic() > give_up_at:
                break
            else:
                time.sleep(0.05)
        self.follow()

    def keep(self) -> None:
        """Copy the last checkpoint out of the database, with its cosignatures."""
        issued = self.latest
        try:
            self.keeping.keep(issued.size, served(issued, self.storage))
        except OSError as error:
            logger.warning("the checkpoint of size %s is not kept outside the database: %s", issued.size, error)
        self._kept_at = time.monotonic()

    def close(self) -> None:
        """Stop publishing in the background."""
        self.routine.stop()

    def _run(self, routine: Routine) -> None:
        while not routine.stopping.is_set():
            self._wake.clear()
            try:
                published = self.publish()
            except LogDamaged as error:
                logger.error("no further checkpoint is issued; run daybook verify: %s", error)
                self.hindrance = "the stored log is damaged"
                raise
            routine.alive()
            routine.pause(INTERVAL_S if published else LOOK_S)
            self._wake.wait(INTERVAL_S)

    def _signed(self, size: int, root: bytes) -> str:
        body = Checkpoint(self.name, size, root).body()
        return Note(body, tuple(key.sign(body) for key in self.keys)).encode().decode()

    def _is_due(self, age: timedelta) -> bool:
        """Whether the last checkpoint is a second old: by the database's clock, or by ours since we saw it.

        The database's may have been set back, and would say for as long that it was issued just now.
        """
        return age >= timedelta(seconds=INTERVAL_S) or time.monotonic() - self._seen_at >= INTERVAL_S

    def _hindered(self, latest: Issued) -> bool:
        """Whether this process must not follow up the last checkpoint; said once in the log."""
        hindrance = self._what_hinders(latest)
        if hindrance is not None and hindrance != self.hindrance:
            logger.warning("this process issues no checkpoints: %s", hindrance)
        self.hindrance = hindrance
        return hindrance is not None

    def _what_hinders(self, latest: Issued) -> str | None:
        if not self.keys:
            return "it has no signing key"
        try:
            verify(parse_note(latest.note.encode()), [key.verifier for key in self.keys])
        except NoteError:
            return f"its signing key did not sign the last checkpoint, of size {latest.size}"
        if self._latest is not None and latest.size < self._latest.size:
            return f"the database had a checkpoint of size {self._latest.size}, and was put back to {latest.size}"
        return self._contradiction

    def _observe(self, issued: Issued) -> None:
        """Take note of the last checkpoint, of any process, and copy it out of the database now and then."""
        with self._observing:
            if self._latest is not None and issued.size <= self._latest.size:
                return
            self.tree.advance(issued.size, issued.root)
            if self._latest is None:
                self._contradiction = self._compared_with_kept(issued)
            self._latest, self._seen_at = issued, time.monotonic()
        with self._moved:
            self._moved.notify_all()
        if self._contradiction is None and time.monotonic() - self._kept_at >= KEEP_S:
            self.keep()

    def _compared_with_kept(self, latest: Issued) -> str | None:
        """What contradicts the checkpoint that this home kept last: going on from there would make two logs of one."""
        try:
            self.keeping.mend()
        except OSError as error:
            logger.warning("the copies of checkpoints in %s cannot be mended: %s", self.keeping.path, error)
        kept = self.keeping.last()
        if kept is None:
            return None
        keeps = f"{self.keeping.path} keeps a checkpoint of size {kept.size}"
        if kept.size > latest.size:
            return f"{keeps}, and the database none beyond {latest.size}: it was put back to an old state"
        if self.tree.root_at(kept.size) != kept.root:
            return f"{keeps}, and the events in the database lead to another root"
        return None


def served(issued: Issued, storage: LogStorage) -> str:
    """A checkpoint's note with what witnesses signed: of each witness's key the newest cosignature."""
    newest: dict[tuple[str, bytes], str] = {}
    for line in storage.cosignatures(issued.size):
        signature = parse_signature(line)
        newest[signature.name, signature.key_id] = line
    return issued.note + "".join(newest.values())
