"""Whether predictions come at all: as many as usual, by a version that is still used, and none too old."""

from __future__ import annotations

from collections.abc import Iterator, Set
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from modelspan_analyzer.config.expects import NOTHING
from modelspan_analyzer.instants import in_words
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.quality.expected import expected_bursts, too_young
from modelspan_analyzer.monitors.quality.volume import LARGEST_Z, VOLUME, Usual, alarmed_before, usual_volume
from modelspan_analyzer.reading.arrivals import PRIMARY, Arrivals, newest, newest_answer, role_at
from modelspan_analyzer.results import Judged, Result, Seen, Verdict
from modelspan_analyzer.verdicts.bursts import Bursts
from modelspan_analyzer.verdicts.lifecycle import retired

FRESHNESS: Final = "freshness"
YOUNG: Final = (
    "0 predictions; it seems to predict in batches, of which four are needed to tell when the next one is due: "
    "say `expects: batch every ...`"
)


def arrival(context: MonitorContext, signal: str) -> Iterator[Result]:
    """Volume and freshness of the window; what was seen of them is written in every window.

    Args:
        context: the window.
        signal: whose results they are.
    """
    window, current = context.window, context.current
    last = min(current.newest, window.end) if current.newest else None
    last = last or (context.silence.since if context.silence else None)
    last = last or newest(context.store, context.model, context.version, window.end)
    age = None if last is None else window.end - last
    role = role_at(context.store, context.model, context.version, last)
    yield _by_role(_volume(context, signal, age, role), role)
    yield _by_role(_freshness(context, signal, age, role), role)


def _batches(context: MonitorContext) -> Bursts | None:
    """The rhythm of a model that predicts in batches, between which there are windows without any."""
    expects, end = context.settings.expects, context.window.end
    bursts = expected_bursts(context.store, context.model, expects, end, context.silence)
    length = (context.window.end - context.window.start).total_seconds()
    return bursts if bursts is not None and bursts.batches and bursts.period > length else None


def _young(context: MonitorContext) -> bool:
    return too_young(context.store, context.model, context.settings.expects, context.window.end, context.silence)


def _retired(context: MonitorContext) -> str:
    """That nothing is expected of the version any more, in words; '' where that is not told."""
    return retired(context.stages.get((context.model, context.version)))


def _by_role(result: Result, role: str) -> Result:
    """What a version does not say that answers nobody calls nobody."""
    if role == PRIMARY or result.verdict is not Verdict.ALARM:
        return result
    reason = f"{result.reason}; version {result.version} is a {role}, which answers nobody"
    return replace(result, verdict=Verdict.WARNING, reason=reason)


def _volume(context: MonitorContext, signal: str, age: timedelta | None, role: str) -> Result:
    rows = context.current.rows
    if context.partial:
        reason = "the data end within this window, so that its volume is not known"
        return context.result(signal, VOLUME, float(rows), Verdict.NOT_COMPARED, n=rows, reason=reason, monitor=signal)
    if over := _retired(context):  # whether it may predict at all is another signal's
        judged = Judged(Verdict.NOT_COMPARED if rows else Verdict.OK, f"{rows:,} predictions; {over}", 0.0)
        return context.judged(signal, VOLUME, float(rows), Seen(n=rows), judged, signal)
    if context.settings.expects == NOTHING:
        judged = Judged(Verdict.WARNING if rows else Verdict.OK, f"{rows:,} predictions; `expects: nothing`", 0.0)
        return context.judged(signal, VOLUME, float(rows), Seen(n=rows), judged, signal)
    if rows == 0 and (bursts := _batches(context)):
        return _batch(context, signal, bursts, age)
    known = context.silence.alarmed if context.silence else None
    alarmed = alarmed_before(context.store, signal, context.model, context.window, known)
    usual = usual_volume(context.store, context.model, context.version, context.window, alarmed, context.silence)
    if usual is None:
        reason = f"{rows:,} predictions; three earlier windows with predictions are needed to say what is usual"
        return context.result(signal, VOLUME, float(rows), Verdict.NOT_COMPARED, n=rows, reason=reason, monitor=signal)
    judged = _judged(usual, rows)
    if judged.verdict is Verdict.ALARM and rows and (bursts := _batches(context)):
        return _batch(context, signal, bursts, age)
    if judged.verdict is Verdict.ALARM and not rows and _young(context):
        return context.judged(signal, VOLUME, 0.0, Seen(), Judged(Verdict.NOT_COMPARED, YOUNG), signal)
    if judged.verdict is Verdict.ALARM and role == PRIMARY:
        judged = _as_a_whole(context, alarmed, judged, above=usual.z(rows) > 0)
    z = usual.z(rows)
    details, direction = {"usual": usual.median, "z": z}, "below" if z < 0 else "above"
    seen = Seen(n=rows, n_baseline=round(usual.median), direction=direction, details=details)
    return context.judged(signal, VOLUME, float(rows), seen, judged, signal)


