"""A sample of the predictions around a finding that keeps its ratios right, and when the finding began."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from modelspan_analyzer.results import Window
from modelspan_analyzer.why.onset import scan
from modelspan_analyzer.why.selection import Selection
from modelspan_analyzer.why.vocabulary import Budget
from modelspan_collector.store.connect import Store

Floats = npt.NDArray[np.float64]
BUCKETS = 240
SLICE = 300
"""Seconds: the length of the buckets by which `otel_traces` is ordered."""
ENOUGH, ENOUGH_FLAGGED = 40_000, 1500
"""Predictions among which traces are sampled: of a longer or busier stretch only slices are read."""
LEAST_SLICES = 12
"""However busy: what is read must be spread over the time."""
HIGHEST_HASH = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Timeline:
    """How many predictions there were and how many were flagged, over time."""

    edges: Floats
    """Start of each bucket and the end of the last, seconds since 1970, shape (k + 1,)."""
    flagged: Floats
    marked: Floats
    """Predictions likelier flagged than not."""
    total: Floats
    onset: float | None
    """Seconds since 1970; None where the rate is steady or was high from the start."""
    end: float | None

    @property
    def since(self) -> datetime | None:
        """The onset as a time."""
        return None if self.onset is None else datetime.fromtimestamp(self.onset, timezone.utc)


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
    """The predictions' own spans."""
    slices: tuple[int, ...]
    """Starts of the slices of time that were read, empty for all of it."""
    complete: bool

    @property
    def risk(self) -> Floats:
        """Probability that the trace's prediction belongs to the finding."""
        return self.flagged / (self.flagged + self.others)


_TIMELINE = """
SELECT least(intDiv(toUnixTimestamp64Nano(p.timestamp) - {origin:Int64}, {width:Int64}), {last:Int64}) AS bucket,
       sum({weight}) AS flagged, countIf({weight} >= 0.5) AS marked, count() AS total
{source} AND p.timestamp >= {start:DateTime64(9, 'UTC')} AND p.timestamp < {end:DateTime64(9, 'UTC')}
GROUP BY bucket
"""

_SAMPLE = """
SELECT h, t, w, tags, version, trace_id, span_id FROM
(
    SELECT cityHash64(p.trace_id) AS h, toUnixTimestamp64Nano(p.timestamp) AS t, {weight} AS w,
           p.tags AS tags, p.version AS version, p.trace_id AS trace_id, p.span_id AS span_id
    {source} AND p.timestamp >= {start:DateTime64(9, 'UTC')} AND p.timestamp < {end:DateTime64(9, 'UTC')}
      AND p.trace_id != '' AND cityHash64(p.trace_id) <= {highest:UInt64} {slices}
)
WHERE h <= if(w >= 0.5, {flagged_below:UInt64}, {others_below:UInt64})
ORDER BY h
"""


