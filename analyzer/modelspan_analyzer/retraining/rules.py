"""Which results call for retraining: a rule matches results of enough windows in a row. Decided without I/O."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from modelspan_analyzer.config.outcome_settings import RetrainingRule
from modelspan_analyzer.results import Result, Verdict

_COUNTS = {"alarm": {Verdict.ALARM}, "warning": {Verdict.WARNING, Verdict.ALARM}}


def evidence(rule: RetrainingRule, results: Sequence[Result]) -> list[Result]:
    """The results that make a rule fire: matching ones in each of the newest `rule.windows` windows; else none.

    Args:
        rule: the rule.
        results: of one model's version, of any number of windows.
    """
    windows = sorted({result.window.end for result in results}, reverse=True)[: rule.windows]
    if len(windows) < rule.windows:
        return []
    matching = [result for result in results if result.window.end in windows and _matches(rule, result)]
    return matching if {result.window.end for result in matching} == set(windows) else []


def _matches(rule: RetrainingRule, result: Result) -> bool:
    wanted = ((rule.signal, result.signal), (rule.metric, result.metric), (rule.feature, result.feature))
    return result.verdict in _COUNTS[rule.verdict] and all(given in ("", found) for given, found in wanted)


def is_due(rule: RetrainingRule, last: datetime | None, now: datetime) -> bool:
    """True where the rule has not called within its shortest interval."""
    return last is None or now - last >= rule.at_most_every
