"""Where a model's time goes: the spans of the traces that its predictions are in, slowest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from modelspan_analyzer.charts import Bar, Figure, interval_bars
from modelspan_analyzer.results import Window
from modelspan_analyzer.why.breakdown import Stage, stages
from modelspan_collector.store.connect import Store

MOST: Final = 12


@dataclass(frozen=True, slots=True)
class Spans:
    """The stages of a window."""

    window: Window
    stages: tuple[Stage, ...]
    left_out: int
    """Further stages, the fastest."""

    def figure(self) -> Figure:
        """The median of each, to its 99th percentile."""
        bars = [Bar(f"{one.service} · {one.span_name}", one.p50, one.p50, one.p99) for one in self.stages]
        return interval_bars("Seconds by span, median to 99th percentile", bars, unit="s")


def spans(store: Store, model: str, window: Window | None) -> Spans | None:
    """The stages of a window, from a sample of its traces; None where there is no window, or it has no trace."""
    found: Sequence[Stage] = stages(store, model, window) if window else []
    if window is None or not found:
        return None
    return Spans(window, tuple(found[:MOST]), max(0, len(found) - MOST))
