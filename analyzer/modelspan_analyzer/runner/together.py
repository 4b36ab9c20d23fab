"""What the monitors of a window call alarms, judged over all their tests together, before anything is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from modelspan_analyzer.config.base import Settings
from modelspan_analyzer.config.settings import ModelSettings
from modelspan_analyzer.instants import utc
from modelspan_analyzer.results import Result, Verdict
from modelspan_analyzer.verdicts.together import Evidence, judged_together
from modelspan_collector.store.connect import Store

TESTED: Final = (Verdict.OK, Verdict.WARNING, Verdict.ALARM)
BEFORE: Final = 2
"""Windows just before that count."""
CHOSEN: Final = frozenset({"alpha", "confidence", "thresholds", "preset", "slo"})
"""Settings by which somebody says when a signal alarms: where one is given, that stands."""
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
    alpha = settings.false_alarms
    tests = [one for one in results if _tested(one)]
    alarms = [one for one in tests if one.verdict is Verdict.ALARM]
    doubted = [one for one in alarms if not _chosen(getattr(settings, one.signal, None))]
    if not doubted or alpha >= 1:
        return list(results)
    stored, earlier = _stored(store, doubted[0])
    looked_at = {one.signal for one in results}
    others = [Evidence(key[0], p) for key, p in stored.items() if key[0] not in looked_at]
    own = [Evidence(one.signal, float(one.p_value or 0.0), earlier.get(_key(one), ())) for one in tests]
    together = judged_together([*own, *others], alpha)
    asked = {id(one) for one in doubted}
    judged = zip(tests, together.sure, together.q_values, strict=False)  # those of the others come after them
    unsure = {id(one): float(q) for one, sure, q in judged if id(one) in asked and not sure}
    number = len(own) + len(others)
    return [_warning(one, unsure[id(one)], number, alpha) if id(one) in unsure else one for one in results]


def _tested(result: Result) -> bool:
    return result.p_value is not None and result.threshold is not None and result.verdict in TESTED


def _chosen(section: object) -> bool:
    """Whether anybody said in a section when it alarms."""
    if not isinstance(section, Settings):
        return False
    given = section.model_fields_set
    return bool(given & CHOSEN) or any(_chosen(getattr(section, name)) for name in given)


def _warning(result: Result, q_value: float, tests: int, alpha: float) -> Result:
    doubt = f"not sure over all {tests} tests of the window (adjusted p {q_value:.2g}, allowed {alpha:g})"
    reason = "; ".join(part for part in (result.reason, f"{doubt}: it alarms if it lasts") if part)
    details = {**result.details, "alone": Verdict.ALARM.value, "q_window": q_value}
    return replace(result, verdict=Verdict.WARNING, reason=reason, details=details)


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
