"""The monitor of fairness: all measures of every facet, judged on change from the baseline and on fixed bounds.

A change alarms where it is large, sure after correction for the number of groups and measures looked at, and leads
away from equal treatment. As one group's move also shifts the others' difference from "the rest", the alarm names only
groups whose own rate moved. What needs labels is also estimated without them (`estimated_…`); an estimate may alarm
until so many of the window's labels are in that the realised measure is judged (see `labels_decide`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from modelspan_analyzer import kinds
from modelspan_analyzer.config.outcome_settings import FairnessSettings
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.fairness import flips
from modelspan_analyzer.monitors.fairness.estimated import FINE_BINS, learn
from modelspan_analyzer.monitors.fairness.found import SIGNAL, judged, small_groups, ungrouped
from modelspan_analyzer.monitors.fairness.judge import nearest, outside
from modelspan_analyzer.monitors.fairness.numbers import of_numbers, of_other_tasks
from modelspan_analyzer.monitors.signal import Metric, Need, Signal
from modelspan_analyzer.monitors.told_by import told_by
from modelspan_analyzer.reading.outcomes.groups import Cube, count_cube
from modelspan_analyzer.reading.outcomes.target import BINARY, REGRESSION, Target
from modelspan_analyzer.reading.rows import Rows, unlabelled_rows
from modelspan_analyzer.reading.segments import spelt_facets
from modelspan_analyzer.results import Judged, Result, Seen, Verdict, finite, unjudged
from modelspan_analyzer.statistics.fairness.measures import FLIP_TEST, GROUP_CALIBRATION
from modelspan_analyzer.statistics.fairness.numbers import NUMBER_MEASURES
from modelspan_analyzer.statistics.performance.calibration import BINS
from modelspan_analyzer.verdicts.labels_decide import labels_decide


def fairness(context: MonitorContext) -> list[Result]:
    """Every fairness measure of every configured facet; nothing where no facet is configured."""
    settings = context.settings.fairness
    if not (settings.enabled and settings.facets):
        return []
    context, told = told_by(context, SIGNAL, settings.outcome)
    if any(one.verdict is Verdict.ERROR for one in told):
        return told
    sources, target = context.sources, context.target
    refused = told + list(of_other_tasks(context, numbers=target.task == REGRESSION))
    if target.task == REGRESSION:
        return [*refused, *of_numbers(context, list(_facets(settings)))]
    estimated = settings.estimated and target.task == BINARY and len(sources) == 2
    cubes = [_count(context, rows, target, FINE_BINS if estimated else BINS) for rows in sources]
    results = [result for facets in _facets(settings) for result in _facet_results(context, facets, cubes)]
    if settings.flip_rows:
        results += _flips(context, cubes[0], target)
    if estimated:
        results += _estimated(context, *cubes)
    return [*refused, *results]


def _facets(settings: FairnessSettings) -> Iterator[tuple[str, ...]]:
    yield from ((facet,) for facet in settings.facets)
    yield from settings.intersections


def _count(context: MonitorContext, rows: Rows, target: Target, bins: int) -> Cube:
    settings = context.settings.fairness
    crossed = [facet for facets in settings.intersections for facet in facets]
    condition = [settings.condition_on] if settings.condition_on else []
    names = list(dict.fromkeys([*settings.facets, *crossed, *condition]))
    favourable = settings.favourable or target.classes[-1]
    return count_cube(
        context.store,
        rows,
        names,
        favourable,
        cuts=settings.cuts,
        threshold=context.settings.performance.threshold,
        inverted=target.task == BINARY and favourable != target.positive,
        bins=bins,
    )


def _labelled(cube: Cube) -> float:
    """Effective rows whose truth is known."""
    return float(cube.weight[cube.truth < 2].sum()) * cube.effective


def _facet_results(context: MonitorContext, facets: tuple[str, ...], cubes: list[Cube]) -> Iterator[Result]:
    counts, *baselines = (cube.groups(facets, context.settings.fairness.condition_on) for cube in cubes)
    rows = round(float(cubes[0].weight.sum()) * cubes[0].effective)
    yield from ungrouped(context, counts, rows, round(float(counts.sizes.sum())))
    yield from judged(context, counts, baselines)
    yield from small_groups(context, counts)
    yield from _calibration(context, facets, cubes[0])


def _estimated(context: MonitorContext, now: Cube, before: Cube) -> Iterator[Result]:
    """The measures that need labels, from the counts that calibrated scores expect; nothing without enough labels."""
    settings = context.settings.fairness
    learnt = _labelled(before)
    if learnt < context.settings.estimation.min_rows:
        return
    rows = float(now.weight.sum()) * now.effective
    judge = not labels_decide(_labelled(now), rows, learnt, settings.min_group)
    for calibrators in learn(before, list(_facets(settings))):
        counts, base = (calibrators.expected(cube, settings.condition_on) for cube in (now, before))
        yield from judged(context, counts, [base], estimate=True, judge=judge)


def _calibration(context: MonitorContext, facets: tuple[str, ...], cube: Cube) -> Iterator[Result]:
    facet = spelt_facets(facets)
    for segment, error in zip(*cube.calibration(facets), strict=True):
        read = unjudged("there to be read: what is judged are the groups' differences")
        yield context.judged(SIGNAL, GROUP_CALIBRATION, finite(error), Seen(facet, segment), read)


def _flips(context: MonitorContext, cube: Cube, target: Target) -> Iterator[Result]:
    settings = context.settings.fairness
    favourable = settings.favourable or target.classes[-1]
    threshold = context.settings.performance.threshold
    count = round(float(cube.weight.sum()) * cube.effective)
    rows = unlabelled_rows(context.model, context.version, context.window)
    taken = flips.draw(context.store, rows, count, target, favourable, threshold, settings)
    for facets in _facets(settings):
        for one in flips.flip_tests(taken, facets, settings.min_group):
            yield _flip_result(context, facets, one)


def _flip_result(context: MonitorContext, facets: tuple[str, ...], one: flips.Flipped) -> Result:
    settings = context.settings.fairness
    seen = Seen(spelt_facets(facets), one.group, one.rows, details={"clarify": "FT"})
    if one.estimate is None:
        reason = f"{one.rows} rows of the group in the sample; it and the others need {settings.min_group}"
        return context.judged(SIGNAL, FLIP_TEST, None, seen, Judged(Verdict.NOT_ENOUGH_DATA, reason))
    value, lower, upper = one.estimate
    bounds = settings.bounds.get(FLIP_TEST)
    if not bounds:
        reason = f"{FLIP_TEST} is judged by bounds alone: give `bounds: {{{FLIP_TEST}: [-0.1, 0.1]}}`"
        said = Judged(Verdict.NOT_COMPARED, reason)
    elif outside(one.estimate, bounds, settings.confidence):
        reason = f"{FLIP_TEST} of {one.group}: {value:.3g} is outside {bounds[0]:g} to {bounds[1]:g}"
        said = Judged(Verdict.ALARM, reason, nearest(value, bounds))
    else:
        said = Judged(Verdict.OK, threshold=nearest(value, bounds))
    return context.judged(SIGNAL, FLIP_TEST, value, replace(seen, lower=lower, upper=upper), said)


FAIRNESS: Final = Signal(
    SIGNAL,
    "unfair {metric}",
    kinds.UNFAIR,
    run=fairness,
    needs=(Need.LABELS, Need.LABELLED_BASELINE),
    gravity=1,
    harm=True,
    plain_answers=True,
    metrics={
        "facets": Metric(),
        # What a group is told is beside what all are told; how wrong that is, beside how wrong it was.
        **{one.name: Metric(question=kinds.WRONG) for one in NUMBER_MEASURES if one.counts == "both"},
    },
)
