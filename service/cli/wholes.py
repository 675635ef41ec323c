"""Whole numbers at the command line, read as they are over HTTP."""

from typing import Any

import click

from service.asking.wholes import parse_whole


class WholeRange(click.IntRange):
    """A whole number from one to another: digits alone, where Python's own reading takes 1_0 and +1."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number; a usage error where it is none, or out of range."""
        if isinstance(value, str):
            try:
                value = parse_whole(value)
            except ValueError as error:
                self.fail(str(error), param, ctx)
        return super().convert(value, param, ctx)
