"""A measure of performance beside windows of the same time: rows of one time of the day may be harder than of another.

Only a rhythm is an excuse: a model that gets worse as its inputs grow away from what it knows is worse.
"""

from __future__ import annotations

from dataclasses import replace

from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.like import beside_like, calm_like
from modelspan_analyzer.monitors.performance.evaluate import Measured
from modelspan_analyzer.monitors.performance.judge import Place, judge
from modelspan_analyzer.monitors.performance.measured import measured_in
from modelspan_analyzer.reading.outcomes.read import Segment
from modelspan_analyzer.reading.outcomes.target import read_as
from modelspan_analyzer.reading.rows import rows_of_windows
from modelspan_analyzer.results import Found, Verdict


def beside_rhythm(
    context: MonitorContext, signal: str, segment: Segment, part: str, one: Measured, found: Found, place: Place
) -> Found:
    """What was found of a measure; an alarm by its change, beside windows of the same time where inputs have a rhythm.

    Args:
        context: of the window.
        signal: whose results tell which of these windows alarmed: a fault is not usual.
        segment: by which rows are taken apart.
        part: of the segment.
        one: the measure in the window.
        found: beside the baseline.
        place: which rows it is of.
    """
    settings = context.settings.performance
    by_change = found.judged.verdict is Verdict.ALARM and "baseline" in found.judged.details
    if not by_change or context.like.is_trend:
        return found
    windows = calm_like(context, signal, one.metric).windows
    if not windows:
        return found
    rows = read_as(rows_of_windows(context.model, None, windows), context.target)
    measured = measured_in(context, rows, segment).get(part, [])
    usual = next((other for other in measured if other.key == one.key), None)
    if usual is None or usual.rows < settings.min_rows:
        return found
    again = judge(one, usual, place._replace(of_whole=False), settings, "")
    words = beside_like(len(windows))
    return replace(again, judged=replace(again.judged, reason=f"{again.judged.reason}; {words}".lstrip("; ")))
