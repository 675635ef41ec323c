"""Structured logs: one line an event, with the request that it belongs to."""

import logging
import sys
from contextlib import suppress
from typing import Literal

import structlog
from structlog.typing import Processor

from service.observing.aside import Aside, AsideHandler
from service.observing.tracebacks import errors_as_text, others_bounded

Format = Literal["auto", "json", "text"]

SHARED: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def configure(level: int, form: Format = "auto") -> None:
    """Send every log line of this process to stderr: as JSON, or as text for people.

    `form` "auto": text on a terminal, JSON where the lines go elsewhere.
    """
    as_text = form == "text" or (form == "auto" and sys.stderr.isatty())
    last: tuple[Processor, ...] = (
        (structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),)
        if as_text
        else (structlog.processors.JSONRenderer(ensure_ascii=False),)
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=SHARED,
            processors=[
                others_bounded,
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                # For both forms alike: ConsoleRenderer's own way would show every variable of every call.
                errors_as_text,
                *last,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    logging.captureWarnings(True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *SHARED,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def write_aside() -> None:
    """Have this process's log lines written by a thread of their own, from now on, where they go to stderr.

    Raises NotStarted where there is no thread for it.
    """
    root = logging.getLogger()
    for number, handler in enumerate(root.handlers):
        if isinstance(handler, logging.StreamHandler) and handler.stream is sys.stderr:
            with suppress(OSError):  # it is no file
                aside = Aside(sys.stderr.fileno())
                aside.routine.start()
                instead = AsideHandler(aside)
                instead.setFormatter(handler.formatter)
                root.handlers[number] = instead


def aside() -> Aside | None:
    """What writes this process's log lines; None: whoever has something to say does."""
    handlers = logging.getLogger().handlers
    return next((handler.aside for handler in handlers if isinstance(handler, AsideHandler)), None)
