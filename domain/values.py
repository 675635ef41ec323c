"""The types that event fields are made of, with what each accepts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, Literal, TypeVar

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    GetJsonSchemaHandler,
    PlainValidator,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
)

from domain.estimates import Estimate, parse_decimal, parse_estimate
from domain.periods import Period, parse_day, parse_period

IDENTIFIER_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$"
ATTRIBUTE_NAME_PATTERN = r"^[A-Za-z][A-Za-z0-9._:-]{0,63}$"
DECIMAL_PATTERN = r"^(0|[1-9][0-9]*)(\.[0-9]+)?$"
SIGNED_DECIMAL_PATTERN = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$"


@dataclass(frozen=True)
class Codes:
    """The code lists in force when a request is judged; recorded events are never judged again."""

    #: ISO 3166-1 alpha-2
    countries: frozenset[str]
    #: ISO 4217
    currencies: frozenset[str]


class Record(BaseModel):
    """A JSON object with these fields and no others, values of exactly these types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


Identifier = Annotated[str, StringConstraints(strict=True, pattern=IDENTIFIER_PATTERN)]
#: Not blank, and without NUL, which PostgreSQL cannot hold. Lone surrogates never pass as text.
Text = Annotated[str, StringConstraints(strict=True, pattern=r"^[^\x00]*[^\x00\s][^\x00]*$")]
LanguageTag = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,8}$")]
AttributeName = Annotated[str, StringConstraints(strict=True, pattern=ATTRIBUTE_NAME_PATTERN)]
Sha256 = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9a-f]{64}$")]
Basis = Literal["reported", "estimated", "assumed"]


def _text_only(read: Callable[[str], Any]) -> Callable[[Any], Any]:
    def validate(given: Any) -> Any:
        if not isinstance(given, str):
            raise ValueError("must be a string")
        return read(given)

    return validate


def _listed(kind: Literal["countries", "currencies"], form: str) -> Callable[[Any, ValidationInfo], str]:
    def validate(given: Any, info: ValidationInfo) -> str:
        if not isinstance(given, str):
            raise ValueError("must be a string")
        codes: Codes | None = info.context
        if codes is not None and given not in getattr(codes, kind):
            raise ValueError(f"{given[:20]!r} is not {form}")
        return given

    return validate


def _not_null(given: Any) -> Any:
    if given is None:
        raise ValueError("must not be null: leave the field out")
    return given


class _NeverNull:
    """What a schema says of a field that may be left out: not that it may be null."""

    def __get_pydantic_json_schema__(self, core: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler(core)
        kept = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
        return kept[0] if len(kept) == 1 else schema | {"anyOf": kept} if kept else schema


T = TypeVar("T")
#: A field that may be left out, and that is never null.
Optional = Annotated[T | None, BeforeValidator(_not_null), _NeverNull()]

Day = Annotated[date, PlainValidator(_text_only(parse_day)), WithJsonSchema({"type": "string", "format": "date"})]
#: The EDTF subset that events use for valid time.
EdtfPeriod = Annotated[
    Period,
    PlainValidator(_text_only(parse_period)),
    WithJsonSchema({"type": "string", "pattern": r"^(\.\./\d{4}-\d\d-\d\d|\d{4}(-\d\d(-\d\d)?)?)$"}),
]


def _bounded_period(text: str) -> Period:
    period = parse_period(text)
    if period.first is None:
        raise ValueError(f"{text!r} has no beginning: use YYYY-MM-DD, YYYY-MM or YYYY")
    return period


#: A day, month or year: something planned, or a last day included.
BoundedPeriod = Annotated[
    Period,
    PlainValidator(_text_only(_bounded_period)),
    WithJsonSchema({"type": "string", "pattern": r"^\d{4}(-\d\d(-\d\d)?)?$"}),
]
#: Stands for a country that is not known: one of the codes that ISO 3166-1 leaves to its users.
UNKNOWN_COUNTRY = "ZZ"
_country = _listed("countries", "an ISO 3166-1 alpha-2 country code")


def _country_or_unknown(given: Any, info: ValidationInfo) -> str:
    return UNKNOWN_COUNTRY if given == UNKNOWN_COUNTRY else _country(given, info)


Country = Annotated[
    str,
    PlainValidator(_country),
    WithJsonSchema({"type": "string", "pattern": "^[A-Z]{2}$"}),
]
#: Where an organisation is; ZZ: not known.
CountryOrUnknown = Annotated[
    str,
    PlainValidator(_country_or_unknown),
    WithJsonSchema({"type": "string", "pattern": "^[A-Z]{2}$", "description": "ISO 3166-1 alpha-2; ZZ: not known"}),
]
Currency = Annotated[
    str,
    PlainValidator(_listed("currencies", "an ISO 4217 currency code")),
    WithJsonSchema({"type": "string", "pattern": "^[A-Z]{3}$"}),
]

ESTIMATE_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "pattern": DECIMAL_PATTERN},
        {
            "type": "object",
            "required": ["value"],
            "additionalProperties": False,
            "properties": {name: {"type": "string", "pattern": DECIMAL_PATTERN} for name in ("value", "low", "high")},
        },
        {"type": "null"},
    ]
}


