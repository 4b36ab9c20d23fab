"""What the groups of a facet come to, as results: of classes and of numbers, counted, and estimated without labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.fairness.judge import Groups, group_found, group_name, judge_groups
from modelspan_analyzer.results import Judged, Result, Seen, Verdict
from modelspan_analyzer.statistics.fairness.assess import Assessed
from modelspan_analyzer.verdicts.labels_decide import left_to_labels

SIGNAL: Final = "fairness"


def ungrouped(context: MonitorContext, counts: Groups, rows: int, grouped: int) -> Iterator[Result]:
    """How many of the rows are in no group, as they lack the facet; all of them where a window has none with it."""
    if rows > grouped or not grouped:
        verdict = Verdict.SKIPPED if grouped else Verdict.NOT_ENOUGH_DATA
        reason = f"{rows - grouped} of {rows} rows have no {counts.facet}, and are in no group"
        place, _, bare = counts.facet.partition(".")
        if not grouped and place in ("tag", "feature"):
            reason += f"; a facet is named without its place: `{bare}`"
        yield context.result(SIGNAL, "ungrouped_rows", None, verdict, feature=counts.facet, n=rows, reason=reason)


def judged(
    context: MonitorContext,
    counts: Groups,
    baselines: Sequence[Groups],
    *,
    estimate: bool = False,
    judge: bool = True,
) -> Iterator[Result]:
    """Every measure of every group, judged; of an estimate only what needs labels, which may judge instead."""

    def kept(one: Assessed) -> bool:
        return not (estimate and one.measure.counts == "predictions")

    for one, said, known in judge_groups(counts, baselines, context.settings.fairness, kept):
        if not judge and said.verdict in (Verdict.ALARM, Verdict.OK):
            said = left_to_labels("labels are in", said)
        if said.verdict is Verdict.NOT_COMPARED and said.decides:
            group = group_name(counts, one.group) or counts.facet
            said = replace(said, reason=f"{said.reason}: {context.nothing_to_compare(group)}")
        found = group_found(counts, one, said, known.rows if known else 0, "estimated_" if estimate else "")
        yield context.found(SIGNAL, found)


def small_groups(context: MonitorContext, counts: Groups) -> Iterator[Result]:
    """The groups that are too small to be judged, or whose rest is."""
    sizes = counts.sizes
    least = context.settings.fairness.min_group
    for group in range(len(counts.names)):
        rest = float(sizes.sum() - sizes[group])
        if min(sizes[group], rest) < least:
            reason = f"{round(sizes[group])} rows against {round(rest)}; both need {least}"
            seen = Seen(counts.facet, counts.names[group], round(sizes[group]))
            few = Judged(Verdict.NOT_ENOUGH_DATA, reason)
            yield context.judged(SIGNAL, "group_size", float(sizes[group]), seen, few)
