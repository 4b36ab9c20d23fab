"""Fairness within the configured slices: groups that are treated alike over all rows, and not in one country.

Each slice is judged as the whole is, by its own rows on both sides. A group of a slice is named as rows of several
slices are, `tag.country=DE & tag.sex=Female`, so that whoever reads a result can ask for them.
"""

from __future__ import annotations

from dataclasses import replace

from modelspan_analyzer.config.outcome_settings import FairnessSettings
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.fairness.found import SIGNAL
from modelspan_analyzer.monitors.fairness.monitor import fairness
from modelspan_analyzer.monitors.sliced import LEFT_OUT, left_out
from modelspan_analyzer.monitors.told_by import told_by
from modelspan_analyzer.reading.segments import parse_group, spelt
from modelspan_analyzer.reading.slices import Slice
from modelspan_analyzer.results import Judged, Result, Seen, Verdict

_TAGS = "SELECT DISTINCT arrayJoin(mapKeys(tags)) AS name FROM ({rows})"


def fairness_slices(context: MonitorContext) -> list[Result]:
    """Every fairness measure within each slice that has enough rows; the allowed error is shared among the slices."""
    settings, each = context.settings.fairness, context.slices.each
    if not (settings.enabled and settings.facets):
        return []
    told, said = told_by(context, SIGNAL, settings.outcome)
    results = [*left_out(context, SIGNAL), *_of_all_rows_alone(context)]
    if any(one.verdict is Verdict.ERROR for one in said):  # which the whole says
        return results
    rows = told.unlabelled
    tags = {row["name"] for row in context.store.rows(_TAGS.format(rows=rows.sql), rows.parameters)} if each else set()
    for one in each:
        if one.rows < 2 * settings.min_group:
            reason = f"{one.rows} rows; two groups of {settings.min_group} are needed (`fairness.min_group`)"
            seen, few = Seen(segment=one.name, n=one.rows), Judged(Verdict.NOT_ENOUGH_DATA, reason)
            results.append(context.judged(SIGNAL, "group_size", float(one.rows), seen, few))
        elif (own := _within(settings, one, len(each))).facets:
            inner = told.within(one, context.settings.model_copy(update={SIGNAL: own}))
            results += [_named(one, result, tags) for result in fairness(inner)]
    return results


def _within(settings: FairnessSettings, one: Slice, slices: int) -> FairnessSettings:
    """As all rows are judged, but for facets that make the slice itself, or whose groups are no slices."""
    left = {*settings.cuts, one.key.partition(".")[2]}
    return settings.model_copy(
        update={
            "facets": tuple(facet for facet in settings.facets if facet not in left),
            "intersections": tuple(facets for facets in settings.intersections if left.isdisjoint(facets)),
            "confidence": 1 - (1 - settings.confidence) / slices,
            "flip_rows": 0,
            "outcome": "",
        }
    )


def _of_all_rows_alone(context: MonitorContext) -> list[Result]:
    """What is looked at over all rows alone, where there are slices."""
    settings, n = context.settings.fairness, context.current.rows
    by_cuts = "groups by `cuts` are of all rows alone: compare them in slices by a tag"
    said = {("", facet): by_cuts for facet in settings.facets if facet in settings.cuts and context.slicing}
    for key in context.slicing:
        if (facet := key.partition(".")[2]) in settings.facets:
            said[key, facet] = f"each slice is one group of {facet}, which has no other within it to be compared with"
    return [
        context.result(SIGNAL, LEFT_OUT, None, Verdict.SKIPPED, feature=facet, segment=key, n=n, reason=reason)
        for (key, facet), reason in said.items()
    ]


def _named(one: Slice, result: Result, tags: set[str]) -> Result:
    """A result of a group with the slice that the group is part of."""
    if result.segment == one.name:
        return result
    pairs = parse_group(result.segment)
    groups = (spelt(f"{'tag' if facet in tags else 'feature'}.{facet}", value) for facet, value in pairs)
    return replace(result, segment=" & ".join((one.name, *groups)))
