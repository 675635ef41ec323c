"""Whole numbers in paths and queries of routes that say so."""

from typing import Annotated

from pydantic import BeforeValidator

from service.asking.wholes import parse_whole


def _read(given: object) -> object:
    return parse_whole(given) if isinstance(given, str) else given


#: A whole number, read strictly: pydantic itself takes 1_0, +1 and 01.
Whole = Annotated[int, BeforeValidator(_read)]
