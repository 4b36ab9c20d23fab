"""Searches slices, of one attribute or two, for those in which a number of each row differs most from what is usual."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from modelspan_analyzer.reading.cache import kept
from modelspan_analyzer.reading.rows import Rows
from modelspan_analyzer.reading.segments import spelt
from modelspan_analyzer.statistics.special import ndtr
from modelspan_collector.store.connect import Store
from modelspan_collector.store.segments import value_of

MOST_ROWS = 200_000
"""Rows of a side that slices are searched in."""
MOST_VALUES = 20
"""A feature or tag with more different values makes no slices."""
MOST_KEYS = 12

_NAMES = """arrayConcat(arrayMap(name -> concat('tag.', name), mapKeys(tags)),
    arrayMap(name -> concat('feature.', name), mapKeys(categorical_features)))"""
_VALUE = f"""if(startsWith(key, 'tag.'), {value_of("tag.x", "substring(key, 5)")},
    {value_of("feature.x", "substring(key, 9)")})"""

# Every row's keys with their values, singly and, where asked for, in pairs; two empty ones stand for all rows.
_SLICES = """
WITH rows AS (
    SELECT {number} AS number, arrayMap(key -> (key, {value}), {{keys:Array(String)}}) AS own
    FROM (SELECT * FROM ({rows}) LIMIT {limit}) WHERE {condition}
)
SELECT slice, count() AS n, sum(number) AS total, sum(number * number) AS squares
FROM rows
ARRAY JOIN arrayConcat(
    [(('', ''), ('', ''))], arrayMap(a -> (a, ('', '')), own),
    if({{depth:UInt8}} < 2, [], arrayFlatten(arrayMap(
        (a, i) -> arrayMap(b -> (a, b), arraySlice(own, i + 1)), own, arrayEnumerate(own))))) AS slice
GROUP BY slice HAVING n >= {{least:UInt64}}
"""

_KEYS = """
SELECT key FROM (
    SELECT key, uniq({value}) AS values
    FROM (SELECT * FROM ({rows}) LIMIT {limit}) ARRAY JOIN {names} AS key
    GROUP BY key
)
WHERE values BETWEEN 2 AND {{most:UInt32}} ORDER BY key LIMIT {most_keys}
"""


@dataclass(frozen=True, slots=True)
class Number:
    """A number of each row that slices are searched by."""

    sql: str
    condition: str = "1"
    """Rows that have it."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    labelled: bool = False
    """Whether it changes as labels come in."""

    def __hash__(self) -> int:
        """By its SQL alone: parameters are compared, and may be lists."""
        return hash((self.sql, self.condition))


@dataclass(frozen=True, slots=True)
class Moments:
    """Rows of a slice, and mean and variance of their numbers."""

    n: int
    mean: float
    variance: float

    @classmethod
    def of(cls, n: float, total: float, squares: float) -> Moments:
        """From sums."""
        mean = total / n
        return cls(int(n), mean, max(0.0, squares / n - mean * mean) * n / max(n - 1, 1))


@dataclass(frozen=True, slots=True)
class Tried:
    """One slice, beside what is usual for it."""

    name: str
    usual: Moments
    now: Moments
    spread: float
    """Standard deviation of the number over all usual rows."""

    @property
    def effect(self) -> float:
        """How far the mean is from the usual one, in those deviations."""
        return (self.now.mean - self.usual.mean) / self.spread

    @property
    def error(self) -> float:
        """Standard error of the difference of the means."""
        return float((self.usual.variance / self.usual.n + self.now.variance / self.now.n) ** 0.5)

    @property
    def sure_effect(self) -> float:
        """The least size of the effect that is sure."""
        return (abs(self.now.mean - self.usual.mean) - 2 * self.error) / self.spread

    @property
    def p_value(self) -> float:
        """Two-sided, by the normal approximation of Welch's test."""
        error = self.error
        if error == 0:
            return float(self.now.mean == self.usual.mean)
        return float(2 * ndtr(-abs(self.now.mean - self.usual.mean) / error))


def slice_keys(store: Store, rows: Rows) -> tuple[str, ...]:
    """The tags and categorical features that make slices: those of 2 to 20 values."""
    sql = _KEYS.format(rows=rows.sql, limit=MOST_ROWS, names=_NAMES, value=_VALUE, most_keys=MOST_KEYS)
    return tuple(row["key"] for row in store.rows(sql, {**rows.parameters, "most": MOST_VALUES}))


kept_slice_keys = kept(64)(slice_keys)
"""Those of rows that stay as they are."""


def against(usual: Mapping[str, Moments], now: Mapping[str, Moments]) -> list[Tried]:
    """Each slice beside what is usual for it."""
    if "" not in usual:
        return []
    spread = max(usual[""].variance ** 0.5, 1e-12)
    return [Tried(name, usual[name], one, spread) for name, one in now.items() if name and name in usual]


def against_rest(
    store: Store, rows: Rows, number: Number, keys: Sequence[str], *, depth: int, least: int
) -> list[Tried]:
    """Each slice beside all other rows."""
    found = sums(store, rows, number, keys, depth=depth, least=least)
    whole = found.pop("", None)
    if whole is None or whole.variance == 0:
        return []
    tried = []
    for name, one in found.items():
        rest = whole.n - one.n
        if rest >= least:
            total = whole.mean * whole.n - one.mean * one.n
            squares = _squares(whole) - _squares(one)
            tried.append(Tried(name, Moments.of(rest, total, squares), one, whole.variance**0.5))
    return tried


def _squares(one: Moments) -> float:
    return one.variance * max(one.n - 1, 1) + one.mean**2 * one.n


def sums(
    store: Store, rows: Rows, number: Number, keys: Sequence[str], *, depth: int, least: int
) -> dict[str, Moments]:
    """Each slice's number, and that of all rows under ''."""
    sql = _SLICES.format(number=number.sql, condition=number.condition, rows=rows.sql, limit=MOST_ROWS, value=_VALUE)
    scope = {"keys": list(keys), "depth": depth, "least": least}
    found = store.rows(sql, {**rows.parameters, **number.parameters, **scope})
    return {_spelt(row["slice"]): Moments.of(row["n"], float(row["total"]), float(row["squares"])) for row in found}


kept_sums = kept(64)(sums)
"""Those of rows that stay as they are."""


def _spelt(slices: Sequence[Any]) -> str:
    """A slice of one attribute or two in one text; '' of all rows."""
    pairs = (tuple(one.values()) if isinstance(one, dict) else one for one in slices)
    return " & ".join(spelt(key, value) for key, value in pairs if key)
