"""All measures of answers of several parts, part by part of the rows, from one scan a segment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from modelspan_analyzer.config.outcome_settings import PerformanceSettings
from modelspan_analyzer.monitors.performance import quantile_forecasts, recommended
from modelspan_analyzer.monitors.performance.common_classes import UNKNOWN
from modelspan_analyzer.monitors.performance.evaluate import Measured, of_confusion, of_pairs, of_scores
from modelspan_analyzer.monitors.performance.rows_of import mean_of, named
from modelspan_analyzer.reading.outcomes import several as reading
from modelspan_analyzer.reading.outcomes.read import Segment
from modelspan_analyzer.reading.outcomes.several import MOST_NAMES, Several
from modelspan_analyzer.reading.outcomes.target import MULTILABEL, MULTIOUTPUT, QUANTILE, RANKING, UNTOLD, Target
from modelspan_analyzer.reading.rows import Rows
from modelspan_analyzer.statistics.performance import measures, multilabel
from modelspan_analyzer.statistics.performance.counts import Confusion, FloatArray, PairCounts, ScoreCounts
from modelspan_collector.store.connect import Store

NO_PLACE: Final = (
    "no measure of performance takes answers of the shape {shape}: their items and numbers are in `predictions.items` "
    "and `predictions.outputs`, for a SELECT among `metrics`{hint}"
)
_HINTS: Final = {UNTOLD: "; or say what they are: `modelspan.register(..., task=...)`"}
_OF_LABELS: Final = ("precision", "recall", "f1")
_NAN: Final = float("nan")


def evaluate(
    store: Store, rows: Rows, target: Target, settings: PerformanceSettings, segment: Segment, known: Rows
) -> dict[str, list[Measured]]:
    """Every measure of a shape in each part of a segment; `known` are the rows that tell how popular items are."""
    if target.shape not in _MEASURES and target.shape != RANKING:
        return {}
    parts = reading.read_several(store, rows, segment)
    if target.shape == RANKING:
        before = reading.read_several(store, known)
        popular = recommended.popularity(before)
        apart = recommended.apart([*parts.values(), *before.values()])
        return {part: recommended.measures(found, settings.cut_off, popular, apart) for part, found in parts.items()}
    if target.shape == MULTILABEL:
        parts = {part: reading.with_names(found, target.classes) for part, found in parts.items()}
    measured = {part: _MEASURES[target.shape](found) for part, found in parts.items()}
    return {part: found for part, found in measured.items() if found}


def absent(target: Target, found: Sequence[Measured], labelled: int = 0) -> list[Measured]:
    """What the shape's first measure lacks where nothing could be measured, or that no measure takes it.

    Where labels are in, that none of them can be used is a fault: nobody may take it for looked at.
    """
    name, higher = _FIRST.get(target.shape, ("answers", True))
    if found and (not labelled or any(one.metric == name for one in found)):
        return []
    hint = _HINTS.get(target.shape, "")
    lacking = _LACKING.get(target.shape) or NO_PLACE.format(shape=target.shape, hint=hint)
    if labelled and target.shape in _LACKING:
        fault = f"labels are in for {labelled} predictions, and none can be used: {lacking}"
        return [Measured(name, UNKNOWN, _NAN, higher, labelled, fault=fault)]
    return [Measured(name, UNKNOWN, _NAN, higher, 0, lacking=lacking, untold=target.shape == UNTOLD)]


_FIRST: Final = {
    MULTIOUTPUT: ("mean_absolute_error", False),
    MULTILABEL: ("f1_macro", True),
    QUANTILE: ("pinball_loss", False),
    RANKING: ("ndcg", True),
}
_LACKING: Final = {
    MULTIOUTPUT: "no output of the answers and of the labels has the same name: give labels as answers are, by name or "
    "in order",
    MULTILABEL: "no row has labels: give them as sets or lists of labels, or as flags by name",
    QUANTILE: "no row has a quantile and a truth: give labels as a number, or as a list of one for each step",
    RANKING: "no row has items",
}


# --- several outputs --------------------------------------------------------------------------------------


def _multioutput(several: Several) -> list[Measured]:
    """Every measure of a regression of each output, and the means over outputs that scikit-learn calls uniform."""
    several = reading.labelled(several)
    names, (answer, truth) = reading.matrices([several.answer, several.truth])
    chosen = [at for at in range(len(names)) if (~np.isnan(answer[:, at] + truth[:, at])).any()]
    kept = chosen[:MOST_NAMES]
    if not kept:
        return []
    found = [one for at in kept for one in _of_output(several, names[at], answer[:, at], truth[:, at])]
    apart = answer[:, kept] - truth[:, kept]
    whole: multilabel.Flags = np.asarray(~np.isnan(apart).any(axis=1))
    details: dict[str, object] = {"outputs": [names[at] for at in kept]}
    unmatched = [name for at, name in enumerate(names) if at not in chosen]
    if unmatched or len(chosen) > len(kept):
        details["left_out"] = [*unmatched, *(names[at] for at in chosen[MOST_NAMES:])][:MOST_NAMES]
    constant = np.nanmedian(truth[:, kept], axis=0)
    return [
        _averaged(several, whole, "mean_absolute_error", np.abs(apart), np.abs(truth[:, kept] - constant), details),
        _averaged(
            several, whole, "mean_squared_error", apart**2, (truth[:, kept] - np.nanmean(truth[:, kept], axis=0)) ** 2
        ),
        *found,
    ]


def _averaged(
    several: Several,
    whole: multilabel.Flags,
    metric: str,
    loss: FloatArray,
    constant: FloatArray,
    details: Mapping[str, object] | None = None,
) -> Measured:
    """The mean over outputs of a loss, of the rows that have all of them."""
    best = float(np.average(constant[whole].mean(axis=1), weights=several.weight[whole])) if whole.any() else _NAN
    return mean_of(several, metric, np.where(whole, loss.mean(axis=1), np.nan), best, False, details or {})


def _of_output(several: Several, name: str, answer: FloatArray, truth: FloatArray) -> list[Measured]:
    here = np.isfinite(answer) & np.isfinite(truth)
    pairs = PairCounts(answer[here], truth[here], several.weight[here], several.effective(here))
    return [named(one, name) for one in of_pairs(pairs)]


# --- several labels ---------------------------------------------------------------------------------------


def _multilabel(several: Several) -> list[Measured]:
    """Measures of the rows' sets, of scores by label, and of each label."""
    several = reading.labelled(several)
    bare = reading.flagged(several.truth) | reading.flagged(several.answer)
    several = reading.only(several, ~bare) if bare.any() else several
    labels, truth, answer, left_out = sets_of(several)
    if not labels:
        return []
    details: dict[str, object] = {"labels": labels, **({"left_out": left_out} if left_out else {})}
    if bare.any():
        details["rows_left_out"] = int(bare.sum())
    f1, parts = multilabel.f1_of_labels(truth, answer, several.weight)
    defined = ~np.isnan(f1)
    macro = parts[:, defined].mean(axis=1) if defined.any() else np.full(several.rows, np.nan)
    micro = multilabel.f1_micro(truth, answer, several.weight)
    found = [
        mean_of(several, "f1_macro", macro, _NAN, True, details),
        mean_of(several, "f1_micro", micro, _NAN, True),
        mean_of(several, "f1_samples", multilabel.f1_samples(truth, answer), _NAN, True),
        mean_of(several, "jaccard", multilabel.jaccard(truth, answer), _NAN, True),
        mean_of(several, "exact_match", multilabel.exact_match(truth, answer), _NAN, True),
        mean_of(several, "hamming_loss", multilabel.hamming_loss(truth, answer), float(_rarest(truth, several)), False),
    ]
    score = reading.score_matrix(several, labels)
    scored = ~np.isnan(score).any(axis=1)
    for name, measure, higher in _RANKED_LABELS if scored.any() else ():
        values = np.full(several.rows, np.nan)
        values[scored] = measure(truth[scored], score[scored])
        found.append(mean_of(several, name, values, _NAN, higher))
    for at, label in enumerate(labels):
        found += _of_label(several, label, truth[:, at], answer[:, at], score[:, at])
    return found