def _judged(usual: Usual, rows: int) -> Judged:
    z = usual.z(rows)
    reason = f"{rows:,} predictions; {usual.pattern} had {usual.median:,.0f} (z {z:.1f})"
    return Judged(Verdict.ALARM if abs(z) > LARGEST_Z else Verdict.OK, reason, usual.bound(z > 0))


def _as_a_whole(context: MonitorContext, alarmed: Set[tuple[str, datetime]], judged: Judged, *, above: bool) -> Judged:
    """Where the model as a whole answered as much as usual, its traffic only moved from version to version."""
    scope, window, silence = (context.store, context.model, None), context.window, context.silence
    (rows,) = Arrivals(*scope, window, silence).counts([window])
    usual = usual_volume(*scope, window, alarmed, silence)
    if usual is None or (abs(usual.z(rows)) > LARGEST_Z and (usual.z(rows) > 0) == above):
        return judged
    moved = f"all versions of {context.model} together answered {rows:,}, as usual ({usual.median:,.0f})"
    return replace(judged, verdict=Verdict.OK, reason=f"{judged.reason}; {moved}: its traffic moved")


def _batch(context: MonitorContext, signal: str, bursts: Bursts, age: timedelta | None) -> Result:
    """Of a model that predicts in batches, only whether the next one is overdue."""
    rows, end, seconds = context.current.rows, context.window.end, age.total_seconds() if age else 0.0
    last = end - age if age else None
    if seconds > 0 and rows == 0:  # the batch may have come by another version
        other = newest_answer(context.store, context.model, end, end - timedelta(seconds=bursts.limit))
        seconds, last = (0.0, other) if other is not None else (seconds, last)
    late = seconds > bursts.limit
    every = f"a batch comes every {in_words(bursts.period)}"
    reason = f"{rows:,} predictions; {every}"
    if late:
        limit = in_words(bursts.limit)
        reason = f"no predictions for {in_words(seconds)}; {every}, and the next one is overdue after {limit}"
    elif last is not None:
        reason += f", and the next one is overdue at {last + timedelta(seconds=bursts.limit):%Y-%m-%d %H:%M} UTC"
    seen = Seen(n=rows, direction="below", details={"period": bursts.period, "age": seconds, "limit": bursts.limit})
    judged = Judged(Verdict.ALARM if late else Verdict.OK, reason, 0.0)
    return context.judged(signal, VOLUME, float(rows), seen, judged, signal)


def _freshness(context: MonitorContext, signal: str, age: timedelta | None, role: str) -> Result:
    """How old the newest prediction is at the window's end, whether it is of the window or not."""
    rows, allowed = context.current.rows, context.settings.data_quality.max_age
    if age is None:
        reason = "no prediction yet"
        return context.result(signal, FRESHNESS, None, Verdict.SKIPPED, n=rows, reason=reason, monitor=signal)
    seconds = age.total_seconds()
    if allowed is not None and seconds > allowed and (bursts := _batches(context)):
        allowed = max(allowed, bursts.limit)
    judged = Judged(Verdict.NOT_COMPARED, f"the newest prediction is {seconds:.0f} s older than the window's end")
    if over := _retired(context):
        judged = replace(judged, reason=f"{judged.reason}; {over}")
    elif context.settings.expects == NOTHING:
        judged = replace(judged, reason=f"{judged.reason}; `expects: nothing`")
    elif context.partial:
        judged = Judged(Verdict.NOT_COMPARED, "the data end within this window, so that nothing later could be seen")
    elif allowed is not None:
        judged = replace(judged, verdict=Verdict.ALARM if seconds > allowed else Verdict.OK, threshold=allowed)
        since = context.window.end - timedelta(seconds=allowed)
        late = seconds > allowed and role == PRIMARY
        if late and newest_answer(context.store, context.model, context.window.end, since) is not None:
            moved = f"{judged.reason}; other versions of {context.model} answered since: its traffic moved"
            judged = replace(judged, verdict=Verdict.OK, reason=moved)
    return context.judged(signal, FRESHNESS, seconds, Seen(n=rows), judged, signal)
