"""OpenTelemetry providers: the application's where it has set them, else made from the environment."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING

from opentelemetry import trace

from modelspan._settings import Settings

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource


def resource_attributes(settings: Settings) -> dict[str, object]:
    """What describes this service and process: the application's own resource where it has set a provider."""
    existing = getattr(trace.get_tracer_provider(), "resource", None)
    resource = existing if existing is not None else make_resource(settings)
    return dict(resource.attributes)


def make_resource(settings: Settings, extra: Mapping[str, str] | None = None) -> Resource:
    """The resource of providers that we make; each process is an instance of the service (`service.instance.id`)."""
    from opentelemetry.sdk.resources import Resource

    own: dict[str, str | int] = {"service.instance.id": str(uuid.uuid4()), "process.pid": os.getpid(), **(extra or {})}
    if settings.service_name:
        own["service.name"] = settings.service_name
    return Resource(own).merge(Resource.create()) if not settings.service_name else Resource.create(own)


def set_up(settings: Settings) -> None:
    """Set global providers where the application has set none."""
    if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider):
        _set_tracer_provider(settings)


def _set_tracer_provider(settings: Settings) -> None:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    if os.environ.get("OTEL_TRACES_EXPORTER", "otlp") == "none":
        return
    provider = TracerProvider(resource=make_resource(settings))
    endpoint = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or f"{settings.endpoint}/v1/traces"
    exporter = OTLPSpanExporter(endpoint=endpoint, headers=dict(settings.headers), timeout=settings.timeout)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)


def flush_spans(timeout: float) -> bool:
    """Ask the tracer provider to export what it holds, where it can."""
    flush = getattr(trace.get_tracer_provider(), "force_flush", None)
    return bool(flush(int(timeout * 1000))) if flush is not None else True
