"""OpenTelemetry's declarative file (`OTEL_CONFIG_FILE`), where it is the only thing that is configured.

The SDK of Python then takes exporters from the file and looks at no `OTEL_*` variable. Prediction records are not sent
by its exporters, as those neither wait for a receiver nor tell what became of a record; but they go to the same place.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping
from typing import Any

from modelspan import _settings
from modelspan._failsafe import swallowed
from modelspan._settings import Endpoint, Settings, checked

VARIABLE = "OTEL_CONFIG_FILE"
INSTALL = "pip install opentelemetry-configuration"


def path(environ: Mapping[str, str] = os.environ) -> str | None:
    """The file; None where there is none."""
    return environ.get(VARIABLE) or None


def settings(endpoint: str | None = None, headers: Mapping[str, str] | None = None) -> Settings:
    """What the SDK was told to do: by arguments, else by the file, else by variables.

    Raises:
        ValueError: A variable, or the file, holds something that it cannot mean.
    """
    found = _settings.from_environment(endpoint=endpoint, headers=headers)
    file = path()
    if file is None or endpoint is not None:
        return found
    config = load(file)
    if config.disabled:
        return dataclasses.replace(found, disabled=True)
    told = records(config, found.records)
    told = dataclasses.replace(told, headers={**told.headers, **(headers or {})})
    return dataclasses.replace(found, records=told, service_name=None)  # the variable's; the file's resource names it


def load(file: str) -> Any:
    """The file as OpenTelemetry reads it, variables in it filled in.

    Raises:
        ValueError: It cannot be read, or what reads it is not installed.
    """
    try:
        from opentelemetry.configuration import load_config_file
    except ImportError:
        raise ValueError(f"{VARIABLE} is set, but what reads it is not installed: {INSTALL}") from None
    try:
        return load_config_file(file)
    except Exception as error:
        raise ValueError(f"{VARIABLE} is {file!r}, which cannot be read: {error}") from error


def resource() -> dict[str, Any]:
    """What the file says of the service, by attribute; nothing where there is no file, or none that can be read."""
    file = path()
    try:
        told = load(file).resource if file is not None else None
    except ValueError:  # which was said where the settings were read
        return {}
    listed = (pair.partition("=") for pair in (getattr(told, "attributes_list", None) or "").split(",") if "=" in pair)
    found: dict[str, Any] = {name.strip(): value.strip() for name, _, value in listed}
    return found | {each.name: each.value for each in getattr(told, "attributes", None) or ()}


def apply() -> None:
    """Set the global providers that the file names, as OpenTelemetry's own configurator does."""
    from opentelemetry.configuration import configure_sdk

    file = path()
    assert file is not None
    configure_sdk(load(file))


def records(config: Any, general: Endpoint) -> Endpoint:
    """Where prediction records go: to the first OTLP exporter of logs, else beside the traces.

    Args:
        config: The file.
        general: What counts for all that an exporter of the file leaves open: the variables, as for the exporter.
    """
    found = list(_exporters(config.logger_provider))
    if len(found) > 1:
        swallowed(f"{VARIABLE} has {len(found)} OTLP exporters of logs; prediction records go to the first alone")
    if found:
        return _endpoint(*found[0], general)
    for kind, exporter in _exporters(config.tracer_provider):
        beside = _beside(kind, exporter)
        if beside is not None:
            swallowed(
                f"{VARIABLE} has no OTLP exporter of logs, and prediction records go where its traces do; "
                "one in its logger_provider says where else"
            )
            return _endpoint(kind, beside, general)
    swallowed(
        f"{VARIABLE} has no OTLP exporter of logs, and prediction records are not sent; "
        "add one to its logger_provider (otlp_http or otlp_grpc)"
    )
    return dataclasses.replace(general, url="")


def _exporters(provider: Any) -> Iterator[tuple[str, Any]]:
    """The OTLP exporters of a signal's processors, and which protocol each speaks."""
    for processor in getattr(provider, "processors", None) or ():
        way = processor.batch or processor.simple
        for kind in ("otlp_http", "otlp_grpc"):
            exporter = getattr(way.exporter, kind, None) if way is not None else None
            if exporter is not None:
                yield kind, exporter


def _beside(kind: str, exporter: Any) -> Any:
    """An exporter of traces, as it would be one of logs; None where its URL does not tell."""
    if kind == "otlp_grpc" or exporter.endpoint is None:
        return exporter
    base, found, _ = exporter.endpoint.rpartition("/v1/traces")
    return dataclasses.replace(exporter, endpoint=f"{base}/v1/logs") if found else None


def _endpoint(kind: str, exporter: Any, general: Endpoint) -> Endpoint:
    tls = exporter.tls
    url = exporter.endpoint
    if url and "://" not in url:  # gRPC's short form
        url = f"{'http' if getattr(tls, 'insecure', False) else 'https'}://{url}"
    default = "http://localhost:4317" if kind == "otlp_grpc" else "http://localhost:4318/v1/logs"
    same = general.grpc == (kind == "otlp_grpc")
    return dataclasses.replace(
        general,
        url=checked(url or (general.url if same else default)),
        headers=_headers(exporter, general.headers),
        timeout=exporter.timeout / 1000 if exporter.timeout else general.timeout,
        certificate=getattr(tls, "ca_file", None) or general.certificate,
        client_certificate=getattr(tls, "cert_file", None) or general.client_certificate,
        client_key=getattr(tls, "key_file", None) or general.client_key,
        grpc=kind == "otlp_grpc",
    )


def _headers(exporter: Any, general: Mapping[str, str]) -> Mapping[str, str]:
    """The exporter's headers; the variables' where it has none. Its list is `key=value,key=value`, without encoding."""
    if exporter.headers is None and exporter.headers_list is None:
        return general
    pairs = (pair.partition("=") for pair in (exporter.headers_list or "").split(",") if "=" in pair)
    listed = {name.strip().lower(): value.strip() for name, _, value in pairs}
    return listed | {each.name.lower(): each.value or "" for each in exporter.headers or ()}
