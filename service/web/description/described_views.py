"""What is said of the routes that read views, registers, and of scenarios."""

from collections.abc import Mapping, Sequence
from typing import Any

from domain.resources import API, KINDS
from service.asking import views
from service.exporting.formats import FORMATS
from service.web.bodies import JSON, NDJSON
from service.web.description import query_parameters as query
from service.web.description.answers import (
    ALWAYS,
    ASKED,
    BINARY,
    BODY,
    KEPT,
    NOT_MODIFIED,
    Answer,
    Described,
    as_line,
    events_body,
    in_json,
    ref,
)
from service.web.description.examples import NAMED, WHAT_IF
from service.web.description.query_parameters import IDENTIFIER, Parameter

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


def _supposing(name: str, schema: str, parameters: Sequence[Parameter]) -> Described:
    body = events_body()
    body["content"][JSON]["example"] = WHAT_IF
    body["content"][NDJSON[0]]["example"] = as_line(WHAT_IF)
    return Described(
        name,
        {200: in_json(schema)},
        (*ALWAYS, 406, 409, *BODY),
        [*query.clocks("position", "recorded_at"), *parameters],
        headers=("Prefer",),
        body=body,
        asks={"buyer": ["baidu"], "measure": "units"},
    )


SCENARIOS: dict[tuple[str, str], Described] = {
    ("post", f"{API}/scenarios/vendor-dependence"): _supposing(
        "suppose_vendor_dependence", "DependenceScenario", query.DEPENDENCE
    ),
    ("post", f"{API}/scenarios/regulatory-exposure"): _supposing(
        "suppose_regulatory_exposure", "ExposureScenario", query.EXPOSURE
    ),
}

ROUTES: dict[tuple[str, str], Described] = VIEWS | _lists() | SCENARIOS
