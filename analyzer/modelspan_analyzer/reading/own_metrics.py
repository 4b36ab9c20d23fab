"""Metrics of one's own: read from the store as a person's query is, vetted and within its limits.

The interval is a bootstrap in the engine. Every row is there as often as a Poisson variable of mean 1 says, which
stands for drawing as many rows as there are with replacement (Hanley and MacGibbon, 2006), and any aggregate can be
taken of each replicate. The draws come from a hash of the row, so that the same rows give the same interval.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from modelspan_analyzer.reading.rows import Rows, with_outcomes
from modelspan_analyzer.statistics.counts import Floats
from modelspan_analyzer.statistics.performance.intervals import CONFIDENCE, quantile_of_normal
from modelspan_collector.sqlhttp.reader import SqlReader
from modelspan_collector.store.expression import Compiled, outcome_of
from modelspan_collector.store.segments import split_key, value_of
from modelspan_collector.store.written import written_out

REPLICATES: Final = 200
MOST_DRAWN: Final = 10_000
"""Rows of which replicates are drawn; of more, every so-many-th by hash."""
MOST_COUNTED: Final = 2**53
"""What a SELECT says of more rows is no count."""
LEAST_DRAWN: Final = 10
"""Fewer rows say nothing of how much a value varies."""
TAIL: Final = (1 - CONFIDENCE) / 2
"""Share of the replicates beyond either end of an interval."""
# The Poisson distribution of mean 1 up to so many: how often a row is there.
_CUMULATED: Final = np.cumsum([math.exp(-1) / math.factorial(count) for count in range(12)])
_TIMES: Final = (
    f"arrayCount(t -> cityHash64(prediction_id, timestamp, b) / 18446744073709551616. >= t, {_CUMULATED.tolist()})"
)
_DRAWS: Final = f"arrayFlatten(arrayMap(b -> arrayWithConstant({_TIMES}, b), range(1, {REPLICATES + 1})))"

_MEASURED: Final = f"""
SELECT part_, replicate_, toFloat64({{expression}}) AS measured_, countIf({{known}}) AS rows_,
       countIf(drawn_ AND {{known}}) AS drawn_rows_,
       count() AS all_rows_
FROM (
    SELECT *, {{part}} AS part_, cityHash64(timestamp, prediction_id) % {{keep}} = 0 AS drawn_,
           arrayJoin(arrayConcat([0], if(drawn_, {_DRAWS}, []))) AS replicate_
    FROM ({{rows}}) WHERE {{wanted}}
)
GROUP BY part_, replicate_ ORDER BY part_, replicate_
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """A value of some rows, and how sure it is."""

    value: float
    rows: int
    """Of which all is known that it is of."""
    lower: float = math.nan
    upper: float = math.nan
    error: float = math.nan
    """Standard error."""
    drawn: int = 0
    """Rows that the interval rests on."""
    of: int = 0
    """Rows, whatever is known of them."""


def measured(
    reader: SqlReader, rows: Rows, found: Compiled, n: int, key: str = "", values: Sequence[str] = ()
) -> dict[str, Measured]:
    """An expression's value over some rows, or over those with each value of a key.

    Args:
        reader: of the store.
        rows: predictions with what was true of them.
        found: the expression.
        n: about how many rows there are.
        key: such as `tag.country`; '' for all rows, whose part is ''.
        values: of the key; others are left out.

    Raises:
        ClickHouseError: the engine cannot compute it, or not within its limits.
    """
    part = value_of(key, "{part_key:String}") if key else "''"
    wanted = [f"isNotNull({outcome_of(name, text=True)})" for name in found.outcomes]
    wanted += ["(truth != '' OR isNotNull(true_value))"] if found.truths else []
    known = " AND ".join(wanted) or "true"
    of = with_outcomes(rows) if found.outcomes else rows
    sql = _MEASURED.replace("{expression}", found.sql).replace("{part}", part).replace("{rows}", of.sql)
    sql = sql.replace("{known}", known)
    sql = sql.replace("{keep}", str(max(1, math.ceil(n / MOST_DRAWN))))
    sql = sql.replace("{wanted}", "part_ IN {part_values:Array(String)}" if key else "true")
    names = {"part_key": split_key(key)[1], "part_values": list(values)} if key else {}
    answer = reader.ask(written_out(sql, {**rows.parameters, **names}))
    lines: dict[str, list[tuple[Any, ...]]] = {}
    for line in answer.rows:
        lines.setdefault(str(line[0]), []).append(line)
    return {name: _with_interval(found) for name, found in lines.items()}


