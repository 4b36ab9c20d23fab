"""Tables posted over HTTP: which content types are read, and how large they may be, posted and unfolded.

The content types make a browser ask first, so that no page of another origin can post one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace
from typing import Final

import anyio.to_thread
import pyarrow as pa
from clickhouse_connect.driver.exceptions import Error as DriverError
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from modelspan_analyzer.files.date_order import ORDERS
from modelspan_analyzer.files.read import from_bytes
from modelspan_analyzer.files.rows import FileRows
from modelspan_analyzer.files.written import AS_FOUND, Written
from modelspan_collector.access.redact_table import redact_columns
from modelspan_collector.access.rules import NO_RULES, Redaction
from modelspan_collector.bounded import BoundedError, Budget, OverBudgetError, Share
from modelspan_collector.store.errors import StoreError

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
_AT_ONCE: Final = anyio.CapacityLimiter(2)
"""Tables that are worked on at one time: the others wait without a thread, which health and metrics need too."""


class TooLargeError(BoundedError):
    """A body beyond what is taken; answered 413."""


async def answered(request: Request, work: Callable[[QueryParams, str, bytes], dict[str, object]]) -> Response:
    """What a function makes of a body, off the server's thread; or what was wrong with it, and whose fault that is."""
    kind = content_type(request)
    try:
        with _IN_FLIGHT.share() as share:
            given = await body(request, share)
            made = await anyio.to_thread.run_sync(work, request.query_params, kind, given, limiter=_AT_ONCE)
    except TooLargeError as error:
        return JSONResponse({"error": str(error)}, status_code=413)
    except OverBudgetError as error:
        return JSONResponse({"error": str(error)}, status_code=503, headers={"Retry-After": "1"})
    except (StoreError, DriverError) as error:
        return JSONResponse({"error": str(error)}, status_code=500)
    except (ValueError, KeyError, OSError, pa.ArrowException) as error:
        return JSONResponse({"error": str(error)}, status_code=400)
    return JSONResponse(made, status_code=201)


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


def content_type(request: Request) -> str:
    """Without its parameters."""
    return request.headers.get("content-type", "").split(";")[0].strip().lower()


def written(given: QueryParams) -> Written:
    """What the parameters say of how the text of a body is written.

    Raises:
        ValueError: a number or an order is none.
    """
    skip, order = given.get("skip_rows", ""), given.get("date_order", "")
    if skip and not (skip.isascii() and skip.isdigit() and len(skip) < 10):
        raise ValueError(f"skip_rows is a number of lines, not {skip[:40]!r}")
    if order and order not in ORDERS:
        raise ValueError(f"date_order is one of {', '.join(ORDERS)}, not {order[:40]!r}")
    return Written(given.get("encoding", ""), int(skip) if skip else None, order)


def table(
    kind: str,
    given: bytes,
    texts: tuple[str, ...] = (),
    rules: Redaction = NO_RULES,
    structural: Collection[str] = (),
    written: Written = AS_FOUND,
) -> FileRows:
    """The rows of a body, without what may not be stored.

    Args:
        kind: its content type.
        given: the body.
        texts: columns that stay as they are written.
        rules: of the collector: what is sent as a file is redacted as what is sent as telemetry.
        structural: columns without which a row has no place, whatever the rules say of their names.
        written: what was said of how its text is written.

    Raises:
        ValueError: its type is not one of `TABLE_TYPES`, or it cannot be read as a table.
    """
    if kind not in TABLE_TYPES:
        raise ValueError(f"a table is posted with a content type of {', '.join(TABLE_TYPES)}, not {kind!r}")
    rows = from_bytes(given, texts, MOST_UNFOLDED, written)
    return redacted(rows, rules, frozenset(structural)) if rules.active else rows


def redacted(rows: FileRows, rules: Redaction, structural: frozenset[str]) -> FileRows:
    """Rows without what the rules take out; the names of columns that are gone are told to who sent them."""
    plain = rows.set_all({name: rows.column(name) for name in rows.table.column_names})
    kept, _ = redact_columns(rules, plain.table, structural)
    there = set(kept.column_names)
    for name in rows.table.column_names:
        if rules.masked(name) not in there:
            rows.remarks.leave_out(f"column {name!r}: redaction keeps it out of the store")
    return replace(rows, table=kept, percents=frozenset(map(rules.masked, rows.percents)))


def left(rules: Redaction, names: Iterable[str]) -> tuple[str, ...]:
    """Those of the columns named in a request that redaction leaves, as it leaves them."""
    return tuple(rules.masked(name) for name in names if rules.action(name) != "drop")
