"""Aggregates labelled predictions into counts: each function is one scan, whatever the model and its classes.

Weights are part of the grouping key and counted as whole numbers, so that results do not depend on the order in which
the store adds rows up. What needs one cell a distinct score takes at most `MAX_ROWS` rows: beyond, a sample by hash
of the prediction id, which is the same however often and in whichever order rows and labels arrive.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from modelspan_analyzer.reading.cache import kept_of_rows
from modelspan_analyzer.reading.outcomes.target import Target
from modelspan_analyzer.reading.rows import Rows
from modelspan_analyzer.reading.segments import spelt
from modelspan_analyzer.statistics.performance.counts import Confusion, FloatArray, PairCounts, ScoreCounts
from modelspan_collector.store.connect import Store
from modelspan_collector.store.segments import split_key, value_of

MAX_ROWS: Final = 2_000_000

SCORE = (
    "multiIf(mapContains(scores, {positive:String}), scores[{positive:String}], "
    "isNull(value), nan, assumeNotNull(value))"
)
PREDICTED = (
    "multiIf(label != '', label, isNull(value), '', value >= {threshold:Float64}, {positive:String}, {negative:String})"
)
KEPT = "cityHash64(prediction_id) % {keep:UInt64} = 0"

_CONFUSION = """
SELECT {segment_field} AS part, truth, {predicted} AS predicted, weight, count() AS n
FROM ({rows}) GROUP BY ALL ORDER BY ALL
"""
_SCORES = """
SELECT {segment_field} AS part, {score} AS score, weight,
       countIf(truth = {{positive:String}}) AS positives, countIf(truth != {{positive:String}}) AS negatives
FROM ({rows}) WHERE truth != '' AND isFinite(score) AND {kept} GROUP BY ALL ORDER BY ALL
"""
_CLASS_SCORES = """
SELECT class AS part, score, weight, countIf(truth = class) AS positives, countIf(truth != class) AS negatives
FROM ({rows}) ARRAY JOIN mapKeys(scores) AS class, mapValues(scores) AS score
WHERE truth != '' AND isFinite(score) AND {kept} GROUP BY ALL ORDER BY ALL
"""
_PAIRS = """
SELECT {segment_field} AS part, assumeNotNull(value) AS prediction, assumeNotNull(true_value) AS actual, weight,
       count() AS n
FROM ({rows})
WHERE isNotNull(value) AND isNotNull(true_value) AND isFinite(value) AND isFinite(true_value) AND {kept}
GROUP BY ALL ORDER BY ALL
"""
_RANKED = """
SELECT dense_rank() OVER (ORDER BY list) AS query, assumeNotNull(value) AS score, assumeNotNull(true_value) AS relevance
FROM (SELECT tags[{{query:String}}] AS list, value, true_value FROM ({rows}))
WHERE list != '' AND isNotNull(value) AND isNotNull(true_value) ORDER BY query, score, relevance LIMIT {{limit:UInt64}}
"""
_COVERAGE = "SELECT count() AS n, countIf(truth != '') AS labelled FROM ({rows})"


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many rows there are, and of how many the truth is known."""

    rows: int
    labelled: int

    @property
    def share(self) -> float:
        """Share of rows with a label; NaN without rows."""
        return self.labelled / self.rows if self.rows else float("nan")


@dataclass(frozen=True, slots=True)
class Segment:
    """Rows are counted apart by the value of a key; the empty one takes all rows together."""

    key: str = ""

    @classmethod
    def parse(cls, text: str) -> Segment:
        """Read `tag.NAME`, `feature.NAME` or `slice.NAME=EXPRESSION`.

        Raises:
            ValueError: it is none of them.
        """
        split_key(text)
        return cls(text)

    @property
    def name(self) -> str:
        """Of the tag or feature."""
        return split_key(self.key)[1] if self.key else ""

    @property
    def field(self) -> str:
        """SQL of a row's part."""
        return value_of(self.key, "{segment:String}") if self.key else "''"

    def label(self, part: str) -> str:
        """How results name one part: `tag.country=DE`, '' for all rows."""
        return spelt(self.key, part) if self.key else ""


ALL_ROWS: Final = Segment()


@kept_of_rows(64)
def classified(store: Store, rows: Rows) -> bool:
    """Whether any row says its predicted class, and not only a score."""
    return bool(store.scalar(f"SELECT countIf(label != '') FROM ({rows.sql})", rows.parameters))


def coverage(store: Store, rows: Rows) -> Coverage:
    """Count rows and labels."""
    found = store.rows(_COVERAGE.format(rows=rows.sql), rows.parameters)[0]
    return Coverage(int(found["n"]), int(found["labelled"]))