def _with_interval(lines: Sequence[tuple[Any, ...]]) -> Measured:
    """The value of all rows, which is of the replicate 0, with the interval that the others give."""
    whole = next(line for line in lines if line[1] == 0)
    value, rows, drawn, every = _number(whole[2]), int(whole[3]), int(whole[4]), int(whole[5])
    replicates = np.array([_number(line[2]) for line in lines if line[1] > 0])
    replicates = replicates[np.isfinite(replicates)]
    if drawn < LEAST_DRAWN or replicates.size < REPLICATES / 2 or not math.isfinite(value):
        return Measured(value, rows, drawn=drawn, of=every)
    if drawn < rows:
        replicates = of_all_rows(replicates, value, rows / drawn)
    lower, upper = np.quantile(replicates, [TAIL, 1 - TAIL])
    return Measured(value, rows, float(lower), float(upper), float(replicates.std(ddof=1)), drawn, every)


def of_all_rows(replicates: Floats, value: float, times: float) -> Floats:
    """Replicates of a part of the rows as those of all of them would be: by the root of how many times more these are.

    A sum or a count of all is larger by as much, a mean or a quantile is not: the nearer of the two is taken.

    >>> of_all_rows(np.array([9.0, 11.0]), 40.0, 4.0)
    array([38., 42.])
    """
    middle = float(replicates.mean())
    larger = abs(value - middle * times) < abs(value - middle)
    return np.asarray(value + (replicates - middle) * (times if larger else 1.0) / np.sqrt(times))


def selected(reader: SqlReader, select: str, places: Mapping[str, object]) -> dict[str, Measured]:
    """What a SELECT of one's own says of a window, by its column `slice`, or as '' without one.

    Args:
        reader: of the store.
        select: with the columns value and, if it likes, slice, lower, upper and n.
        places: values of the parameters that it may ask for.

    Raises:
        ValueError: it answers no column `value`, or two rows of one slice, or something that is no number or no count.
        ClickHouseError: it is no query, may not be asked, fails, or takes more than its limits.
    """
    answer = reader.ask(written_out(select, places))
    if "value" not in answer.names:
        raise ValueError(
            f"it answers the columns {', '.join(answer.names) or 'none'}: name one of them value (AS value)"
        )
    found: dict[str, Measured] = {}
    for row in answer.rows:
        given = dict(zip(answer.names, row, strict=True))
        name = str(given.get("slice") or "")
        if name in found:
            raise ValueError(f"it answers more than one row of {name or 'the window'}: group by slice, for one window")
        lower, upper = (_told(given, end) for end in ("lower", "upper"))
        error = (upper - lower) / (2 * quantile_of_normal(CONFIDENCE))
        found[name] = Measured(_told(given, "value"), _count(given), lower, upper, error)
    return found


def _told(given: Mapping[str, Any], name: str) -> float:
    """A number that a SELECT answers; NaN where it says nothing of it."""
    said = given.get(name)
    number = _number(said)
    if said is not None and math.isnan(number) and not isinstance(said, int | float):
        raise ValueError(f"its column {name} holds {said!r}, which is no number")
    return number


def _count(given: Mapping[str, Any]) -> int:
    """The rows that a SELECT says its value is of, 0 where it does not."""
    said = _told(given, "n")
    if math.isnan(said) or said == 0:
        return 0
    if not 0 < said < MOST_COUNTED or said != int(said):
        raise ValueError(f"its column n holds {given['n']!r}, which is no number of rows")
    return int(said)


def _number(given: Any) -> float:
    """What a query answered, as a number; NaN where it is none."""
    try:
        return float(given) if given is not None else math.nan
    except (TypeError, ValueError):
        return math.nan
