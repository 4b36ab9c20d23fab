"""Compares two tables whose columns are settled: drift, quality, and what their answers and truths allow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from modelspan_analyzer.config.base import level_given
from modelspan_analyzer.config.data_settings import DataQualitySettings, DriftSettings
from modelspan_analyzer.config.outcome_settings import FairnessSettings, PerformanceSettings
from modelspan_analyzer.config.settings import ModelSettings
from modelspan_analyzer.files.roles import Settled
from modelspan_analyzer.monitors.drift.compare import Pair
from modelspan_analyzer.monitors.drift.judge import judge, look
from modelspan_analyzer.monitors.fairness.judge import Groups, breaks_four_fifths, group_found, judge_groups
from modelspan_analyzer.monitors.performance.evaluate import Measured, of_confusion, of_pairs, of_scores
from modelspan_analyzer.monitors.performance.judge import Place, nothing_beside
from modelspan_analyzer.monitors.performance.judge import judge as judge_measure
from modelspan_analyzer.monitors.quality.compare import compare as compare_quality
from modelspan_analyzer.reading.outcomes.target import BINARY, REGRESSION
from modelspan_analyzer.reading.profiles.profile import Column, Kind
from modelspan_analyzer.results import Found, Judged, Seen, Verdict, finite
from modelspan_analyzer.statistics.performance import measures
from modelspan_analyzer.two_frames.answers import Answers, target_of
from modelspan_analyzer.two_frames.columns import column, comparable
from modelspan_analyzer.two_frames.findings import (
    ANSWERS,
    DRIFT,
    FAIRNESS,
    LABELS,
    PERFORMANCE,
    QUALITY,
    Findings,
    Side,
)
from modelspan_analyzer.verdicts.together import with_doubts

AT_ONCE: Final = 2
"""Columns that are sorted and measured side by side: NumPy works outside Python's lock."""
_NO_LABEL: Final = "no column of labels was named (--label)"
_NO_GROUP: Final = "no column of groups was named (--tag)"


@dataclass(frozen=True, slots=True)
class Options:
    """What verdicts are made by: the defaults of the monitors."""

    drift: DriftSettings = field(default_factory=DriftSettings)
    quality: DataQualitySettings = field(default_factory=DataQualitySettings)
    performance: PerformanceSettings = field(default_factory=PerformanceSettings)
    fairness: FairnessSettings = field(default_factory=FairnessSettings)
    false_alarms: float = ModelSettings().false_alarms
    """Level over all tests together, as of one window."""


def compare_settled(
    reference: Settled, current: Settled, names: tuple[str, str], options: Options | None = None
) -> Findings:
    """Compare two tables.

    Args:
        reference: what is compared with.
        current: what is compared.
        names: of both, as they are shown.
        options: how verdicts are made.
    """
    options = options or Options()
    found: dict[str, list[Found]] = {}
    missing: dict[str, str] = {}
    _features(reference, current, options, found, missing)
    _outcomes(reference, current, options, found, missing)
    found = _together(found, options)
    sides = [
        Side(name, settled.rows.table.num_rows, settled.rows.remarks)
        for name, settled in zip(names, (reference, current), strict=True)
    ]
    wanted = [PERFORMANCE] if reference.roles.label else []
    wanted += [FAIRNESS] if reference.roles.segments and (reference.roles.prediction or reference.roles.score) else []
    return Findings(sides[0], sides[1], found, missing, tuple(wanted))


def _together(found: Mapping[str, Sequence[Found]], options: Options) -> dict[str, list[Found]]:
    """The rule over all tests together, as of one window of a model."""
    sections = {
        DRIFT: options.drift,
        ANSWERS: options.drift,
        LABELS: options.drift,
        QUALITY: options.quality,
        PERFORMANCE: options.performance,
        FAIRNESS: options.fairness,
    }
    decided = {signal for signal, section in sections.items() if level_given(section)}
    every = [(signal, one) for signal, several in found.items() for one in several]
    judged = with_doubts(
        [signal for signal, _ in every], [one.judged for _, one in every], options.false_alarms, decided=decided
    )
    together: dict[str, list[Found]] = {signal: [] for signal in found}
    for (signal, one), said in zip(every, judged, strict=True):
        together[signal].append(replace(one, judged=said))
    return together


def _features(
    reference: Settled, current: Settled, options: Options, found: dict[str, list[Found]], missing: dict[str, str]
) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        before, after = (dict(pool.map(partial(_named, side), comparable(side))) for side in (reference, current))
        common = [name for name in before if name in after]
        if common:
            pairs = [_pair(before[name], after[name]) for name in common]
            found[DRIFT] = _drift(pairs, options.drift, pool)
        else:
            missing[DRIFT] = "the tables have no feature in common"
    rows = reference.rows.table.num_rows, current.rows.table.num_rows
    least = options.quality.min_rows
    if min(rows) < least:
        reason = f"{min(rows)} rows; {least} are needed"
        found[QUALITY] = [Found("quality", None, Seen(n=rows[1]), Judged(Verdict.NOT_ENOUGH_DATA, reason))]
    elif before or after:
        found[QUALITY] = list(compare_quality(before, after, rows, options.quality))


def _named(side: Settled, name: str) -> tuple[str, Column]:
    return name, column(side, name)


