"""The values of numeric columns, from rows: streamed, each read once, sorted here, eight bytes a value while held."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil

import numpy as np
import numpy.typing as npt

from modelspan_analyzer.reading.profiles import answers
from modelspan_analyzer.reading.profiles.profile import Floats, Numbers, Relation, Support
from modelspan_collector.store.connect import Store

HELD_VALUES = 26_000_000
"""Values of one side that are held at once: 208 MB."""

FEATURE_NUMBERS = "mapKeys(numeric_features) AS name, mapValues(numeric_features) AS number"
OUTPUT_NUMBERS = f"""arrayConcat(if(value IS NULL, [], ['value']),
    arrayMap(class -> concat('score.', class), mapKeys(scores)), {answers.NAMES}) AS name,
    arrayConcat(if(value IS NULL, [], [assumeNotNull(value)]), mapValues(scores), {answers.NUMBERS}) AS number"""
OUTPUT_TEXTS = f"{answers.TEXT_NAMES} AS name, {answers.TEXTS} AS text"

_LAYOUT = """
SELECT count() AS n, sum(sample_weight) AS weight, min(sample_weight) = max(sample_weight) AS one_weight,
       any(mapKeys(numeric_features)) AS names,
       min(cityHash64(mapKeys(numeric_features))) = max(cityHash64(mapKeys(numeric_features))) AS alike
FROM {table} WHERE {condition}
SETTINGS max_threads = 1, max_block_size = 16384
"""
_FEATURE_NAMES = "SELECT groupUniqArrayArray(mapKeys(numeric_features)) AS names FROM {table} WHERE {condition}"
_OUTPUT_NAMES = f"""
SELECT arrayConcat(if(count(value) = 0 AND countIf(shape != '') > 0, [], ['value']),
                   arrayMap(class -> concat('score.', class), groupUniqArrayArray(mapKeys(scores))),
                   groupUniqArrayArray({answers.NAMES})) AS names
FROM {{table}} WHERE {{condition}}
"""

# One thread a query, as both sides of a comparison are read at once; each holds a block at a time.
_PLACED = "SELECT {columns} FROM {table} WHERE {condition} SETTINGS max_threads = 1, max_block_size = 16384"

_NAMED = """
SELECT toUInt16(transform(name, {{names:Array(String)}}, range(1, length({{names:Array(String)}}) + 1), 0)) AS place,
       number, sample_weight
FROM {table} ARRAY JOIN {arrays}
WHERE {condition} AND place > 0
SETTINGS max_threads = 1, max_block_size = 16384
"""


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
    return _named(store, relation, wanted, found, OUTPUT_NUMBERS if outputs else FEATURE_NUMBERS)


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
    held = [_Column(found.rows, weighted=False) for _ in names]
    for block in store.blocks(sql, relation.parameters):
        for column, values in zip(held, block, strict=True):
            column.add(np.asarray(values))
    return _taken(names, held, found)


def _named(store: Store, relation: Relation, names: Sequence[str], found: Layout, arrays: str) -> dict[str, Numbers]:
    """Rows that differ come as values with the place of their name among those asked for."""
    sql = _NAMED.format(table=relation.table, condition=relation.condition, arrays=arrays)
    held = [_Column(found.rows, weighted=not found.one_weight) for _ in names]
    for block in store.blocks(sql, {**relation.parameters, "names": list(names)}):
        places, values, weights = (np.asarray(column) for column in block)
        order = np.argsort(places, kind="stable")  # by radix, as places are small
        ends = np.cumsum(np.bincount(places, minlength=len(names) + 1))
        for column, begin, end in zip(held, ends[:-1], ends[1:], strict=True):
            chosen = order[begin:end]
            column.add(values[chosen], weights[chosen])
    return _taken(names, held, found)


def numbers_of(
    names: Sequence[str], places: npt.NDArray[np.intp], values: Floats, weights: Floats | None, each: float
) -> dict[str, Numbers]:
    """The columns of values that come with the place of their name; `each` is what one weighs without weights."""
    order = np.argsort(places, kind="stable")
    ends = np.concatenate([[0], np.cumsum(np.bincount(places, minlength=len(names)))])
    taken: dict[str, Numbers] = {}
    for name, begin, end in zip(names, ends[:-1].tolist(), ends[1:].tolist(), strict=True):
        column = _Column(end - begin, weighted=weights is not None)
        column.add(values[order[begin:end]], None if weights is None else weights[order[begin:end]])
        if (numbers := column.take(each)) is not None:
            taken[name] = numbers
    return taken


def described(values: Floats) -> Numbers | None:
    """One column of values that weigh the same, sorted and described; None of none."""
    column = _Column(values.size, weighted=False)
    column.add(values)
    return column.take(1.0)


class _Column:
    """The values of one column as they come in; memory that is not written to is not taken."""

    def __init__(self, rows: int, *, weighted: bool) -> None:
        self._values = np.empty(rows)
        self._weights = np.empty(rows) if weighted else None
        self._size = 0

    def add(self, values: Floats, weights: Floats | None = None) -> None:
        place = slice(self._size, self._size + values.size)
        self._values[place] = values
        if self._weights is not None:
            self._weights[place] = weights
        self._size = place.stop

    def take(self, each: float) -> Numbers | None:
        """What came in, sorted and described; where nothing else is known, every value weighs `each`."""
        if self._size == 0:
            return None
        values = self._values[: self._size]
        if self._weights is None:
            values.sort()  # NaN comes last
            weights = None
        else:
            order = np.argsort(values)
            values, weights = values[order], self._weights[: self._size][order]
        first = int(np.searchsorted(values, -np.inf, side="right"))
        upto, last = (int(np.searchsorted(values, bound)) for bound in (np.inf, np.nan))

        def weight(begin: int, end: int) -> float:
            return (end - begin) * each if weights is None else float(weights[begin:end].sum())

        support = Support(values[first:upto], None if weights is None else weights[first:upto])
        whole, nan, below = weight(0, values.size), weight(last, values.size), weight(0, first)
        return _described(support, values.size, whole, nan, below, below + weight(upto, last))


def _taken(names: Sequence[str], held: list[_Column], found: Layout) -> dict[str, Numbers]:
    each = found.weight / max(found.rows, 1)
    taken: dict[str, Numbers] = {}
    for name, column in zip(names, held, strict=True):
        numbers = column.take(each)
        if numbers is not None:
            taken[name] = numbers
    return taken


def _described(support: Support, n: int, weight: float, nan: float, lowest: float, infinite: float) -> Numbers:
    """What the values themselves tell, so that no second scan has to; `lowest` is what weighs minus infinity."""
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
    negative = lowest + float(below * scale if each is None else each[:below].sum())
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
