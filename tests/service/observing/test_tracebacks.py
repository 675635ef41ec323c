"""Errors in the log: where they rose, and nothing of what was at hand there, in bounded time and space."""

import asyncio
import io
import json
import logging
import sys
import warnings
from collections.abc import Callable, Iterator

import psycopg
import pytest
from fastapi import FastAPI
from starlette.requests import Request
from starlette.testclient import TestClient

from service.observing import logs
from service.observing.tracebacks import FIRST_CALLS, LAST_CALLS, LONGEST_MESSAGE, MOST_ERRORS, described
from service.web.entry.access import Access
from service.web.entry.door import Door
from service.web.entry.permissions import RECORD, Declarations

TOKEN = "daybook_0123456789abcdef_unforgeable"
BODY = "the-price-of-the-secret-purchase"


@pytest.fixture(params=["json", "text"])
def written(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What a service writes to stderr, in one of its forms."""
    root, before = logging.getLogger(), logging.getLogger().handlers[:]
    level, stream = root.level, io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    logs.configure(logging.INFO, request.param)
    yield stream
    logging.captureWarnings(False)
    root.handlers[:] = before
    root.setLevel(level)


class Secretive:
    """Something whose representation is what nobody should read."""

    def __repr__(self) -> str:
        return TOKEN


def breaking(error: Callable[[str], Exception]) -> TestClient:
    """A service with one route, which fails deep inside with the token and the body at hand."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)

    @app.post("/api/v1/events", dependencies=[RECORD])
    async def record(request: Request) -> None:
        body = (await request.body()).decode()
        header, held = request.headers["authorization"], Secretive()
        try:
            int(f"{header}{held}"[:0] + "x")
        except ValueError as cause:
            deeper(body, header, error(body), cause)

    app.add_middleware(Door, access=Access.of([(TOKEN, "recorder")]), declarations=Declarations(app.routes))
    return TestClient(app, headers={"Authorization": f"Bearer {TOKEN}"}, raise_server_exceptions=False)


def deeper(body: str, header: str, error: Exception, cause: Exception) -> None:
    """Fail."""
    parts = [body, header]
    if parts:
        raise error from cause


#: As PostgreSQL and pydantic word theirs: what was sent follows the first line.
WORDED = {
    "a bug": lambda body: KeyError("position"),
    "of PostgreSQL": lambda body: psycopg.errors.UniqueViolation(f"duplicate key\nDETAIL:  Key (id)=({body}) exists."),
    "of several lines": lambda body: ValueError(f"1 error\nname\n  [type=missing, input_value={body!r}]"),
    "a group": lambda body: ExceptionGroup("two", [ValueError(f"one\n{body}"), RuntimeError("other")]),
}


@pytest.mark.parametrize("kind", WORDED)
def test_an_error_in_a_request_shows_neither_its_token_nor_its_body(written: io.StringIO, kind: str) -> None:
    with breaking(WORDED[kind]) as client:
        assert client.post("/api/v1/events", content=BODY).status_code == 500
    said = written.getvalue()
    assert "incident" in said
    assert "in deeper: raise error from cause" in said
    assert "caused by:" in said
    assert TOKEN not in said
    assert BODY not in said


def test_what_libraries_log_is_cut_to_its_first_line(written: io.StringIO) -> None:
    async def forgotten() -> None:
        asyncio.get_running_loop().call_exception_handler({"message": "never awaited", "future": Secretive()})

    asyncio.run(forgotten())
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn_explicit("deprecated", DeprecationWarning, "x.py", 1, source=BODY)
    logging.getLogger("uvicorn.error").error("broken\n%s", TOKEN)
    logging.getLogger("httpx2").warning("%s", "x" * 100_000)
    said = written.getvalue()
    assert "never awaited" in said
    assert "DeprecationWarning" in said
    assert "broken" in said
    assert TOKEN not in said
    assert BODY not in said
    assert len(said) < 5_000


def test_a_line_of_json_stays_one(written: io.StringIO) -> None:
    try:
        deeper(BODY, TOKEN, ValueError("a\nb"), KeyError("c"))
    except ValueError:
        logging.getLogger("service.web").exception("incident %s", "r-7")
    lines = written.getvalue().splitlines()
    if lines[0].startswith("{"):
        (line,) = lines
        assert json.loads(line)["exception"].splitlines()[-1] == "KeyError: 'c'"


def chain(length: int) -> BaseException:
    """An error with so many causes before it."""
    error: BaseException = ValueError("x" * 1_000_000)
    for number in range(length):
        try:
            raise RuntimeError(f"{number}") from error
        except RuntimeError as next_one:
            error = next_one
    return error


def recursion() -> BaseException:
    """An error many calls deep."""

    def down(values: list[int]) -> None:
        down(values)

    try:
        down(list(range(1_000_000)))
    except RecursionError as error:
        return error
    raise AssertionError


def test_chains_depth_groups_and_messages_are_bounded() -> None:
    assert described(chain(1000)).count("\nRuntimeError: ") == MOST_ERRORS
    assert len(described(chain(0))) < 2 * LONGEST_MESSAGE
    assert len(described(recursion()).splitlines()) <= FIRST_CALLS + LAST_CALLS + 2
    group = ExceptionGroup("many", [ExceptionGroup("more", [chain(0)] * 1000)] * 1000)
    assert described(group).count("ValueError") < MOST_ERRORS
    circle = RuntimeError("a")
    circle.__cause__ = ValueError("b")
    circle.__cause__.__context__ = circle
    assert described(circle).splitlines() == ["RuntimeError: a", "caused by:", "ValueError: b"]


class Endless:
    """What must not be looked at."""

    def __repr__(self) -> str:
        raise AssertionError("a local variable was looked at")


def test_no_local_variable_is_looked_at() -> None:
    def broken() -> None:
        held = [Endless()] * 10
        raise ValueError(len(held))

    with pytest.raises(ValueError, match="10") as broke:
        broken()
    assert described(broke.value).splitlines()[-1] == "ValueError: 10"
