"""When did errors begin: online change detectors over the error rate of labelled predictions, read from SQL buckets."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import numpy as np

from modelspan_analyzer.performance.counts import FloatArray
from modelspan_analyzer.performance.rows import window_rows
from modelspan_analyzer.results import Window
from modelspan_analyzer.statistics.detectors.adwin import adwin
from modelspan_analyzer.statistics.detectors.ddm import ddm
from modelspan_analyzer.statistics.detectors.page_hinkley import page_hinkley
from modelspan_collector.store.connect import Store

BUCKETS: Final = 200
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


def change_points(store: Store, model: str, version: str, window: Window) -> dict[str, datetime]:
    """For each detector that finds the error rate changed within the window: the time of the change.

    The stream starts `HISTORY` window lengths before the window's end. ADWIN: Bifet and Gavaldà 2007; DDM: Gama et al.
    2004; Page-Hinkley: Page 1954, over error rates in standard deviations of their sampling error.
    """
    length = (window.end - window.start) * HISTORY
    history = Window(window.end - length, window.end)
    step = length.total_seconds() / BUCKETS
    rows = window_rows(model, version, history)
    bounds = {"since": history.start.timestamp(), "step": step}
    table = store.arrow(_ERRORS.format(rows=rows.sql), {**rows.parameters, **bounds})
    if table.num_rows < 10:
        return {}
    bucket, n = (table[name].to_numpy().astype(np.float64) for name in ("bucket", "n"))
    error = table["error"].to_numpy()
    found = {
        "adwin": adwin(error, n),
        "ddm": ddm(error * n, n).drifts,
        "page_hinkley": page_hinkley(_standardised(error, n), delta=HALF_DEVIATION, threshold=DEVIATIONS),
    }
    times = {
        name: [history.start + timedelta(seconds=float(bucket[at] * step)) for at in at] for name, at in found.items()
    }
    return {
        name: min(inside) for name, moments in times.items() if (inside := [m for m in moments if m >= window.start])
    }


def _standardised(error: FloatArray, n: FloatArray) -> list[float]:
    """Error rates less their mean, each in standard deviations of its sampling error."""
    mean = float(np.average(error, weights=n))
    moved: list[float] = ((error - mean) * np.sqrt(n / max(mean * (1 - mean), 1e-12))).tolist()
    return moved
