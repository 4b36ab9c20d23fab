"""Answers and truths of a table as counts: of classes, of scores, of pairs, of groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from modelspan_analyzer.files.outcomes import CLASSIFICATION
from modelspan_analyzer.files.roles import Settled
from modelspan_analyzer.reading.outcomes.read import counted_scores
from modelspan_analyzer.reading.outcomes.spelling import shown, strange
from modelspan_analyzer.reading.outcomes.target import BINARY, REGRESSION, Target, classify
from modelspan_analyzer.reading.segments import spelt_facets, spelt_group
from modelspan_analyzer.statistics.fairness.groups import GroupCounts
from modelspan_analyzer.statistics.fairness.numbers import NumberGroups, Numbers
from modelspan_analyzer.statistics.performance.counts import Confusion, PairCounts, ScoreCounts

Places = npt.NDArray[np.int64]


def target_of(reference: Settled, current: Settled, positive: str) -> Target:
    """What the tables' answers are: their task, and the classes that either of them names.

    Labels of the current table that are neither of two known classes are left out, and said.
    """
    if reference.guess.task != CLASSIFICATION:
        return Target(REGRESSION)
    named, truths = (
        [frozenset(_classes(side, column)) for side, column in zip((current, reference), columns, strict=True)]
        for columns in (
            (_class_column(current), _class_column(reference)),
            (current.roles.label, reference.roles.label),
        )
    )
    if (odd := strange([], named, truths)) and current.roles.label:
        labels = current.rows.column(current.roles.label)
        count = pc.sum(pc.is_in(labels, value_set=pa.array(sorted(odd), labels.type))).as_py()
        current.rows.remarks.leave_out(f"{count:,} of {len(labels):,} labels: {shown(odd)}, no class of the model")
    return classify(sorted(frozenset().union(*named, *truths) - odd), positive)


def _classes(settled: Settled, column: str | None) -> list[str]:
    return settled.rows.column(column).drop_null().unique().to_pylist() if column else []


def _class_column(settled: Settled) -> str | None:
    """The column that names the predicted class; None where only scores are known."""
    return None if settled.guess.scored else settled.roles.prediction


def _score_column(settled: Settled) -> str | None:
    """The column of the positive class' score."""
    return settled.roles.prediction if settled.guess.scored else settled.roles.score


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers of one table, row by row."""

    settled: Settled
    target: Target
    threshold: float

    def predicted(self) -> Places:
        """The place of each predicted class among the target's; -1 where there is none."""
        if (name := _class_column(self.settled)) is not None:
            return self._places(name)
        scores = self.scores()
        if scores is None or self.target.task != BINARY:
            return np.full(self.settled.rows.table.num_rows, -1)
        return np.where(np.isnan(scores), -1, scores >= self.threshold).astype(np.int64)

    def truth(self) -> Places:
        """The same of the labels."""
        name = self.settled.roles.label
        return self._places(name) if name else np.full(self.settled.rows.table.num_rows, -1)

    def scores(self) -> npt.NDArray[np.float64] | None:
        """The score of the positive class, NaN where there is none; None without such a column."""
        name = _score_column(self.settled)
        return None if name is None else _floats(self.settled.rows.column(name))

    def confusion(self) -> Confusion:
        """How often each class was taken for each."""
        truth, predicted, size = self.truth(), self.predicted(), len(self.target.classes)
        known = (truth >= 0) & (predicted >= 0)
        cells = np.bincount(truth[known] * size + predicted[known], minlength=size * size).astype(np.float64)
        return Confusion(self.target.classes, cells.reshape(size, size), float(known.sum()))

    def score_counts(self) -> ScoreCounts | None:
        """Positive and negative rows at each score; None without scores, or without labels."""
        scores, truth = self.scores(), self.truth()
        if scores is None or self.target.task != BINARY:
            return None
        known = (truth >= 0) & ~np.isnan(scores)
        positive = (truth[known] == 1).astype(np.float64)
        return counted_scores(scores[known], np.ones(positive.size), positive, 1 - positive) if known.any() else None

    def pairs(self) -> PairCounts | None:
        """Predicted and true numbers; None where no row has both."""
        names = self.settled.roles.prediction, self.settled.roles.label
        if names[0] is None or names[1] is None:
            return None
        both = np.column_stack([_floats(self.settled.rows.column(name)) for name in names if name])
        both = both[np.isfinite(both).all(axis=1)]
        if not len(both):
            return None
        pairs, weights = np.unique(both, axis=0, return_counts=True)
        return PairCounts(pairs[:, 0], pairs[:, 1], weights.astype(np.float64), float(len(both)))

    def groups(self, facet: str, favourable: str) -> GroupCounts:
        """Rows of each group by truth and prediction."""
        coded = self.settled.rows.column(facet).dictionary_encode()
        names, group = coded.dictionary.to_pylist(), np.asarray(coded.indices, np.int64)
        spelt = tuple(spelt_group((facet,), (name,)) for name in names)
        good = self.target.classes.index(favourable)
        truth, predicted = self.truth(), self.predicted()
        answered = predicted >= 0
        shape = (len(names), 3, 2)
        place = np.ravel_multi_index(
            (
                group[answered],
                np.where(truth[answered] < 0, 2, truth[answered] == good),
                (predicted[answered] == good).astype(np.int64),
            ),
            shape,
        )
        cells = np.bincount(place, minlength=int(np.prod(shape))).astype(np.float64).reshape(shape)
        return GroupCounts(spelt_facets((facet,)), spelt, cells[:, None, :2], cells.sum(axis=1)[:, None], 1.0)

    def number_groups(self, facet: str) -> NumberGroups:
        """Rows of each group by predicted and true numbers; rows without a finite answer are left out."""
        coded = self.settled.rows.column(facet).dictionary_encode()
        spelt = tuple(spelt_group((facet,), (name,)) for name in coded.dictionary.to_pylist())
        group = np.asarray(coded.indices, np.int64)
        names = self.settled.roles.prediction, self.settled.roles.label
        nothing = np.full(group.size, np.nan)
        prediction, truth = (_floats(self.settled.rows.column(name)) if name else nothing for name in names)
        order = np.argsort(prediction, kind="stable")
        order = order[np.isfinite(prediction[order])]
        ones = np.ones(order.size)
        rows = Numbers(prediction[order], np.where(np.isfinite(truth), truth, np.nan)[order], ones, ones)
        return NumberGroups(spelt_facets((facet,)), spelt, group[order], rows)

    def _places(self, name: str) -> Places:
        found = pc.index_in(self.settled.rows.column(name), value_set=pa.array(self.target.classes, pa.string()))
        return np.asarray(found.fill_null(-1), np.int64)


def _floats(column: pa.Array) -> npt.NDArray[np.float64]:
    return np.asarray(column.cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)
