"""Facts in the trade's words: one flat JSON object for each, read into the event that records it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from domain.catalogue import EVENT_TYPES, read_request
from domain.errors import Invalid, Refusal, RequestFault
from domain.events import Envelope
from domain.json_text import parse_json, refuse_deep
from domain.lots import Sent
from domain.orders import OrderPlaced
from domain.plain_orders import read_plain_order
from domain.values import EventData
from service.codes import codes
from service.web.bodies import JSON, MOST_FAULTS
from service.web.problems import REFUSALS, HttpProblem

#: The fields of the envelope that a fact may carry beside its data.
ENVELOPE = tuple(name for name in Envelope.model_fields if name not in ("type", "data"))

#: From a pointer into an event to one into what was sent.
Place = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Facts:
    """Well-formed facts of one request, in the order in which they are recorded together."""

    requests: tuple[Sent, ...]
    #: For each, where in the body a pointer of its event leads.
    places: tuple[Place, ...]

    @property
    def stream(self) -> str:
        """The stream of the first."""
        return self.requests[0].streams[0]

    def problem(self, refusal: Refusal) -> HttpProblem:
        """A refusal of one of them, as the answer to the whole request."""
        place = self.places[refusal.index]
        faults = [{"pointer": place(one.pointer), "detail": one.message} for one in refusal.problems]
        name = next(name for kind, name in REFUSALS if isinstance(refusal, kind))
        return HttpProblem(name, _summary(faults), faults[:MOST_FAULTS])


def read_object(body: bytes, content_type: str) -> dict[str, Any]:
    """The one JSON object of a body; HttpProblem where it is something else."""
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type not in (JSON, ""):
        raise HttpProblem("unsupported-media-type", f"send {JSON}, not {media_type!r:.80}")
    try:
        sent = parse_json(body)
        refuse_deep(sent)
    except ValueError as error:
        raise HttpProblem("malformed", str(error), [{"pointer": "", "detail": str(error)}]) from None
    if not isinstance(sent, dict):
        raise invalid([RequestFault("", "the body is a JSON object")])
    return sent


def read_fact(sent: Any, definition: type[EventData], identifier: str | None = None, at: str = "") -> Facts:
    """A fact as it was sent, flat; HttpProblem lists everything that is wrong with it.

    `identifier`: of the thing that it is about, where the path names it. `at`: the pointer of the object in the body.
    """
    if not isinstance(sent, dict):
        raise invalid([RequestFault(at, "must be an object")])
    data = {name: value for name, value in sent.items() if name not in ENVELOPE}
    place = placing(at)
    problems = []
    if identifier is not None:
        if definition.IDENTITY in data and data[definition.IDENTITY] != identifier:
            named = f"is {data[definition.IDENTITY]!r:.150}, the path says {identifier!r}"
            problems.append(RequestFault(f"{at}/{definition.IDENTITY}", named))
        data[definition.IDENTITY] = identifier
    envelope = {name: sent[name] for name in ENVELOPE if name in sent}
    try:
        request = read_request({"type": definition.NAME, **envelope, "data": data}, codes())
    except Invalid as found:
        problems += [RequestFault(place(one.pointer), one.message) for one in found.problems]
    if problems:
        raise invalid(problems)
    return Facts((request,), (place,))


def read_plain(sent: Mapping[str, Any]) -> Facts | None:
    """An order that is plain, on a shorter road; None: it is not, or something is wrong with it."""
    data = {name: value for name, value in sent.items() if name not in ENVELOPE}
    envelope = {name: sent[name] for name in ENVELOPE if name in sent}
    try:
        text = msgspec.json.encode({"type": OrderPlaced.NAME, **envelope, "data": data})
    except ValueError:
        return None  # a lone surrogate
    order = read_plain_order(text, codes())
    return None if order is None else Facts((order,), (placing(""),))


def placing(at: str) -> Place:
    """How pointers into an event lead into a flat object at a pointer."""
    return lambda pointer: at + (pointer.removeprefix("/data") if pointer.startswith("/data") else pointer)


def invalid(problems: list[RequestFault]) -> HttpProblem:
    """The answer to what is not well-formed."""
    faults = [{"pointer": one.pointer, "detail": one.message} for one in problems]
    return HttpProblem("invalid", _summary(faults), faults[:MOST_FAULTS])


def _summary(faults: list[dict[str, str]]) -> str:
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    where = f"{faults[0]['pointer']}: " if faults[0]["pointer"] else ""
    return f"{where}{faults[0]['detail']}{more}"


def schema_of(event_type: str, *, path_names_it: bool = False) -> dict[str, Any]:
    """The JSON Schema of a fact's flat object; `path_names_it`: the field that the path gives may be left out."""
    definition = EVENT_TYPES[event_type]
    data = resolved(definition.model_json_schema())
    envelope = resolved(Envelope.model_json_schema())
    properties = {name: envelope["properties"][name] for name in ENVELOPE}
    required = [name for name in data.get("required", ()) if not (path_names_it and name == definition.IDENTITY)]
    return {
        "type": "object",
        "title": definition.__name__,
        "description": definition.__doc__,
        "additionalProperties": False,
        "required": [*required, "effective_on"],
        "properties": {**data["properties"], **properties},
    }


def resolved(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema that names no other: what it refers to stands where it is referred to."""
    definitions: Mapping[str, Any] = schema.get("$defs", {})

    def spelled(part: Any) -> Any:
        if isinstance(part, list):
            return [spelled(one) for one in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            named = definitions[part["$ref"].removeprefix("#/$defs/")]
            return spelled({**named, **{name: value for name, value in part.items() if name != "$ref"}})
        # A field that may be left out need not be null when it is.
        left_out = part.get("default", ...) is None and {"type": "null"} not in part.get("anyOf", ())
        # What stands for a figure that is left out is no JSON that could be sent.
        left_out = left_out or isinstance(part.get("default"), dict)
        return {name: spelled(value) for name, value in part.items() if not (left_out and name == "default")}

    whole: dict[str, Any] = spelled({name: value for name, value in schema.items() if name != "$defs"})
    return whole
