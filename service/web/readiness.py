"""Whether a service can do its work just now: what a load balancer or an orchestrator asks every few seconds."""

import asyncio
from typing import Any

from anyio import CapacityLimiter, to_thread
from eventsourcing.persistence import PersistenceError
from starlette.responses import JSONResponse, Response

from service.daybook import Daybook
from service.following.follower import Stopped
from service.observing.work import WELL, Work
from service.running.attempts import RepeatedAttempts
from service.storing.ledger import Unreachable
from service.web.looks import SharedLook

#: A projection further behind than this many events is not ready to answer.
READY_LAG_EVENTS = 10_000
#: Who asks does not wait longer than this.
PATIENCE_S = 2.0


class ReadinessProbe:
    """Looks at the database and the views of one service, once at a time however many ask."""

    def __init__(self, daybook: Daybook, work: Work) -> None:
        self._daybook = daybook
        self._work = work
        self._looks = RepeatedAttempts("looking whether the service is ready")
        #: A thread of its own: those of the requests may all wait for a database that is gone.
        thread = CapacityLimiter(1)
        self._look = SharedLook(lambda: to_thread.run_sync(self._state, limiter=thread))

    async def answer(self) -> Response:
        """200 or 503, and what was found."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                state = await self._look()
        except TimeoutError:
            return _unready("the database does not answer")
        except Unreachable:
            return _unready("the database cannot be reached")
        except PersistenceError as error:
            self._looks.failed(error)
            return _unready("the database does not do what it is asked: the log says why")
        self._looks.succeeded()
        try:
            self._daybook.follower.refuse_if_stopped()
        except Stopped as stopped:
            return _unready(str(stopped), state)
        if state["writing"] != WELL:
            return _unready(f"nothing can be recorded: {state['writing']}", state)
        views = state["views"]
        if views["state"] == "rebuilding" or (views["state"] == "retrying" and state["lag_events"]):
            return _unready(views["reason"], state)
        if state["lag_events"] > READY_LAG_EVENTS:
            return _unready("the projection is catching up", state)
        return JSONResponse({"status": "ready", **state})

    def _state(self) -> dict[str, Any]:
        seen = self._work.look()
        head, following = seen.head, self._daybook.follower.following
        # A ledger without a fresh checkpoint answers as well as any: it is ready, and says so. So does one of which the
        # checkpoints or the webhooks cannot be looked at.
        age_s = seen.issued_before_s
        checkpoint = (
            None if age_s is None else {"size": seen.size, "age_s": round(age_s, 3), "uncovered_events": seen.uncovered}
        )
        return {
            "head": None if head is None else head.position,
            "lag_events": None if head is None else max(0, head.position - following.position),
            "views": {
                "state": following.state,
                "position": following.position,
                "level_before_s": round(following.level_before_s, 3),
                "reason": following.reason,
            },
            # Those that do not do their work; why is in the log, since it may name files and hosts.
            "threads": {life.name: life.state for life in self._daybook.lives if not life.is_well},
            "writing": self._work.trouble(seen) or WELL,
            "oldest_waiting_s": round(self._daybook.committer.oldest_s, 3),
            "checkpoint": checkpoint,
            "work": {name: doing.as_object() for name, doing in self._work.doing(seen).items()},
        }


def _unready(status: str, state: dict[str, Any] | None = None) -> Response:
    return JSONResponse({"status": status, **(state or {})}, 503, {"Retry-After": "1"})
