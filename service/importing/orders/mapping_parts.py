"""The tables of a mapping, each with its keys: what a mapping file may say, part by part."""

import codecs
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from domain.values import UNKNOWN_COUNTRY
from service.importing.orders.day_formats import compile_format

#: What `known_on` may name besides a date: the last day of the order's effective_on.
PLACED_ON = "placed_on"
#: Likewise: the day as of which an extract says how things stand.
AS_OF = "as_of"
#: Names that are no names in [dates].
RESERVED = (PLACED_ON, AS_OF)
#: Encodings of two bytes, as Python calls them: the only ones that may end lines otherwise than ASCII does.
UTF_16 = ("utf-16", "utf-16-le", "utf-16-be")


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
    #: What a row has that is without it, as it is kept.
    default: str | None = None

    @model_validator(mode="after")
    def _one_source(self) -> "Value":
        given = [name for name in ("column", "constant", "template") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"needs one of column, constant and template, not {' and '.join(given) or 'none'}")
        if self.optional and self.default is not None:
            raise ValueError("is optional and has a default: a row without it gets the default, or has none")
        return self


class FigureValue(Value):
    """A quantity or an amount."""

    #: The decimal separator.
    decimal: Literal[".", ","] = "."
    #: The separator between groups of digits; none: there is none. A space is one of any width, ' also ’.
    thousands: Literal[",", ".", " ", "'"] | None = None
    #: How digits are grouped: 1,234,567 or 12,34,567.
    groups: Literal["thousands", "indian"] = "thousands"
    #: Texts that may stand before or behind the digits: "$", "EUR".
    strip: list[Annotated[str, StringConstraints(min_length=1, max_length=20)]] = []
    #: How a negative number is written, besides with a minus before it: (1.00) or 1.00-.
    negative: Literal["leading", "parentheses", "trailing"] = "leading"
    #: Digits behind the point that are kept; absent: a number with more than are stored is refused.
    round: Annotated[int, Field(ge=0, le=6)] | None = None
    #: Whether 1.5e3 is a number.
    exponent: bool = False
    #: A factor, for units: {column = "Unit", values = {each = "1", dozen = "12"}}.
    times: "FigureOrColumn | None" = None

    @model_validator(mode="after")
    def _two_separators(self) -> "FigureValue":
        if self.thousands == self.decimal:
            raise ValueError(f"thousands and decimal are both {self.decimal!r}")
        if self.separator == self.decimal:
            raise ValueError('groups of digits need a separator: give thousands, since decimal is ","')
        return self

    @property
    def separator(self) -> str | None:
        """What stands between groups of digits."""
        return "," if self.thousands is None and self.groups == "indian" else self.thousands


class AttributeValue(FigureValue):
    """An attribute of a product."""

    kind: Literal["text", "number", "truth"] = "text"


def _short(given: Any) -> Any:
    """A bare text names a column."""
    return {"column": given} if isinstance(given, str) else given


def _named(given: Any) -> Any:
    """A bare text, or a value, is the name."""
    if isinstance(given, dict) and "name" not in given:
        return {"name": given}
    return {"name": given} if isinstance(given, str) else given


ValueOrColumn = Annotated[Value, BeforeValidator(_short)]
FigureOrColumn = Annotated[FigureValue, BeforeValidator(_short)]
AttributeOrColumn = Annotated[AttributeValue, BeforeValidator(_short)]


class Dates(MappingPart):
    """A column of dates."""

    column: str
    #: Tried in turn, in the letters of strftime: %d %m %b %B %y %Y %H %M %S; "excel": a serial number of days.
    #: Absent: cells that are dates, and texts in the forms of ISO 8601.
    formats: Annotated[list[str], Field(min_length=1)] = []
    nulls: list[str] = []

    @model_validator(mode="after")
    def _readable(self) -> "Dates":
        for form in self.formats:
            compile_format(form)
        return self


DatesOrColumn = Annotated[Dates, BeforeValidator(_short)]


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


