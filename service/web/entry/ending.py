"""Answers to those who are still waiting when a service has no more time to end."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.web.problems import HttpProblem, respond

#: It may have been handed on to be recorded, and may be just then.
ENDS = (
    "the service ends before this was answered; whether what it was to record is recorded is not known: send it again"
    " under the same ids or the same key"
)


class Ending:
    """Says 503 in the place of an answer that was called off, where none of it was sent yet."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        begun = False

        async def noting(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, noting)
        except asyncio.CancelledError:
            # Only the server's end calls a whole request off.
            if begun:
                raise
            refusal = respond(HttpProblem("unavailable", ENDS, headers={"Retry-After": "1"}))
            await refusal(scope, receive, send)
