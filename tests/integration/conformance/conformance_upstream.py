"""What stands around the predictions: in every trace a request and the feature store's answer, which failed in some."""

from __future__ import annotations

import time

from conformance_access import Access, Bench
from conformance_data import BLOCKS, LIVE, ROWS, fails, trace_id
from conformance_wire import Span, post_spans

VERSION = "1"
SERVICE = "scoring"
LIVE_PLAIN = [LIVE.plain(row) for row in range(ROWS)]
"""The rows' features as a caller has them."""
SECOND = 10**9


def begun() -> int:
    """When the first prediction of a source with times of its own was made: a minute ago."""
    return time.time_ns() - 60 * SECOND


def upstream_spans(model: str) -> list[Span]:
    """The spans, a second before the predictions."""
    first, spans = begun() - SECOND, []
    for block in range(BLOCKS):
        start, trace = first + block * SECOND // 20, trace_id(model, block)
        spans.append(Span("web", "POST /score", trace, f"{block + 1:016x}", start, {"http.route": "/score"}))
        answer = Span("feature-store", "GET /profile", trace, f"{block + 1001:016x}", start + 1000, {}, fails(block))
        spans.append(answer)
    return spans


def send_upstream(bench: Bench, access: Access, model: str, port: int | None = None) -> None:
    """Send the spans around the predictions."""
    post_spans(port or bench.collector(access).http_port, access.headers, upstream_spans(model))
