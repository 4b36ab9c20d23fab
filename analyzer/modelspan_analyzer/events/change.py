"""Which verdicts are news: a finding that begins or changes, and one that is over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from modelspan_analyzer.config.incident_settings import IncidentSettings
from modelspan_analyzer.incidents.incident import key_of
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_analyzer.verdicts.labels_decide import is_left_to_labels

OK: Final = Verdict.OK.value
BAD: Final = (Verdict.WARNING.value, Verdict.ALARM.value)
NOT_MEASURED: Final = "not_measured"
"""A finding that no window has said anything of for `incidents.forget_after`: nobody knows whether it lasts."""
Key = tuple[str, ...]
"""`OpenFinding.key`: version, signal, metric, feature, segment, monitor."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one measurement's verdict: a row of `verdict_events`."""

    model: str
    key: Key
    window: Window
    """That changed it."""
    before: str
    verdict: str
    at: datetime
    """When it was found."""


@dataclass(frozen=True, slots=True)
class Told:
    """What was told last of one measurement."""

    verdict: str
    window_end: datetime


@dataclass(frozen=True, slots=True)
class History:
    """What `monitor_results` holds of one measurement."""

    newest: datetime
    """End of the newest window that said anything."""
    good: int
    """Windows that are well since the last that is not."""


def verdict_of(result: Result) -> str:
    """What a result says of a finding; '' where it says nothing, as with too few rows."""
    if is_left_to_labels(result):
        return OK
    return result.verdict.value if result.verdict.value in (OK, *BAD) else ""


def candidates(results: Sequence[Result], told: Mapping[Key, Told]) -> set[Key]:
    """The measurements of a window of which something may have to be told: only of these the history is asked for."""
    said = {key_of(result): verdict_of(result) for result in results}
    differs = {key for key, verdict in said.items() if verdict and _is_news(verdict, _last(told, key))}
    return differs | {key for key, last in told.items() if last.verdict in BAD and not said.get(key)}


def changes(
    results: Sequence[Result],
    told: Mapping[Key, Told],
    histories: Mapping[Key, History],
    settings: IncidentSettings,
    now: datetime,
) -> list[Change]:
    """What one window changes. A finding is told at once, and that it is over after `resolve_after` good windows.

    A window that is older than what is known says nothing: missed windows are made up for after newer ones.

    Args:
        results: all of one window of one version.
        told: what was told last of each measurement; nothing of one that was never bad.
        histories: of the `candidates`.
        settings: when a finding is over, as for incidents.
        now: the time to stamp.
    """
    said = {key_of(result): verdict_of(result) for result in results}
    model, window = results[0].model, results[0].window
    found = []
    for key in sorted(candidates(results, told)):
        history, verdict, before = histories.get(key), said.get(key, ""), _last(told, key)
        if history is None or history.newest > window.end:
            continue
        if not verdict:
            verdict = NOT_MEASURED if window.end - history.newest >= settings.forget_after else ""
        elif verdict == OK and history.good < settings.resolve_after:
            verdict = ""
        if verdict:
            found.append(Change(model, key, window, before, verdict, now))
    return found


def _is_news(verdict: str, last: str) -> bool:
    """Whether a verdict differs from the last: that something is well is news only while it is said to be bad."""
    return verdict != last and (verdict in BAD or last in BAD)


def _last(told: Mapping[Key, Told], key: Key) -> str:
    return told[key].verdict if key in told else OK
