"""What a regulation bars: conditions and predicates over product attributes."""

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, WithJsonSchema, model_validator

from domain.errors import pointer_part
from domain.estimates import parse_decimal
from domain.values import (
    ATTRIBUTE_NAME_PATTERN,
    SIGNED_DECIMAL_PATTERN,
    AttributeText,
    Country,
    Identifier,
    Mention,
    Optional,
    Record,
    Text,
    parse_attribute_text,
)

#: Deep enough for any published rule, shallow enough to evaluate without thought for the stack.
DEEPEST_PREDICATE = 16
ORDERED = (">=", ">", "<=", "<")
OPERATORS = (*ORDERED, "==", "!=")
ATTRIBUTE_NAME = re.compile(ATTRIBUTE_NAME_PATTERN)

Effect = Literal["prohibited", "licence-required", "notification", "advisory"]


class Misplaced(ValueError):
    """A fault inside a predicate: `at` is the JSON pointer from the predicate's root."""

    def __init__(self, at: str, message: str) -> None:
        super().__init__(f"{at}: {message}" if at else message)
        self.at = at
        self.message = message


@dataclass(frozen=True, slots=True)
class Comparison:
    """An attribute held against a bound: a decimal, true or false, or a text."""

    attribute: str
    op: str
    value: Decimal | bool | AttributeText

    def __eq__(self, other: object) -> bool:
        # To Python true is 1, and false is 0; an attribute that is one of them is not the other.
        return isinstance(other, Comparison) and self._parts == other._parts

    def __hash__(self) -> int:
        return hash(self._parts)

    @property
    def _parts(self) -> tuple[str, str, type, Decimal | bool | AttributeText]:
        return self.attribute, self.op, type(self.value), self.value


@dataclass(frozen=True, slots=True)
class Every:
    """All of these hold."""

    parts: tuple["Predicate", ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one of these holds."""

    parts: tuple["Predicate", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """A part that does not hold."""

    part: "Predicate"


Predicate = Comparison | Every | Some | Not


def parse_predicate(given: Any, at: str = "", depth: int = 1) -> Predicate:
    """Read a predicate; Misplaced says where and what is wrong."""
    if depth > DEEPEST_PREDICATE:
        raise Misplaced(at, f"nested deeper than {DEEPEST_PREDICATE}")
    if not isinstance(given, dict):
        raise Misplaced(at, "must be a comparison, all, any or not")
    if "attribute" in given or "op" in given:
        return _comparison(given, at)
    if len(given) != 1 or (form := next(iter(given))) not in ("all", "any", "not"):
        raise Misplaced(at, 'must be {"attribute", "op", "value"}, {"all": [...]}, {"any": [...]} or {"not": ...}')
    if form == "not":
        return Not(parse_predicate(given["not"], f"{at}/not", depth + 1))
    parts = given[form]
    if not isinstance(parts, list) or not parts:
        raise Misplaced(f"{at}/{form}", "must be a list with at least one predicate")
    read = tuple(parse_predicate(part, f"{at}/{form}/{n}", depth + 1) for n, part in enumerate(parts))
    return Every(read) if form == "all" else Some(read)


def _comparison(given: dict[str, Any], at: str) -> Comparison:
    for name in ("attribute", "op", "value"):
        if name not in given:
            raise Misplaced(at, f"a comparison needs {name}")
    if unknown := sorted(given.keys() - {"attribute", "op", "value"}):
        raise Misplaced(f"{at}/{pointer_part(unknown[0])}", "a comparison has attribute, op and value, nothing else")
    attribute, op, value = given["attribute"], given["op"], given["value"]
    if not isinstance(attribute, str) or not ATTRIBUTE_NAME.fullmatch(attribute):
        raise Misplaced(f"{at}/attribute", "must be an attribute's name")
    if op not in OPERATORS:
        raise Misplaced(f"{at}/op", f"unknown operator {op!r:.20}: use one of {' '.join(OPERATORS)}")
    if isinstance(value, bool):
        bound: Decimal | bool | AttributeText = value
    else:
        try:
            bound = parse_attribute_text(value) if isinstance(value, dict) else parse_decimal(value, 9, 6, signed=True)
        except ValueError as error:
            raise Misplaced(f"{at}/value", str(error)) from None
    if op in ORDERED and not isinstance(bound, Decimal):
        raise Misplaced(f"{at}/value", f"{op} compares numbers: {attribute} cannot be held against a text or a truth")
    return Comparison(attribute, op, bound)


PREDICATE_SCHEMA: dict[str, Any] = {
    "description": f"A predicate over product attributes, nested at most {DEEPEST_PREDICATE} deep.",
    "anyOf": [
        {
            "type": "object",
            "required": ["attribute", "op", "value"],
            "additionalProperties": False,
            "properties": {
                "attribute": {"type": "string", "pattern": ATTRIBUTE_NAME_PATTERN},
                "op": {"enum": list(OPERATORS)},
                "value": {
                    "anyOf": [
                        {"type": "string", "pattern": SIGNED_DECIMAL_PATTERN},
                        {"type": "boolean"},
                        {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}},
                    ]
                },
            },
        },
        *(
            {
                "type": "object",
                "required": [form],
                "additionalProperties": False,
                "properties": {form: {"type": "array", "minItems": 1, "items": {"type": "object"}}},
            }
            for form in ("all", "any")
        ),
        {
            "type": "object",
            "required": ["not"],
            "additionalProperties": False,
            "properties": {"not": {"type": "object"}},
        },
    ],
}
When = Annotated[Predicate, PlainValidator(parse_predicate), WithJsonSchema(PREDICATE_SCHEMA)]

Countries = Annotated[list[Country], Field(min_length=1)]
Identifiers = Annotated[list[Identifier], Field(min_length=1)]
Categories = Annotated[list[Text], Field(min_length=1)]

CONDITIONS = ("destinations", "vendors", "vendor_countries", "buyers", "categories", "products", "when")


class Conditions(Record):
    """Who and what is meant; every condition given must hold, and at least one is given."""

    #: Countries of the buyer or of its ultimate parent.
    destinations: Optional[Countries] = None
    #: The order's vendor or the product's maker, or an ancestor of either.
    vendors: Optional[Identifiers] = None
    #: Country of the ultimate parent of the vendor or of the maker.
    vendor_countries: Optional[Countries] = None
    #: The buyer or an ancestor.
    buyers: Optional[Identifiers] = None
    categories: Optional[Categories] = None
    products: Optional[Identifiers] = None
    when: Optional[When] = None

    @model_validator(mode="after")
    def _not_empty(self) -> "Conditions":
        if not any(getattr(self, name) is not None for name in CONDITIONS):
            raise ValueError(f"needs at least one condition: {', '.join(CONDITIONS)}")
        return self

    def mentioned(self, at: str) -> list[Mention]:
        """The organisations and products that the conditions name; `at` is the pointer of the conditions."""
        return [
            Mention(f"{at}/{field}/{n}", kind, identifier)
            for field, kind in (("vendors", "organization"), ("buyers", "organization"), ("products", "product"))
            for n, identifier in enumerate(getattr(self, field) or ())
        ]


class Rule(Conditions):
    """One rule of an instrument: what it does to what its conditions match."""

    rule_id: Identifier
    effect: Effect
