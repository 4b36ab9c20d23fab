"""Where the spans of predictions are, if not near them in time: backfills, replays and wrong clocks move either."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import numpy as np
import numpy.typing as npt

from modelspan_analyzer.instants import in_words
from modelspan_analyzer.results import Window
from modelspan_collector.store.connect import Store

TRACES: Final = 200
"""Traces that are looked for by their id, whatever the time."""

_WHEN = """
SELECT TraceId AS trace, toUnixTimestamp(min(Start)) AS first, toUnixTimestamp(max(End)) AS last
FROM otel_traces_trace_id_ts WHERE TraceId IN {traces:Array(String)} GROUP BY TraceId ORDER BY TraceId
"""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A stretch of time that holds the spans of some predictions, and how far from them it lies."""

    window: Window
    offset: float
    """Seconds from a prediction to its first span, in the median."""

    @property
    def sentence(self) -> str:
        """What a reader has to know of it."""
        way = "after" if self.offset > 0 else "before"
        return (
            f"their spans are stamped {in_words(abs(self.offset))} {way} the predictions themselves "
            "(a backfill, a replay or a wrong clock) and were joined by trace id alone"
        )


def elsewhere(store: Store, trace_ids: Sequence[str], times: npt.NDArray[np.float64]) -> Elsewhere | None:
    """Where the spans of these traces are, from at most `TRACES` of them; None where the store has none.

    Args:
        store: with traces.
        trace_ids: of predictions.
        times: of the same predictions, seconds since 1970.
    """
    some = np.unique(np.linspace(0, len(trace_ids) - 1, min(TRACES, len(trace_ids))).astype(int))
    when = {str(trace_ids[at]): float(times[at]) for at in some}
    table = store.arrow(_WHEN, {"traces": list(when)})
    if not table.num_rows:
        return None
    first, last = (table[name].to_numpy().astype(float) for name in ("first", "last"))
    own = np.array([when[trace] for trace in table["trace"].to_pylist()])
    bounds = Window(
        datetime.fromtimestamp(first.min(), UTC), datetime.fromtimestamp(last.max(), UTC) + timedelta(seconds=1)
    )
    return Elsewhere(bounds, float(np.median(first - own)))
