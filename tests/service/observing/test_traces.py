"""Spans of requests, as a collector would get them."""

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode
from starlette.testclient import TestClient

from service.daybook import Daybook
from service.observing.traces import configured
from service.settings import Settings
from service.web.application import application
from service.web.entry.access import Access
from tests.service.web.conftest import EVENTS, TOKEN, daybook, settings  # noqa: F401  # fixtures

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_each_request_is_a_span_in_its_callers_trace(daybook: Daybook, settings: Settings) -> None:  # noqa: F811
    exporter = InMemorySpanExporter()
    traces = configured("daybook", lambda: exporter)
    assert traces is not None
    app = application(daybook, settings, Access.of([(TOKEN, "ada")]), traces)
    with TestClient(app, headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        client.get(f"{EVENTS}/7", headers={"traceparent": PARENT})
        client.get("/livez")
    traces.close()
    missing, alive = exporter.get_finished_spans()
    assert missing.name == "GET /api/v1/events/{position}"
    assert missing.context is not None
    assert f"{missing.context.trace_id:032x}" == PARENT.split("-")[1]
    assert missing.attributes is not None
    assert missing.attributes["http.response.status_code"] == 404
    assert (alive.name, alive.status.status_code) == ("GET /livez", StatusCode.UNSET)
    assert alive.resource.attributes["daybook.origin"] == "daybook"


def test_nothing_is_traced_unless_the_environment_names_a_collector(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    assert configured("daybook") is None
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    traces = configured("daybook")
    assert traces is not None
    traces.close()
