"""Where events go: `alerts.events`, or else what OpenTelemetry's own variables say of logs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from opentelemetry.util.re import parse_env_headers

from modelspan_collector.forward.destination import Destination, DestinationError, parse

_PATH: Final = "/v1/logs"


def endpoint(given: str, environment: Mapping[str, str] = os.environ) -> Destination | None:
    """The OTLP endpoint of events; None where none is configured.

    Args:
        given: the setting `alerts.events`; it goes before the environment.
        environment: of the process: `OTEL_EXPORTER_OTLP_LOGS_ENDPOINT` or `OTEL_EXPORTER_OTLP_ENDPOINT`, by OTLP/HTTP,
            with the headers that `OTEL_EXPORTER_OTLP_LOGS_HEADERS` or `OTEL_EXPORTER_OTLP_HEADERS` names; none with
            `OTEL_LOGS_EXPORTER=none` or `OTEL_SDK_DISABLED=true`.

    Raises:
        DestinationError: what is given is no OTLP endpoint.
    """
    if given:
        return parse(given)
    if environment.get("OTEL_LOGS_EXPORTER") == "none" or environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    base, own = environment.get("OTEL_EXPORTER_OTLP_ENDPOINT", ""), environment.get("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT")
    if own and not own.endswith(_PATH):
        raise DestinationError(f"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT has to end in {_PATH}; or set `alerts.events`")
    url = own.removesuffix(_PATH) if own else base
    if not url:
        return None
    headers = environment.get("OTEL_EXPORTER_OTLP_LOGS_HEADERS") or environment.get("OTEL_EXPORTER_OTLP_HEADERS", "")
    found = parse(url)
    return replace(found, headers=(*found.headers, *parse_env_headers(headers, liberal=True).items()))
