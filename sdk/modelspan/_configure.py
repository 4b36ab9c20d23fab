"""Set modelspan up: settings, and OpenTelemetry providers where the application has none."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from modelspan import _config_file, _runtime, _settings
from modelspan._failsafe import guard
from modelspan._redact import Redaction, Rule


def configure(
    *,
    endpoint: str | None = None,
    service_name: str | None = None,
    headers: Mapping[str, str] | None = None,
    redact: Mapping[str, Rule] | None = None,
    allow_features: Sequence[str] | None = None,
    span_features: bool | Sequence[str] | None = None,
    sample_rate: float | None = None,
    resource_metrics: bool | None = None,
    disabled: bool | None = None,
) -> None:
    """Configure this process; call it once at start-up, before the web framework forks or serves.

    Global OpenTelemetry providers that the application has set are used; where there are none, they are made from the
    file that `OTEL_CONFIG_FILE` names, else from the `OTEL_*` variables. Arguments win over both. Without this call,
    the first prediction configures from the environment and leaves the global providers alone. Called again, it sends
    what is held and takes the new settings.

    Args:
        endpoint: Base URL of the OTLP/HTTP receiver, such as `http://127.0.0.1:4318` (the default).
        service_name: Name of the service in the resource.
        headers: Sent with every request, such as an authorization.
        redact: Rules for features and tags by name or pattern: `"drop"`, `"hash"`, `truncate(n)`.
        allow_features: Only features whose names fit one of these names or patterns leave the process.
        span_features: Whether, or which, features travel on spans; records carry them in any case.
        sample_rate: Share of calls whose records are kept, 0 to 1.
        resource_metrics: Whether CPU, memory and GPU use of the process are reported.
        disabled: Switch everything off, or on against the environment.

    Raises:
        ValueError: A setting cannot mean what it says.
    """
    settings = _config_file.settings(endpoint, headers)
    settings = dataclasses.replace(
        settings,
        service_name=service_name or settings.service_name,
        redact=dict(redact or {}),
        allow_features=tuple(allow_features) if allow_features is not None else None,
        span_features=settings.span_features if span_features is None else _settings.span_features(span_features),
        sample_rate=settings.sample_rate if sample_rate is None else _settings.sample_rate(sample_rate),
        resource_metrics=settings.resource_metrics if resource_metrics is None else resource_metrics,
    )
    Redaction(
        settings.redact, key=settings.redact_key
    )  # a rule that cannot mean anything is an error here, not at a call
    off = _settings.is_disabled() or settings.disabled if disabled is None else disabled
    if not off:
        _set_up(settings)
    _runtime.replace(settings, off=off)


def _set_up(settings: _settings.Settings) -> None:
    """Make what can be made: a machine or a provider that fails takes telemetry away, not the application."""
    with guard("telemetry could not be set up completely"):
        from modelspan.telemetry import providers

        _load()
        providers.set_up(settings)


def _load() -> None:
    """Load what the background needs now, as loading it later would take the interpreter's lock from calls.

    PyArrow makes its first array only after it has imported pandas, where that is installed.
    """
    import encodings.idna  # noqa: F401 - names of hosts

    import numpy  # noqa: F401
    import pyarrow.compute
    from opentelemetry.proto.collector.logs.v1 import logs_service_pb2  # noqa: F401

    pyarrow.array([0.0])
