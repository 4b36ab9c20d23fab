"""Fairness of a model that predicts numbers, and what is asked of a model that its task has not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.fairness.found import SIGNAL, judged, small_groups, ungrouped
from modelspan_analyzer.reading.outcomes.number_groups import NumberRows, number_rows
from modelspan_analyzer.results import Result, Verdict
from modelspan_analyzer.statistics.fairness.measures import AGAINST_REST, FLIP_TEST, GROUP_CALIBRATION, OVER_GROUPS
from modelspan_analyzer.statistics.fairness.numbers import NUMBER_MEASURES

_OF_CLASSES: Final = (*(one.name for one in (*AGAINST_REST, *OVER_GROUPS)), FLIP_TEST, GROUP_CALIBRATION)
_OF_NUMBERS: Final = tuple(one.name for one in NUMBER_MEASURES)
_CLASS_SETTINGS: Final = {"condition_on": "conditional_disparity", "flip_rows": FLIP_TEST, "favourable": "favourable"}
"""Settings that mean nothing to numbers, with what they are for."""


def of_numbers(context: MonitorContext, facets: Sequence[tuple[str, ...]]) -> Iterator[Result]:
    """Every measure of every facet, and of every crossing, of a regression."""
    cuts = context.settings.fairness.cuts
    names = list(dict.fromkeys(name for crossed in facets for name in crossed))
    sources = [number_rows(context.store, rows, names, cuts) for rows in context.sources]
    yield from _without_number(context, sources[0])
    for crossed in facets:
        counts, *baselines = (one.groups(crossed) for one in sources)
        rows = sources[0].count - sources[0].left_out
        yield from ungrouped(context, counts, rows, rows if counts.names else 0)
        yield from judged(context, counts, baselines)
        yield from small_groups(context, counts)


def _without_number(context: MonitorContext, rows: NumberRows) -> Iterator[Result]:
    if rows.left_out:
        reason = f"{rows.left_out} of {rows.count} rows answer with no finite number, and are in no group"
        yield context.result(SIGNAL, "rows_without_number", None, Verdict.SKIPPED, n=rows.left_out, reason=reason)


def of_other_tasks(context: MonitorContext, *, numbers: bool) -> Iterator[Result]:
    """A word on each measure that the settings name and that does not apply to the model's task."""
    settings = context.settings.fairness
    given = settings.model_fields_set
    asked = [*settings.bounds, *(settings.alarm_on if "alarm_on" in given else ())]
    if numbers:
        asked += [means for name, means in _CLASS_SETTINGS.items() if name in given and getattr(settings, name)]
    own, others = (_OF_NUMBERS, _OF_CLASSES) if numbers else (_OF_CLASSES, _OF_NUMBERS)
    what = ("classes", "numbers") if numbers else ("numbers", "classes")
    for name in dict.fromkeys(asked):
        if name in others or name in _CLASS_SETTINGS:
            reason = f"{name} is of {what[0]}, and this model predicts {what[1]}: use {', '.join(own[:3])} or others"
            yield context.result(SIGNAL, name, None, Verdict.SKIPPED, reason=reason)