def _quantity(given: Any) -> Estimate:
    return parse_estimate(given, 15, 4)


def _share(given: Any) -> Estimate:
    if given is None:
        raise ValueError("a share must not be null")
    share = parse_estimate(given, 9, 6)
    if share.high is not None and share.high > 1:
        raise ValueError(f"a share is at most 1, not {share.high}")
    return share


def _difference(given: Any) -> Decimal:
    return parse_decimal(given, 15, 4, signed=True)


def _exact_amount(given: Any) -> Decimal:
    return parse_decimal(given, 15, 4)


def _rate(given: Any) -> Decimal:
    rate = parse_decimal(given, 15, 10)
    if rate == 0:
        raise ValueError("a rate must be above 0")
    return rate


#: A quantity or an amount of money.
Figure = Annotated[Estimate, PlainValidator(_quantity), WithJsonSchema(ESTIMATE_SCHEMA)]
Share = Annotated[Estimate, PlainValidator(_share), WithJsonSchema({"anyOf": ESTIMATE_SCHEMA["anyOf"][:2]})]
#: An exact signed difference.
Difference = Annotated[
    Decimal, PlainValidator(_difference), WithJsonSchema({"type": "string", "pattern": SIGNED_DECIMAL_PATTERN})
]
ExactFigure = Annotated[
    Decimal, PlainValidator(_exact_amount), WithJsonSchema({"type": "string", "pattern": DECIMAL_PATTERN})
]
Rate = Annotated[Decimal, PlainValidator(_rate), WithJsonSchema({"type": "string", "pattern": DECIMAL_PATTERN})]


@dataclass(frozen=True, slots=True)
class AttributeText:
    """An attribute that is a word, not a number."""

    text: str


def parse_attribute_text(given: dict[str, Any]) -> AttributeText:
    """Read `{"text": "..."}`; ValueError says what is wrong."""
    if given.keys() != {"text"} or not isinstance(given["text"], str):
        raise ValueError('a text attribute is {"text": "..."} and nothing else')
    text = given["text"]
    if not text.strip() or "\x00" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("a text attribute must be text, not blank, without NUL or lone surrogates")
    return AttributeText(text)


def _attribute(given: Any) -> "Estimate | bool | AttributeText":
    if isinstance(given, bool):
        return given
    if isinstance(given, dict) and "text" in given:
        return parse_attribute_text(given)
    return parse_estimate(given, 9, 6)


Attribute = Annotated[
    Estimate | bool | AttributeText,
    PlainValidator(_attribute),
    WithJsonSchema(
        {
            "anyOf": [
                *ESTIMATE_SCHEMA["anyOf"],
                {"type": "boolean"},
                {
                    "type": "object",
                    "required": ["text"],
                    "additionalProperties": False,
                    "properties": {"text": {"type": "string"}},
                },
            ]
        }
    ),
]


class OrganizationIdentifier(Record):
    """What a register calls an organisation, e.g. scheme "GB-COH", id "01234567"."""

    scheme: Text
    id: Text


class Mention:
    """A field that names something recorded elsewhere: where in the data, which kind, which id."""

    __slots__ = ("identifier", "kind", "pointer")

    def __init__(self, pointer: str, kind: str, identifier: str) -> None:
        self.pointer = pointer
        self.kind = kind
        self.identifier = identifier

    @property
    def stream(self) -> str:
        """The stream of what is named."""
        return f"{self.kind}/{self.identifier}"


def example(**fields: Any) -> Mapping[str, Any]:
    """An event as it is posted: its data beside what the envelope says."""
    return MappingProxyType(fields)


class EventData(Record):
    """What one type of event says, and all that there is to say of the type: routes, catalogue and examples follow."""

    NAME: ClassVar[str]
    VERSION: ClassVar[int] = 1
    #: The kind of stream: "order", "organization", ...
    KIND: ClassVar[str]
    #: The field that holds the stream's id.
    IDENTITY: ClassVar[str]
    #: Whether this event begins its stream (and so refuses a second one).
    BEGINS: ClassVar[bool] = False

    #: Where it is posted: the collection that it is posted to, where it begins a thing or is one ...
    COLLECTION: ClassVar[str] = ""
    #: ... or the word behind the address of the thing that it happens to.
    SUBJECT: ClassVar[str] = ""
    #: One as it is posted there.
    EXAMPLE: ClassVar[Mapping[str, Any]] = example()
    #: Whether this event takes another one back.
    RETRACTS: ClassVar[bool] = False

    @property
    def about(self) -> str | None:
        """The id of the event that this one is about; None: it is about a thing."""
        return None if self.KIND else str(getattr(self, self.IDENTITY))

    @property
    def stream(self) -> str:
        """The stream that this event is recorded in."""
        return f"{self.KIND}/{getattr(self, self.IDENTITY)}"

    def mentions(self) -> list[Mention]:
        """Everything recorded elsewhere that must exist for this event to be recorded."""
        return []
