"""OTLP over gRPC, where `OTEL_EXPORTER_OTLP_PROTOCOL` asks for it: one channel, a unary call for each request.

It stands in for `modelspan.delivery.http.Connection`, so that buffers, retry and counts are the same over both. What a
call of gRPC ends with is told as the status of HTTP that means the same for delivery. The channel opens with the first
request: a process that forks before its first prediction never shares one.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from modelspan._settings import Endpoint
from modelspan.delivery.http import Answer, Body

_SERVICE = "/opentelemetry.proto.collector.{package}.v1.{service}/Export"
METHODS = {
    "logs": _SERVICE.format(package="logs", service="LogsService"),
    "traces": _SERVICE.format(package="trace", service="TraceService"),
}
_RETRYABLE = {"CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"}
"""Codes after which the same request may succeed later (OTLP 1.x, "OTLP/gRPC response")."""
_REFUSED = {"UNAUTHENTICATED": 401, "PERMISSION_DENIED": 403, "UNIMPLEMENTED": 404, "RESOURCE_EXHAUSTED": 413}


class GrpcConnection:
    """A channel to the receiver of one signal."""

    def __init__(self, endpoint: Endpoint, signal: str) -> None:
        """Prepare; it opens with the first request."""
        url = urlsplit(endpoint.url)
        self._endpoint = endpoint
        self._target = url.netloc
        self._secure = url.scheme == "https"
        self._method = METHODS[signal]
        self._channel: Any = None

    def post(self, body: Body) -> Answer:
        """Send a body and read the answer within the endpoint's timeout.

        Raises:
            ConnectionError: Nobody answered.
        """
        import grpc

        if self._channel is None:
            self._channel = self._opened()
        export = self._channel.unary_unary(self._method)  # without serializers: bytes in, bytes out
        metadata = [(name.lower(), value) for name, value in self._endpoint.headers.items()]
        try:
            answer = export(b"".join(body), timeout=self._endpoint.timeout, metadata=metadata)
        except grpc.RpcError as error:
            return _ended(error)
        return Answer(200, answer, None)

    def _opened(self) -> Any:
        import grpc

        compression = grpc.Compression.Gzip if self._endpoint.gzip else grpc.Compression.NoCompression
        options = [("grpc.primary_user_agent", "modelspan-python"), ("grpc.max_reconnect_backoff_ms", 5000)]
        if not self._secure:
            return grpc.insecure_channel(self._target, options, compression)
        files = (self._endpoint.certificate, self._endpoint.client_key, self._endpoint.client_certificate)
        trust = grpc.ssl_channel_credentials(*map(_read, files))
        return grpc.secure_channel(self._target, trust, options, compression)

    def close(self) -> None:
        """Close it; the next request opens another."""
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()


def _read(file: str | None) -> bytes | None:
    if file is None:
        return None
    with open(file, "rb") as opened:  # noqa: PTH123 - pathlib is not worth its import here
        return opened.read()


def _ended(error: Any) -> Answer:
    """What a call that failed says of trying again."""
    code, wait = error.code().name, _retry_delay(error)
    if code in _RETRYABLE or wait is not None:
        if wait is None and code in ("UNAVAILABLE", "DEADLINE_EXCEEDED"):
            raise ConnectionError(code) from error
        return Answer(503, b"", wait)
    return Answer(_REFUSED.get(code, 400), b"", None)


def _retry_delay(error: Any) -> float | None:
    """Seconds of the `google.rpc.RetryInfo` in the status that the server sent; None where it sent none."""
    from google.protobuf.message import DecodeError
    from google.rpc.error_details_pb2 import RetryInfo
    from google.rpc.status_pb2 import Status

    details = next((value for key, value in error.trailing_metadata() or () if key == "grpc-status-details-bin"), None)
    if details is None:
        return None
    try:
        for each in Status.FromString(details).details:
            info = RetryInfo()
            if each.Unpack(info):
                return float(info.retry_delay.seconds + info.retry_delay.nanos / 1e9)
    except DecodeError:
        pass
    return None
