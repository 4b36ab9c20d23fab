"""When did errors begin: online change detectors over the error rate of labelled predictions, read from SQL buckets."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from modelspan_analyzer.performance.rows import window_rows
from modelspan_analyzer.results import Window
from modelspan_analyzer.statistics.detectors.adwin import adwin
from modelspan_analyzer.statistics.detectors.ddm import ddm
from modelspan_collector.store.connect import Store

BUCKETS: Final = 200
HISTORY: Final = 5
"""Windows of this length looked back on."""

_ERRORS = """
SELECT toInt64(floor((toUnixTimestamp64Milli(timestamp) / 1000 - {{since:Float64}}) / {{step:Float64}})) AS bucket,
       avg(truth != label) AS error, count() AS n
FROM ({rows}) WHERE truth != '' AND label != '' GROUP BY bucket ORDER BY bucket
"""


def change_points(store: Store, model: str, version: str, window: Window) -> dict[str, datetime]:
    """For each detector that finds the error rate changed within the window: the time of the change.

    The stream starts `HISTORY` window lengths before the window's end. ADWIN: Bifet and Gavaldà 2007; DDM: Gama et al.
    2004.
    """
    length = (window.end - window.start) * HISTORY
    history = Window(window.end - length, window.end)
    step = length.total_seconds() / BUCKETS
    rows = window_rows(model, version, history)
    bounds = {"since": history.start.timestamp(), "step": step}
    table = store.arrow(_ERRORS.format(rows=rows.sql), {**rows.parameters, **bounds})
    if table.num_rows < 10:
        return {}
    bucket = table["bucket"].to_numpy()
    error, n = table["error"].to_pylist(), [float(rows) for rows in table["n"].to_pylist()]
    found = {"adwin": adwin(error, n), "ddm": ddm([e * rows for e, rows in zip(error, n, strict=True)], n).drifts}
    times = {
        name: [history.start + timedelta(seconds=float(bucket[at] * step)) for at in at] for name, at in found.items()
    }
    return {
        name: min(inside) for name, moments in times.items() if (inside := [m for m in moments if m >= window.start])
    }