def _pair(before: Column, after: Column) -> Pair:
    """The two columns; values are of use where the reference's are numbers."""
    numeric = before.kind is Kind.NUMERIC
    supports = [
        side.numbers.support if numeric and side.numbers and side.numbers.support and side.numbers.support.values.size
        else None
        for side in (before, after)
    ]  # fmt: skip
    return Pair(before.name, before, after, supports[0], supports[1])


def _drift(pairs: list[Pair], settings: DriftSettings, pool: ThreadPoolExecutor | None = None) -> list[Found]:
    """Drift of columns, judged together."""
    empty = [pair for pair in pairs if pair.reference.kind is Kind.EMPTY]
    filled = [pair for pair in pairs if pair.reference.kind is not Kind.EMPTY]
    looked = list((pool.map if pool else map)(lambda pair: look(pair, settings), filled))
    skipped = [
        Found(
            settings.rule.measure,
            None,
            Seen(pair.name, n=pair.n, n_baseline=pair.n_baseline),
            Judged(Verdict.SKIPPED, f"{pair.name} has no value in the reference to compare with"),
        )
        for pair in empty
    ]
    return [*judge(looked, settings), *skipped]


def _outcomes(
    reference: Settled, current: Settled, options: Options, found: dict[str, list[Found]], missing: dict[str, str]
) -> None:
    roles = reference.roles
    outputs = [name for name in (roles.prediction, roles.score) if name]
    if outputs:
        pairs = [_pair(column(reference, name), column(current, name)) for name in outputs]
        found[ANSWERS] = _drift(pairs, options.drift)
    else:
        missing[ANSWERS] = "no column of predictions was named (--prediction, --score)"
    if roles.label is None:
        missing[PERFORMANCE] = _NO_LABEL
    elif current.roles.label is None:
        missing[PERFORMANCE] = f"the current table has no column {roles.label!r}: its labels are not known yet"
    else:
        known = [replace(column(side, roles.label), null=0.0, null_n=0) for side in (reference, current)]
        found[LABELS] = _drift([_pair(*known)], options.drift)
        if outputs:
            found[PERFORMANCE] = list(_performance(reference, current, options.performance))
        else:
            missing[PERFORMANCE] = "no column of predictions was named (--prediction, --score)"
    if not (roles.segments and outputs):
        missing[FAIRNESS] = _NO_GROUP if outputs else "no column of predictions was named (--prediction, --score)"
    else:
        found[FAIRNESS] = list(_fairness(reference, current, options))


def _performance(reference: Settled, current: Settled, settings: PerformanceSettings) -> Iterator[Found]:
    """Every measure of the task, judged against the reference."""
    target = target_of(reference, current, settings.positive_class)
    sides = [Answers(side, target, settings.threshold) for side in (reference, current)]
    before, after = (_measured(answers, settings) for answers in sides)
    whole = Place("", of_whole=False, share=1.0)
    for name, one in after.items():
        beside = before.get(name)
        alone = nothing_beside(beside) if beside else "the reference has no labels to compare with"
        yield judge_measure(one, beside, whole, settings, alone)
    if not after:
        reason = "no row of the current table has both a prediction and a label"
        n = current.rows.table.num_rows
        yield Found("labelled_rows", 0.0, Seen(n=n), Judged(Verdict.NOT_ENOUGH_DATA, reason))


def _measured(answers: Answers, settings: PerformanceSettings) -> Mapping[str, Measured]:
    if answers.target.task == REGRESSION:
        pairs = answers.pairs()
        found = of_pairs(pairs) if pairs else []
    else:
        confusion, scores = answers.confusion(), answers.score_counts()
        table = measures.BINARY if answers.target.task == BINARY else measures.MULTICLASS
        found = of_confusion(confusion, table) if confusion.effective else []
        found = [*found, *(of_scores(scores, settings) if scores else [])]
    return {one.metric: one for one in found}


def _fairness(reference: Settled, current: Settled, options: Options) -> Iterator[Found]:
    """Every measure of every group of the named columns, judged against the reference."""
    settings = options.fairness
    target = target_of(reference, current, options.performance.positive_class)
    sides = [Answers(side, target, options.performance.threshold) for side in (reference, current)]
    for facet in reference.roles.segments:
        before, after = (_groups(answers, facet, settings) for answers in sides)
        unlabelled = not after.labelled_rows
        for one, judged, known in judge_groups(after, [before], settings):
            if unlabelled and one.measure.counts != "predictions":
                judged = replace(judged, reason="it needs labels, and no row of the current table has one")
            elif judged.verdict in (Verdict.OK, Verdict.NOT_COMPARED) and breaks_four_fifths(one, settings):
                judged = replace(judged, verdict=Verdict.WARNING, decides=True)
            beside = {"baseline": finite(known.estimate.value)} if known else {}
            judged = replace(judged, details={**judged.details, **beside})
            yield group_found(after, one, judged, known.rows if known else 0)
        sizes = after.sizes
        for place in range(len(after.names)):
            rest = sizes.sum() - sizes[place]
            if min(sizes[place], rest) < settings.min_group:
                reason = f"{sizes[place]:.0f} rows against {rest:.0f}; both need {settings.min_group}"
                seen = Seen(facet, after.names[place], round(sizes[place]))
                yield Found("group_size", float(sizes[place]), seen, Judged(Verdict.NOT_ENOUGH_DATA, reason))


def _groups(answers: Answers, facet: str, settings: FairnessSettings) -> Groups:
    if answers.target.task == REGRESSION:
        return answers.number_groups(facet)
    return answers.groups(facet, settings.favourable or answers.target.classes[-1])
