"""Events as CloudEvents 1.0 in JSON, the stored bytes whole within each."""

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

import msgspec

SPECVERSION = "1.0"
MEDIA_TYPE = "application/cloudevents+json"
#: What stands before an event's type, so that it is distinct from those of other systems.
TYPE_PREFIX = "daybook."
SOURCE_PREFIX = "urn:daybook:ledger:"
SCHEMA_PREFIX = "urn:daybook:event:"


class CloudEventFields(msgspec.Struct):
    """What of a stored event an envelope repeats."""

    type: str
    id: str
    v: int
    position: int
    stream: str
    recorded_at: str
    effective_on: str
    known_on: str
    correlation_id: str | None = None
    causation_id: str | None = None


_envelopes = msgspec.json.Decoder(CloudEventFields)


def source_of(origin: str) -> str:
    """The ledger as an absolute URI: with an event's id, it names the event among all events anywhere."""
    return SOURCE_PREFIX + quote(origin, safe="/")


def structured(state: bytes, source: str) -> bytes:
    """A stored event as one CloudEvent on one line, without its end; `data` is the stored object, byte for byte.

    Its position is a string, since whole numbers of CloudEvents end at 2^31.
    """
    event = _envelopes.decode(state)
    attributes: dict[str, Any] = {
        "specversion": SPECVERSION,
        "id": event.id,
        "source": source,
        "type": TYPE_PREFIX + event.type,
        "subject": event.stream,
        "time": event.recorded_at,
        "datacontenttype": "application/json",
        "dataschema": f"{SCHEMA_PREFIX}{event.type}:{event.v}",
        "position": str(event.position),
        "effectiveon": event.effective_on,
        "knownon": event.known_on,
    }
    if event.correlation_id is not None:
        attributes["correlationid"] = event.correlation_id
    if event.causation_id is not None:
        attributes["causationid"] = event.causation_id
    head = json.dumps(attributes, ensure_ascii=False, separators=(",", ":")).encode()
    return head[:-1] + b',"data":' + state + b"}"


def batch(states: Iterable[bytes], source: str) -> bytes:
    """Stored events as one JSON array of CloudEvents."""
    return b"[" + b",".join(structured(state, source) for state in states) + b"]"
