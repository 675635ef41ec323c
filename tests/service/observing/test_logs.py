"""What a service process writes to its log."""

import json
import subprocess
import sys
from typing import Any

SCRIPT = """
import logging, structlog
from service.observing.logs import configure
configure(logging.INFO, {form!r})
structlog.contextvars.bind_contextvars(request_id="r-7")
structlog.stdlib.get_logger("daybook.http").info("answered", path="/api", status=200)
logging.getLogger("service.following.follower").warning("waiting for %s", "PostgreSQL")
try:
    1 / 0
except ZeroDivisionError:
    logging.getLogger("service.web").exception("incident r-7")
logging.getLogger("quiet").debug("never seen")
"""


def written(form: str) -> list[str]:
    """The lines that a process writes to stderr."""
    command = [sys.executable, "-W", "error", "-c", SCRIPT.format(form=form)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == ""
    return done.stderr.splitlines()


def test_every_line_is_an_object_that_names_its_request() -> None:
    answered, waiting, failed = (json.loads(line) for line in written("auto"))
    kept: dict[str, Any] = {
        name: answered[name] for name in ("event", "level", "logger", "path", "status", "request_id")
    }
    assert kept == {
        "event": "answered",
        "level": "info",
        "logger": "daybook.http",
        "path": "/api",
        "status": 200,
        "request_id": "r-7",
    }
    assert answered["timestamp"].endswith("Z")
    assert (waiting["event"], waiting["level"]) == ("waiting for PostgreSQL", "warning")
    assert "ZeroDivisionError" in failed["exception"]


def test_people_may_have_text() -> None:
    lines = written("text")
    assert "answered" in lines[0]
    assert "path=/api" in lines[0]
    assert not lines[0].startswith("{")
