"""Configuration: one frozen object, read once from arguments and environment.

Every `OTEL_*` variable keeps the meaning that OpenTelemetry gives it; `MODELSPAN_*` names what is ours. An argument of
`configure` wins over a variable, a variable of one signal over the general one, and both over the default.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from modelspan._redact import Rule

DEFAULT_ENDPOINT = "http://127.0.0.1:4318"
DEFAULT_GRPC_ENDPOINT = "http://127.0.0.1:4317"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where one signal goes, and how; a variable of the signal (`OTEL_EXPORTER_OTLP_LOGS_…`) wins over the general
    one."""

    url: str
    """`OTEL_EXPORTER_OTLP_<SIGNAL>_ENDPOINT`, else `OTEL_EXPORTER_OTLP_ENDPOINT` and `/v1/<signal>`; '' for nowhere."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Sent with every request (`…_HEADERS`)."""
    timeout: float = 10.0
    """Seconds for one request (`…_TIMEOUT`, in seconds as in all of OpenTelemetry's Python)."""
    certificate: str | None = None
    """File of the authorities to trust (`…_CERTIFICATE`)."""
    client_certificate: str | None = None
    """File of the client's certificate (`…_CLIENT_CERTIFICATE`)."""
    client_key: str | None = None
    """File of the client's key (`…_CLIENT_KEY`)."""
    gzip: bool = False
    """Whether bodies are compressed (`…_COMPRESSION`); records never are again, since they are compressed inside."""
    grpc: bool = False
    """Whether it speaks OTLP/gRPC (`…_PROTOCOL` is `grpc`) rather than OTLP/HTTP; its URL then has no path."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the SDK was told to do."""

    records: Endpoint = Endpoint(f"{DEFAULT_ENDPOINT}/v1/logs")
    """Where records go: the signal is logs."""
    spans: Endpoint = Endpoint(f"{DEFAULT_ENDPOINT}/v1/traces")
    """Where spans go, if the provider is ours."""
    metrics: Endpoint = Endpoint(f"{DEFAULT_ENDPOINT}/v1/metrics")
    """Where metrics go, if the provider is ours."""
    service_name: str | None = None
    """Name of the service (`OTEL_SERVICE_NAME`)."""
    span_features: bool | frozenset[str] = True
    """Whether, or which, features travel on spans (`MODELSPAN_SPAN_FEATURES`: true, false or names)."""
    sample_rate: float = 1.0
    """Share of calls that prediction records keep (`MODELSPAN_SAMPLE_RATE`, 0 to 1)."""
    max_string_length: int = 1024
    """Characters kept of any string (`MODELSPAN_MAX_STRING_LENGTH`)."""
    max_rows: int = 16_384
    """Single predictions that wait for encoding before the oldest is dropped (`MODELSPAN_MAX_ROWS`)."""
    max_bytes: int = 128 * 2**20
    """Bytes of batches, and of encoded records, that wait before the oldest is dropped (`MODELSPAN_MAX_BYTES`)."""
    flush_interval: float = 1.0
    """Seconds that a record waits for company (`MODELSPAN_FLUSH_INTERVAL`)."""
    exit_timeout: float = 5.0
    """Seconds for the last flush, at exit and on SIGTERM (`MODELSPAN_EXIT_TIMEOUT`)."""
    resource_metrics: bool = True
    """Whether CPU, memory and GPU use of the process are reported (`MODELSPAN_RESOURCE_METRICS`)."""
    redact: Mapping[str, Rule] = field(default_factory=dict)
    """Rules of privacy by name or pattern (argument of `configure` only)."""
    allow_features: tuple[str, ...] | None = None
    """Names and patterns of the only features that leave the process (argument of `configure` only)."""
    redact_key: bytes | None = field(default=None, repr=False)
    """Secret of the keyed hash (`MODELSPAN_REDACT_KEY`)."""
    disabled: bool = False
    """Whether the file of `OTEL_CONFIG_FILE` switches everything off."""


