"""All measures of a model on some rows, part by part, from at most two scans a segment."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

import numpy as np

from modelspan_analyzer.config.outcome_settings import PerformanceSettings
from modelspan_analyzer.monitors.performance.common_classes import (
    UNKNOWN,
    Beside,
    MeanOfClasses,
    beside,
    mean_of_classes,
)
from modelspan_analyzer.monitors.performance.promise import Promise
from modelspan_analyzer.reading.cache import kept_of_rows
from modelspan_analyzer.reading.outcomes import read
from modelspan_analyzer.reading.outcomes.read import ALL_ROWS, Segment
from modelspan_analyzer.reading.outcomes.target import BINARY, REGRESSION, Target
from modelspan_analyzer.reading.rows import Rows
from modelspan_analyzer.results import finite
from modelspan_analyzer.statistics.performance import measures, ranking, scores
from modelspan_analyzer.statistics.performance.calibration import (
    maximum_calibration_error,
    noise_floor,
    reliability,
    spiegelhalter,
)
from modelspan_analyzer.statistics.performance.counts import Confusion, Estimate, FloatArray, PairCounts, ScoreCounts
from modelspan_analyzer.statistics.performance.intervals import wilson
from modelspan_analyzer.statistics.performance.means import mean_interval
from modelspan_analyzer.statistics.performance.regression import of_nonzero, rows_for_tails
from modelspan_collector.store.connect import Store


@dataclass(frozen=True, slots=True)
class Measured:
    """One measure on one part of the rows."""

    metric: str
    estimate: Estimate
    constant: float
    """Value of the best constant predictor; NaN where there is none."""
    higher_is_better: bool
    rows: int
    """Effective number of labelled rows behind it."""
    details: Mapping[str, object] = field(default_factory=dict)
    fault: str = ""
    """Why it cannot be said though there are rows; '' where it can."""
    lacking: str = ""
    """What the rows do not hold that it is measured from; '' where they do."""
    untold: bool = False
    """That lacks because nothing says what answers are: it was not looked at, which is not that it does not apply."""
    few: str = ""
    """Which of its rows are too few for it to be judged by; '' where there are enough."""
    takes: float = 0.0
    """Rows that it takes to show the largest of its losses; 0 where that is no question."""
    feature: str = ""
    """The output or label that it is of; '' of the answer as a whole."""
    by_class: MeanOfClasses | None = field(default=None, compare=False)
    """What it is a mean over, so that two are compared over the same classes; None of what is none."""
    promise: Promise | None = None
    """What the answers say of it themselves; None where they say nothing."""

    @property
    def key(self) -> tuple[str, str]:
        """What it is told apart by on one part of the rows: the measure, and what it is of."""
        return self.metric, self.feature

    def beside(self, before: Measured, sides: tuple[str, str] = ("window", "baseline")) -> Beside:
        """This and another side's, as they may be compared: over the classes that both have."""
        return beside((self.estimate, self.by_class), (before.estimate, before.by_class), sides)


class Asked(NamedTuple):
    """What settings decide of the measures themselves."""

    threshold: float
    cut_off: int
    query_tag: str


def evaluate(
    store: Store, rows: Rows, target: Target, settings: PerformanceSettings, segment: Segment = ALL_ROWS
) -> dict[str, list[Measured]]:
    """Every measure of the target's task in each part of a segment; parts without labels are absent."""
    asked = Asked(settings.threshold, settings.cut_off, settings.query_tag)
    return {part: list(found) for part, found in _evaluate(store, rows, target, asked, segment).items()}


