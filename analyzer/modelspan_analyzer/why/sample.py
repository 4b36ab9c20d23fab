"""A sample of the predictions around a finding that keeps its ratios right."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelspan_analyzer.results import Window
from modelspan_analyzer.why.explanation import Budget
from modelspan_analyzer.why.selection import Selection
from modelspan_analyzer.why.stretches import PAD, SLICE, Stretches, choose
from modelspan_analyzer.why.timeline import Timeline
from modelspan_collector.store.connect import Store

Floats = npt.NDArray[np.float64]
HIGHEST_HASH = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Sample:
    """The sampled traces, one entry a trace, ordered by hash."""

    hashes: npt.NDArray[np.uint64]
    time: Floats
    """Seconds since 1970 of the prediction."""
    flagged: Floats
    """Flagged predictions that the trace stands for."""
    others: Floats
    after: npt.NDArray[np.bool_]
    """Whether it comes after the onset (all do where there is none)."""
    tags: pa.Array
    version: npt.NDArray[np.str_]
    trace_ids: npt.NDArray[np.str_]
    span_ids: npt.NDArray[np.str_]
    """The predictions' own spans, or those that they were made in."""
    duration: Floats
    """Seconds that each prediction took; 0 where that is not known."""
    slices: tuple[int, ...]
    """Starts of the slices of time that were read, empty for all of it."""
    complete: bool

    @property
    def risk(self) -> Floats:
        """Probability that the trace's prediction belongs to the finding."""
        return self.flagged / (self.flagged + self.others)


_SAMPLE = """
SELECT h, t, w, tags, version, trace_id, span_id, duration FROM
(
    SELECT cityHash64(p.trace_id) AS h, toUnixTimestamp64Nano(p.timestamp) AS t, {weight} AS w,
           p.tags AS tags, p.version AS version, p.trace_id AS trace_id, p.span_id AS span_id,
           p.duration AS duration
    {source} AND p.timestamp >= {start:DateTime64(9, 'UTC')} AND p.timestamp < {end:DateTime64(9, 'UTC')}
      AND p.trace_id != '' AND cityHash64(p.trace_id) <= {highest:UInt64} {stretches}
)
WHERE h <= if(w >= 0.5, {flagged_below:UInt64}, {others_below:UInt64})
ORDER BY h
"""
_IN_STRETCHES = """
      AND toUnixTimestamp(toStartOfFiveMinutes(p.timestamp)) IN {slices:Array(UInt32)}
      AND intDiv(toUnixTimestamp(p.timestamp) - {pad:UInt32}, {slice:UInt32}) * {slice:UInt32} IN {slices:Array(UInt32)}
      AND intDiv(toUnixTimestamp(p.timestamp) + {pad:UInt32}, {slice:UInt32}) * {slice:UInt32} IN {slices:Array(UInt32)}
"""


def draw(store: Store, selection: Selection, context: Window, line: Timeline, budget: Budget) -> Sample:
    """Draw traces by the hash of their id: flagged and others each up to the budget, with weights that undo it.

    What one of the two leaves of its budget goes to the other.

    Long and busy windows are thinned to stretches first, because the store can skip what lies between (Horvitz and
    Thompson's weights undo this too).
    """
    stretches = choose(line)
    marked, total = (float((values * stretches.covered).sum()) for values in (line.marked, line.total))
    others, both = total - marked, budget.flagged + budget.others
    rates = (
        min(1.0, max(budget.flagged, both - others) / max(marked, 1.0)),
        min(1.0, max(budget.others, both - marked) / max(others, 1.0)),
    )
    below = [min(int(rate * 2.0**64), HIGHEST_HASH) for rate in rates]
    table = store.arrow(
        selection.fill(_SAMPLE).replace("{stretches}", _IN_STRETCHES if stretches.slices else ""),
        {
            **selection.during(context),
            "highest": max(below),
            "flagged_below": below[0],
            "others_below": below[1],
            "slices": list(stretches.slices),
            "slice": SLICE,
            "pad": PAD,
        },
    )
    return _as_sample(table, rates, line, stretches)


def _as_sample(table: pa.Table, rates: tuple[float, float], line: Timeline, stretches: Stretches) -> Sample:
    hashes, first, trace = np.unique(table["h"].to_numpy(), return_index=True, return_inverse=True)
    time, w = table["t"].to_numpy() / 1e9, table["w"].to_numpy()
    after = np.ones(len(time), bool) if line.onset is None else time >= line.onset
    if line.end is not None:
        after &= time < line.end
    stands_for = np.where(w >= 0.5, 1 / rates[0], 1 / rates[1]) * np.where(
        after, stretches.thinning[1], stretches.thinning[0]
    )
    return Sample(
        hashes=hashes,
        time=time[first],
        flagged=np.bincount(trace, w * stands_for, len(hashes)).astype(float),
        others=np.bincount(trace, (1 - w) * stands_for, len(hashes)).astype(float),
        after=after[first],
        tags=table["tags"].combine_chunks().take(pa.array(first)) if len(first) else table["tags"].combine_chunks(),
        version=table["version"].to_numpy(zero_copy_only=False).astype(str)[first],
        span_ids=table["span_id"].to_numpy(zero_copy_only=False).astype(str)[first],
        trace_ids=table["trace_id"].to_numpy(zero_copy_only=False).astype(str)[first],
        duration=np.nan_to_num(table["duration"].to_numpy(zero_copy_only=False).astype(float)[first]),
        slices=stretches.slices,
        complete=min(rates) >= 1.0 and not stretches.slices,
    )


def margin(window: Window, by: timedelta) -> Window:
    """The window, longer by `by` on both sides."""
    return Window(window.start - by, window.end + by)
