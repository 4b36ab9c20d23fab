"""The values of numeric columns, from rows: each read once, sorted here, eight bytes a row and column while held."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np

from modelspan_analyzer.distributions.vocabulary import Floats, Numbers, Relation, Support
from modelspan_collector.store.connect import Store

HELD_VALUES = 8_000_000
"""Values of one side that are held at once: 64 MB."""

FEATURE_NUMBERS = "mapKeys(numeric_features) AS name, mapValues(numeric_features) AS number"
OUTPUT_NUMBERS = """arrayConcat(if(value IS NULL, [], ['value']),
    arrayMap(class -> concat('score.', class), mapKeys(scores))) AS name,
    arrayConcat(if(value IS NULL, [], [assumeNotNull(value)]), mapValues(scores)) AS number"""

_LAYOUT = """
SELECT count() AS n, sum(sample_weight) AS weight, min(sample_weight) = max(sample_weight) AS one_weight,
       any(mapKeys(numeric_features)) AS names,
       min(cityHash64(mapKeys(numeric_features))) = max(cityHash64(mapKeys(numeric_features))) AS alike
FROM {table} WHERE {condition}
"""
_FEATURE_NAMES = "SELECT groupUniqArrayArray(mapKeys(numeric_features)) AS names FROM {table} WHERE {condition}"
_OUTPUT_NAMES = """
SELECT arrayConcat(['value'], arrayMap(class -> concat('score.', class), groupUniqArrayArray(mapKeys(scores)))) AS names
FROM {table} WHERE {condition}
"""

_PLACED = "SELECT {columns} FROM {table} WHERE {condition}"

_GROUPED = """
SELECT toString(name) AS feature, count() AS n, sum(sample_weight) AS weight,
       sumIf(sample_weight, isNaN(number)) AS nan, sumIf(sample_weight, isInfinite(number)) AS infinite,
       groupArrayIf(number, isFinite(number)) AS numbers,
       {weights} AS weights
