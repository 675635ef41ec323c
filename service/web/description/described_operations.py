"""What is said of the routes of imports."""

from typing import Any, get_args

from domain.resources import API
from service.importing.formats import FORMATS as IMPORTED
from service.importing.orders.kept_mappings import NAME
from service.importing.queue.jobs import State
from service.web.bodies import JSON, NDJSON
from service.web.description import query_parameters as query
from service.web.description.answers import (
    ALWAYS,
    BINARY,
    BODY,
    REPLAYED,
    Answer,
    Described,
    as_line,
    in_json,
    ref,
)
from service.web.description.examples import NOTES_ON_ACME, ORDERS_MAPPING
from service.web.imports import CURSOR, LONGEST_NAME, MEDIA_TYPES, TOML

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
    content[NDJSON[0]] = {"schema": BINARY, "example": "".join(as_line(event) for event in NOTES_ON_ACME)}
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
        {200: in_json("Imports", "Link")},
        (*ALWAYS, 422),
        [
            query.query(
                "state", {"type": "array", "items": {"enum": list(get_args(State))}}, "In one of these states."
            ),
            query.query("limit", {"type": "integer", "minimum": 1, "maximum": 1_000, "default": 100}, "So many."),
            query.query(
                "cursor",
                {"type": "string", "pattern": CURSOR.pattern},
                "Where the page begins: from the Link to the next one, or next_cursor.",
            ),
        ],
    ),
    ("get", f"{API}/imports/{{identifier}}"): Described(
        "read_import", {200: in_json("Import")}, (*ALWAYS, 404), parts={"identifier": IMPORT}
    ),
    ("get", f"{API}/imports/{{identifier}}/rejects"): Described(
        "read_import_rejects",
        {200: Answer("A rejected row a line.", {NDJSON[0]: {"type": "string"}})},
        (*ALWAYS, 404),
        parts={"identifier": IMPORT},
    ),
    ("delete", f"{API}/imports/{{identifier}}"): Described(
        "cancel_import",
        {200: in_json("Import", words="Called off."), 202: in_json("Import", words="It ends after the batch at hand.")},
        (*ALWAYS, 404, 409),
        parts={"identifier": IMPORT},
    ),
    ("get", f"{API}/mappings"): Described("list_mappings", {200: in_json("Mappings")}),
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
            201: in_json("Mapping", "Location", words="Kept under a new name."),
            200: in_json("Mapping", "Location", words="Kept in the place of another."),
        },
        (*ALWAYS, 408, 413, 415, 422),
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

ROUTES: dict[tuple[str, str], Described] = IMPORTS
