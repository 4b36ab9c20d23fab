"""Tables posted over HTTP: which content types are read, and how large they may be, posted and unfolded.

The content types make a browser ask first, so that no page of another origin can post one.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import Final

from starlette.requests import Request

from modelspan_analyzer.files.read import from_bytes
from modelspan_analyzer.files.rows import FileRows
from modelspan_collector.bounded import BoundedError, Budget, Share

PARQUET_TYPE: Final = "application/vnd.apache.parquet"
TABLE_TYPES: Final = (
    PARQUET_TYPE,
    "application/vnd.apache.arrow.file",
    "application/vnd.apache.arrow.stream",
    "application/x-ndjson",
    "application/gzip",
    "application/octet-stream",
    "text/csv",
    "text/tab-separated-values",
)
MOST_BYTES: Final = 128 * 2**20
"""Of one body as it is posted."""
MOST_UNFOLDED: Final = 2**28
"""Of its rows once they are read."""
_IN_FLIGHT: Final = Budget(2 * MOST_BYTES)


class TooLargeError(BoundedError):
    """A body beyond what is taken; answered 413."""


async def body(request: Request, share: Share) -> bytes:
    """The body, counted as it comes.

    Raises:
        TooLargeError: it is larger than `MOST_BYTES`.
        OverBudgetError: too much is in flight.
    """
    pieces, size = [], 0
    async for piece in request.stream():
        size += len(piece)
        if size > MOST_BYTES:
            raise TooLargeError(f"the body is larger than {MOST_BYTES:,} bytes; send it in parts, or as Parquet")
        share.take(len(piece))
        pieces.append(piece)
    return b"".join(pieces)


def in_flight() -> AbstractContextManager[Share]:
    """One body's share of what all of them together may take."""
    return _IN_FLIGHT.share()


def content_type(request: Request) -> str:
    """Without its parameters."""
    return request.headers.get("content-type", "").split(";")[0].strip().lower()


def table(kind: str, given: bytes, texts: tuple[str, ...] = ()) -> FileRows:
    """The rows of a body.

    Raises:
        ValueError: its type is not one of `TABLE_TYPES`, or it cannot be read as a table.
    """
    if kind not in TABLE_TYPES:
        raise ValueError(f"a table is posted with a content type of {', '.join(TABLE_TYPES)}, not {kind!r}")
    return from_bytes(given, texts, MOST_UNFOLDED)
