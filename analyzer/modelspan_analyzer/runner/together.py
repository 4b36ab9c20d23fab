"""What the monitors of a window call alarms, judged over all their tests together, before anything is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from modelspan_analyzer.config.base import level_given
from modelspan_analyzer.config.settings import ModelSettings
from modelspan_analyzer.instants import utc
from modelspan_analyzer.results import Result, Verdict
from modelspan_analyzer.verdicts.together import Evidence, with_doubts
from modelspan_collector.store.connect import Store

BEFORE: Final = 2
"""Windows just before that count."""
Key = tuple[str, ...]

_TESTS = """
SELECT window_end, signal, metric, feature, segment, monitor, p_value FROM monitor_results FINAL
WHERE model = {model:String} AND version = {version:String} AND baseline_id = {baseline:String}
  AND isNotNull(p_value) AND isNotNull(threshold) AND verdict IN ('ok', 'warning', 'alarm')
  AND window_end > {since:DateTime64(9, 'UTC')}
  AND (window_end <= {start:DateTime64(9, 'UTC')} OR (window_start = {start:DateTime64(9, 'UTC')}
       AND window_end = {end:DateTime64(9, 'UTC')}))
ORDER BY window_end DESC
"""


def judge_together(store: Store, results: Sequence[Result], settings: ModelSettings) -> list[Result]:
    """The results of one window; an alarm that is not sure over all tests of the window becomes a warning.

    What has no test, such as a feature that no longer comes or a bound that was given, stays as its monitor gave it; so
    does a signal for which a level or a threshold of its own is set. Where only some monitors looked at the window
    again, as when labels came in, the tests of the others count as they are stored.
    """
    decided = {one.signal for one in results if level_given(getattr(settings, one.signal, None))}
    doubted = next((one for one in results if one.verdict is Verdict.ALARM and one.signal not in decided), None)
    if doubted is None:
        return list(results)
    stored, before = _stored(store, doubted)
    looked_at = {one.signal for one in results}
    return with_doubts(
        [one.signal for one in results],
        results,
        settings.false_alarms,
        decided=decided,
        earlier=[before.get(_key(one), ()) for one in results],
        others=[Evidence(key[0], p) for key, p in stored.items() if key[0] not in looked_at],
    )


def _key(result: Result) -> Key:
    return result.signal, result.metric, result.feature, result.segment, result.monitor


def _stored(store: Store, one: Result) -> tuple[Mapping[Key, float], Mapping[Key, list[float]]]:
    """What is stored of a result's window, and p-values of the two windows before, against the same baseline."""
    window = one.window
    asked = {
        "model": one.model,
        "version": one.version,
        "baseline": one.baseline_id,
        "since": window.start - BEFORE * (window.end - window.start),
        "start": window.start,
        "end": window.end,
    }
    same: dict[Key, float] = {}
    earlier: dict[Key, list[float]] = {}
    for row in store.rows(_TESTS, asked):
        key = row["signal"], row["metric"], row["feature"], row["segment"], row["monitor"]
        if utc(row["window_end"]) == window.end:
            same[key] = float(row["p_value"])
        elif len(before := earlier.setdefault(key, [])) < BEFORE:
            before.append(float(row["p_value"]))
    return same, earlier
