"""Where a command's output goes, and in which format."""

import sys
from typing import Any

import click

from service.asking.pages import is_cut
from service.cli.layout import messages
from service.exporting.files import STDOUT, is_compressed, suffix, written
from service.exporting.formats import FORMATS, Choice

#: What a name's end says of the format, where it is not the format's own name.
SUFFIXES = {"jsonl": "ndjson", "pq": "parquet", "arrows": "arrow"}


def output_option(command: Any) -> Any:
    """Where the file goes."""
    text = "The file, made whole or not at all; .gz compresses it. Default: stdout."
    return click.option("-o", "--output", "target", default=STDOUT, metavar="FILE", help=text)(command)


def write_answer(answer: dict[str, Any], choice: Choice, chosen: str, target: str) -> None:
    """Write an answer in a format to a file or to stdout."""
    with written(target) as output:
        FORMATS[chosen].write(output, answer, choice)
        if chosen == "json":
            output.write(b"\n")


def say_if_cut(answer: dict[str, Any]) -> None:
    """Say that an answer is a page with others behind it."""
    if is_cut(answer):
        messages().print("this is one page: without limit and cursor everything is written", highlight=False)


def chosen_format(given: str | None, target: str, known: tuple[str, ...], default: str) -> str:
    """The format asked for, or the one that the file's name states."""
    if given is not None:
        return given
    end = suffix(target)
    end = SUFFIXES.get(end, end)
    if target == STDOUT or not end:
        return default
    if end not in known:
        raise click.UsageError(f"{target}: the name states no format that is known here: give --format")
    return end


def refuse_unreadable(target: str, chosen: str, *, is_text: bool) -> None:
    """Refuse what would fill a terminal with bytes, or what readers could not open."""
    if is_text:
        return
    if target == STDOUT and sys.stdout.isatty():
        raise click.UsageError(f"{chosen} is not for a terminal: give -o FILE")
    if is_compressed(target):
        raise click.UsageError(f"{target}: {chosen} is compressed within, and nothing reads it from a .gz")
