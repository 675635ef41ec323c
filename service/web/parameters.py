"""What routes take in their paths and queries: how it is read, and what the interface's description says of it."""

from typing import Annotated

from fastapi import Query
from pydantic import BeforeValidator, Field, WithJsonSchema
from starlette.requests import Request

from domain.values import IDENTIFIER_PATTERN
from service.asking.wholes import parse_whole

#: The largest whole number that every client can hold.
LARGEST = 2**53 - 1


def _read(given: object) -> object:
    return parse_whole(given) if isinstance(given, str) else given


#: A whole number, read strictly: pydantic itself takes 1_0, +1 and 01.
Whole = Annotated[int, BeforeValidator(_read)]
#: The position of an event; one that there is none at is not found, and no fault of the request.
Position = Annotated[Whole, WithJsonSchema({"type": "integer", "minimum": 1, "maximum": LARGEST})]
#: The id of a thing; what can be none is not found.
Identifier = Annotated[str, WithJsonSchema({"type": "string", "pattern": IDENTIFIER_PATTERN})]
#: A name in a path.
Word = Annotated[str, WithJsonSchema({"type": "string", "minLength": 1})]
#: Read by the route, which says more about what is wrong than a schema does.
Day = Annotated[str, WithJsonSchema({"type": "string", "format": "date"})]
Instant = Annotated[str, WithJsonSchema({"type": "string", "format": "date-time"})]

PageSize = Annotated[int, Field(ge=1, le=1_000), BeforeValidator(_read)]
AtLeastOne = Annotated[int, Field(ge=1), BeforeValidator(_read)]
#: A position up to which something is asked; larger ones are read, and are beyond the ledger.
UpTo = Annotated[
    int,
    Field(ge=0, le=2**62),
    BeforeValidator(_read),
    WithJsonSchema({"type": "integer", "minimum": 0, "maximum": LARGEST}),
]
#: A position behind which something begins.
Behind = Annotated[int, Field(ge=0, le=2**62), BeforeValidator(_read)]
AFTER = Query(description="The position behind which it begins.")
Types = Annotated[tuple[str, ...], Query(description="Event types; without one, all.")]
Streams = Annotated[tuple[str, ...], Query(description="Streams such as order/po-1; without one, all.")]


def raw_parameters(request: Request) -> dict[str, list[str]]:
    """Every query parameter with all its values."""
    raw: dict[str, list[str]] = {}
    for name, value in request.query_params.multi_items():
        raw.setdefault(name, []).append(value)
    return raw