@kept_of_rows(64)
def _evaluate(store: Store, rows: Rows, target: Target, settings: Asked, segment: Segment) -> dict[str, list[Measured]]:
    if target.task == REGRESSION:
        found = {part: of_pairs(pairs) for part, pairs in read.pair_counts(store, rows, segment).items()}
        if settings.query_tag and segment == ALL_ROWS:
            found[""] = [*found.get("", []), *_ranked(store, rows, settings)]
        return found
    by_order = target.anomaly
    if by_order and not read.classified(store, rows):
        scored = read.score_counts(store, rows, target, segment)
        return {part: _ordered(of_scores(counts, settings)) for part, counts in scored.items()}
    table = measures.BINARY if target.task == BINARY else measures.MULTICLASS
    confusions = read.confusions(store, rows, target, segment, threshold=settings.threshold)
    found = {part: of_confusion(counts, table) for part, counts in confusions.items() if counts.effective}
    if target.task == BINARY:
        for part, counts in read.score_counts(store, rows, target, segment).items():
            if (
                (fault := scores.unscaled(counts.score))
                and settings.threshold <= 1
                and not read.classified(store, rows)
            ):
                found[part] = [_faulty(one, f"{fault}; or set `performance.threshold`") for one in found.get(part, [])]
            ordered = _ordered(of_scores(counts, settings)) if by_order else of_scores(counts, settings)
            found[part] = [*found.get(part, []), *ordered]
    elif segment == ALL_ROWS:
        found[""] = [*found.get("", []), *_one_against_rest(store, rows)]
    return found


def _ordered(found: Sequence[Measured]) -> list[Measured]:
    """What is said of scores by their order alone."""
    return [one for one in found if one.metric not in _OF_PROBABILITIES]


_OF_PROBABILITIES: Final = {one.name for one in measures.SCORES if one.probabilities}
_BY_ORDER: Final = "anomaly scores are no probabilities: they are measured by their order alone"


def absent(target: Target, settings: PerformanceSettings, found: Sequence[Measured]) -> list[Measured]:
    """Every measure of the task that rows with labels could not be measured by, with what they lack.

    A measure that applies is never left out without a word.
    """
    named = {one.metric for one in found}
    return [
        Measured(name, UNKNOWN, float("nan"), higher, 0, lacking=lacking)
        for lacking, wanted in _wanted(target, settings)
        for name, higher in wanted
        if name not in named
    ]


def _wanted(target: Target, settings: PerformanceSettings) -> Iterator[tuple[str, Sequence[tuple[str, bool]]]]:
    """What the measures of a task are measured from, each with its measures and whether higher is better."""
    if target.task == REGRESSION:
        numbers = "no labelled prediction has a number as its answer and as its truth"
        yield numbers, [(one.name, one.higher_is_better) for one in measures.REGRESSION]
        if settings.query_tag:
            yield (
                f"no labelled prediction has a number and the tag {settings.query_tag}",
                [(n, True) for n in ranking.RANKED],
            )
        return
    table = measures.BINARY if target.task == BINARY else measures.MULTICLASS
    ordered = [(one.name, one.higher_is_better) for one in measures.SCORES]
    top = (f"precision_at_{settings.cut_off}", True)
    if target.anomaly:
        likely = [each for each in ordered if each[0] in _OF_PROBABILITIES]
        yield _BY_ORDER, [*likely, *((one.name, one.higher_is_better) for one in table)]
        yield "the predictions carry no score", [*(each for each in ordered if each not in likely), top]
        return
    told = f"no labelled prediction says one of the classes {', '.join(target.classes[:5])}"
    yield f"{told}, or has a score to tell it by", [(one.name, one.higher_is_better) for one in table]
    if target.task == BINARY:
        yield "the predictions carry no score", [*ordered, top]
    else:
        yield "the predictions carry no scores of their classes", [("roc_auc_macro", True)]


def of_confusion(counts: Confusion, table: tuple[measures.ConfusionMeasure, ...]) -> list[Measured]:
    """Every measure of a confusion matrix."""
    matrix = {"classes": list(counts.classes), "confusion_matrix": counts.matrix.tolist()}
    return [
        Measured(
            measure.name,
            measure.estimate(counts),
            measure.constant(counts.matrix),
            measure.higher_is_better,
            round(counts.effective),
            matrix if measure.name == "accuracy" else {},
            few=measure.lacks(counts),
            by_class=mean_of_classes(measure, counts),
        )
        for measure in table
    ]


