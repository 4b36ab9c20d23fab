"""What one window shows of a champion and a challenger: moments of a measure of each, or of their differences in pairs.

Pairs are compared where at least half of the challenger's labelled predictions answer a request that the champion
answered too, as a shadow's do (`matching.py`): what both find hard cancels out.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from modelspan.conventions import LONGEST_DURATION
from modelspan_analyzer.reading.durations import SHORTEST
from modelspan_analyzer.reading.matching import match
from modelspan_analyzer.reading.outcomes.losses import loss_of
from modelspan_analyzer.reading.outcomes.read import PREDICTED
from modelspan_analyzer.reading.outcomes.seen import look
from modelspan_analyzer.reading.outcomes.target import REGRESSION, read_as, target_of
from modelspan_analyzer.reading.own_metrics import measured
from modelspan_analyzer.reading.paid import number_of
from modelspan_analyzer.reading.rows import Rows, window_rows, with_outcomes
from modelspan_analyzer.reading.window import bound, within
from modelspan_analyzer.results import Window
from modelspan_analyzer.statistics.sequential import Batch, Moments
from modelspan_collector.sqlhttp.errors import ClickHouseError
from modelspan_collector.sqlhttp.reader import SqlReader
from modelspan_collector.store.connect import Store
from modelspan_collector.store.expression import Compiled, literal, outcome_of

_SEVERAL: Final = (
    "answers of the shape {shape} are no single number or class, which `loss` compares; measure an outcome "
    "(`outcome.NAME`), or a metric of one's own (`metric.NAME`)"
)
NOTHING: Final = Moments(0, 0.0, 0.0, 0.0)

_MOMENTS: Final = """
SELECT arm, count() AS n, any(middle) AS mean, sum(pow(x - middle, 2)) AS squares, sum(pow(x - middle, 4)) AS fourth,
       max(abs(x)) AS largest
FROM (SELECT arm, x, if(min(x) OVER w = max(x) OVER w, x, avg(x) OVER w) AS middle FROM ({values}) WHERE isFinite(x)
      WINDOW w AS (PARTITION BY arm))
GROUP BY arm ORDER BY arm
"""
# A mean of equal numbers may be off by a bit, by which each of them would seem to vary.
_LOSSES: Final = """
SELECT '{arm}' AS arm, {loss} AS x FROM (SELECT *, {predicted} AS answer FROM ({rows})) AS r WHERE {known}
"""
_PAIRS: Final = """
SELECT 'pairs' AS arm, {loss_a} - {loss_b} AS x
FROM (SELECT *, {predicted} AS answer FROM ({challenger})) AS a
INNER JOIN (SELECT *, {predicted} AS answer FROM ({champion})) AS b ON a.shared = b.shared
WHERE a.shared != '' AND {known}
"""
_OUTCOMES: Final = "SELECT '{arm}' AS arm, assumeNotNull({outcome}) AS x FROM ({rows}) WHERE isNotNull({outcome})"
_CALLED: Final = "SELECT * FROM predictions WHERE {within} AND {those}"
_CALLS: Final = "SELECT '{arm}' AS arm, {value} AS x FROM ({rows}) WHERE {known}"
_FAILED: Final = "toFloat64(error_type != '')"
_LOGARITHM: Final = f"log(greatest(assumeNotNull(duration), {SHORTEST}))"
_TIMED: Final = f"error_type = '' AND ifNull(duration >= 0 AND duration <= {LONGEST_DURATION}, 0)"


@dataclass(frozen=True, slots=True)
class Arms:
    """Which predictions of a window are whose."""

    model: str
    versions: tuple[str, str]
    """Of champion and challenger: the same where a tag tells them apart."""
    tag: str
    """That tells them apart; '' where the version does."""
    values: tuple[str, str]
    """Of the tag."""
    window: Window

    def those(self, side: int) -> str:
        """Which of the version's predictions are of a side, in SQL."""
        return f"tags[{literal(self.tag)}] = {literal(self.values[side])}" if self.tag else "true"

    def rows(self, side: int) -> Rows:
        """Predictions of a side with their labels: 0 is the champion, 1 the challenger."""
        found = window_rows(self.model, self.versions[side], self.window, name=f"{_NAMES[side]}_")
        return replace(found, sql=f"SELECT * FROM ({found.sql}) WHERE {self.those(side)}") if self.tag else found

    def calls(self, side: int) -> Rows:
        """All calls of a side, those that failed too, as they are stored."""
        name = f"{_NAMES[side]}_"
        sql = _CALLED.format(within=within(name), those=self.those(side))
        return Rows(sql, bound(self.model, self.versions[side], self.window, name))


_NAMES: Final = ("champion", "challenger")


