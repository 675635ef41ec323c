"""What may stand in the query of each question, as OpenAPI says it: read off the models that read it."""

from typing import Any

from pydantic import BaseModel

from domain.values import DECIMAL_PATTERN, IDENTIFIER_PATTERN
from projections.order_list import OrderList
from projections.parameters import RegulatoryExposure, VendorDependence
from service.asking.lists import REGISTERS
from service.asking.paging import LONGEST_CURSOR, MOST, USUAL
from service.asking.views import VIEWS
from service.exporting.formats import FORMATS

Parameter = dict[str, Any]
Schema = dict[str, Any]

DAY: Schema = {"type": "string", "format": "date"}
INSTANT: Schema = {"type": "string", "format": "date-time"}
POSITION: Schema = {"type": "integer", "minimum": 0, "maximum": 2**53 - 1}
WORD: Schema = {"type": "string", "minLength": 1}
IDENTIFIER: Schema = {"type": "string", "pattern": IDENTIFIER_PATTERN}
DURATION: Schema = {
    "type": "string",
    "pattern": r"^P(?=\d)(\d{1,5}Y)?(\d{1,5}M)?(\d{1,5}W)?(\d{1,5}D)?$",
    "description": "An ISO 8601 duration of days or more.",
}

CLOCKS: dict[str, tuple[Schema, str]] = {
    "effective_on": (
        DAY,
        "What was so in the world up to and including this day; today, in the service's time zone, unless given.",
    ),
    "known_on": (DAY, "What could be known on this day; without it there is no limit."),
    "position": (POSITION, "What the ledger had recorded up to this position."),
    "recorded_at": (INSTANT, "What the ledger had recorded at this instant; not together with position."),
    "min_position": (POSITION, "A position that must be in the answer: one's own last one, to read what one wrote."),
}
#: What each parameter of a view's own means.
WORDS = {
    "buyer": "An organisation; given several times, these together; without it the whole market.",
    "buyer_scope": "Each buyer alone, or with its subsidiaries.",
    "exclude": "What is left out: facts of this basis, or contributions without a figure.",
    "currency": "The currency of the figures.",
    "measure": "What is added up.",
    "attribute": "The attribute that makes capacity, with measure=capacity.",
    "status": "Whether what was ordered counts, what was delivered, or what is open.",
    "window": "How far back from effective_on an event counts; without it, however far.",
    "captive": "Whether purchases within a group count.",
    "by": "What rows are made by; site is short for attribute:site.",
    "home": "The country that counts as domestic; that of a single buyer unless given.",
    "threshold": "What a product must have of threshold_attribute to be an alternative.",
    "threshold_attribute": "The attribute that threshold is about.",
    "vendor": "The id of a vendor.",
    "product": "The id of a product, of one of the order's lines.",
    "placed_from": "The first day on which the order's placing ends.",
    "placed_to": "The last day on which the order's placing ends.",
    "country": "An ISO 3166-1 alpha-2 code; ZZ: not known.",
    "parent": "The id of an organisation that owns it.",
    "category": "A category of products.",
    "party": "The id of one of its organisations.",
    "jurisdiction": "Of the instrument.",
}
#: What is read by other means than its model says.
FORMS: dict[str, Schema] = {
    "window": DURATION,
    "threshold": {"type": "string", "pattern": DECIMAL_PATTERN},
    "placed_from": DAY,
    "placed_to": DAY,
}
REPEATED = ("buyer", "exclude")


def query(name: str, schema: Schema, words: str, *, required: bool = False) -> Parameter:
    """One parameter of a query."""
    described = {"name": name, "in": "query", "required": required, "description": words, "schema": schema}
    return {**described, "style": "form", "explode": True} if schema.get("type") == "array" else described


def clocks(*left_out: str) -> list[Parameter]:
    """The clocks of a question, but these."""
    return [query(name, *spec) for name, spec in CLOCKS.items() if name not in left_out]