FROM {table} ARRAY JOIN {arrays}
WHERE {condition} AND name IN {{names:Array(String)}}
GROUP BY name
"""
_WEIGHTS = "groupArrayIf(sample_weight, isFinite(number))"
_NO_WEIGHTS = "CAST([], 'Array(Float64)')"


@dataclass(frozen=True, slots=True)
class Layout:
    """How the numeric columns of a relation lie in its rows."""

    rows: int
    weight: float
    """Sum of the sample weights."""
    one_weight: bool
    """True where all rows weigh the same."""
    names: tuple[str, ...]
    alike: bool
    """True where every row has exactly these names, in this order."""


def layout(store: Store, relation: Relation, *, outputs: bool = False) -> Layout:
    """The names of the numeric features, or outputs, and whether all rows agree on them."""
    parts = {"table": relation.table, "condition": relation.condition}
    row = store.rows(_LAYOUT.format(**parts), relation.parameters)[0]
    alike = bool(row["alike"]) and len(set(row["names"])) == len(row["names"]) and not outputs
    names = row["names"]
    if not alike:
        sql = _OUTPUT_NAMES if outputs else _FEATURE_NAMES
        names = store.rows(sql.format(**parts), relation.parameters)[0]["names"]
    found = tuple(str(name) for name in names)
    return Layout(int(row["n"]), float(row["weight"]), bool(row["one_weight"]), found, alike)


def in_parts(names: Sequence[str], rows: int) -> list[Sequence[str]]:
    """Columns in as few parts of about the same size as may be held at once."""
    if not names:
        return []
    number = ceil(len(names) / max(1, HELD_VALUES // max(rows, 1)))
    size = ceil(len(names) / number)
    return [names[start : start + size] for start in range(0, len(names), size)]


def load_numbers(
    store: Store, relation: Relation, names: Iterable[str], found: Layout, *, outputs: bool = False
) -> dict[str, Numbers]:
    """Some numeric columns with all their values, sorted."""
    wanted = [name for name in names if name in found.names]
    if not wanted:
        return {}
    if found.alike and found.one_weight:
        return _placed(store, relation, wanted, found)
    return _grouped(store, relation, wanted, found, OUTPUT_NUMBERS if outputs else FEATURE_NUMBERS)


def load_supports(
    store: Store, relation: Relation, names: Iterable[str], found: Layout, *, outputs: bool = False
) -> dict[str, Support]:
    """The finite values of some numeric columns, sorted."""
    loaded = load_numbers(store, relation, names, found, outputs=outputs)
    return {name: numbers.support for name, numbers in loaded.items() if numbers.support is not None}


def _placed(store: Store, relation: Relation, names: Sequence[str], found: Layout) -> dict[str, Numbers]:
    """Rows that are alike have a column at one place, so that the store need not look for its name in each."""
    columns = ", ".join(
        f"mapValues(numeric_features)[{found.names.index(name) + 1}] AS column_{i}" for i, name in enumerate(names)
    )
    sql = _PLACED.format(columns=columns, table=relation.table, condition=relation.condition)
    table = store.arrow(sql, relation.parameters)
    each = found.weight / max(found.rows, 1)
    loaded = {}
    for name in names:
        values = np.sort(table.column(0).to_numpy())  # NaN comes last
        table = table.remove_column(0)
        first = int(np.searchsorted(values, -np.inf, side="right"))
        upto, last = (int(np.searchsorted(values, bound)) for bound in (np.inf, np.nan))
        n, nan, infinite = values.size, (values.size - last) * each, (first + last - upto) * each
        loaded[name] = _described(Support(values[first:upto]), n, n * each, nan, infinite)
    return loaded


def _grouped(store: Store, relation: Relation, names: Sequence[str], found: Layout, arrays: str) -> dict[str, Numbers]:
    """Rows that differ are taken apart by name in the store."""
    weights = _NO_WEIGHTS if found.one_weight else _WEIGHTS
    sql = _GROUPED.format(table=relation.table, condition=relation.condition, arrays=arrays, weights=weights)
    table = store.arrow(sql, {**relation.parameters, "names": list(names)})
    loaded = {}
    for row, name in enumerate(table["feature"].to_pylist()):
        values, each = (table[key][row].values.to_numpy(zero_copy_only=False) for key in ("numbers", "weights"))
        n, weight, nan, infinite = (table[key][row].as_py() for key in ("n", "weight", "nan", "infinite"))
        loaded[name] = _described(_sorted(values, each), int(n), float(weight), float(nan), float(infinite))
    return loaded


def _sorted(values: Floats, weights: Floats) -> Support:
    if weights.size == 0:
        return Support(np.sort(values))
    order = np.argsort(values)
    return Support(values[order], weights[order])


def _described(support: Support, n: int, weight: float, nan: float, infinite: float) -> Numbers:
    """What the values themselves tell, so that no second scan has to."""
    values, each = support.values, support.weights
    scale = (weight - nan - infinite) / values.size if values.size else 0.0
    some = values.size > 0
    mean, std = float("nan"), float("nan")
    if some:
        with np.errstate(over="ignore", invalid="ignore"):  # values near the largest float have no finite moments
            mean = float(np.average(values, weights=each))
            std = float(np.average((values - mean) ** 2, weights=each) ** 0.5)
    below, upto = (int(np.searchsorted(values, 0.0, side=side)) for side in ("left", "right"))
    zero = float((upto - below) * scale if each is None else each[below:upto].sum())
    negative = float(below * scale if each is None else each[:below].sum())
    return Numbers(
        n=n,
        count=weight,
        nan=nan,
        infinite=infinite,
        zero=zero,
        negative=negative,
        minimum=float(values[0]) if some else float("inf"),
        maximum=float(values[-1]) if some else float("-inf"),
        mean=mean,
        std=std,
        distinct=float(1 + np.count_nonzero(values[1:] != values[:-1])) if some else 0.0,
        support=support,
    )