_RANKED_LABELS: Final[tuple[tuple[str, Callable[[multilabel.Flags, FloatArray], FloatArray], bool], ...]] = (
    ("label_ranking_average_precision", multilabel.ranking_precision, True),
    ("label_ranking_loss", multilabel.ranking_loss, False),
    ("coverage_error", multilabel.coverage_error, False),
)


def _rarest(truth: multilabel.Flags, several: Several) -> float:
    """Hamming loss of always giving the labels that more than half of the rows have."""
    share = np.average(truth, axis=0, weights=several.weight)
    return float(np.minimum(share, 1 - share).mean())


def sets_of(several: Several) -> tuple[list[str], multilabel.Flags, multilabel.Flags, list[str]]:
    """The labels, of very many the most frequent; truths and answers as `(rows, labels)`; the other labels."""
    (row, text, *_), (true_row, true_text, *_) = reading.texts(several.answer), reading.texts(several.truth)
    scored = np.asarray(several.scored.flatten().to_pylist(), object)
    every, counts = np.unique(np.concatenate([text, true_text, scored]).astype(str), return_counts=True)
    chosen = np.sort(np.argsort(-counts, kind="stable")[:MOST_NAMES])
    labels = every[chosen].tolist()
    place = {name: at for at, name in enumerate(labels)}
    flags = []
    for owner, names in ((true_row, true_text), (row, text)):
        at = np.array([place.get(name, -1) for name in names.tolist()], np.int64)
        matrix = np.zeros((several.rows, len(labels)), bool)
        matrix[owner[at >= 0], at[at >= 0]] = True
        flags.append(matrix)
    return labels, flags[0], flags[1], [name for name in every.tolist() if name not in place][:MOST_NAMES]


def _of_label(several: Several, label: str, truth: np.ndarray, answer: np.ndarray, score: FloatArray) -> list[Measured]:
    cells = np.bincount(truth * 2 + answer, several.weight, 4).reshape(2, 2).astype(np.float64)
    confusion = Confusion(("false", "true"), cells, several.effective())
    table = tuple(one for one in measures.BINARY if one.name in _OF_LABELS)
    found = [named(one, label) for one in of_confusion(confusion, table)]
    known = np.isfinite(score)
    if known.any() and 0 < truth[known].sum() < known.sum():
        distinct, place = np.unique(score[known], return_inverse=True)
        weight = several.weight[known]
        weights = [
            np.bincount(place, weight * side, distinct.size).astype(float) for side in (truth[known], ~truth[known])
        ]
        counts = ScoreCounts(distinct, weights[0], weights[1], several.effective(known))
        wanted = ("roc_auc", "average_precision")
        settings = PerformanceSettings()
        found += [named(one, label) for one in of_scores(counts, settings) if one.metric in wanted]
    return found


_MEASURES: Final[Mapping[str, Callable[[Several], list[Measured]]]] = {
    MULTIOUTPUT: _multioutput,
    MULTILABEL: _multilabel,
    QUANTILE: quantile_forecasts.measures,
}
