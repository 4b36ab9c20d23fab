"""One OTLP request to one endpoint, over gRPC or HTTP: delivered, refused for good, or to be tried again."""

from __future__ import annotations

from enum import Enum
from typing import Protocol

import grpc
import urllib3

from modelspan_collector.forward.destination import Destination
from modelspan_collector.receive.signals import Signal

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


class Sender(Protocol):
    """A connection to one destination."""

    def send(self, signal: Signal, body: bytes) -> Outcome:
        """Send one request and say what became of it."""

    def close(self) -> None:
        """Close the connection."""


class HttpSender:
    """OTLP/HTTP with protobuf bodies."""

    def __init__(self, destination: Destination) -> None:
        self._url = destination.url.rstrip("/")
        self._headers = {"content-type": "application/x-protobuf", **dict(destination.headers)}
        self._pool = urllib3.PoolManager(retries=False, timeout=_TIMEOUT_SECONDS)

    def send(self, signal: Signal, body: bytes) -> Outcome:
        """Send one request and say what became of it."""
        try:
            answer = self._pool.request("POST", self._url + signal.http_path, body=body, headers=self._headers)
        except urllib3.exceptions.HTTPError:
            return Outcome.RETRY
        if answer.status < 300:
            return Outcome.SENT
        return Outcome.RETRY if answer.status in _RETRYABLE_HTTP else Outcome.REFUSED

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

    def send(self, signal: Signal, body: bytes) -> Outcome:
        """Send one request and say what became of it."""
        try:
            self._channel.unary_unary(signal.grpc_path)(body, timeout=_TIMEOUT_SECONDS, metadata=self._metadata)
        except grpc.RpcError as error:
            return Outcome.RETRY if error.code() in _RETRYABLE_GRPC else Outcome.REFUSED
        return Outcome.SENT

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()


def open_sender(destination: Destination) -> Sender:
    """The sender for a destination's scheme."""
    return GrpcSender(destination) if destination.url.startswith("grpc") else HttpSender(destination)
