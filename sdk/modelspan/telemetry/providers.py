"""OpenTelemetry providers: the application's where it has set them, else made from the environment."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING

from opentelemetry import _logs, metrics, trace

from modelspan import _config_file
from modelspan._failsafe import guard
from modelspan._settings import Settings
from modelspan.telemetry.histograms import Buckets
from modelspan.telemetry.metrics import BOUNDARIES

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource


def resource_attributes(settings: Settings) -> dict[str, object]:
    """What describes this service and process: the application's own resource where it has set a provider."""
    with guard("the service could not be described"):
        providers = trace.get_tracer_provider(), _logs.get_logger_provider()
        existing = [own for each in providers if (own := getattr(each, "resource", None)) is not None]
        resource = existing[0] if existing else make_resource(settings)
        return dict(resource.attributes)
    return {"service.name": settings.service_name or "unknown_service"}


def make_resource(settings: Settings) -> Resource:
    """The resource of an instance of the service: of `OTEL_CONFIG_FILE`, else of the environment."""
    from opentelemetry.sdk.resources import Resource

    named = {"service.name": settings.service_name} if settings.service_name else {}
    own = _config_file.resource() | named
    return Resource({"service.instance.id": str(uuid.uuid4())}).merge(Resource.create(own))


def set_up(settings: Settings) -> None:
    """Set global providers where the application has set none: those of `OTEL_CONFIG_FILE`, else ours."""
    if _config_file.path() is not None:
        if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider) and _is_unset(
            metrics.get_meter_provider()
        ):
            _config_file.apply()
        return
    if isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider) and _wanted("OTEL_TRACES_EXPORTER"):
        _set_tracer_provider(settings)
    if _is_unset(metrics.get_meter_provider()) and _wanted("OTEL_METRICS_EXPORTER"):
        _set_meter_provider(settings)


def _wanted(variable: str) -> bool:
    return os.environ.get(variable, "otlp") != "none"


def _is_unset(provider: object) -> bool:
    return type(provider).__name__ == "_ProxyMeterProvider"  # what the API returns before a provider is set


def _set_tracer_provider(settings: Settings) -> None:
    from opentelemetry.sdk.trace import TracerProvider

    from modelspan.telemetry.span_exporter import SpanExporter, SpanProcessor

    provider = TracerProvider(resource=make_resource(settings), shutdown_on_exit=False)
    provider.add_span_processor(SpanProcessor(SpanExporter(settings.spans)))
    trace.set_tracer_provider(provider)


def _set_meter_provider(settings: Settings) -> None:
    global _buckets
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

    from modelspan.telemetry.metric_exporter import MetricExporter

    _buckets = Buckets(BOUNDARIES)
    exporter = MetricExporter(lambda: _buckets, settings.metrics)
    reader = PeriodicExportingMetricReader(exporter)
    provider = MeterProvider([reader], resource=make_resource(settings), shutdown_on_exit=False)
    metrics.set_meter_provider(provider)


_buckets: Buckets | None = None
"""Where histograms are counted: ours while the meter provider is."""


def fresh_buckets() -> Buckets | None:
    """Empty buckets for a new state of the process; None where the meter provider is the application's."""
    global _buckets
    if _buckets is not None:
        _buckets = Buckets(BOUNDARIES)
    return _buckets


def flush(timeout: float) -> bool:
    """Ask the providers to export what they hold, where they can, within so many seconds each."""
    complete = True
    for provider in (trace.get_tracer_provider(), metrics.get_meter_provider()):
        if getattr(provider, "_shutdown", False):  # a meter provider that the application has shut down would complain
            continue
        force_flush = getattr(provider, "force_flush", None)
        complete &= bool(force_flush(int(timeout * 1000))) if force_flush is not None else True
    return complete
