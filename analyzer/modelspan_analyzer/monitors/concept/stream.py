"""When did errors begin: online change detectors over the error rate of labelled predictions, read from SQL buckets."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, NamedTuple

import numpy as np

from modelspan_analyzer.reading.outcomes.target import Target, read_as
from modelspan_analyzer.reading.rows import window_rows
from modelspan_analyzer.results import Window
from modelspan_analyzer.statistics.detectors.adwin import adwin
from modelspan_analyzer.statistics.detectors.ddm import ddm
from modelspan_analyzer.statistics.detectors.page_hinkley import page_hinkley
from modelspan_analyzer.statistics.performance.counts import FloatArray
from modelspan_collector.store.connect import Store

BUCKETS: Final = 200
FEWEST: Final = 10
"""Buckets with labels that detectors need."""
HISTORY: Final = 5
"""Windows of this length looked back on."""
HALF_DEVIATION: Final = 0.5
"""Tolerated move of a bucket's error rate, in standard deviations of its sampling error."""
DEVIATIONS: Final = 10.0
"""Sum of moves that is a change: by chance in 4 of 2,000 simulated streams of 200 buckets."""

_ERRORS = """
SELECT toInt64(floor((toUnixTimestamp64Milli(timestamp) / 1000 - {{since:Float64}}) / {{step:Float64}})) AS bucket,
       avg(truth != label) AS error, count() AS n
FROM ({rows}) WHERE truth != '' AND label != '' GROUP BY bucket ORDER BY bucket
"""


class Change(NamedTuple):
    """What one detector says of the error rate."""

    moment: datetime | None
    """When it changed within the window; None where it did not."""
    before: float
    """Error rate of the stream up to the change, or to the window's start."""
    after: float
    """Error rate from then on."""
    rows: int
    """Labelled rows of the stream."""


def change_points(
    store: Store, model: str, version: str, window: Window, target: Target | None = None, outcome: str = ""
) -> dict[str, Change]:
    """What each detector says of the error rate in the window; nothing where fewer than ten buckets have labels.

    The stream starts `HISTORY` window lengths before the window's end. ADWIN: Bifet and Gavaldà 2007; DDM: Gama et al.
    2004; Page-Hinkley: Page 1954, over error rates in standard deviations of their sampling error.
    """
    length = (window.end - window.start) * HISTORY
    history = Window(window.end - length, window.end)
    step = length.total_seconds() / BUCKETS
    rows = window_rows(model, version, history, outcome=outcome)
    rows = read_as(rows, target) if target else rows
    bounds = {"since": history.start.timestamp(), "step": step}
    table = store.arrow(_ERRORS.format(rows=rows.sql), {**rows.parameters, **bounds})
    if table.num_rows < FEWEST:
        return {}
    bucket, n = (table[name].to_numpy().astype(np.float64) for name in ("bucket", "n"))
    error = table["error"].to_numpy()
    found = {
        "adwin": adwin(error, n),
        "ddm": ddm(error * n, n).drifts,
        "page_hinkley": page_hinkley(_standardised(error, n), delta=HALF_DEVIATION, threshold=DEVIATIONS),
    }
    opened = float((window.start - history.start).total_seconds() / step)
    return {
        name: _change(bucket, error, n, [b for b in bucket[list(at)] if b >= opened], opened, history, step)
        for name, at in found.items()
    }


def _change(
    bucket: FloatArray,
    error: FloatArray,
    n: FloatArray,
    inside: list[float],
    opened: float,
    history: Window,
    step: float,
) -> Change:
    at = min(inside) if inside else opened
    before, after = (
        float(np.average(error[part], weights=n[part])) if part.any() else float("nan")
        for part in (bucket < at, bucket >= at)
    )
    moment = history.start + timedelta(seconds=at * step) if inside else None
    return Change(moment, before, after, int(n.sum()))


def _standardised(error: FloatArray, n: FloatArray) -> list[float]:
    """Error rates less their mean, each in standard deviations of its sampling error."""
    mean = float(np.average(error, weights=n))
    moved: list[float] = ((error - mean) * np.sqrt(n / max(mean * (1 - mean), 1e-12))).tolist()
    return moved
