"""A trace to look at: its spans one under the other, and where it is in the APM."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from modelspan_analyzer.charts import Figure, Span, waterfall
from modelspan_analyzer.config.alert_settings import AlertSettings
from modelspan_analyzer.reading.traces import MOST_SPANS, SPANS, read_trace
from modelspan_analyzer.views.query import Query
from modelspan_analyzer.views.veil import Veil
from modelspan_collector.store.connect import Store


@dataclass(frozen=True, slots=True)
class Step:
    """One span."""

    name: str
    service: str
    service_version: str
    starts_at_ms: float
    """Since the trace began."""
    takes_ms: float
    depth: int
    failed: bool
    message: str


@dataclass(frozen=True, slots=True)
class Trace:
    """One trace, as far as it is stored."""

    trace_id: str
    steps: tuple[Step, ...]
    left_out: int
    """Spans that are stored and not shown."""
    link: str
    """Into the APM; empty where `alerts.trace` of monitors.yaml is not set."""

    def drawn(self) -> Figure:
        """Its waterfall."""
        spans = [
            Span(
                step.name,
                step.starts_at_ms,
                step.takes_ms,
                step.depth,
                f"{step.service} {step.service_version}".rstrip(),
                "error" if step.failed else "ok",
                step.message,
            )
            for step in self.steps
        ]
        return waterfall(f"Trace {self.trace_id[:40]}", spans)


def trace(store: Store, trace_id: str, settings: AlertSettings, veil: Veil) -> tuple[Trace, Query]:
    """A trace by its id, and the query behind it."""
    rows = read_trace(store, trace_id)
    began = min((span.start for span in rows.spans), default=None)
    steps = tuple(
        Step(
            veil.text(span.name),
            span.service,
            span.service_version,
            (span.start - began).total_seconds() * 1000 if began else 0.0,
            span.milliseconds,
            span.depth,
            span.failed,
            veil.text(span.message),
        )
        for span in rows.spans
    )
    link = settings.trace.format(trace_id=quote(trace_id, safe="")) if settings.trace else ""
    query = Query(f"Spans of trace {trace_id[:40]}", SPANS, {"trace_id": trace_id, "most": MOST_SPANS})
    return Trace(trace_id, steps, rows.left_out, link if link.startswith(("http://", "https://")) else ""), query