def is_disabled(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether the environment switches everything off (`OTEL_SDK_DISABLED`, `MODELSPAN_DISABLED`)."""
    return any(_truth(environ.get(name, "")) for name in ("OTEL_SDK_DISABLED", "MODELSPAN_DISABLED"))


def from_environment(
    environ: Mapping[str, str] = os.environ, endpoint: str | None = None, headers: Mapping[str, str] | None = None
) -> Settings:
    """Read the settings from the environment; an endpoint and headers that are given go before its variables.

    Raises:
        ValueError: A variable holds something that it cannot mean.
    """
    read = _Reader(environ, endpoint, headers or {})
    defaults = Settings()
    return Settings(
        records=dataclasses.replace(read.endpoint("LOGS"), gzip=False),
        spans=read.endpoint("TRACES"),
        metrics=read.endpoint("METRICS"),
        service_name=environ.get("OTEL_SERVICE_NAME") or None,
        span_features=span_features(environ.get("MODELSPAN_SPAN_FEATURES") or True),
        sample_rate=sample_rate(read.number("MODELSPAN_SAMPLE_RATE", defaults.sample_rate)),
        max_string_length=int(read.number("MODELSPAN_MAX_STRING_LENGTH", defaults.max_string_length)),
        max_rows=int(read.number("MODELSPAN_MAX_ROWS", defaults.max_rows)),
        max_bytes=int(read.number("MODELSPAN_MAX_BYTES", defaults.max_bytes)),
        flush_interval=read.number("MODELSPAN_FLUSH_INTERVAL", defaults.flush_interval),
        exit_timeout=read.number("MODELSPAN_EXIT_TIMEOUT", defaults.exit_timeout),
        resource_metrics=_truth(environ.get("MODELSPAN_RESOURCE_METRICS") or "true"),
        redact_key=(environ.get("MODELSPAN_REDACT_KEY") or "").encode() or None,
    )


def span_features(choice: bool | Sequence[str] | frozenset[str]) -> bool | frozenset[str]:
    """Read the choice of what spans carry: true, false, or names (a text is split at commas)."""
    if isinstance(choice, bool):
        return choice
    if not isinstance(choice, str):
        return frozenset(choice)
    if choice.strip().lower() in ("true", "1", "yes", "on"):
        return True
    if choice.strip().lower() in ("false", "0", "no", "off", "none"):
        return False
    return frozenset(name.strip() for name in choice.split(",") if name.strip())


def sample_rate(rate: float) -> float:
    """Check a share of calls.

    Raises:
        ValueError: It is not a share.
    """
    if not 0.0 <= rate <= 1.0:
        raise ValueError(f"sample_rate is {rate!r}; expected a share of calls from 0 to 1, such as 0.1 for every tenth")
    return float(rate)


def checked(url: str) -> str:
    """A URL that requests can be sent to.

    Raises:
        ValueError: It is none.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        told = url.rpartition("@")[2].partition("?")[0]  # without what may be a password
        raise ValueError(f"endpoint is {told!r}; expected http://host:port or https://host:port")
    return url


class _Reader:
    """Typed access to variables, with an error that names the variable."""

    def __init__(self, environ: Mapping[str, str], endpoint: str | None, headers: Mapping[str, str]) -> None:
        self._environ = environ
        self._endpoint = endpoint
        self._headers = {name.lower(): value for name, value in headers.items()}

    def endpoint(self, signal: str) -> Endpoint:
        grpc = self._is_grpc(signal)
        base = self._endpoint or self._environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
        base = base or (DEFAULT_GRPC_ENDPOINT if grpc else DEFAULT_ENDPOINT)
        own = None if self._endpoint else self._environ.get(f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
        general, special = (
            _headers(self._environ, f"OTEL_EXPORTER_OTLP_{infix}HEADERS") for infix in ("", f"{signal}_")
        )
        return Endpoint(
            url=checked(own or (base if grpc else f"{base.rstrip('/')}/v1/{signal.lower()}")),
            headers={**general, **special, **self._headers},
            timeout=self.number(
                f"OTEL_EXPORTER_OTLP_{signal}_TIMEOUT", self.number("OTEL_EXPORTER_OTLP_TIMEOUT", 10.0)
            ),
            certificate=self._of_signal(signal, "CERTIFICATE"),
            client_certificate=self._of_signal(signal, "CLIENT_CERTIFICATE"),
            client_key=self._of_signal(signal, "CLIENT_KEY"),
            gzip=self._of_signal(signal, "COMPRESSION") == "gzip",
            grpc=grpc,
        )

    def _is_grpc(self, signal: str) -> bool:
        protocol = self._of_signal(signal, "PROTOCOL") or "http/protobuf"
        if protocol not in ("grpc", "http/protobuf"):
            raise ValueError(f"OTEL_EXPORTER_OTLP_PROTOCOL is {protocol!r}; expected 'http/protobuf' or 'grpc'")
        if protocol == "grpc" and importlib.util.find_spec("grpc") is None:
            raise ValueError(
                "OTEL_EXPORTER_OTLP_PROTOCOL is 'grpc', but grpcio is not installed; "
                "install modelspan[grpc], or set 'http/protobuf'"
            )
        return protocol == "grpc"

    def _of_signal(self, signal: str, name: str) -> str | None:
        prefix = "OTEL_EXPORTER_OTLP_"
        return self._environ.get(f"{prefix}{signal}_{name}") or self._environ.get(f"{prefix}{name}") or None

    def number(self, name: str, default: float) -> float:
        text = self._environ.get(name)
        if not text:
            return default
        try:
            return float(text)
        except ValueError:
            raise ValueError(f"{name} is {text!r}; expected a number, such as {default:g}") from None


def _truth(text: str) -> bool:
    return text.strip().lower() in ("true", "1", "yes", "on")


def _headers(environ: Mapping[str, str], name: str) -> dict[str, str]:
    """Headers in the form of W3C baggage: `key=value,key=value`, values percent-encoded."""
    pairs = (pair.partition("=") for pair in environ.get(name, "").split(",") if "=" in pair)
    return {key.strip().lower(): unquote(value.strip()) for key, _, value in pairs}
