"""The connection that an endpoint's protocol asks for."""

from __future__ import annotations

from typing import Protocol

from modelspan._settings import Endpoint
from modelspan.delivery.http import Answer, Body, Connection


class Connected(Protocol):
    """Something that takes requests to the receiver and brings back answers."""

    def post(self, body: Body) -> Answer:
        """Send a body and read the answer.

        Raises:
            OSError, http.client.HTTPException: No answer came in time.
        """

    def close(self) -> None:
        """Close it; the next request opens another."""


def connect(endpoint: Endpoint, signal: str) -> Connected:
    """A connection for the requests of a signal (`logs` or `traces`)."""
    if not endpoint.grpc:
        return Connection(endpoint)
    from modelspan.delivery.grpc import GrpcConnection

    return GrpcConnection(endpoint, signal)
