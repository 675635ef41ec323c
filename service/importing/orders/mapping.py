"""Mapping files: which column of a table of order lines means what, in TOML, checked before a row is read."""

import difflib
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, StringConstraints, ValidationError, model_validator

from domain.values import AttributeName, Basis
from service.importing.orders.mapping_parts import (
    AS_OF,
    PLACED_ON,
    RESERVED,
    AttributeOrColumn,
    AttributeValue,
    BuyerPart,
    CreditPart,
    Dates,
    DatesOrColumn,
    FigureValue,
    LinePart,
    MappingPart,
    OrderPart,
    ParentPart,
    PartyPart,
    PlacedOn,
    ProductPart,
    Read,
    ReceiptPart,
    RowsPart,
    Scheme,
    ScopePart,
    StatusPart,
    Value,
)
from service.importing.rows import MOST_FAULTS, BadMapping

#: Mappings that come with Daybook, by name.
SHIPPED = Path(__file__).with_name("shipped")
#: A mapping is written by hand.
LARGEST_BYTES = 256 * 1024
#: Parts of a key, and lists and tables within one another: the deepest of a mapping has five.
MOST_PARTS = 16
LONGEST_PROBLEM = 500
DEEPEST = 16
#: TOML taken apart as far as that needs: each character is looked at once.
TOKENS = re.compile(
    r'''(?P<word>"""(?:[^"\\]|\\.|"(?!""))*(?:""")?|"(?:[^"\\\n]|\\.)*"?'''
    r"""|'''(?:[^']|'(?!''))*(?:''')?|'[^'\n]*'?|[A-Za-z0-9_+:-]+)"""
    r"|(?P<left>[ \t]+|#[^\n]*)|(?P<sign>.)",
    re.DOTALL,
)


class OrderMapping(MappingPart):
    """How a table of order lines is read."""

    #: Begins the ids of all events.
    name: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$")]
    #: Where the table is from, for every event's source.
    citation: str | None = None
    url: str | None = None
    basis: Basis = "reported"
    read: Read = Read()
    rows: RowsPart = RowsPart()
    dates: dict[str, DatesOrColumn]
    order: OrderPart
    #: Absent: every row is an order that stands.
    status: StatusPart | None = None
    vendor: PartyPart
    buyer: BuyerPart
    line: LinePart
    product: ProductPart | None = None
    #: Absent: the vendor makes what it sells.
    maker: PartyPart | None = None
    attributes: dict[AttributeName, AttributeOrColumn] = Field(default={})
    receipt: ReceiptPart | None = None
    #: Absent: negative numbers are faults.
    credit: CreditPart | None = None
    #: Of an extract that says how things stand on a day.
    scope: ScopePart = ScopePart()

    @model_validator(mode="after")
    def _names_of_dates(self) -> "OrderMapping":
        for key, names in _dates_named(self):
            for name in names:
                if name not in self.dates:
                    raise ValueError(f"{key} names the date {name!r}, and [dates] has {_listed(self.dates)}")
        if PLACED_ON in self.dates:
            raise ValueError(f"dates.{PLACED_ON}: is what known_on calls the order's own date: name it otherwise")
        if AS_OF in self.dates:
            raise ValueError(f"dates.{AS_OF}: is what known_on calls the day of an extract: name it otherwise")
        of_extracts = self.scope != ScopePart() or (self.receipt is not None and self.receipt.to_date is not None)
        if self.status is not None and self.status.cancelled and not self.status.cancelled_on and not of_extracts:
            raise ValueError('status: cancelled needs cancelled_on: a name in [dates], or "placed_on"')
        if self.product is None and (self.maker is not None or self.attributes):
            raise ValueError("maker and attributes are a product's, and there is no [product]")
        if self.line.amount is None and self.order.amount is None:
            raise ValueError("line.amount: is required (or order.amount, where rows repeat what the whole order costs)")
        if self.order.amount is not None and (self.credit is not None or self.buyer.per_line == "orders"):
            other = "[credit]" if self.credit is not None else 'buyer.per_line = "orders"'
            raise ValueError(f"order.amount: is what an order costs, and cannot be shared beside {other}")
        if self.credit is not None and self.credit.kind == "return" and self.receipt is None:
            raise ValueError("credit.kind: what is returned has arrived before, and there is no [receipt]")
        return self


