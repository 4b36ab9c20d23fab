"""What was said of a window and is said no longer: results replace each other by name, and a name may fall away.

With labels in, with another baseline or other settings a window that is measured again gives other metrics. A row of
the earlier measurement that the newest does not give is replaced by one that says so, so that every reader of
`monitor_results` sees what the newest measurement says.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_collector.store.connect import Store

FAILURE: Final = "monitor"
"""The metric of a monitor that came to no end."""
NO_LONGER: Final = "no longer measured: the window was measured again since, without it"
_EARLIER: Final = """
SELECT signal, metric, feature, segment, monitor FROM monitor_results FINAL
WHERE model = {model:String} AND version = {version:String}
  AND window_start = {start:DateTime64(9, 'UTC')} AND window_end = {end:DateTime64(9, 'UTC')}
  AND has({signals:Array(String)}, toString(signal)) AND reason != {no_longer:String}
"""


def withdrawn(
    store: Store, model: str, version: str, window: Window, measured: Sequence[Result], signals: Collection[str]
) -> list[Result]:
    """A row for each earlier result of the window that was not found again: no value, `skipped`.

    Args:
        store: where earlier results are.
        model: of the window.
        version: of the window.
        window: that was measured again.
        measured: what was found now. A signal of which a monitor failed keeps what it said: nothing newer is known.
        signals: that were measured.
    """
    failed = {one.signal for one in measured if one.metric == FAILURE and one.verdict is Verdict.ERROR}
    asked = {
        "model": model,
        "version": version,
        "start": window.start,
        "end": window.end,
        "signals": sorted(set(signals) - failed),
        "no_longer": NO_LONGER,
    }
    current = {(one.signal, one.metric, one.feature, one.segment, one.monitor) for one in measured}
    return [
        Result(model, version, window, signal, metric, None, Verdict.SKIPPED, **named, reason=NO_LONGER)
        for signal, metric, named in (
            (row.pop("signal"), row.pop("metric"), row) for row in store.rows(_EARLIER, asked)
        )
        if (signal, metric, *named.values()) not in current
    ]
