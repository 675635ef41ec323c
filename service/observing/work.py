"""What a service is doing: recording, views, checkpoints, webhooks and imports, each with how it does and why."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from psycopg import Connection
from psycopg.rows import dict_row

from service.daybook import Daybook
from service.importing.queue.progress import Importing
from service.importing.queue.worker import Worker
from service.postgres.statements import statements_of
from service.running.attempts import RepeatedAttempts
from service.running.routines import Life
from service.storing.ledger import in_words as said_of
from service.storing.writing import FURTHEST_AHEAD, Head
from service.webhooks.delivery import Deliveries, in_words

#: What is said of writing where nothing speaks against it.
WELL = "ok"
READ_ONLY = "the database is read-only"
SET_BACK = "the database's clock was set back"
#: The state of what cannot be looked at just now.
UNSEEN = "retrying"

SQL = statements_of(__file__)
#: What is asked of the database, a question each.
PARTS = ("writing", "views", "checkpoints", "webhooks")
#: How long a question waits for a lock, and how long it takes at most: who asks for all of them waits for two seconds.
PATIENCE = {"patience": "300ms", "longest": "1500ms"}


@dataclass(frozen=True, slots=True)
class WorkProgress:
    """How one kind of work goes."""

    state: str
    #: How long what it is about has waited, or is ago, in seconds; None: there is nothing of it.
    age_s: float | None
    #: Why it does not go on, in words for anybody; None: it does.
    reason: str | None
    #: What else there is to say, by name.
    more: dict[str, Any] = field(default_factory=dict)

    def as_object(self) -> dict[str, Any]:
        """As JSON has it."""
        age_s = None if self.age_s is None else round(max(0.0, self.age_s), 3)
        return {"state": self.state, "age_s": age_s, "reason": self.reason, **self.more}


@dataclass(frozen=True, slots=True)
class DatabaseWork:
    """What the database has."""

    #: None: it could not be looked at.
    head: Head | None
    is_read_only: bool
    #: Of the last checkpoint; None: there is none.
    size: int | None
    issued_at: datetime | None
    #: Active webhooks to which something is still to be sent, and those whose last attempt failed.
    waiting: int
    failing: int
    #: Webhooks that were given up.
    disabled: int
    #: Of the failing one that is furthest behind, or of one that was given up.
    last_error: str | None
    #: For how long the first event has been recorded that some active webhook was not sent; None: there is none.
    oldest_s: float | None
    #: The same of the views.
    unviewed_s: float | None
    #: What could not be looked at, each with why, in words for anybody; what else is said of it means nothing.
    unseen: Mapping[str, str] = field(default_factory=dict)

    @property
    def issued_before_s(self) -> float | None:
        """The age of the last checkpoint; 0 where the database's clock was set back since."""
        if self.issued_at is None or self.head is None:
            return None
        return max(0.0, (self.head.clock - self.issued_at).total_seconds())

    @property
    def uncovered(self) -> int | None:
        """Events under no checkpoint; None: it could not be looked at."""
        if self.head is None or "checkpoints" in self.unseen:
            return None
        return max(0, self.head.position - (self.size or 0))


