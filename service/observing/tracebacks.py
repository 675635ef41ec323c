"""Errors as log lines show them: where in the code, and never with the values that were at hand there."""

import sys
import traceback
from typing import Any

from structlog.typing import EventDict, WrappedLogger

#: Errors of a chain, or of a group, that are shown; of the rest how many there are.
MOST_ERRORS = 8
#: Of each, calls from its beginning and before its end.
FIRST_CALLS, LAST_CALLS = 5, 20
#: Of each message the first line, so long: what follows quotes what was sent (PostgreSQL's DETAIL and CONTEXT do).
LONGEST_MESSAGE = 300
#: Of a line that a library logs, likewise.
LONGEST_LINE = 500
#: Loggers of our own, whose lines hold no more than they should.
OURS = ("daybook", "service", "projections", "domain")


def described(error: BaseException) -> str:
    """An error and what led to it, the last first, in bounded time and space, without local variables."""
    lines: list[str] = []
    left: list[tuple[str, BaseException]] = [("", error)]
    seen: set[int] = set()
    while left and len(seen) < MOST_ERRORS:
        how, one = left.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        lines += [how] if how else []
        lines += [*_calls(one), f"{type(one).__qualname__}: {_first_line(_message(one))}".rstrip(": ")]
        if isinstance(one, BaseExceptionGroup):
            left += [("one of the group:", inner) for inner in one.exceptions[:MOST_ERRORS]]
        if one.__cause__ is not None:
            left.insert(0, ("caused by:", one.__cause__))
        elif one.__context__ is not None and not one.__suppress_context__:
            left.insert(0, ("while this was handled:", one.__context__))
    if left:
        lines.append("... and further errors")
    return "\n".join(lines)


def errors_as_text(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Put what is shown of an error in the place of the error itself (a processor of structlog's)."""
    found = event.pop("exc_info", None)
    error = _error_of(found)
    if error is not None:
        event["exception"] = described(error)
    event.pop("stack_info", None)
    return event


def others_bounded(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Keep of a library's line its first, bounded: further ones may show values (asyncio's and warnings do)."""
    if not event.get("_from_structlog") and str(event.get("logger", "")).partition(".")[0] not in OURS:
        event["event"] = _first_line(str(event["event"]), LONGEST_LINE)
    return event


def _error_of(found: Any) -> BaseException | None:
    if found is True:
        found = sys.exc_info()
    if isinstance(found, tuple):
        found = found[1]
    return found if isinstance(found, BaseException) else None


def _calls(error: BaseException) -> list[str]:
    """The calls that led to an error: file, line, function and the line's text."""
    calls = [(call, line) for call, line in traceback.walk_tb(error.__traceback__)]
    kept = calls if len(calls) <= FIRST_CALLS + LAST_CALLS else [*calls[:FIRST_CALLS], *calls[-LAST_CALLS:]]
    summary = traceback.StackSummary.extract(iter(kept), capture_locals=False)
    lines = [f'  File "{call.filename}", line {call.lineno}, in {call.name}: {call.line}' for call in summary]
    if len(kept) < len(calls):
        lines.insert(FIRST_CALLS, f"  ... {len(calls) - len(kept)} calls")
    return lines


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return "(its message cannot be shown)"


def _first_line(text: str, longest: int = LONGEST_MESSAGE) -> str:
    line = text.strip().partition("\n")[0]
    return line if len(line) <= longest else f"{line[:longest]} ... ({len(text):,} characters)"