@kept_of_rows(64)
def confusions(
    store: Store, rows: Rows, target: Target, segment: Segment = ALL_ROWS, *, threshold: float = 0.5
) -> dict[str, Confusion]:
    """The confusion matrix of the labelled rows in each part of a segment."""
    sql = _CONFUSION.format(segment_field=segment.field, predicted=PREDICTED, rows=rows.sql)
    names = {"positive": target.positive, "negative": target.negative, "threshold": threshold}
    table = store.arrow(sql, {**rows.parameters, **names, "segment": segment.name})
    place = {name: at for at, name in enumerate(target.classes)}
    truth, predicted = (
        np.array([place.get(name, -1) for name in table[column].to_pylist()], int) for column in ("truth", "predicted")
    )
    known, size = (truth >= 0) & (predicted >= 0), len(target.classes)
    result = {}
    for part, chosen in _parts(table):
        here = chosen & known
        n, weight = _numbers(table, "n")[here], _numbers(table, "weight")[here]
        cells = np.bincount(truth[here] * size + predicted[here], n * weight, size * size).astype(np.float64)
        result[part] = Confusion(target.classes, cells.reshape(size, size), effective(n, weight))
    return result


@kept_of_rows(64)
def score_counts(store: Store, rows: Rows, target: Target, segment: Segment = ALL_ROWS) -> dict[str, ScoreCounts]:
    """Positives and negatives at each score of the positive class, in each part of a segment."""
    sql = _SCORES.format(segment_field=segment.field, score=SCORE, rows=rows.sql, kept=KEPT)
    names = {"positive": target.positive, "segment": segment.name}
    return _score_parts(bounded(store, sql, {**rows.parameters, **names}))


@kept_of_rows(64)
def class_score_counts(store: Store, rows: Rows) -> dict[str, ScoreCounts]:
    """Counts at each score of each class, that class against the rest; keys are classes."""
    sql = _CLASS_SCORES.format(rows=rows.sql, kept=KEPT)
    return _score_parts(bounded(store, sql, rows.parameters))


@kept_of_rows(64)
def pair_counts(store: Store, rows: Rows, segment: Segment = ALL_ROWS) -> dict[str, PairCounts]:
    """Predictions and actuals of a regression in each part of a segment."""
    sql = _PAIRS.format(segment_field=segment.field, rows=rows.sql, kept=KEPT)
    table = bounded(store, sql, {**rows.parameters, "segment": segment.name})
    result = {}
    for part, here in _parts(table):
        n, weight = _numbers(table, "n")[here], _numbers(table, "weight")[here]
        prediction, actual = _numbers(table, "prediction")[here], _numbers(table, "actual")[here]
        result[part] = PairCounts(prediction, actual, n * weight, effective(n, weight))
    return result


@kept_of_rows(64)
def ranked_rows(store: Store, rows: Rows, query_tag: str) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Query number, score and relevance of each labelled row, for the ranking measures; lists share the tag's value."""
    table = store.arrow(_RANKED.format(rows=rows.sql), {**rows.parameters, "query": query_tag, "limit": MAX_ROWS})
    return _numbers(table, "query"), _numbers(table, "score"), _numbers(table, "relevance")


def _score_parts(table: pa.Table) -> dict[str, ScoreCounts]:
    columns = [_numbers(table, name) for name in ("score", "weight", "positives", "negatives")]
    return {part: counted_scores(*(column[here] for column in columns)) for part, here in _parts(table)}


def counted_scores(score: FloatArray, weight: FloatArray, positives: FloatArray, negatives: FloatArray) -> ScoreCounts:
    """Cells of a score and a weight, each with its numbers of positive and negative rows, added up by the score."""
    distinct, place = np.unique(score, return_inverse=True)
    summed = np.array([np.bincount(place, count * weight, distinct.size) for count in (positives, negatives)], float)
    return ScoreCounts(distinct, summed[0], summed[1], effective(positives + negatives, weight))


def _parts(table: pa.Table) -> list[tuple[str, np.ndarray[tuple[int], np.dtype[np.bool_]]]]:
    """The parts of a result, which is ordered by them, each with the mask of its lines."""
    codes = table["part"].combine_chunks().dictionary_encode()
    place = codes.indices.to_numpy(zero_copy_only=False)
    return [(str(name), place == at) for at, name in enumerate(codes.dictionary.to_pylist())]


def _numbers(table: pa.Table, column: str) -> FloatArray:
    return np.asarray(table[column].to_numpy(), np.float64)


def effective(n: FloatArray, weight: FloatArray) -> float:
    """Kish's effective number of rows, of `n` rows of each weight."""
    squares = float((n * weight**2).sum())
    return float((n * weight).sum()) ** 2 / squares if squares else 0.0


def bounded(store: Store, sql: str, parameters: Mapping[str, Any]) -> pa.Table:
    """Run a query of cells; where there are more than `MAX_ROWS`, again on every so-many-th row by `{keep:UInt64}`."""
    limited = f"SELECT * FROM ({sql}) LIMIT {MAX_ROWS + 1}"
    table, keep = store.arrow(limited, {**parameters, "keep": 1}), 1
    while table.num_rows > MAX_ROWS:
        keep *= 2
        table = store.arrow(limited, {**parameters, "keep": keep})
    return table