def losses(store: Store, arms: Arms, positive_class: str, threshold: float, task: str = "") -> tuple[Batch, str]:
    """How wrong the answers were, by the labels that are in; and what answers were taken for, where that is in doubt.

    Raises:
        ValueError: labels and answers name no class in common, the positive class is none of two, or answers are of
            several parts.
    """
    champion, challenger = arms.rows(0), arms.rows(1)
    if not arms.tag:
        _, champion, challenger = match(store, champion, challenger)
    target = target_of(
        store, arms.model, [look(store, one) for one in (champion, challenger)], positive_class, 2, task=task
    )
    if target.apart:
        raise ValueError(target.apart)
    if target.shape:
        raise ValueError(_SEVERAL.format(shape=target.shape))
    sides = [read_as(one, target) for one in (champion, challenger)]
    loss = loss_of(target)
    asked = {"positive": target.positive, "negative": target.negative, "threshold": threshold}
    asked |= {**sides[0].parameters, **sides[1].parameters}
    each = [
        _LOSSES.format(arm=name, rows=rows.sql, predicted=PREDICTED, loss=loss.of("r", "r"), known=loss.known("r", "r"))
        for name, rows in zip(_NAMES, sides, strict=True)
    ]
    if not arms.tag:
        shared = {"champion": sides[0].sql, "challenger": sides[1].sql, "predicted": PREDICTED}
        known = f"{loss.known('a', 'b')} AND {loss.known('b', 'b')}"
        each.append(_PAIRS.format(**shared, known=known, loss_a=loss.of("a", "b"), loss_b=loss.of("b", "b")))
    found = _moments(store, each, asked)
    pairs, own = found.get("pairs", NOTHING), found.get("challenger", NOTHING)
    paired = pairs.rows and 2 * pairs.rows >= own.rows
    shares = target.task != REGRESSION
    usual = found.get("champion", NOTHING).mean
    return Batch(pairs, None, usual, shares) if paired else _batch(found, shares), target.taken


def answered(store: Store, arms: Arms) -> bool:
    """Whether the challenger made any prediction in the window."""
    sql = f"SELECT count() FROM predictions WHERE {within()} AND {arms.those(1)}"
    return bool(store.scalar(sql, bound(arms.model, arms.versions[1], arms.window)))


def outcomes(store: Store, arms: Arms, name: str) -> Batch:
    """What came of the predictions, by an outcome that is a number."""
    sides = [with_outcomes(arms.rows(side)) for side in (0, 1)]
    read = outcome_of(literal(name))
    each = [_OUTCOMES.format(arm=arm, rows=rows.sql, outcome=read) for arm, rows in zip(_NAMES, sides, strict=True)]
    return _batch(_moments(store, each, {**sides[0].parameters, **sides[1].parameters}))


def failures(store: Store, arms: Arms) -> Batch:
    """Which calls failed."""
    return replace(_calls(store, arms, _FAILED), shares=True)


def costs(store: Store, arms: Arms, cost: Compiled) -> Batch:
    """What calls cost, those that failed too; of which it is not known, are not among them.

    Raises:
        ValueError: a cost is too large to be squared twice.
    """
    return _calls(store, arms, number_of(cost), outcomes=bool(cost.outcomes))


def unread(store: Store, arms: Arms, told: Compiled) -> int:
    """How many calls tell a cost by their tag that is no number, such as `$0.02`."""
    known = f"notEmpty(tags['cost']) AND NOT isFinite({number_of(told)})"
    sides = [arms.calls(side) for side in (0, 1)]
    each = " UNION ALL ".join(one.sql for one in sides)
    asked = {**sides[0].parameters, **sides[1].parameters}
    return int(store.scalar(f"SELECT count() FROM ({each}) WHERE {known}", asked))


def logarithms(store: Store, arms: Arms) -> Batch:
    """How long calls took, by the logarithm of the seconds: a difference of it is a ratio of what is typical."""
    return _calls(store, arms, _LOGARITHM, known=_TIMED)


def own(store: Store, arms: Arms, metric: Compiled, min_rows: int) -> Batch:
    """A metric of one's own, as sure as its bootstrap says; of fewer rows than it needs nothing.

    Raises:
        ClickHouseError: the engine cannot compute it.
    """
    reader, sides = SqlReader(store), []
    for side in (1, 0):
        rows = arms.rows(side)
        n = int(store.scalar(f"SELECT count() FROM ({rows.sql})", rows.parameters))
        (parts,) = measured(reader, rows, n, [metric], {})
        if isinstance(parts, ClickHouseError):
            raise parts
        one = parts.get("")
        enough = one is not None and one.rows >= min_rows and math.isfinite(one.error)
        sides.append(_as_rows(one.rows, one.value, one.error) if one is not None and enough else NOTHING)
    return Batch(sides[0], sides[1])


def _as_rows(rows: int, value: float, error: float) -> Moments:
    """What so many normal rows would have whose mean is as sure."""
    squares = error * error * rows * (rows - 1)
    return Moments(rows, value, squares, 3 * squares * squares / rows)


def _calls(store: Store, arms: Arms, value: str, *, known: str = "true", outcomes: bool = False) -> Batch:
    sides = [with_outcomes(arms.calls(side)) if outcomes else arms.calls(side) for side in (0, 1)]
    each = [
        _CALLS.format(arm=name, value=value, rows=rows.sql, known=known)
        for name, rows in zip(_NAMES, sides, strict=True)
    ]
    return _batch(_moments(store, each, {**sides[0].parameters, **sides[1].parameters}))


def _moments(store: Store, each: Sequence[str], asked: Mapping[str, Any]) -> dict[str, Moments]:
    rows = store.rows(_MOMENTS.format(values=" UNION ALL ".join(each)), dict(asked))
    if too_large := next((row["largest"] for row in rows if not math.isfinite(row["fourth"])), None):
        raise ValueError(
            f"a value of {too_large:.4g} is too large for its fourth power, which how sure a mean is asks for"
        )
    return {row["arm"]: Moments(int(row["n"]), *(float(row[name]) for name in _POWERS)) for row in rows}


_POWERS: Final = ("mean", "squares", "fourth")


def _batch(found: Mapping[str, Moments], shares: bool = False) -> Batch:
    return Batch(found.get("challenger", NOTHING), found.get("champion", NOTHING), shares=shares)
