"""Metrics of one's own: read from the store as a person's query is, vetted and within its limits.

The interval is a bootstrap in the engine. Every row is there as often as a Poisson variable of mean 1 says, which
stands for drawing as many rows as there are with replacement (Hanley and MacGibbon, 2006), and any aggregate can be
taken of each replicate. The draws come from a hash of the row, so that the same rows give the same interval.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from modelspan_analyzer.reading.rows import Rows, with_outcomes
from modelspan_analyzer.reading.segments import spelt
from modelspan_analyzer.statistics.performance.intervals import CONFIDENCE, quantile_of_normal
from modelspan_collector.sqlhttp.errors import ClickHouseError
from modelspan_collector.sqlhttp.reader import SqlReader, need_plain
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
AT_ONCE: Final = 8
"""Expressions that one query is asked of: the memory of a query is bounded."""
_TOO_MUCH: Final = (62, 159, 241, 307)
"""What the engine answers where a query is too long, takes too long or needs too much: a part of it may do."""
# The Poisson distribution of mean 1 up to so many: how often a row is there, by where its hash is among all hashes.
_CUMULATED: Final = np.cumsum([math.exp(-1) / math.factorial(count) for count in range(12)])
_TIMES: Final = " + ".join(f"(hash_ >= {int(share * 2**64)})" for share in _CUMULATED)
_HASHES: Final = f"arrayMap(b -> intHash64(bitXor(row_, intHash64(toUInt64(b)))), range(1, {REPLICATES + 1}))"
_DRAWS: Final = (
    f"arrayFlatten(arrayMap((b, hash_) -> arrayWithConstant({_TIMES}, b), range(1, {REPLICATES + 1}), {_HASHES}))"
)

# A slice is the place of its value among those of its key, from 1 on: numbers are grouped by much faster than texts.
_OTHER: Final = 255
_MEASURED: Final = f"""
SELECT key_, value_, all_rows_, {{summaries}}
FROM (
    SELECT arrayFirstIndex(place -> place != 0, [{{places}}]) AS key_, {{places_summed}} AS value_,
           anyIf(rows_, replicate_ = 0) AS all_rows_, {{gathered}}
    FROM (
        SELECT {{places}}, replicate_, count() AS rows_, {{aggregates}}
        FROM (
            SELECT *, {{indexes}}, cityHash64(timestamp, prediction_id) AS row_, row_ % {{keep}} = 0 AS drawn_,
                   toUInt8(arrayJoin(arrayConcat([0], if(drawn_, {_DRAWS}, [])))) AS replicate_
            FROM ({{rows}})
        )
        GROUP BY GROUPING SETS ({{sets}})
    )
    WHERE value_ != {_OTHER} GROUP BY key_, value_
)
"""
_INDEX: Final = (
    f"if((indexOf({{{{values_{{n}}:Array(String)}}}}, {{group}}) AS found_{{n}}_) = 0, {_OTHER}, toUInt8(found_{{n}}_))"
    " AS place_{n}_"
)
_AGGREGATE: Final = """
    toFloat64({expression}) AS measured_{n}_, countIf({known}) AS known_{n}_,
    countIf(drawn_ AND {known}) AS drawn_{n}_"""
_GATHERED: Final = (
    "anyIf(measured_{n}_, replicate_ = 0) AS whole_{n}_, anyIf(known_{n}_, replicate_ = 0) AS of_{n}_, "
    "anyIf(drawn_{n}_, replicate_ = 0) AS from_{n}_, "
    "arraySort(groupArrayIf(assumeNotNull(measured_{n}_), replicate_ > 0 AND isFinite(measured_{n}_))) AS drawings_{n}_"
)
_SUMMARY: Final = (
    "whole_{n}_, of_{n}_, from_{n}_, length(drawings_{n}_), arrayReduce('avg', drawings_{n}_), "
    "arrayReduce('stddevSamp', drawings_{n}_), "
    f"arrayReduce('quantilesExactInclusive({TAIL}, {1 - TAIL})', drawings_{{n}}_)"
)
_SUMMARIES: Final = 7
"""Columns of a summary."""


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
    freedom: float = math.inf
    """Degrees of freedom of the standard error; see `freedom`."""


def measured(
    reader: SqlReader, rows: Rows, n: int, metrics: Sequence[Compiled], slices: Mapping[str, Sequence[str]]
) -> list[dict[str, Measured] | ClickHouseError]:
    """What each expression is over some rows, and over those of each slice by its name, as few queries tell it.

    Args:
        reader: of the store.
        rows: predictions with what was true of them.
        n: about how many rows there are.
        metrics: the expressions.
        slices: keys such as `tag.country`, each with the values that are looked at.

    Returns:
        Of each expression what it is by slice, '' of all rows; or why the engine cannot compute it, or not within its
        limits.
    """
    found: dict[int, dict[str, Measured] | ClickHouseError] = {}
    for joined in (False, True):  # to look for outcomes costs more than all else
        those = [at for at, one in enumerate(metrics) if bool(one.outcomes) == joined]
        for start in range(0, len(those), AT_ONCE):
            some = those[start : start + AT_ONCE]
            found |= zip(some, _each(reader, rows, n, [metrics[at] for at in some], slices), strict=True)
    return [found[at] for at in range(len(metrics))]


def _each(
    reader: SqlReader, rows: Rows, n: int, metrics: Sequence[Compiled], slices: Mapping[str, Sequence[str]]
) -> Iterator[dict[str, Measured] | ClickHouseError]:
    """In one query; where that fails each by itself, and where this is too much, the slices of each key apart."""
    try:
        yield from _asked(reader, rows, n, metrics, slices)
    except ClickHouseError as error:
        if len(metrics) > 1:
            for one in metrics:
                yield from _each(reader, rows, n, [one], slices)
        elif slices and error.code in _TOO_MUCH:
            yield _by_key(reader, rows, n, metrics, slices)
        else:
            yield error


def _by_key(
    reader: SqlReader, rows: Rows, n: int, metrics: Sequence[Compiled], slices: Mapping[str, Sequence[str]]
) -> dict[str, Measured] | ClickHouseError:
    parts: dict[str, Measured] = {}
    for some in ({}, *({key: values} for key, values in slices.items())):
        try:
            parts |= _asked(reader, rows, n, metrics, some)[0]
        except ClickHouseError as error:
            return error
    return parts


def _asked(
    reader: SqlReader, rows: Rows, n: int, metrics: Sequence[Compiled], slices: Mapping[str, Sequence[str]]
) -> list[dict[str, Measured]]:
    """By one query.

    Raises:
        ClickHouseError: the engine cannot compute one of them, or not within its limits.
    """
    of = with_outcomes(rows) if any(one.outcomes for one in metrics) else rows
    keys = list(slices)
    places = [f"place_{at}_" for at in range(len(keys))] or ["toUInt8(0)"]
    sets = ", ".join(("(replicate_)", *(f"(place_{at}_, replicate_)" for at in range(len(keys)))))
    groups = (value_of(key, f"{{key_{at}:String}}") for at, key in enumerate(keys))
    pieces = {
        "places": ", ".join(places),
        "places_summed": " + ".join(places),
        "indexes": ", ".join(_INDEX.format(n=at, group=group) for at, group in enumerate(groups)) or "1",
        "sets": sets,
        "keep": str(max(1, math.ceil(n / MOST_DRAWN))),
        "rows": of.sql,
        "aggregates": ", ".join(
            _AGGREGATE.format(n=at, expression=one.sql, known=_known(one)) for at, one in enumerate(metrics)
        ),
        "gathered": ", ".join(_GATHERED.format(n=at) for at in range(len(metrics))),
        "summaries": ", ".join(_SUMMARY.format(n=at) for at in range(len(metrics))),
    }
    names = {f"key_{at}": split_key(key)[1] for at, key in enumerate(keys)}
    values = {f"values_{at}": list(slices[key]) for at, key in enumerate(keys)}
    answer = reader.ask(written_out(_MEASURED.format(**pieces), {**rows.parameters, **names, **values}))
    found: list[dict[str, Measured]] = [{} for _ in metrics]
    for key, value, every, *line in answer.rows:
        name = spelt(keys[key - 1], slices[keys[key - 1]][value - 1]) if key else ""
        for at, one in enumerate(found):
            summary = line[at * _SUMMARIES : (at + 1) * _SUMMARIES]
            one[name] = _with_interval(int(every), summary, ranks=metrics[at].ranks)
    return found


def _known(metric: Compiled) -> str:
    """SQL: whether all is known of a row that a metric is of."""
    wanted = [f"isNotNull({outcome_of(name, text=True)})" for name in metric.outcomes]
    wanted += ["(truth != '' OR isNotNull(true_value))"] if metric.truths else []
    return " AND ".join(wanted) or "true"


def _with_interval(every: int, summary: Sequence[Any], *, ranks: bool) -> Measured:
    """The value of all rows, which is of the replicate 0, with the interval that the others give."""
    value, rows, drawn, replicates = _number(summary[0]), int(summary[1]), int(summary[2]), int(summary[3])
    if drawn < LEAST_DRAWN or replicates < REPLICATES / 2 or not math.isfinite(value):
        return Measured(value, rows, drawn=drawn, of=every)
    middle, error = _number(summary[4]), _number(summary[5])
    times = stretch(middle, value, rows / drawn)
    lower, upper = (value + (_number(end) - middle) * times for end in summary[6])
    return Measured(value, rows, lower, upper, error * times, drawn, every, freedom(drawn, ranks=ranks))


def freedom(rows: int, *, ranks: bool) -> float:
    """How sure a bootstrap's standard error is itself, as the degrees of freedom of Student's t that allows for it.

    Of a mean they are `rows - 1`. That of a quantile is off by a share that falls with the fourth root of the rows
    only (Hall and Martin, "Exact convergence rate of bootstrap quantile variance estimator", 1988), so that they grow
    with the square root; the factor is what the tails of simulated samples of 30 to 500 rows show.

    >>> freedom(101, ranks=False), round(freedom(100, ranks=True), 1)
    (100.0, 13.0)
    """
    return 1.3 * math.sqrt(rows) if ranks else rows - 1.0


def stretch(middle: float, value: float, times: float) -> float:
    """By how much replicates of a part of the rows are to be spread to be those of all: by the root of how many more.

    A sum or a count of all is larger by as much, a mean or a quantile is not: the nearer of the two is taken.

    Args:
        middle: mean of the replicates.
        value: of all rows.
        times: how many times more rows there are than were drawn from.

    >>> stretch(10.0, 40.0, 4.0), stretch(10.0, 11.0, 4.0)
    (2.0, 0.5)
    """
    larger = abs(value - middle * times) < abs(value - middle)
    return (times if larger else 1.0) / math.sqrt(times)


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
    answer = reader.ask(written_out(select, places), need_plain)
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