def twice() -> list[Parameter]:
    """The clocks of a difference: one of them is given twice."""
    said = "Given twice, the moments before and after: exactly one of the clocks is."
    return [
        query(name, {"type": "array", "items": schema, "minItems": 1, "maxItems": 2}, f"{words} {said}")
        if name != "min_position"
        else query(name, schema, words)
        for name, (schema, words) in CLOCKS.items()
    ]


def fields(model: type[BaseModel], *left_out: str) -> list[Parameter]:
    """The parameters that a view's model reads besides the clocks."""
    properties: dict[str, Schema] = model.model_json_schema()["properties"]
    return [
        query(name, FORMS.get(name) or _form(schema), WORDS[name])
        for name, schema in properties.items()
        if name not in CLOCKS and name not in left_out
    ]


def _form(schema: Schema) -> Schema:
    """A field's schema as that of a parameter, which is never null."""
    kept = {name: value for name, value in schema.items() if name not in ("title", "anyOf", "default")}
    for one in schema.get("anyOf", ()):
        if one != {"type": "null"}:
            kept |= one
    if schema.get("default") is not None and schema["default"] != []:
        kept["default"] = schema["default"]
    return kept


def filters(register: str) -> list[Parameter]:
    """The filters of a list that may be answered whole."""
    return [query(name, WORD, WORDS.get(name, "Its status.")) for name in REGISTERS[register].filters]


def pages(usual: int | None = USUAL) -> list[Parameter]:
    """Which part of a list is wanted; `usual`: so many, unless told otherwise; None: all."""
    limit: Schema = {"type": "integer", "minimum": 1, "maximum": MOST}
    return [
        query("limit", limit if usual is None else {**limit, "default": usual}, "Entries of a page."),
        query(
            "cursor",
            {"type": "string", "minLength": 1, "maxLength": LONGEST_CURSOR},
            "Where the page begins: from the Link to the next one, or next_cursor; it holds the moment.",
        ),
    ]


def forms(path: str) -> list[Parameter]:
    """In which form a view is answered."""
    tables = [table.name for table in VIEWS[path].tables]
    return [
        query("format", {"enum": list(FORMATS)}, "The format, before what Accept says."),
        query("table", {"enum": tables, "default": tables[0]}, "The table, of formats that hold one."),
    ]


DEPENDENCE = fields(VendorDependence)
EXPOSURE = fields(RegulatoryExposure)
ORDER_FILTERS = fields(OrderList)
EVIDENCE = [
    query("key", {"type": "string"}, "The row's key; without it the row that has none."),
    query("vendor", {"type": "string"}, "Only the part of this vendor."),
    query("limit", {"type": "integer", "minimum": 0, "default": 1_000}, "Contributions of a page, at most 1,000."),
    query("offset", {"type": "integer", "minimum": 0, "maximum": 2**53 - 1, "default": 0}, "Contributions left out."),
]
SERIES = [
    query("from", DAY, "The first day.", required=True),
    query("to", DAY, "The last day; today, in the service's time zone, unless given."),
    query("step", DURATION, "How far the points are apart; without it, every day on which the answer changes."),
]
EVENTS_WANTED = [
    query("type", {"type": "array", "items": {"type": "string"}}, "Event types; without one, all."),
    query("stream", {"type": "array", "items": {"type": "string"}}, "Streams such as order/po-1; without one, all."),
]
EVENTS_OF = [
    query("subject", IDENTIFIER, "An organisation, product, partnership or instrument that the event names."),
    query("effective_from", DAY, "The first day on which the event's own time ends."),
    query("effective_to", DAY, "The last day on which the event's own time ends."),
    query("recorded_from", INSTANT, "Recorded from this instant on."),
    query("recorded_to", INSTANT, "Recorded up to this instant."),
]
AFTER = query("after", {"type": "integer", "minimum": 0, "maximum": 2**62}, "The position behind which it begins.")