class ParentPart(MappingPart):
    """The organisation that owns another; a row without its name says that there is none."""

    name: ValueOrColumn
    #: Absent: not known.
    country: ValueOrColumn = Value(constant=UNKNOWN_COUNTRY)
    #: Absent: made of the name.
    id: Annotated[Value | None, BeforeValidator(_short)] = None
    prefix: str = ""


class PartyPart(MappingPart):
    """An organisation, registered where the ledger does not have its id."""

    name: ValueOrColumn
    country: ValueOrColumn
    parent: Annotated[ParentPart | None, BeforeValidator(_named)] = None
    #: Absent: made of the name.
    id: Annotated[Value | None, BeforeValidator(_short)] = None
    #: Stands before the id.
    prefix: str = ""
    identifiers: list[Scheme] = []
    #: What to do where rows say different things under one id.
    differing: Literal["refuse", "first"] = "refuse"


class BuyerPart(PartyPart):
    """Who buys."""

    #: What rows of one order make that have several buyers: an order for each, or a joint order and what each gets of
    #: it. None: a fault.
    per_line: Literal["orders", "allocation"] | None = None


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
    #: What all lines together cost, where each row repeats it. Beside line.amount it is compared with their sum.
    amount: Annotated[FigureValue | None, BeforeValidator(_short)] = None
    #: How that is shared among the lines where line.amount is absent: by quantities, or to all alike.
    shared: Literal["quantity", "equally"] = "quantity"


class LinePart(MappingPart):
    """What a row orders."""

    #: Absent: not known.
    quantity: Annotated[FigureValue | None, BeforeValidator(_short)] = None
    #: Absent: not known, or shared out of order.amount.
    amount: Annotated[FigureValue | None, BeforeValidator(_short)] = None
    #: Unique within the order. Absent: rows of an order are numbered as they come.
    id: Annotated[Value | None, BeforeValidator(_short)] = None
    #: A name in [dates].
    deliver_by: str | None = None


class ReceiptPart(MappingPart):
    """What a row says has arrived."""

    #: A name in [dates]; a row without it has received nothing. Absent: what has arrived is said to date.
    received_on: str | None = None
    known_on: list[str] = []
    #: All that has arrived of the line up to the day of an extract; a row without it has received nothing.
    to_date: Annotated[FigureValue | None, BeforeValidator(_short)] = None
    #: Absent: the line's.
    quantity: Annotated[FigureValue | None, BeforeValidator(_short)] = None
    #: Absent: by the line's price. Beside `to_date`: of all that has arrived.
    amount: Annotated[FigureValue | None, BeforeValidator(_short)] = None
    #: Distinguishes several receipts of one line, each in a row of its own.
    id: Annotated[Value | None, BeforeValidator(_short)] = None

    @model_validator(mode="after")
    def _dated_or_to_date(self) -> "ReceiptPart":
        if self.to_date is None and self.received_on is None:
            raise ValueError("received_on: is required (or to_date, what has arrived up to the day of an extract)")
        other = [name for name in ("received_on", "quantity", "id") if getattr(self, name) is not None]
        if self.to_date is not None and (other or self.known_on):
            named = " and ".join(other or ["known_on"])
            raise ValueError(f"to_date: is all that has arrived by the day of an extract, and {named} says otherwise")
        return self


class StatusPart(MappingPart):
    """What a row says has become of its line; any text that is not listed here is a fault."""

    column: str
    #: Texts that mean an order that stands.
    placed: list[str] = []
    #: Texts that mean a line that was placed and cancelled; an order of which all lines are is cancelled.
    cancelled: list[str] = []
    #: Texts that mean a row that orders nothing: a draft.
    left_out: list[str] = []
    #: Names in [dates], or "placed_on": the first that the row has is the day of the cancellation.
    cancelled_on: list[str] = []
    #: Likewise, the day on which that was known. None: the day of the import.
    known_on: list[str] = []

    @model_validator(mode="after")
    def _each_once(self) -> "StatusPart":
        texts = [*self.placed, *self.cancelled, *self.left_out]
        if twice := next((text for text in texts if texts.count(text) > 1), None):
            raise ValueError(f"{twice!r} stands twice: a status means one thing")
        return self


