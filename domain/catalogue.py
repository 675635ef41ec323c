"""Every event type, once: its name, what it says, and the functions that admit and apply it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from pydantic import ValidationError

from domain import fulfilment, orders, organizations, partnerships, products, rates, record, regulations, supply
from domain.errors import Corrupt, Invalid, RequestFault, pointer_part
from domain.events import Draft, Envelope, Recorded, Request, World, recorded
from domain.reliance import InstrumentReliance, NoReliance, OrderReliance, Reliance
from domain.rules import Misplaced
from domain.values import Codes, EventData

#: Where the types of events are, in the order in which they are listed.
MODULES: tuple[ModuleType, ...] = (organizations, products, orders, supply, partnerships, regulations, rates, record)


def types_of(module: ModuleType) -> dict[str, type[EventData]]:
    """The types of events that a module defines, by name."""
    return {
        definition.NAME: definition
        for definition in vars(module).values()
        if isinstance(definition, type) and issubclass(definition, EventData)
        if definition.__module__ == module.__name__ and "NAME" in vars(definition)
    }


EVENT_TYPES: dict[str, type[EventData]] = {
    name: definition for module in MODULES for name, definition in types_of(module).items()
}


def _nothing_to_admit(state: Any, draft: Draft) -> None:
    """Existence, which the ledger checks for every stream, is the only rule."""


def _as_sent(state: Any, draft: Draft, world: World) -> dict[str, Any]:
    """Nothing is derived."""
    return draft.data


def _as_it_is(state: Any, event: Recorded) -> Any:
    """That the stream has begun is all that its state says."""
    return state


@dataclass(frozen=True)
class Aggregate:
    """What one kind of stream does with its events.

    `apply` folds an event into the state and never refuses; `admit` raises Refusal by the stream's own rules;
    `settle` raises Refusal by rules that look beyond the stream, and returns the data to record. `without` is the state
    less an event that is in it, did not begin the stream and is not all that stands; None: it must be folded anew.
    """

    apply: Callable[[Any, Recorded], Any]
    admit: Callable[[Any, Draft], None] = _nothing_to_admit
    settle: Callable[[Any, Draft, World], dict[str, Any]] = _as_sent
    without: Callable[[Any, Recorded], Any] = _as_it_is
    #: What its events rely on, where `admit` looks at the state.
    reliance: Callable[[], Reliance] = NoReliance
    #: Whether a stream of this kind starts with a registration, before which its id is unknown.
    registered: bool = True


#: By kind of stream, in the order in which kinds of things are listed.
AGGREGATES: dict[str, Aggregate] = {
    "order": Aggregate(
        fulfilment.apply,
        fulfilment.admit,
        without=fulfilment.without,
        reliance=OrderReliance,
    ),
    "organization": Aggregate(organizations.apply, settle=organizations.settle, without=organizations.without),
    "product": Aggregate(products.apply),
    "partnership": Aggregate(partnerships.apply),
    "regulation": Aggregate(
        regulations.apply, regulations.admit, without=regulations.without, reliance=InstrumentReliance
    ),
    "supply": Aggregate(supply.apply, registered=False),
    "rates": Aggregate(rates.apply, registered=False),
}

#: From (type, version) to the same event one version later; golden bytes in tests/golden/ hold each old form.
UPCASTERS: dict[tuple[str, int], Callable[[Mapping[str, Any]], Mapping[str, Any]]] = {
    ("goods-received", 1): orders.received_first,
    ("goods-returned", 1): orders.returned_first,
}


def read_stored(stored: Mapping[str, Any]) -> Recorded:
    """Read a stored event in today's schema; Corrupt for a type or version that this code does not know."""
    definition = EVENT_TYPES.get(stored["type"])
    if definition is None:
        raise Corrupt(f"position {stored['position']}: unknown event type {stored['type']!r}")
    while stored["v"] != definition.VERSION:
        upcast = UPCASTERS.get((stored["type"], stored["v"]))
        if upcast is None:
            raise Corrupt(f"position {stored['position']}: unknown version {stored['v']} of {stored['type']}")
        stored = upcast(stored)
    return recorded(stored)


def read_request(sent: Any, codes: Codes | None) -> Request:
    """Read one event as a client sent it; Invalid lists everything that is wrong with it.

    `codes` is None where the codes in it are known to be listed.
    """
    if not isinstance(sent, dict):
        raise Invalid.at("", "an event is a JSON object")
    problems: list[RequestFault] = []
    envelope: Envelope | None = None
    body: EventData | None = None
    try:
        envelope = Envelope.model_validate(sent)
    except ValidationError as error:
        problems += problems_of(error)
    name, data = sent.get("type"), sent.get("data")
    definition = EVENT_TYPES.get(name) if isinstance(name, str) else None
    if isinstance(name, str) and definition is None:
        problems.append(RequestFault("/type", f"unknown event type {name[:40]!r}"))
    if definition is not None and isinstance(data, dict):
        try:
            body = definition.model_validate(data, context=codes)
        except ValidationError as error:
            problems += problems_of(error, "/data")
    if problems:
        raise Invalid(problems)
    assert envelope is not None
    assert body is not None
    return Request(envelope, body, sent)


MESSAGES = {
    "missing": "is required",
    "extra_forbidden": "unknown field",
    "string_type": "must be a string",
    "string_unicode": "must be text without lone surrogates",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "list_type": "must be a list",
}


def problems_of(error: ValidationError, prefix: str = "") -> list[RequestFault]:
    """What pydantic found, as JSON pointers and sentences."""
    problems = []
    for detail in error.errors(include_url=False):
        pointer = prefix + "".join("/" + pointer_part(part) for part in detail["loc"] if part != "[key]")
        fault = detail.get("ctx", {}).get("error")
        if isinstance(fault, Misplaced):
            problems.append(RequestFault(pointer + fault.at, fault.message))
        elif isinstance(fault, ValueError):
            problems.append(RequestFault(pointer, str(fault)))
        else:
            problems.append(RequestFault(pointer, _message(detail)))
    return problems


def _message(detail: Any) -> str:
    if detail["type"] == "string_pattern_mismatch":
        if "\\x00" in detail["ctx"]["pattern"]:
            return "must be text, not blank, without NUL"
        return f"must match {detail['ctx']['pattern'].strip('^$')}"
    if detail["type"] == "too_short":
        least, given = detail["ctx"]["min_length"], detail["ctx"]["actual_length"]
        return f"must have at least {least} item{'' if least == 1 else 's'}, not {given}"
    known = MESSAGES.get(detail["type"])
    message: str = known or detail["msg"].replace("Input should be", "must be")
    return message
