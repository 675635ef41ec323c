"""What may be asked of a view, parameter by parameter: read off the models that read it, words and all."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

from pydantic import BaseModel, Field

from projections.parameters import Duration
from service.asking.clocks import CLOCKS
from service.asking.paging import LONGEST_CURSOR, MOST, MOST_EVIDENCE, USUAL

Schema = dict[str, Any]
#: The largest whole number that every client of JSON holds exactly.
LARGEST = 2**53 - 1


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a question."""

    name: str
    #: JSON Schema of its value; of an array's items each is given by itself.
    schema: Schema
    #: What it means, in a sentence.
    words: str
    required: bool = False

    @property
    def repeatable(self) -> bool:
        """Whether it may be given several times."""
        return self.schema.get("type") == "array"


class ClockParameters(BaseModel):
    """The clocks of every question."""

    effective_on: date | None = Field(
        None,
        description="What was so in the world up to and including this day;"
        " today, in the service's time zone, unless given.",
    )
    known_on: date | None = Field(None, description="What could be known on this day; without it there is no limit.")
    position: int | None = Field(
        None, ge=0, le=LARGEST, description="What the ledger had recorded up to this position."
    )
    recorded_at: datetime | None = Field(
        None, description="What the ledger had recorded at this instant; not together with position."
    )
    min_position: int | None = Field(
        None,
        ge=0,
        le=LARGEST,
        description="A position that must be in the answer: one's own last one, to read what one wrote.",
    )


class PartParameters(BaseModel):
    """Which part of a list is asked for; without either the whole list, where it is not too long for that."""

    limit: int | None = Field(None, ge=1, le=MOST, description="Entries of a page.")
    cursor: str | None = Field(
        None,
        min_length=1,
        max_length=LONGEST_CURSOR,
        description="Where the page begins: from the Link to the next one, or next_cursor; it holds the moment.",
    )


class PageParameters(PartParameters):
    """Which part of a list is asked for that is only answered by pages."""

    limit: int = Field(USUAL, ge=1, le=MOST, description="Entries of a page.")


class PageOfOrders(PageParameters):
    """Which part of a list of lines is asked for that is answered by pages of orders."""

    limit: int = Field(USUAL, ge=1, le=MOST, description="Orders of a page, each with all its lines.")


class EvidenceParameters(BaseModel):
    """What evidence is asked besides the parameters of its view."""

    key: str | None = Field(None, description="The row's key; without it the row that has none.")
    vendor: str | None = Field(None, description="Only the part of this vendor.")
    limit: int = Field(MOST_EVIDENCE, ge=0, description="Contributions of a page, at most 1,000.")
    offset: int = Field(0, ge=0, le=LARGEST, description="Contributions left out.")


class SeriesParameters(BaseModel):
    """What a series is asked besides the parameters of its view."""

    from_on: date = Field(alias="from", description="The first day.")
    to_on: date | None = Field(
        None, alias="to", description="The last day; today, in the service's time zone, unless given."
    )
    step: Duration | None = Field(
        None, description="How far the points are apart; without it, every day on which the answer changes."
    )


def parameters_of(model: type[BaseModel], left_out: Collection[str] = CLOCKS) -> list[Parameter]:
    """The parameters that a model reads; its clocks, which ClockParameters describes, are left out."""
    schema = _described(model)
    return [
        Parameter(name, _form(field), field["description"], name in schema.get("required", ()))
        for name, field in schema["properties"].items()
        if name not in left_out
    ]


@cache
def _described(model: type[BaseModel]) -> Schema:
    """A model's schema, which several views have in common; not to be changed."""
    return model.model_json_schema()


def clocks(left_out: Collection[str] = ()) -> list[Parameter]:
    """The clocks of a question, but these."""
    return parameters_of(ClockParameters, left_out)


def clocks_twice() -> list[Parameter]:
    """The clocks of a difference: one of them is given twice."""
    said = "Given twice, the moments before and after: exactly one of the clocks is."
    return [
        one
        if one.name == "min_position"
        else Parameter(
            one.name, {"type": "array", "items": one.schema, "minItems": 1, "maxItems": 2}, f"{one.words} {said}"
        )
        for one in clocks()
    ]


def _form(schema: Schema) -> Schema:
    """A field's schema as that of a parameter, which is never null."""
    kept = {name: value for name, value in schema.items() if name not in ("title", "description", "anyOf", "default")}
    for one in schema.get("anyOf", ()):
        if one != {"type": "null"}:
            kept |= one
    if schema.get("default") is not None and schema["default"] != []:
        kept["default"] = schema["default"]
    return kept
