"""One OTLP request to one endpoint, over gRPC or HTTP: delivered, refused for good, or to be tried again."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

import grpc
import urllib3
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from modelspan_collector.forward.destination import Destination
from modelspan_collector.otlp.signals import Signal

_TIMEOUT_SECONDS = 10.0
_RETRYABLE_HTTP = frozenset({429, 502, 503, 504})
_RETRYABLE_GRPC = frozenset({
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DATA_LOSS,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
})  # fmt: skip


class Outcome(Enum):
    """What became of a request."""

    SENT = "sent"
    REFUSED = "refused"
    RETRY = "retry"


@dataclass(frozen=True, slots=True)
class Reply:
    """A destination's answer."""

    outcome: Outcome
    retry_after: float = 0.0
    """Seconds for which the destination asks to be left alone before the next attempt."""


class Sender(Protocol):
    """A connection to one destination."""

    def send(self, signal: Signal, body: bytes) -> Reply:
        """Send one request and say what became of it."""

    def close(self) -> None:
        """Close the connection."""


class HttpSender:
    """OTLP/HTTP with protobuf bodies."""

    def __init__(self, destination: Destination) -> None:
        self._url = destination.url.rstrip("/")
        self._headers = {"content-type": "application/x-protobuf", **dict(destination.headers)}
        self._pool = urllib3.PoolManager(retries=False, timeout=_TIMEOUT_SECONDS)

    def send(self, signal: Signal, body: bytes) -> Reply:
        """Send one request and say what became of it."""
        try:
            answer = self._pool.request("POST", self._url + signal.http_path, body=body, headers=self._headers)
        except urllib3.exceptions.HTTPError:
            return Reply(Outcome.RETRY)
        if answer.status < 300:
            return Reply(Outcome.SENT)
        if answer.status not in _RETRYABLE_HTTP:
            return Reply(Outcome.REFUSED)
        after = answer.headers.get("retry-after", "")
        return Reply(Outcome.RETRY, float(after) if after.isdecimal() else 0.0)

    def close(self) -> None:
        """Close the connection."""
        self._pool.clear()


class GrpcSender:
    """OTLP/gRPC on raw bytes."""

    def __init__(self, destination: Destination) -> None:
        scheme, _, target = destination.url.partition("://")
        options = [("grpc.max_send_message_length", -1)]
        if scheme == "grpcs":
            self._channel = grpc.secure_channel(target, grpc.ssl_channel_credentials(), options)
        else:
            self._channel = grpc.insecure_channel(target, options)
        self._metadata = tuple((name.lower(), value) for name, value in destination.headers)

    def send(self, signal: Signal, body: bytes) -> Reply:
        """Send one request and say what became of it."""
        try:
            self._channel.unary_unary(signal.grpc_path)(body, timeout=_TIMEOUT_SECONDS, metadata=self._metadata)
        except grpc.RpcError as error:
            if error.code() not in _RETRYABLE_GRPC:
                return Reply(Outcome.REFUSED)
            return Reply(Outcome.RETRY, _retry_after(error))
        return Reply(Outcome.SENT)

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()


def _retry_after(error: Any) -> float:
    """What the `RetryInfo` of an answer asks for."""
    details = dict(error.trailing_metadata() or ()).get("grpc-status-details-bin", b"")
    info = error_details_pb2.RetryInfo()
    try:
        if any(detail.Unpack(info) for detail in status_pb2.Status.FromString(details).details):
            return float(info.retry_delay.ToTimedelta().total_seconds())
    except (DecodeError, OverflowError, ValueError):  # a delay of more years than there are is none
        pass
    return 0.0


def open_sender(destination: Destination) -> Sender:
    """The sender for a destination's scheme."""
    return GrpcSender(destination) if destination.url.startswith("grpc") else HttpSender(destination)
