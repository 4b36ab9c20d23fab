"""Where requests are sent on to, and which of them."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit, urlunsplit

from modelspan_collector.address import shown

SCHEMES = ("grpc", "grpcs", "http", "https")
SIGNAL_NAMES = ("traces", "metrics", "logs")


class DestinationError(ValueError):
    """A destination that cannot be read; the message says what was expected."""


@dataclass(frozen=True, slots=True)
class Destination:
    """One OTLP endpoint downstream, with what it gets and how much may wait for it."""

    url: str
    """`grpc://host:port`, `grpcs://…` (TLS), `http://host:port` or `https://…`."""
    signals: tuple[str, ...] = SIGNAL_NAMES
    ratio: float = 1.0
    """Share of traces that are sent on; errors, slow and flagged ones are always."""
    slow_seconds: float = float("inf")
    """A trace with a span at least this long is sent on whatever `ratio` says."""
    attributes: tuple[tuple[str, str], ...] = ()
    """Resource attributes that a request's resources must have; others are left out."""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Sent with every request, for instance `authorization`; from a file, and of a user and password in the URL too."""
    tenants: bool = True
    """Whether what a tenant sent names it there, as `modelspan.tenant`."""
    queue_bytes: int = 1 << 30
    """Bytes that may wait on disk; beyond it the oldest requests are dropped and counted."""
    retry_seconds: float = float("inf")
    """Age beyond which a request that fails is dropped and counted, rather than tried again."""

    @property
    def unfiltered(self) -> bool:
        """True where requests are passed through as the bytes that came."""
        return self.ratio >= 1.0 and not self.attributes

    @property
    def name(self) -> str:
        """Host and port, for metrics and messages: without what may be secret."""
        return urlsplit(self.url).netloc.rsplit("@", 1)[-1]

    @property
    def identity(self) -> str:
        """Names its queue on disk, over restarts and changes of its options."""
        digest = hashlib.sha256(self.url.encode()).hexdigest()[:8]
        return f"{re.sub('[^A-Za-z0-9.-]', '_', self.name)}-{digest}"


def parse(text: str) -> Destination:
    """Read `grpc://tempo:4317?signals=traces&ratio=0.1&slow=1.5&attribute.service.name=checkout&header.x-key=…`.

    Raises:
        DestinationError: the URL or an option is not understood.
    """
    try:
        parts = urlsplit(text)
    except ValueError:  # not quoted, as it may hold a password
        raise DestinationError("a destination cannot be read: its brackets do not enclose an IPv6 address") from None
    if parts.scheme not in SCHEMES or not parts.netloc:
        raise DestinationError(f"{shown(text)} is no destination; expected {'|'.join(SCHEMES)}://host:port")
    options = dict(parse_qsl(parts.query))
    try:
        destination = Destination(
            url=urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", "")),
            signals=tuple(options.pop("signals", ",".join(SIGNAL_NAMES)).split(",")),
            ratio=float(options.pop("ratio", 1.0)),
            slow_seconds=float(options.pop("slow", "inf")),
            attributes=_take(options, "attribute."),
            headers=_headers(parts, _take(options, "header.")),
            tenants=_switch(options.pop("tenant", "on")),
            queue_bytes=int(options.pop("queue", 1 << 30)),
            retry_seconds=float(options.pop("retry", "inf")),
        )
    except ValueError as error:
        raise DestinationError(f"{shown(text)}: {error}") from None
    unknown = [*options, *(name for name in destination.signals if name not in SIGNAL_NAMES)]
    if unknown or not 0.0 <= destination.ratio <= 1.0:
        raise DestinationError(
            f"{shown(text)}: {', '.join(unknown) or 'ratio'} not understood; options are signals (traces, metrics, "
            "logs), ratio (0 to 1), slow (seconds), tenant (on, off), queue (bytes), retry (seconds), attribute.NAME, "
            "header.NAME"
        )
    return destination


def _headers(parts: SplitResult, given: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    """Headers with the values of files read, and with Basic authentication for a user and password of the URL."""
    headers = tuple((name, _of_file(value[1:]) if value.startswith("@") else value) for name, value in given)
    if parts.username is None or "authorization" in {name.lower() for name, _ in headers}:
        return headers
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return (*headers, ("authorization", "Basic " + base64.b64encode(pair.encode()).decode()))


def _of_file(name: str) -> str:
    try:
        return Path(name).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ValueError(f"cannot read a header from {name}: {error.strerror}") from None


def _switch(text: str) -> bool:
    if text not in ("on", "off"):
        raise ValueError("tenant is on or off")
    return text == "on"


def _take(options: dict[str, str], prefix: str) -> tuple[tuple[str, str], ...]:
    names = [name for name in options if name.startswith(prefix)]
    return tuple((name[len(prefix) :], options.pop(name)) for name in names)
