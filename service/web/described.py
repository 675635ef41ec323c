"""What the interface's description says of each route beside what its code says: questions, answers and refusals."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, get_args

from domain.catalogue import EVENT_TYPES
from service.exporters import cloud_events, views
from service.exporters.formats import FORMATS
from service.importers.formats import FORMATS as IMPORTED
from service.imports.jobs import State
from service.imports.mappings import NAME
from service.web import query_parameters as query
from service.web.bodies import JSON, NDJSON
from service.web.examples import ACME, NAMED, NOTES_ON_ACME, ORDERS_MAPPING, WHAT_IF
from service.web.imports import LONGEST_NAME, MEDIA_TYPES, TOML
from service.web.query_parameters import IDENTIFIER, POSITION, Parameter, Schema
from service.web.resources import API, KINDS, Kind

TEXT = "text/plain; charset=utf-8"
BINARY: Schema = {"type": "string", "format": "binary"}

#: What any request may be refused for: unreadable, without a token, not allowed, too many; or the service is at fault.
ALWAYS = (400, 401, 403, 429, 500, 503)
#: What is answered without a token.
OPEN = (400, 403, 429, 500)
#: What a body may be refused for.
BODY = (408, 413, 415, 422)


@dataclass(frozen=True)
class Answer:
    """One way in which a route answers what it was asked."""

    words: str
    #: By media type the schema.
    content: Mapping[str, Schema] = field(default_factory=dict)
    #: Names of headers in the components.
    headers: Sequence[str] = ()
    #: By name, what may be asked next with what is in the answer.
    links: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Described:
    """One route."""

    name: str
    answers: Mapping[int, Answer]
    refused: Sequence[int] = ALWAYS
    parameters: Sequence[Parameter] = ()
    #: What a path's parts are.
    parts: Mapping[str, Schema] = field(default_factory=dict)
    #: Names of header parameters in the components.
    headers: Sequence[str] = ()
    body: Mapping[str, Any] | None = None
    #: A question that can be asked of the ledger of `examples.STORY`, by parameter.
    asks: Mapping[str, Any] = field(default_factory=dict)


def ref(name: str) -> Schema:
    """A schema of the components."""
    return {"$ref": f"#/components/schemas/{name}"}


def _json(name: str, *headers: str, words: str = "The answer.") -> Answer:
    return Answer(words, {JSON: ref(name)}, headers)


NOT_MODIFIED = Answer("It is as the client has it (If-None-Match).", headers=("ETag", "Cache-Control"))
KEPT = ("ETag", "Cache-Control", "Preference-Applied")
ASKED = ("If-None-Match", "Prefer")
IN_FORMS = {
    one.media_type: {"type": "string"} if one.is_text else BINARY for one in FORMATS.values() if one.name != "json"
}


def _view(name: str, path: str, schema: str, parameters: Sequence[Parameter], asks: Mapping[str, Any]) -> Described:
    """A view, in every format."""
    headers = (*KEPT, "Content-Location", *(("Link",) if any(one["name"] == "cursor" for one in parameters) else ()))
    identified = "{" in path
    return Described(
        name,
        {200: Answer("The view.", {JSON: ref(schema), **IN_FORMS}, headers), 304: NOT_MODIFIED},
        (*ALWAYS, *((404,) if identified else ()), 406, 422),
        [*parameters, *query.forms(path)],
        {"identifier": IDENTIFIER} if identified else {},
        ASKED,
        asks=asks,
    )


MOMENT = {"effective_on": "2023-12-31", "known_on": "2024-01-31"}
MARKET = {"buyer": ["baidu"], "measure": "units", **MOMENT}
VIEWS: dict[tuple[str, str], Described] = {
    ("get", f"{API}/views/vendor-dependence"): _view(
        "vendor_dependence",
        "vendor-dependence",
        "VendorDependence",
        [*query.clocks(), *query.DEPENDENCE],
        {**MARKET, "by": "maker"},
    ),
    ("get", f"{API}/views/vendor-dependence/evidence"): _view(
        "vendor_dependence_evidence",
        "vendor-dependence/evidence",
        "Evidence",
        [*query.clocks(), *query.DEPENDENCE, *query.EVIDENCE],
        {**MARKET, "key": "huawei"},
    ),
    ("get", f"{API}/views/vendor-dependence/series"): _view(
        "vendor_dependence_series",
        "vendor-dependence/series",
        "Series",
        [*query.clocks("effective_on"), *query.DEPENDENCE, *query.SERIES],
        {"buyer": ["baidu"], "measure": "units", "from": "2023-01-31", "to": "2023-12-31", "step": "P1M"},
    ),
    ("get", f"{API}/views/vendor-dependence/diff"): _view(
        "vendor_dependence_diff",
        "vendor-dependence/diff",
        "Difference",
        [*query.twice(), *query.DEPENDENCE],
        {"buyer": ["baidu"], "measure": "units", "effective_on": ["2023-06-30", "2023-12-31"]},
    ),
    ("get", f"{API}/views/regulatory-exposure"): _view(
        "regulatory_exposure",
        "regulatory-exposure",
        "RegulatoryExposure",
        [*query.clocks(), *query.EXPOSURE],
        {**MARKET, "status": "ordered"},
    ),
}


def _lists() -> dict[tuple[str, str], Described]:
    """Every register: all of it and one by one, below /views and without it."""
    found: dict[tuple[str, str], Described] = {}
    for kind in KINDS:
        if kind.plural not in views.VIEWS:
            continue
        plural, single = kind.plural.capitalize(), kind.name.capitalize()
        narrowing = (
            [*query.ORDER_FILTERS, *query.pages()]
            if kind.name == "order"
            else [*query.filters(kind.plural), *query.pages(None)]
        )
        for prefix, verb in ((f"{API}/views", "view"), (API, "list")):
            asks = {**MOMENT, "limit": 1} if verb == "list" else MOMENT
            found["get", f"{prefix}/{kind.plural}"] = _view(
                f"{verb}_{kind.plural}", kind.plural, plural, [*query.clocks(), *narrowing], asks
            )
            found["get", f"{prefix}/{kind.plural}/{{identifier}}"] = _view(
                f"{'view' if verb == 'view' else 'read'}_{kind.name}",
                f"{kind.plural}/{{identifier}}",
                single,
                query.clocks(),
                {"identifier": NAMED[kind.name], **({} if kind.name == "regulation" else MOMENT)},
            )
    return found


def _histories() -> dict[tuple[str, str], Described]:
    found = {}
    for kind in KINDS:
        path = f"{API}/{kind.plural}/{{identifier}}"
        content = {JSON: ref("History"), NDJSON[0]: {"type": "string"}}
        history = Described(
            f"{kind.name}_history",
            {200: Answer("Its events.", content, (*KEPT, "Link")), 304: NOT_MODIFIED},
            (*ALWAYS, 404, 406, 422),
            [*query.clocks(), *query.pages()],
            {"identifier": IDENTIFIER},
            ASKED,
            asks={"identifier": NAMED[kind.name], "limit": 10},
        )
        found["get", f"{path}/history"] = history
        if kind.plural not in views.VIEWS:
            schema = {"supply": "SupplyAssertion", "rates": "ExchangeRates"}[kind.name]
            answers = {200: _json(schema, *KEPT), 304: NOT_MODIFIED}
            asks = {"identifier": NAMED[kind.name], **MOMENT}
            found["get", path] = replace(
                history, name=f"read_{kind.name}", answers=answers, parameters=query.clocks(), asks=asks
            )
    return found


# Recording

RECORDING = ("Idempotency-Key", "X-Correlation-Id")
REPLAYED = "Idempotent-Replayed"


def recording(name: str, kind: Kind, *, change: bool, many: bool) -> Described:
    """A route that records facts about a thing."""
    content = {JSON: {"anyOf": [ref("Placed"), ref("Receipt")]} if many else ref("Placed")}
    identity = "path.identifier" if change else f"body#/{EVENT_TYPES[kind.begins].IDENTITY}"
    links = {
        f"read_{kind.name}": {
            "operationId": f"read_{kind.name}",
            "description": "The thing as it is now.",
            "parameters": {"identifier": f"$request.{identity}"},
        }
    }
    headers = ("Location", "ETag")
    return Described(
        name,
        {
            201: Answer("Recorded.", content, headers, links),
            200: Answer("Recorded before: the first answer again.", content, (*headers, REPLAYED), links),
        },
        (*ALWAYS, *((404,) if change else ()), *BODY, 409, 412, *((428,) if change else ())),
        parts={"identifier": IDENTIFIER} if change else {},
        headers=(*RECORDING, "If-Match", *(() if change else ("If-New",))),
        asks={"identifier": NAMED[kind.name]} if change else {},
    )


def _events_body() -> dict[str, Any]:
    lines = "".join(_line(event) for event in NOTES_ON_ACME)
    return {
        "required": True,
        "content": {
            JSON: {
                "schema": {
                    "oneOf": [
                        ref("Event"),
                        {"type": "array", "items": ref("Event"), "minItems": 1, "description": "Events, all or none."},
                    ]
                },
                "example": ACME,
            },
            NDJSON[0]: {
                "schema": {
                    "type": "string",
                    "description": "An event (#/components/schemas/Event) a line: all of them, or none.",
                },
                "example": lines,
            },
        },
    }


def _line(event: Mapping[str, Any]) -> str:
    return json.dumps(event, ensure_ascii=False) + "\n"


def _supposing(name: str, schema: str, parameters: Sequence[Parameter]) -> Described:
    body = _events_body()
    body["content"][JSON]["example"] = WHAT_IF
    body["content"][NDJSON[0]]["example"] = _line(WHAT_IF)
    return Described(
        name,
        {200: _json(schema)},
        (*ALWAYS, 406, 409, *BODY),
        [*query.clocks("position", "recorded_at"), *parameters],
        headers=("Prefer",),
        body=body,
        asks={"buyer": ["baidu"], "measure": "units"},
    )


EVENTS: dict[tuple[str, str], Described] = {
    ("post", f"{API}/events"): Described(
        "record_events",
        {
            201: _json("Receipt", "Location", words="Recorded, all of it."),
            200: _json("Receipt", "Location", REPLAYED, words="Recorded before: the first answer again."),
        },
        (*ALWAYS, *BODY, 409),
        headers=RECORDING,
        body=_events_body(),
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


# Everything else

WEBHOOK_LINKS = {
    name: {"operationId": name, "parameters": {"identifier": "$response.body#/id"}}
    for name in ("read_webhook", "pause_webhook", "resume_webhook", "replay_webhook", "rotate_webhook_secret")
} | {
    name: {"operationId": name, "parameters": {"identifier": "$response.body#/id"}}
    for name in ("test_webhook", "remove_webhook")
}


def _webhook(name: str, schema: str, *, body: bool = False) -> Described:
    return Described(
        name,
        {200: _json(schema)},
        (*ALWAYS, 404, *((408, 413, 422) if body else ())),
        parts={"identifier": {"type": "string", "minLength": 1}},
        body=_sent("Replay", {"after": 0}) if body else None,
    )


def _sent(schema: str, example: Mapping[str, Any]) -> dict[str, Any]:
    return {"required": True, "content": {JSON: {"schema": ref(schema), "example": example}}}


OTHERS: dict[tuple[str, str], Described] = {
    ("post", f"{API}/scenarios/vendor-dependence"): _supposing(
        "suppose_vendor_dependence", "DependenceScenario", query.DEPENDENCE
    ),
    ("post", f"{API}/scenarios/regulatory-exposure"): _supposing(
        "suppose_regulatory_exposure", "ExposureScenario", query.EXPOSURE
    ),
    ("get", f"{API}/log/consistency"): Described(
        "log_consistency",
        {200: _json("Consistency")},
        (*ALWAYS, 404, 422),
        [
            query.query("from", POSITION, "The size of the smaller tree.", required=True),
            query.query("to", POSITION, "The size of the larger one; that of the last checkpoint unless given."),
        ],
        asks={"from": 1},
    ),
    ("get", f"{API}/projection/digest"): Described(
        "projection_digest",
        {200: _json("Digest")},
        (*ALWAYS, 422),
        [query.query("position", POSITION, "Up to where; the ledger's end unless given.")],
        asks={"position": 3},
    ),
    ("get", f"{API}/webhooks"): Described("list_webhooks", {200: _json("Webhooks")}),
    ("post", f"{API}/webhooks"): Described(
        "create_webhook",
        {201: Answer("Made.", {JSON: ref("WebhookWithSecret")}, ("Location",), WEBHOOK_LINKS)},
        (*ALWAYS, 408, 413, 422),
        body=_sent("NewWebhook", {"url": "https://buying.example/daybook", "types": ["order-placed"]}),
    ),
    ("get", f"{API}/webhooks/{{identifier}}"): _webhook("read_webhook", "Webhook"),
    ("delete", f"{API}/webhooks/{{identifier}}"): replace(
        _webhook("remove_webhook", "Webhook"), answers={204: Answer("It is told nothing more.")}
    ),
    ("post", f"{API}/webhooks/{{identifier}}/pause"): _webhook("pause_webhook", "Webhook"),
    ("post", f"{API}/webhooks/{{identifier}}/resume"): _webhook("resume_webhook", "Webhook"),
    ("post", f"{API}/webhooks/{{identifier}}/replay"): _webhook("replay_webhook", "Webhook", body=True),
    ("post", f"{API}/webhooks/{{identifier}}/rotate-secret"): _webhook("rotate_webhook_secret", "WebhookWithSecret"),
    ("post", f"{API}/webhooks/{{identifier}}/test"): _webhook("test_webhook", "Attempt"),
    ("get", "/livez"): Described("livez", {200: _json("Liveness")}, OPEN),
    ("get", "/readyz"): Described(
        "readyz",
        {200: _json("Readiness"), 503: _json("Readiness", words="It cannot answer: the status says why.")},
        OPEN,
    ),
    ("get", "/version"): Described("version", {200: _json("Version")}, OPEN),
    ("get", "/metrics"): Described(
        "metrics",
        {200: Answer("In Prometheus' text format.", {"text/plain; version=0.0.4; charset=utf-8": {"type": "string"}})},
    ),
    ("get", "/problems/{name}"): Described(
        "read_problem",
        {200: _json("ProblemPage")},
        (*OPEN, 404),
        parts={"name": {"type": "string", "minLength": 1}},
        asks={"name": "invalid"},
    ),
}

IMPORT = {"type": "string", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"}
MAPPING = {"type": "string", "pattern": f"^{NAME.pattern}$"}
IMPORT_WISHES = [
    query.query("format", {"enum": list(IMPORTED)}, "What the file is; told by how it begins, if not given."),
    query.query("mapping", {"type": "string", "maxLength": LONGEST_NAME}, "The name of a mapping, for order lines."),
    query.query("dry_run", {"type": "boolean", "default": False}, "Only say what would be recorded."),
    query.query("continue_on_error", {"type": "boolean", "default": False}, "Leave out what is refused, and go on."),
    query.query("unknown", {"enum": ["register", "report"]}, "Organisations of a screening list that are not known."),
    query.query(
        "file",
        {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME, "default": "upload"},
        "What the file is called.",
    ),
]
IMPORT_LINKS = {
    name: {"operationId": name, "parameters": {"identifier": "$response.body#/id"}}
    for name in ("read_import", "read_import_rejects", "cancel_import")
}


def _import_body() -> dict[str, Any]:
    content: dict[str, Any] = {name: {"schema": BINARY} for name in ("application/octet-stream", *MEDIA_TYPES)}
    content[NDJSON[0]] = {"schema": BINARY, "example": "".join(_line(event) for event in NOTES_ON_ACME)}
    return {"required": True, "description": "The file itself, compressed by gzip or not.", "content": content}


IMPORTS: dict[tuple[str, str], Described] = {
    ("post", f"{API}/imports"): Described(
        "begin_import",
        {
            202: Answer("Taken; it is recorded in the background.", {JSON: ref("Import")}, ("Location",), IMPORT_LINKS),
            200: Answer("Sent before: that import.", {JSON: ref("Import")}, ("Location", REPLAYED), IMPORT_LINKS),
        },
        (*ALWAYS, *BODY, 507),
        IMPORT_WISHES,
        headers=("Idempotency-Key",),
        body=_import_body(),
        asks={"format": "ndjson", "file": "notes.ndjson", "dry_run": True, "continue_on_error": True},
    ),
    ("get", f"{API}/imports"): Described(
        "list_imports",
        {200: _json("Imports")},
        (*ALWAYS, 422),
        [
            query.query(
                "state", {"type": "array", "items": {"enum": list(get_args(State))}}, "In one of these states."
            ),
            query.query("limit", {"type": "integer", "minimum": 1, "maximum": 1_000, "default": 100}, "So many."),
        ],
    ),
    ("get", f"{API}/imports/{{identifier}}"): Described(
        "read_import", {200: _json("Import")}, (*ALWAYS, 404), parts={"identifier": IMPORT}
    ),
    ("get", f"{API}/imports/{{identifier}}/rejects"): Described(
        "read_import_rejects",
        {200: Answer("A rejected row a line.", {NDJSON[0]: {"type": "string"}})},
        (*ALWAYS, 404),
        parts={"identifier": IMPORT},
    ),
    ("delete", f"{API}/imports/{{identifier}}"): Described(
        "cancel_import",
        {200: _json("Import", words="Called off."), 202: _json("Import", words="It ends after the batch at hand.")},
        (*ALWAYS, 404, 409),
        parts={"identifier": IMPORT},
    ),
    ("get", f"{API}/mappings"): Described("list_mappings", {200: _json("Mappings")}),
    ("get", f"{API}/mappings/{{name}}"): Described(
        "read_mapping",
        {200: Answer("The mapping.", {TOML: {"type": "string"}})},
        (*ALWAYS, 404),
        parts={"name": MAPPING},
        asks={"name": "scms"},
    ),
    ("put", f"{API}/mappings/{{name}}"): Described(
        "keep_mapping",
        {
            201: _json("Mapping", "Location", words="Kept under a new name."),
            200: _json("Mapping", "Location", words="Kept in the place of another."),
        },
        (*ALWAYS, 408, 413, 422),
        parts={"name": MAPPING},
        body={"required": True, "content": {TOML: {"schema": {"type": "string"}, "example": ORDERS_MAPPING}}},
        asks={"name": "erp"},
    ),
    ("delete", f"{API}/mappings/{{name}}"): Described(
        "remove_mapping",
        {204: Answer("It is forgotten.")},
        (*ALWAYS, 404),
        parts={"name": MAPPING},
        asks={"name": "erp"},
    ),
}

#: By method and path; routes that record facts about things are in resources.
ROUTES: dict[tuple[str, str], Described] = {
    **VIEWS,
    **_lists(),
    **_histories(),
    **EVENTS,
    **_log(),
    **OTHERS,
    **IMPORTS,
}