class Work:
    """Looks at what one service does; `deliveries` and `worker` are those that it runs."""

    def __init__(self, daybook: Daybook, deliveries: Deliveries, worker: Worker) -> None:
        self._daybook = daybook
        self._deliveries = deliveries
        self._worker = worker
        self._looks = {part: RepeatedAttempts(f"looking at {part}") for part in PARTS}

    def look(self) -> DatabaseWork:
        """What the database has, in questions whose cost does not grow with the ledger; raises Unreachable.

        A table that is locked, missing or closed to the service leaves the others to be seen.
        """
        unseen: dict[str, str] = {}
        with self._daybook.ledger.recorder.datastore.get_connection() as connection:
            writing, views, checkpoints, webhooks = (self._seen(connection, part, unseen) for part in PARTS)
            if writing.get("shut"):
                # What a session was begun with stays: the next one asks anew.
                connection.close()
        return DatabaseWork(
            None if "writing" in unseen else Head(writing["position"], writing["recorded_at"], writing["clock"]),
            writing.get("shut", False),
            checkpoints.get("size"),
            checkpoints.get("issued_at"),
            webhooks.get("waiting", 0),
            webhooks.get("failing", 0),
            webhooks.get("disabled", 0),
            webhooks.get("last_error"),
            webhooks.get("oldest_s"),
            views.get("unviewed_s"),
            unseen,
        )

    def _seen(self, connection: Connection[Any], part: str, unseen: dict[str, str]) -> dict[str, Any]:
        """What the database has of one kind of work; where it refuses to say, nothing, and `unseen` has why."""
        viewed = {"viewed": self._daybook.follower.position}
        try:
            with connection.transaction():
                connection.execute(SQL["bounded"], PATIENCE)
                row = connection.cursor(row_factory=dict_row).execute(SQL[part], viewed).fetchone()
        except psycopg.Error as error:
            if connection.broken:
                raise
            self._looks[part].failed(error)
            unseen[part] = said_of(error) or "the database does not do what it is asked: the log says why"
            return {}
        self._looks[part].succeeded()
        return row or {}

    def trouble(self, seen: DatabaseWork) -> str | None:
        """Why nothing could be recorded just now; None: nothing speaks against it."""
        head = seen.head
        if head is None:
            return seen.unseen["writing"]
        if seen.is_read_only:
            return READ_ONLY
        if head.recorded_at is not None and head.recorded_at - head.clock > FURTHEST_AHEAD:
            return SET_BACK
        return self._daybook.committer.trouble

    def doing(self, seen: DatabaseWork) -> dict[str, WorkProgress]:
        """By name, how each kind of work goes."""
        return {
            "writing": self._writing(seen),
            "views": self._views(seen),
            "checkpoints": self._checkpoints(seen),
            "webhooks": self._webhooks(seen),
            "imports": of_imports(self.imports),
        }

    @property
    def imports(self) -> Importing:
        """How imports go, as this process knows it."""
        return self._worker.importing

    def _writing(self, seen: DatabaseWork) -> WorkProgress:
        committer, trouble = self._daybook.committer, self.trouble(seen)
        oldest_s = committer.oldest_s
        state = "failing" if trouble else "recording" if oldest_s else "idle"
        return WorkProgress(state, oldest_s or None, trouble, {"waiting": committer.waiting})

    def _views(self, seen: DatabaseWork) -> WorkProgress:
        following = self._daybook.follower.following
        behind = None if seen.head is None else max(0, seen.head.position - following.position)
        state: str = "behind" if behind and following.state == "following" else following.state
        reason = following.reason
        if state in ("following", "behind") and "views" in seen.unseen:
            state, reason = UNSEEN, seen.unseen["views"]
        return WorkProgress(state, seen.unviewed_s if behind else None, reason, {"waiting": behind})

    def _checkpoints(self, seen: DatabaseWork) -> WorkProgress:
        publisher = self._daybook.log.publisher
        reason = publisher.hindrance_told
        state = "issuing" if seen.uncovered else "level"
        if seen.uncovered is None:
            state, reason = UNSEEN, seen.unseen.get("checkpoints") or seen.unseen["writing"]
        elif seen.size is None:
            state, reason = "failing", "the log has no checkpoint"
        elif not publisher.follows:
            state = "off"
        elif reason is not None:
            # Another process may issue them.
            state = "hindered" if seen.uncovered else "level"
        elif not publisher.routine.life.is_well:
            state, reason = "failing", "issuing one failed, and is tried again: the log says why"
        return WorkProgress(state, seen.issued_before_s, reason, {"waiting": seen.uncovered})

    def _webhooks(self, seen: DatabaseWork) -> WorkProgress:
        if "webhooks" in seen.unseen:
            return WorkProgress(UNSEEN, None, seen.unseen["webhooks"], {"waiting": None})
        life = self._deliveries.routines[-1].life
        state, reason = _of_routine(life, "delivering" if seen.waiting else "idle")
        if reason is None and seen.failing:
            state, reason = "failing", f"{seen.failing} of them do not take what they are sent"
        said = None if seen.last_error is None else in_words(seen.last_error)
        more = {"waiting": seen.waiting, "failing": seen.failing, "disabled": seen.disabled, "last_error": said}
        return WorkProgress(state, seen.oldest_s, reason, more)


def of_imports(importing: Importing) -> WorkProgress:
    """How imports go."""
    more = {
        "waiting": importing.waiting,
        "running": importing.running,
        "last_failure": importing.last_failure,
        "failed_before_s": None if importing.failed_before_s is None else round(importing.failed_before_s, 3),
    }
    return WorkProgress(importing.state, importing.age_s, importing.reason, more)


def _of_routine(life: Life, well: str) -> tuple[str, str | None]:
    """The state of what a routine does, and why it is another than where all is well."""
    if life.state == "new":
        return "off", None
    if life.is_well:
        return well, None
    return "failing", "it failed, and is tried again: the log says why" if life.state == "pausing" else "it has ended"
