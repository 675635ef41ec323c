"""What is said of the routes that record, read, push and prove events, and of the transparency log."""

from service.exporting import cloud_events
from service.web.bodies import JSON, NDJSON
from service.web.description import query_parameters as query
from service.web.description.answers import (
    ALWAYS,
    BINARY,
    BODY,
    NOT_MODIFIED,
    RECORDING,
    REPLAYED,
    TEXT,
    Answer,
    Described,
    events_body,
    in_json,
    ref,
)
from service.web.description.query_parameters import POSITION
from service.web.resources import API

EVENTS: dict[tuple[str, str], Described] = {
    ("post", f"{API}/events"): Described(
        "record_events",
        {
            201: in_json("Receipt", "Location", words="Recorded, all of it."),
            200: in_json("Receipt", "Location", REPLAYED, words="Recorded before: the first answer again."),
        },
        (*ALWAYS, *BODY, 409),
        headers=RECORDING,
        body=events_body(),
    ),
    ("get", f"{API}/events"): Described(
        "list_events",
        {
            200: Answer(
                "The events, as stored.",
                {
                    JSON: ref("EventPage"),
                    NDJSON[0]: {"type": "string"},
                    f"{cloud_events.MEDIA_TYPE.replace('+json', '-batch+json')}": {
                        "type": "array",
                        "items": ref("CloudEvent"),
                    },
                },
                ("Link",),
            )
        },
        (*ALWAYS, 406, 422),
        [
            query.AFTER,
            query.query("limit", {"type": "integer", "minimum": 1, "default": 1_000}, "At most 1,000, but in NDJSON."),
            *query.EVENTS_WANTED,
            *query.EVENTS_OF,
        ],
        headers=("Prefer",),
        asks={"after": 0, "limit": 10, "type": ["order-placed", "goods-received"]},
    ),
    ("get", f"{API}/events/{{position}}"): Described(
        "read_event",
        {
            200: Answer(
                "The event, as stored.",
                {JSON: ref("StoredEvent"), cloud_events.MEDIA_TYPE: ref("CloudEvent")},
                ("ETag", "Cache-Control", "Daybook-Leaf-Hash"),
            ),
            304: NOT_MODIFIED,
        },
        (*ALWAYS, 404, 406, 422),
        parts={"position": {**POSITION, "minimum": 1}},
        headers=("If-None-Match",),
        asks={"position": 1},
    ),
    ("get", f"{API}/events/stream"): Described(
        "stream_events",
        {200: Answer("Events for as long as one listens.", {"text/event-stream": {"type": "string"}})},
        (*ALWAYS, 422),
        [query.AFTER, *query.EVENTS_WANTED],
        headers=("Last-Event-ID",),
        asks={"after": 0},
    ),
    ("get", f"{API}/events/{{position}}/proof"): Described(
        "prove_event",
        {200: Answer("The proof (c2sp.org/tlog-proof).", {TEXT: {"type": "string"}})},
        (*ALWAYS, 404, 422),
        [query.query("size", POSITION, "Of the tree; that of the last checkpoint unless given.")],
        {"position": {**POSITION, "minimum": 1}},
        asks={"position": 1},
    ),
}


def _log() -> dict[tuple[str, str], Described]:
    found = {}
    for prefix, suffix in (("/api/v1/log", ""), ("/log", "_at_root")):
        found["get", f"{prefix}/checkpoint"] = Described(
            f"log_checkpoint{suffix}",
            {200: Answer("The note (c2sp.org/tlog-checkpoint).", {TEXT: {"type": "string"}}, ("Cache-Control",))},
            (*ALWAYS, 404),
        )
        found["get", f"{prefix}/tile/{{path}}"] = Described(
            f"log_tile{suffix}",
            {200: Answer("Hashes, or entries.", {"application/octet-stream": BINARY}, ("Cache-Control",))},
            (*ALWAYS, 404),
            parts={
                "path": {
                    "type": "string",
                    "minLength": 1,
                    "description": "L/N or entries/N, with .p/W a partial one (c2sp.org/tlog-tiles).",
                }
            },
            asks={"path": "0/000.p/1"},
        )
    return found


PROOFS: dict[tuple[str, str], Described] = {
    ("get", f"{API}/log/consistency"): Described(
        "log_consistency",
        {200: in_json("Consistency")},
        (*ALWAYS, 404, 422),
        [
            query.query("from", POSITION, "The size of the smaller tree.", required=True),
            query.query("to", POSITION, "The size of the larger one; that of the last checkpoint unless given."),
        ],
        asks={"from": 1},
    ),
    ("get", f"{API}/projection/digest"): Described(
        "projection_digest",
        {200: in_json("Digest")},
        (*ALWAYS, 422),
        [query.query("position", POSITION, "Up to where; the ledger's end unless given.")],
        asks={"position": 3},
    ),
}

ROUTES: dict[tuple[str, str], Described] = EVENTS | _log() | PROOFS
