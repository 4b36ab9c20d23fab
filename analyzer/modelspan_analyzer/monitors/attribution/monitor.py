"""The monitor of reasons: do attributions rank the features as they did on the baseline.

Attributions are those logged with predictions; where a model is configured, those of a bounded sample are computed.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from modelspan_analyzer import kinds
from modelspan_analyzer.explain.frame import read_signature
from modelspan_analyzer.explain.shapley import attribute
from modelspan_analyzer.explain.supplied import load_model
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.signal import Cost, Need, Signal
from modelspan_analyzer.reading import attributions
from modelspan_analyzer.reading.attributions import Importance
from modelspan_analyzer.reading.rows import Rows, baseline_rows, unlabelled_rows
from modelspan_analyzer.reading.samples.matrix import find_encoding, sample
from modelspan_analyzer.results import Judged, Result, Seen, Verdict, Window, unjudged
from modelspan_analyzer.statistics.attribution.ranking import attribution_ndcg

SIGNAL: Final = "attribution"
_TOP = 10
MOST_WINDOWS = 8
"""Windows whose attributed rows are taken together, where one has too few."""


def attribution(context: MonitorContext) -> list[Result]:
    """NDCG against the baseline, and the ten most important features with their direction."""
    settings = context.settings.attribution
    if not settings.enabled:
        return []
    if context.baseline is None:
        reason = context.nothing_to_compare()
        return [context.result(SIGNAL, "attribution_ndcg", None, Verdict.NOT_ENOUGH_DATA, reason=reason)]
    if not settings.model and not _any(context):
        return [_none(context)]
    if context.no_rows:
        return context.skipped_without_rows(SIGNAL, "attribution_ndcg")
    reference = baseline_rows(context.baseline)
    kept = context.baseline.baseline_id if context.baseline.kind == "rows" else ""
    before = attributions.importances(context.store, reference, context.model, kept)
    if settings.model and _attributed(before) < settings.rows:
        _explain(context, reference, reference, kept)
        before = attributions.importances(context.store, reference, context.model, kept)
    now, windows = _of_window(context, reference)
    if not now and not before:
        return [_none(context)]
    return [*_judge(context, now, before, windows), *_top(context, now, before)]


def _none(context: MonitorContext) -> Result:
    reason = "no prediction has attributions: log `attributions=`, or name a model in `attribution: {model: ...}`"
    return context.result(SIGNAL, "attribution_ndcg", None, Verdict.SKIPPED, reason=reason)


def _any(context: MonitorContext) -> bool:
    """Whether any row has attributions: asking is a tenth of reading them."""
    given = any(one.attributed for one in context.answers)
    return given or attributions.any_kept(context.store, context.model)


def _attributed(found: Sequence[Importance]) -> int:
    return max((one.rows for one in found), default=0)


def _of_window(context: MonitorContext, reference: Rows) -> tuple[list[Importance], int]:
    """Importances of the window, and how many windows they are of.

    Where a slow model leaves time for fewer rows than are needed, those of the windows before are taken in with them.
    """
    settings, length = context.settings.attribution, context.window.end - context.window.start
    rows = unlabelled_rows(context.model, context.version, context.window)
    now = attributions.importances(context.store, rows, context.model)
    if not settings.model:
        return now, 1
    if _attributed(now) < settings.min_rows:
        _explain(context, rows, reference, "")
    found: list[Importance] = []
    for windows in (1, 2, 4, MOST_WINDOWS):
        whole = Window(context.window.end - windows * length, context.window.end)
        more = unlabelled_rows(context.model, context.version, whole)
        found = attributions.importances(context.store, more, context.model)
        if _attributed(found) >= settings.min_rows or not length:
            return found, windows
    return found, MOST_WINDOWS


def _explain(context: MonitorContext, rows: Rows, reference: Rows, baseline_id: str) -> None:
    """Attribute rows of a sample that have no attributions yet with the configured model, within the budget.

    What a window leaves time for is kept, so that a slow model's baseline is complete after some windows.
    """
    settings = context.settings.attribution
    encoding = find_encoding(context.store, reference)
    background = sample(context.store, reference, encoding, settings.rows)
    chosen = sample(context.store, rows, encoding, settings.rows)
    done = attributions.attributed_ids(context.store, context.model, baseline_id, list(chosen.ids))
    chosen = chosen.only(np.array([name not in done for name in chosen.ids], bool))
    if not len(chosen.ids) or not len(background.ids):
        return
    model = load_model(settings.model, encoding, read_signature(context.store, context.model, context.version))
    found = attribute(model, chosen.features, background.features, seconds=settings.seconds)
    given = {name: found.values[:, at] for at, name in enumerate(encoding.names)}
    names = (context.model, context.version, baseline_id)
    attributions.write(context.store, *names, chosen, given, found.base_value, found.method)


def _judge(
    context: MonitorContext, now: Sequence[Importance], before: Sequence[Importance], windows: int
) -> Iterator[Result]:
    settings = context.settings.attribution
    rows, base_rows = _attributed(now), _attributed(before)
    lost = sum(one.left_out for one in now), sum(one.left_out for one in before)
    details: dict[str, object] = {"windows": windows} | ({"left_out": lost} if any(lost) else {})
    unusable = f"; left out, as no numbers: {lost[0]} attributions, {lost[1]} of the baseline" if any(lost) else ""
    seen = Seen(n=rows, n_baseline=base_rows, direction="below", details=details)
    if min(rows, base_rows) < settings.min_rows:
        reason = f"{rows} attributed rows against {base_rows} of the baseline; both need {settings.min_rows}{unusable}"
        few = Judged(Verdict.NOT_ENOUGH_DATA, reason, settings.min_ndcg)
        yield context.judged(SIGNAL, "attribution_ndcg", None, seen, few)
        return
    ranks = [{one.feature: one.importance for one in found} for found in (before, now)]
    value = attribution_ndcg(*ranks)
    if math.isnan(value):
        reason = f"no feature of the baseline has any importance{unusable}"
        none = Judged(Verdict.SKIPPED, reason, settings.min_ndcg)
        yield context.judged(SIGNAL, "attribution_ndcg", None, seen, none)
        return
    alarm = value < settings.min_ndcg
    moved = max(
        ranks[0].keys() | ranks[1].keys(), key=lambda name: abs(_share(ranks[1], name) - _share(ranks[0], name))
    )
    reason = (
        f"{moved} has {_share(ranks[1], moved):.0%} of all importance, from {_share(ranks[0], moved):.0%}"
        if alarm
        else ""
    )
    reason += f"; of {windows} windows, as one has time for too few rows" if windows > 1 else ""
    reason += unusable
    judged = Judged(Verdict.ALARM if alarm else Verdict.OK, reason.lstrip("; "), settings.min_ndcg)
    # the feature is named beside the measurement: what tells measurements apart is the same whatever they say
    seen = replace(seen, details={**seen.details, "features": [moved]})
    yield context.judged(SIGNAL, "attribution_ndcg", value, seen, judged)


def _share(importance: dict[str, float], name: str) -> float:
    total = sum(importance.values())
    return importance.get(name, 0.0) / total if total else 0.0


def _top(context: MonitorContext, now: Sequence[Importance], before: Sequence[Importance]) -> Iterator[Result]:
    """Importance, direction and shift of the ten most important features."""
    known = {one.feature: one for one in before}
    for rank, one in enumerate([each for each in now if each.rows][:_TOP], start=1):
        details = {"rank": rank, "direction": one.direction, "mean": one.mean}
        if one.feature in known:
            details["shift"] = attributions.shift(one, known[one.feature])
            details["baseline"] = known[one.feature].importance
        rows = known[one.feature].rows if one.feature in known else 0
        seen = Seen(one.feature, n=one.rows, n_baseline=rows, details=details)
        read = unjudged("there to be read: `attribution_ndcg` is judged")
        yield context.judged(SIGNAL, "mean_absolute_attribution", one.importance, seen, read)


ATTRIBUTION: Final = Signal(
    SIGNAL,
    "changed influence",
    kinds.DRIFT,
    run=attribution,
    needs=(Need.BASELINE, Need.ATTRIBUTIONS),
    cost=Cost.SAMPLE,
    whole_only="a ranking of features has a bound and no test: over a slice's few rows it differs by chance alone",
)
