"""Which results call for retraining: a rule matches results of enough windows in a row. Decided without I/O."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from modelspan_analyzer.config.outcome_settings import RetrainingRule
from modelspan_analyzer.incidents import Incident
from modelspan_analyzer.incidents.incident import OpenFinding
from modelspan_analyzer.monitors.quality.monitor import DATA_QUALITY
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


def place_of(one: Result | OpenFinding) -> str:
    """What was measured of what, in words: metric, feature and slice."""
    return " ".join(part for part in (one.metric, one.feature, one.segment) if part)


def is_due(rule: RetrainingRule, last: datetime | None, now: datetime) -> bool:
    """True where the rule has not called within its shortest interval."""
    return last is None or now - last >= rule.at_most_every


def concerned(results: Sequence[Result], incidents: Sequence[Incident]) -> list[Incident]:
    """The incidents that any of these results is a finding of."""
    said = {(one.version, one.signal, one.metric, one.feature, one.segment) for one in results}
    return [one for one in incidents if any(member.key[:5] in said for member in one.findings if not member.ended)]


def held_by(rule: RetrainingRule, results: Sequence[Result], incidents: Sequence[Incident]) -> list[str]:
    """What of the data's quality forbids a call, in words: alarms of the newest window, and open findings.

    Args:
        rule: the rule; one that asks for results of data quality itself is not held.
        results: of the version, of any number of windows.
        incidents: of the model, the open ones.
    """
    if not rule.hold_on_data_quality or rule.signal == DATA_QUALITY.name or not results:
        return []
    newest = max(results, key=lambda result: result.window.end)
    alarms = [
        place_of(one)
        for one in results
        if one.signal == DATA_QUALITY.name and one.verdict is Verdict.ALARM and one.window.end == newest.window.end
    ]
    findings = [
        f"{place_of(member)} (incident {one.incident_id})"
        for one in incidents
        for member in one.findings
        if member.signal == DATA_QUALITY.name and member.version == newest.version and not member.ended
    ]
    told = {text.partition(" (incident")[0] for text in findings}
    return [*findings, *(alarm for alarm in alarms if alarm not in told)]
