"""Why a request was not taken; each error knows its answer in both protocols.

RefusedError
├── BadRequestError     malformed: the client must not send it again
├── TooLargeError       over a size limit, compressed or not
├── UnauthenticatedError   no token, or one that is not known
├── WrongTenantError    the token's, but in another tenant's name
└── BusyError           cannot be taken now: send it again after a while
"""

from __future__ import annotations

from typing import ClassVar

import grpc


class RefusedError(Exception):
    """Base of every refusal; its message is a sentence for the sender."""

    http_status: ClassVar[int]
    code: ClassVar[grpc.StatusCode]
    outcome: ClassVar[str]
    """The value of the label `outcome` of the collector's own metric."""
    retry_after: float | None = None
    """Seconds after which to send it again; None where sending again is of no use."""


class BadRequestError(RefusedError):
    """The bytes are not the OTLP message that they claim to be."""

    http_status = 400
    code = grpc.StatusCode.INVALID_ARGUMENT
    outcome = "malformed"


class UnsupportedError(BadRequestError):
    """A content type or encoding that OTLP does not have."""

    http_status = 415


class TooLargeError(RefusedError):
    """The body is larger than the configured limit, before or after decompression."""

    http_status = 413
    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    outcome = "too_large"


class UnauthenticatedError(RefusedError):
    """The request carries no token that is known."""

    http_status = 401
    code = grpc.StatusCode.UNAUTHENTICATED
    outcome = "unauthenticated"


class WrongTenantError(RefusedError):
    """The request says that it is another tenant's than its token."""

    http_status = 403
    code = grpc.StatusCode.PERMISSION_DENIED
    outcome = "wrong_tenant"


class BusyError(RefusedError):
    """No room now: the log is at its budget, the disk is full, or too much is in flight."""

    http_status = 503
    code = grpc.StatusCode.UNAVAILABLE
    outcome = "busy"

    def __init__(self, message: str, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after