class CreditPart(MappingPart):
    """What a row with a negative quantity or amount means."""

    #: A return of goods that have arrived, or a discount on what other lines of the order cost.
    kind: Literal["return", "discount"]
    #: Names in [dates], or "placed_on": the first that the row has is its day.
    credited_on: list[str] = [PLACED_ON]
    #: Likewise, the day on which it was known. None: the day of the import.
    known_on: list[str] = []


def _day(given: Any) -> Any:
    return date.fromisoformat(given) if isinstance(given, str) else given


ScopeDay = Annotated[date | None, BeforeValidator(_day)]


class ScopePart(MappingPart):
    """Of which orders an extract has all: what it lacks of these is missing, and of others it says nothing."""

    #: Their ids, or their names where ids are made of these. Absent: any.
    buyers: list[Annotated[str, StringConstraints(min_length=1)]] = []
    #: The first and the last day on which the orders were placed. Absent: any.
    placed_from: ScopeDay = None
    placed_to: ScopeDay = None
    #: Placed so many days before the day of the extract at most.
    last_days: Annotated[int | None, Field(ge=0, le=36_525)] = None
    #: A name in [dates]: the day of the extract, as every row repeats it.
    as_of: str | None = None

    @property
    def declared(self) -> bool:
        """Whether it says of which orders an extract has all."""
        return bool(self.buyers or self.placed_from or self.placed_to or self.last_days is not None)


#: Texts that a rule looks for; * stands for any characters.
Texts = Annotated[list[str], BeforeValidator(lambda given: [given] if isinstance(given, str) else given)]


class RowsPart(MappingPart):
    """Which rows of the table are order lines, by what stands in their columns."""

    #: A row counts where each of these columns has one of its texts.
    where: dict[str, Texts] = {}
    #: A row is left out where one of these columns has one of its texts: totals.
    unless: dict[str, Texts] = {}
    #: Nothing is read from the first row on where one of these columns has one of its texts.
    stop_at: dict[str, Texts] = {}
    #: Columns of which an empty cell means what stands in the row above, the one that says most first: an order's own
    #: columns, filled in its first row alone. A column stays empty where one before it says something new.
    fill_down: list[str] = []


class Read(MappingPart):
    """How the file is read."""

    #: Absent: the file's first bytes say it.
    format: Literal["csv", "tsv", "xlsx", "parquet"] | None = None
    delimiter: Annotated[str, StringConstraints(min_length=1, max_length=1)] | None = None
    encoding: str = "utf-8"
    #: Of a workbook; absent: the only one.
    sheet: str | None = None
    #: The line or row that names the columns. Absent: the first of a text that is not empty; row 1 of a workbook; of a
    #: file whose `columns` are given, none.
    header: Annotated[int, Field(ge=1, le=1_000)] | None = None
    #: Rows behind the header that are left out: units, or names in another language.
    skip: Annotated[int, Field(ge=0, le=1_000)] = 0
    #: What the columns are called, in place of the header's names or where there is no header.
    columns: Annotated[list[str], Field(min_length=1)] | None = None
    #: Texts that mean "no value" in any column.
    nulls: list[str] = [""]
    #: Binary floating point numbers in Parquet.
    float: Literal["refuse", "accept"] = "refuse"
    #: With it every column must be one that the mapping uses or one of these; absent: others may be there.
    ignored: list[str] | None = None

    @model_validator(mode="after")
    def _known_encoding(self) -> "Read":
        try:
            wide = codecs.lookup(self.encoding).name in UTF_16
            lines = wide or "\n".encode(self.encoding) == b"\n"
        except (LookupError, UnicodeError):
            raise ValueError(f"{self.encoding!r} is no encoding of text") from None
        if not lines:
            raise ValueError(f"{self.encoding!r} does not end lines as ASCII does: convert the file to UTF-8")
        return self