def _dates_named(mapping: OrderMapping) -> Iterator[tuple[str, list[str]]]:
    order, receipt = mapping.order, mapping.receipt
    yield "order.placed_on.date", [order.placed_on.date]
    yield "order.placed_on.or_before", order.placed_on.or_before
    yield "order.known_on", [name for name in order.known_on if name not in RESERVED]
    if (status := mapping.status) is not None:
        yield "status.cancelled_on", [name for name in status.cancelled_on if name not in RESERVED]
        yield "status.known_on", [name for name in status.known_on if name not in RESERVED]
    if (credit := mapping.credit) is not None:
        yield "credit.credited_on", [name for name in credit.credited_on if name not in RESERVED]
        yield "credit.known_on", [name for name in credit.known_on if name not in RESERVED]
    if mapping.line.deliver_by is not None:
        yield "line.deliver_by", [mapping.line.deliver_by]
    if receipt is not None:
        yield "receipt.received_on", [receipt.received_on] if receipt.received_on is not None else []
        yield "receipt.known_on", receipt.known_on
    if mapping.scope.as_of is not None:
        yield "scope.as_of", [mapping.scope.as_of]


def _listed(names: Any) -> str:
    return ", ".join(map(str, names)) or "none"


def shipped() -> list[str]:
    """The names of the mappings that come with Daybook."""
    return sorted(path.stem for path in SHIPPED.glob("*.toml"))


def mapping_text(name: str) -> bytes:
    """What a mapping says, by the path of its file, or a shipped one by its name; BadMapping where there is none."""
    path = SHIPPED / f"{name}.toml" if name in shipped() else Path(name)
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_BYTES + 1)
    except FileNotFoundError:
        raise BadMapping(
            name, [f"there is no such file, and none is shipped by that name ({_listed(shipped())})"]
        ) from None
    except OSError as error:
        raise BadMapping(name, [f"cannot be read: {error.strerror}"]) from None
    if len(content) > LARGEST_BYTES:
        raise BadMapping(name, [f"has more than {LARGEST_BYTES:,} bytes"])
    return content


def load_mapping(name: str) -> OrderMapping:
    """A mapping by the path of its file, or a shipped one by its name; BadMapping says what is wrong, by key."""
    return parse_mapping_text(name, mapping_text(name))


def parse_mapping_text(name: str, content: bytes) -> OrderMapping:
    """A mapping from its TOML; BadMapping says what is wrong, by key."""
    return parse_mapping(name, parse_toml(name, content))


def parse_toml(name: str, content: bytes) -> dict[str, Any]:
    """TOML as its values; BadMapping where it is none, or nested deeper than any mapping is."""
    try:
        text = content.decode("utf-8")
        refuse_deep_toml(text)
        return tomllib.loads(text)
    # A whole number of some thousand digits is a plain ValueError.
    except (ValueError, RecursionError) as error:
        raise BadMapping(name, [f"is not TOML: {error}"[:LONGEST_PROBLEM]]) from None


def refuse_deep_toml(text: str) -> None:
    """ValueError where a key has more parts, or values lie deeper within one another, than a mapping needs.

    What reads TOML takes the square of the parts of a key in time and memory.
    """
    parts = depth = 0
    joined = False
    for token in TOKENS.finditer(text):
        kind, sign = token.lastgroup, token[0]
        if kind == "word":
            parts = parts + 1 if joined else 1
            if parts > MOST_PARTS:
                line = text.count("\n", 0, token.start()) + 1
                raise ValueError(f"a key of more than {MOST_PARTS} parts (line {line})")
            joined = False
        elif sign == ".":
            joined = True
        elif kind == "sign":
            joined = False
            depth += (sign in "[{") - (sign in "]}")
            if depth > DEEPEST:
                line = text.count("\n", 0, token.start()) + 1
                raise ValueError(f"values more than {DEEPEST} deep within one another (line {line})")


def parse_mapping(name: str, given: dict[str, Any]) -> OrderMapping:
    """A mapping from what its file says; BadMapping says what is wrong, by key."""
    try:
        return OrderMapping.model_validate(given)
    except ValidationError as error:
        # The catalogue takes as long to import as all the rest, and few mappings are wrong.
        from domain.catalogue import problems_of

        problems = problems_of(error)[:MOST_FAULTS]
        raise BadMapping(name, [_problem(one.pointer, one.message) for one in problems]) from None


def _problem(pointer: str, message: str) -> str:
    key = pointer.strip("/").replace("/", ".").replace("~1", "/").replace("~0", "~")[:LONGEST_PROBLEM]
    if message == "unknown field":
        message = "is no key of a mapping here"
        if near := difflib.get_close_matches(key.rpartition(".")[2], _keys(), 1):
            message += f" (did you mean {near[0]}?)"
    return f"{key}: {message}" if key else message


def _keys() -> list[str]:
    parts = (
        Value,
        FigureValue,
        AttributeValue,
        Dates,
        PlacedOn,
        Scheme,
        ParentPart,
        BuyerPart,
        ProductPart,
        RowsPart,
        StatusPart,
        CreditPart,
        OrderPart,
        LinePart,
        ReceiptPart,
        ScopePart,
        Read,
        OrderMapping,
    )
    return [name for part in parts for name in part.model_fields]
