"""Whether labels are as frequent as in the baseline, or where there is a rhythm or a trend, as in windows like it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final, NamedTuple

import numpy as np

from modelspan_analyzer.config.outcome_settings import ConceptSettings
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.like import beside_like, calm_like
from modelspan_analyzer.reading.outcomes.read import confusions
from modelspan_analyzer.reading.outcomes.target import BINARY, Target, read_as
from modelspan_analyzer.reading.rows import Rows, window_rows
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_analyzer.statistics.chi_squared import chi_squared_of_tables
from modelspan_analyzer.statistics.counts import proportions
from modelspan_analyzer.statistics.performance.counts import FloatArray
from modelspan_analyzer.statistics.psi import log_ratios
from modelspan_analyzer.statistics.total_variation import total_variation_of_shares

METRIC: Final = "label_shift"


def label_shift(
    context: MonitorContext, signal: str, current: Rows, reference: Rows, target: Target
) -> Iterator[Result]:
    """Total variation distance of the labels' frequencies, with the chi-squared test that they are the baseline's."""
    settings = context.settings.concept
    now, before = (_truths_of(context, rows, target) for rows in (current, reference))
    if now is None or before is None:
        return
    there, words, details = before, "", {}
    found = _shifted(now, there, settings)
    if found.alarm:
        calm = calm_like(context, signal, METRIC, partial(_gone, context, target, before, now))
        details = dict(calm.details)
        if (like := _truths_together(context, calm.windows, target)) is not None:
            there, words = like, f", {beside_like(len(calm.windows))}"
            found = _shifted(now, there, settings)
    share = found.share
    at = int(np.argmax(np.abs(share[0] - share[1]))) if target.task != BINARY else len(target.classes) - 1
    name = target.classes[at]
    reason = f"the label {name} is {share[0, at]:.1%} of the rows, from {share[1, at]:.1%}"
    yield context.result(
        signal,
        METRIC,
        found.distance,
        Verdict.ALARM if found.alarm else Verdict.OK,
        threshold=settings.min_label_shift,
        p_value=found.p_value,
        n=round(now.sum()),
        n_baseline=round(there.sum()),
        reason=f"{reason}{words}" if found.alarm or words else "",
        details={"class": name, "share": share[0, at], "baseline_share": share[1, at], **details},
    )


class _Shift(NamedTuple):
    share: FloatArray
    """Of each class, now and before, shape (2, classes)."""
    distance: float
    p_value: float
    alarm: bool


def _shifted(now: FloatArray, before: FloatArray, settings: ConceptSettings) -> _Shift:
    counts = np.stack([now, before])
    share = proportions(counts)
    distance = float(total_variation_of_shares(*share))
    p_value = chi_squared_of_tables(counts).single().p_value
    return _Shift(share, distance, p_value, distance >= settings.min_label_shift and p_value < settings.alpha)


def _truths_of(context: MonitorContext, rows: Rows, target: Target) -> FloatArray | None:
    """Effective rows of each true class; None without labels."""
    threshold = context.settings.performance.threshold
    counts = confusions(context.store, rows, target, threshold=threshold).get("")
    return None if counts is None else np.asarray(counts.matrix.sum(axis=1) * counts.shrink)


def _truths_together(context: MonitorContext, windows: Sequence[Window], target: Target) -> FloatArray | None:
    """The same of earlier windows; None with too few labelled rows."""
    every = (read_as(window_rows(context.model, None, window, outcome=context.outcome), target) for window in windows)
    known = [found for rows in every if (found := _truths_of(context, rows, target)) is not None]
    together = np.sum(known, axis=0) if known else np.zeros(1)
    return together if together.sum() >= context.settings.concept.min_rows else None


def _gone(context: MonitorContext, target: Target, before: FloatArray, now: FloatArray, window: Window) -> float:
    """How far an earlier window's labels had gone from the baseline's to these; NaN with too few of them."""
    there = _truths_together(context, [window], target)
    return float("nan") if there is None else float(proportions(there) @ log_ratios(before, now))