def timeline(store: Store, selection: Selection, context: Window) -> Timeline:
    """Count predictions over the context, and find the stretch that the finding is about."""
    origin = int(context.start.timestamp() * 1e9)
    width = max(1, int((context.end - context.start).total_seconds() * 1e9) // BUCKETS)
    table = store.arrow(
        _fill(_TIMELINE, selection),
        {**_bounds(selection, context), "origin": origin, "width": width, "last": BUCKETS - 1},
    )
    flagged, marked, total = (np.zeros(BUCKETS) for _ in range(3))
    at = table["bucket"].to_numpy()
    flagged[at], marked[at], total[at] = (table[name].to_numpy() for name in ("flagged", "marked", "total"))
    edges = origin / 1e9 + np.arange(BUCKETS + 1) * width / 1e9
    stretch = scan(flagged, total)
    seen = np.nonzero(total)[0]
    begun = stretch is not None and len(seen) > 0 and stretch.first > seen[0]
    over = stretch is not None and len(seen) > 0 and stretch.last <= seen[-1]
    return Timeline(
        edges,
        flagged,
        marked,
        total,
        onset=float(edges[stretch.first]) if begun and stretch else None,
        end=float(edges[stretch.last]) if over and stretch else None,
    )


def draw(store: Store, selection: Selection, context: Window, line: Timeline, budget: Budget) -> Sample:
    """Draw traces by the hash of their id: flagged and others each up to the budget, with weights that undo it.

    Long and busy windows are thinned to slices of five minutes first, half of them after the onset, because the store
    can skip what lies between (Horvitz and Thompson's weights undo this too).
    """
    slices, thinning = _slices(line)
    marked, total = (_within(values, line, slices) for values in (line.marked, line.total))
    rates = (min(1.0, budget.flagged / max(marked, 1.0)), min(1.0, budget.others / max(total - marked, 1.0)))
    below = [min(int(rate * 2.0**64), HIGHEST_HASH) for rate in rates]
    picked = "AND intDiv(toUnixTimestamp(p.timestamp), {slice:UInt32}) * {slice:UInt32} IN {slices:Array(UInt32)}"
    sql = _fill(_SAMPLE, selection).replace("{slices}", picked if slices else "")
    table = store.arrow(
        sql,
        {
            **_bounds(selection, context),
            "highest": max(below),
            "flagged_below": below[0],
            "others_below": below[1],
            "slices": list(slices),
            "slice": SLICE,
        },
    )
    return _as_sample(table, rates, line, slices, thinning)


def _as_sample(
    table: pa.Table, rates: tuple[float, float], line: Timeline, slices: tuple[int, ...], thinning: tuple[float, float]
) -> Sample:
    hashes, first, trace = np.unique(table["h"].to_numpy(), return_index=True, return_inverse=True)
    time, w = table["t"].to_numpy() / 1e9, table["w"].to_numpy()
    after = np.ones(len(time), bool) if line.onset is None else time >= line.onset
    if line.end is not None:
        after &= time < line.end
    stands_for = np.where(w >= 0.5, 1 / rates[0], 1 / rates[1]) * np.where(after, thinning[1], thinning[0])
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
        slices=slices,
        complete=min(rates) >= 1.0 and not slices,
    )


def _slices(line: Timeline) -> tuple[tuple[int, ...], tuple[float, float]]:
    """Starts of the slices to read, and how many predictions each read one stands for, before and after the onset."""
    starts = np.arange(line.edges[0] // SLICE, np.ceil(line.edges[-1] / SLICE)).astype(int) * SLICE
    share = max(ENOUGH / max(float(line.total.sum()), 1.0), ENOUGH_FLAGGED / max(float(line.marked.sum()), 1.0))
    spread = max(LEAST_SLICES, round(share * len(starts)))
    if 2 * spread >= len(starts):
        return (), (1.0, 1.0)
    split = line.edges[0] if line.onset is None else line.onset
    finish = np.inf if line.end is None else line.end
    late = (starts + SLICE > split) & (starts < finish)
    groups = [starts[late]] if late.all() else [starts[~late], starts[late]]
    kept = [
        group[np.linspace(0, len(group) - 1, min(len(group), spread // len(groups))).astype(int)] for group in groups
    ]
    slices = tuple(int(start) for start in np.unique(np.concatenate(kept)))
    return slices, _thinning(line, slices, split, finish)


def _thinning(line: Timeline, slices: tuple[int, ...], split: float, finish: float) -> tuple[float, float]:
    middle = (line.edges[1:] + line.edges[:-1]) / 2
    read = _covered(line, slices)
    late = (middle >= split) & (middle < finish)
    return tuple(  # type: ignore[return-value]
        float(line.total[part].sum() / max((line.total * read)[part].sum(), 1.0)) for part in (~late, late)
    )


def _covered(line: Timeline, slices: tuple[int, ...]) -> Floats:
    """Share of each bucket that lies in a slice."""
    if not slices:
        return np.ones(len(line.total))
    starts = np.asarray(slices, float)[:, None]
    overlap = np.minimum(line.edges[1:], starts + SLICE) - np.maximum(line.edges[:-1], starts)
    return np.asarray(np.clip(overlap, 0, None).sum(axis=0) / (line.edges[1] - line.edges[0]))


def _within(values: Floats, line: Timeline, slices: tuple[int, ...]) -> float:
    return float((values * _covered(line, slices)).sum())


def _fill(template: str, selection: Selection) -> str:
    return template.replace("{weight}", selection.weight).replace("{source}", selection.source)


def _bounds(selection: Selection, context: Window) -> dict[str, Any]:
    return {**selection.parameters, "start": context.start, "end": context.end}


def margin(window: Window, by: timedelta) -> Window:
    """The window, longer by `by` on both sides."""
    return Window(window.start - by, window.end + by)
