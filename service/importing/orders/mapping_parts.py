"""The tables of a mapping, each with its keys: what a mapping file may say, part by part."""

import codecs
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from service.importing.orders.day_formats import compile_format

#: What `known_on` may name besides a date: the last day of the order's effective_on.
PLACED_ON = "placed_on"


class MappingPart(BaseModel):
    """A table of a mapping, with these keys and no others."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Value(MappingPart):
    """Where a text comes from: exactly one of column, constant and template."""

    column: str | None = None
    constant: str | None = None
    #: Text with columns in braces, taken as they stand in the file: "programme {Country}".
    template: str | None = None
    #: Texts that mean "no value", besides those of `read.nulls`.
    nulls: list[str] = []
    #: What each text becomes; any other is a fault, unless `lookup` knows it.
    values: dict[str, str] | None = None
    #: What some texts become; others stay.
    replace: dict[str, str] = {}
    #: English country names to their ISO 3166-1 codes.
    lookup: Literal["country"] | None = None
    #: Make an id of it: lower case, hyphens between words.
    slug: bool = False
    #: A row may be without it.
    optional: bool = False

    @model_validator(mode="after")
    def _one_source(self) -> "Value":
        given = [name for name in ("column", "constant", "template") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"needs one of column, constant and template, not {' and '.join(given) or 'none'}")
        return self


class FigureValue(Value):
    """A quantity or an amount."""

    #: The decimal separator.
    decimal: Literal[".", ","] = "."
    #: The separator between groups of three digits; none: there is none.
    thousands: Literal[",", ".", " ", "'"] | None = None
    #: Whether 1.5e3 is a number.
    exponent: bool = False
    #: A factor, for units: {column = "Unit", values = {each = "1", dozen = "12"}}.
    times: "FigureOrColumn | None" = None

    @model_validator(mode="after")
    def _two_separators(self) -> "FigureValue":
        if self.thousands == self.decimal:
            raise ValueError(f"thousands and decimal are both {self.decimal!r}")
        return self


class AttributeValue(FigureValue):
    """An attribute of a product."""

    kind: Literal["text", "number", "truth"] = "text"


def _short(given: Any) -> Any:
    """A bare text names a column."""
    return {"column": given} if isinstance(given, str) else given


ValueOrColumn = Annotated[Value, BeforeValidator(_short)]
FigureOrColumn = Annotated[FigureValue, BeforeValidator(_short)]
AttributeOrColumn = Annotated[AttributeValue, BeforeValidator(_short)]


class Dates(MappingPart):
    """A column of dates."""

    column: str
    #: Tried in turn, in the letters of strftime: %d %m %b %B %y %Y %H %M %S; "excel": a serial number of days.
    formats: Annotated[list[str], Field(min_length=1)]
    nulls: list[str] = []

    @model_validator(mode="after")
    def _readable(self) -> "Dates":
        for form in self.formats:
            compile_format(form)
        return self


class PlacedOn(MappingPart):
    """When the order was placed: a date, or where a row lacks it on or before the first of others."""

    #: A name in [dates].
    date: str
    #: Names in [dates].
    or_before: list[str] = []


class Scheme(MappingPart):
    """A register's name for an organisation."""

    scheme: str
    id: ValueOrColumn


class PartyPart(MappingPart):
    """An organisation, registered where the ledger does not have its id."""

    name: ValueOrColumn
    country: ValueOrColumn
    #: Absent: made of the name.
    id: Annotated[Value | None, BeforeValidator(_short)] = None
    #: Stands before the id.
    prefix: str = ""
    identifiers: list[Scheme] = []
    #: What to do where rows say different things under one id.
    differing: Literal["refuse", "first"] = "refuse"


class ProductPart(MappingPart):
    """What is bought, registered where the ledger does not have its id."""

    name: ValueOrColumn
    category: ValueOrColumn
    id: Annotated[Value | None, BeforeValidator(_short)] = None
    prefix: str = ""
    differing: Literal["refuse", "first"] = "refuse"


class OrderPart(MappingPart):
    """What the rows of one order have in common."""

    id: ValueOrColumn
    currency: ValueOrColumn
    placed_on: Annotated[PlacedOn, BeforeValidator(lambda given: {"date": given} if isinstance(given, str) else given)]
    #: Names in [dates], or "placed_on": the first that the row has. None: the day of the import.
    known_on: list[str] = []


class LinePart(MappingPart):
    """What a row orders."""

    quantity: FigureOrColumn
    amount: FigureOrColumn
    #: Unique within the order. Absent: rows of an order are numbered as they come.
    id: Annotated[Value | None, BeforeValidator(_short)] = None
    #: A name in [dates].
    deliver_by: str | None = None


class ReceiptPart(MappingPart):
    """What a row says has arrived."""

    #: A name in [dates]; a row without it has received nothing.
    received_on: str
    known_on: list[str] = []
    #: Absent: the line's.
    quantity: Annotated[FigureValue | None, BeforeValidator(_short)] = None
    #: Absent: by the line's price.
    amount: Annotated[FigureValue | None, BeforeValidator(_short)] = None
    #: Distinguishes several receipts of one line, each in a row of its own.
    id: Annotated[Value | None, BeforeValidator(_short)] = None


class Read(MappingPart):
    """How the file is read."""

    #: Absent: the file's first bytes say it.
    format: Literal["csv", "tsv", "xlsx", "parquet"] | None = None
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] | None = None
    encoding: str = "utf-8"
    #: Of a workbook; absent: the only one.
    sheet: str | None = None
    #: The row of a workbook that names the columns.
    header: Annotated[int, Field(ge=1)] = 1
    #: Texts that mean "no value" in any column.
    nulls: list[str] = [""]
    #: Binary floating point numbers in Parquet.
    float: Literal["refuse", "accept"] = "refuse"
    #: With it every column must be one that the mapping uses or one of these; absent: others may be there.
    ignored: list[str] | None = None

    @model_validator(mode="after")
    def _known_encoding(self) -> "Read":
        try:
            codecs.lookup(self.encoding)
            lines = "\n".encode(self.encoding) == b"\n"
        except (LookupError, UnicodeError):
            raise ValueError(f"{self.encoding!r} is no encoding of text") from None
        if not lines:
            raise ValueError(f"{self.encoding!r} does not end lines as ASCII does: convert the file to UTF-8")
        return self
