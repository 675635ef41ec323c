"""Traces by OpenTelemetry, where the environment names a collector (OTEL_EXPORTER_OTLP_ENDPOINT)."""

import os
from collections.abc import Callable, Mapping

from opentelemetry import propagate
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.trace import Span, SpanKind, Status, StatusCode

from service.version import VERSION

#: The standard's own variables; any of them turns tracing on.
ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


class Traces:
    """The spans of one service, sent in the background."""

    def __init__(self, exporter: SpanExporter, origin: str) -> None:
        resource = Resource.create({"service.name": "daybook", "service.version": VERSION, "daybook.origin": origin})
        self._provider = TracerProvider(resource=resource)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("daybook", VERSION)

    def begin(self, method: str, path: str, headers: Mapping[str, str]) -> Span:
        """A span for a request, in the trace that its caller began, if any."""
        attributes = {"http.request.method": method, "url.path": path}
        return self._tracer.start_span(method, propagate.extract(headers), kind=SpanKind.SERVER, attributes=attributes)

    def end(self, span: Span, method: str, route: str, status: int) -> None:
        """Say how the request ended."""
        span.update_name(f"{method} {route}")
        span.set_attribute("http.route", route)
        span.set_attribute("http.response.status_code", status)
        if status >= 500:
            span.set_status(Status(StatusCode.ERROR))
        span.end()

    def close(self) -> None:
        """Send what has not been sent."""
        self._provider.shutdown()


def configured(origin: str, exporter: Callable[[], SpanExporter] | None = None) -> Traces | None:
    """Tracing as the environment has it; None: it has none."""
    if exporter is None:
        if not any(os.environ.get(name) for name in ENDPOINTS):
            return None
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        exporter = OTLPSpanExporter
    return Traces(exporter(), origin)
