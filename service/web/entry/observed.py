"""Every request seen from outside: counted, timed, logged and traced."""

import time

import structlog
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.observing.metrics import ServiceMetrics
from service.observing.traces import Traces

logger = structlog.stdlib.get_logger("daybook.http")

#: What is asked so often by machines that a line for each would hide the others.
UNLOGGED = frozenset({"/livez", "/readyz", "/metrics"})
#: The route of requests that no route answers; their paths would be without number.
UNMATCHED = "(none)"
#: What a request is counted as that its caller left before the answer began (nginx's own number for it).
LEFT = 499


class Observed:
    """Watches every request; the outermost layer."""

    def __init__(self, app: ASGIApp, metrics: ServiceMetrics, traces: Traces | None = None) -> None:
        self.app = app
        self.metrics = metrics
        self.traces = traces

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = time.perf_counter()
        method, path = scope["method"], scope["path"]
        headers = Headers(scope=scope)
        span = None if self.traces is None else self.traces.begin(method, path, headers)
        scope.setdefault("state", {})
        status = LEFT

        async def noting_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noting_status)
        finally:
            seconds = time.perf_counter() - started
            route = getattr(scope.get("route"), "path", UNMATCHED)
            self.metrics.answered(method, route, status, seconds)
            if span is not None and self.traces is not None:
                self.traces.end(span, method, route, status)
            if path not in UNLOGGED:
                self._log(scope, method, path, status, seconds, headers.get("x-correlation-id"))

    @staticmethod
    def _log(scope: Scope, method: str, path: str, status: int, seconds: float, correlation_id: str | None) -> None:
        actor = scope["state"].get("actor")
        # The path alone: what stands in the query may be somebody's secret.
        logger.info(
            "answered",
            method=method,
            path=path,
            status=status,
            duration_ms=round(seconds * 1000, 2),
            request_id=scope["state"].get("request_id"),
            correlation_id=correlation_id,
            actor=None if actor is None else actor.id,
        )