def _faulty(one: Measured, fault: str) -> Measured:
    return replace(one, estimate=UNKNOWN, constant=float("nan"), details={}, fault=fault, by_class=None)


def of_scores(counts: ScoreCounts, settings: PerformanceSettings | Asked) -> list[Measured]:
    """Every measure of a score, and the precision of the highest ones."""
    n, fault = round(counts.effective), scores.unscaled(counts.score)
    details: dict[str, Mapping[str, object]] = {
        "average_precision": {"gain": _lists(scores.gain_curve(counts)._asdict())}
    }
    if not fault:
        z, p_value = spiegelhalter(counts)
        details["expected_calibration_error"] = {
            "reliability": _lists(reliability(counts)._asdict()),
            "maximum_error": finite(maximum_calibration_error(counts)),
            "spiegelhalter": {"z": finite(z), "p_value": finite(p_value)},
            "noise_floor": noise_floor(counts),
        }
    found = [
        Measured(m.name, UNKNOWN, float("nan"), m.higher_is_better, n, fault=fault)
        if fault and m.probabilities
        else Measured(
            m.name,
            m.estimate(counts),
            m.constant(counts),
            m.higher_is_better,
            n,
            details.get(m.name, {}),
            few=m.lacks(counts),
        )
        for m in measures.SCORES
    ]
    top = scores.precision_at(counts, settings.cut_off)
    share = wilson(top * settings.cut_off, settings.cut_off)._replace(value=top)
    return [*found, Measured(f"precision_at_{settings.cut_off}", share, counts.prevalence, True, n)]


def _one_against_rest(store: Store, rows: Rows) -> list[Measured]:
    counts = read.class_score_counts(store, rows)
    if not counts:
        return []
    by_class = measures.roc_auc_by_class(counts)
    details = {"by_class": {name: one.value for name, one in by_class.items()}}
    n = round(min(one.effective for one in counts.values()))
    of = MeanOfClasses(
        tuple(name for name, one in by_class.items() if np.isfinite(one.value)),
        lambda kept: measures.roc_auc_macro({name: by_class[name] for name in kept}),
    )
    return [Measured("roc_auc_macro", measures.roc_auc_macro(by_class), 0.5, True, n, details, by_class=of)]


def of_pairs(counts: PairCounts) -> list[Measured]:
    """Every measure of a regression."""
    kept = of_nonzero(counts)
    left_out: dict[str, object] = {"zero_truths_left_out": float(counts.weight.sum() - kept.weight.sum())}
    found = []
    with np.errstate(over="ignore", invalid="ignore"):  # squares of amounts near the largest float are infinite
        takes = rows_for_tails(counts)
        for one in measures.REGRESSION:
            shares = one.name == "mean_absolute_percentage_error"
            measured = Measured(
                one.name,
                one.estimate(counts),
                one.constant(counts),
                one.higher_is_better,
                round((kept if shares else counts).effective),
                left_out if shares else {},
                takes=takes if one.name in measures.OF_SQUARES else 0.0,
            )
            found.append(measured)
    return found


def _ranked(store: Store, rows: Rows, settings: Asked) -> list[Measured]:
    query, score, relevance = read.ranked_rows(store, rows, settings.query_tag)
    if not query.size:
        return []
    lists, k = query.astype(np.int64), settings.cut_off
    found = []
    for name, measure in ranking.RANKED.items():
        values, chance = measure(lists, score, relevance, k), ranking.by_chance(measure, lists, relevance, k)
        found.append(Measured(name, _mean(values), chance, True, values.size, {"k": k}))
    return found


def _mean(values: FloatArray) -> Estimate:
    """Mean over the lists where the measure is defined."""
    defined = values[np.isfinite(values)]
    return mean_interval(defined, np.ones_like(defined), float(defined.size))


def _lists(record: Mapping[str, FloatArray]) -> dict[str, list[float | None]]:
    """Arrays as JSON: NaN becomes null."""
    return {
        name: [None if np.isnan(value) else round(float(value), 9) for value in values]
        for name, values in record.items()
    }
