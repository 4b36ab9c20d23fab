"""Slices of few rows, all of them from one reading: the rows come as Arrow columns once, and are counted here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from modelspan_analyzer.instants import utc
from modelspan_analyzer.reading.baselines import Baseline
from modelspan_analyzer.reading.cache import kept
from modelspan_analyzer.reading.profiles import answers
from modelspan_analyzer.reading.profiles.from_rows import MOST_CATEGORIES
from modelspan_analyzer.reading.profiles.profile import Column, Floats, Numbers, Profile, Relation, Texts
from modelspan_analyzer.reading.profiles.values import OUTPUT_NUMBERS, numbers_of
from modelspan_analyzer.reading.relation import baseline_relation
from modelspan_collector.store.connect import Store
from modelspan_collector.store.segments import split_key, value_of

MOST_VALUES = 2_500_000
"""Values of one side that are held; slices of more are read one by one."""

_ROWS = "SELECT sample_weight AS weight, {groups} {columns} FROM {table} WHERE {condition}"
_OF_FEATURES = """
    mapKeys(numeric_features) AS numeric, mapValues(numeric_features) AS numbers,
    mapKeys(categorical_features) AS categorical, mapValues(categorical_features) AS texts, null_features AS missing
"""
_OF_ANSWERS = f"""
    {OUTPUT_NUMBERS}, {answers.TEXT_NAMES} AS label_name, {answers.TEXTS} AS label_text,
    CAST([], 'Array(String)') AS no_missing
"""
# Ids that repeat are estimated as in every profile: all rows come with the same estimate.
_WHOLE = f"""
    {_OF_FEATURES}, {_OF_ANSWERS}, timestamp, error_type != '' AS failed, mapKeys(embeddings) AS embeddings,
    uniqCombined64(20)(prediction_id) OVER () AS distinct_ids
"""
_MICROSECONDS: Final = pa.timestamp("us", "UTC")
_FEATURES: Final = ("numeric", "numbers", "categorical", "texts", "missing")
_OUTPUTS: Final = ("name", "number", "label_name", "label_text", "no_missing")
"""Columns that hold the names and numbers, the names and texts, and the missing ones of each row."""

Places = npt.NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Part:
    """The features of some rows, with their values."""

    rows: int
    weight: float
    columns: Mapping[str, Column]


@dataclass(frozen=True, slots=True)
class _Cells:
    """One kind of a row's features: in which row each stands, and as which of the names."""

    row: Places
    name: Places
    names: tuple[str, ...]


@dataclass(frozen=True)
class Parts:
    """Rows that can be taken apart by the values of some keys."""

    weights: Floats
    groups: Mapping[str, npt.NDArray[np.object_]]
    """Of each key the value of each row."""
    numeric: _Cells
    numbers: Floats
    categorical: _Cells
    texts: Places
    known_texts: tuple[str, ...]
    missing: _Cells
    _read: dict[tuple[str, str], Part] = field(default_factory=dict, compare=False)

    def sizes(self, key: str) -> dict[str, int]:
        """How many rows have each value of a key, the most frequent first."""
        values, counts = np.unique(self.groups[key], return_counts=True)
        order = np.argsort(-counts, kind="stable")
        return {str(values[place]): int(counts[place]) for place in order}

    def part(self, key: str = "", value: str = "") -> Part:
        """The rows with one value of a key; all of them without one."""
        if (key, value) not in self._read:
            self._read[key, value] = self._part(self.groups[key] == value if key else np.ones(self.weights.size, bool))
        return self._read[key, value]

    def _part(self, chosen: npt.NDArray[np.bool_]) -> Part:
        weights = self.weights[chosen]
        numeric, categorical, missing = (chosen[cells.row] for cells in (self.numeric, self.categorical, self.missing))
        numbers = self._numbers(numeric, weights)
        texts = self._texts(categorical)
        nulls = self._sums(self.missing, missing)
        columns = {
            name: Column(name, *nulls.get(name, (0.0, 0)), numbers.get(name), texts.get(name))
            for name in {*numbers, *texts, *nulls}
        }
        return Part(weights.size, float(weights.sum()), columns)

    def _numbers(self, here: npt.NDArray[np.bool_], weights: Floats) -> dict[str, Numbers]:
        cells, alike = self.numeric, bool(weights.size) and bool((weights == weights[0]).all())
        given = None if alike else self.weights[cells.row[here]]
        each = float(weights.sum()) / max(weights.size, 1)
        return numbers_of(cells.names, cells.name[here], self.numbers[here], given, each)

    def _sums(self, cells: _Cells, here: npt.NDArray[np.bool_]) -> dict[str, tuple[float, int]]:
        """Weight and number of the rows that have each name."""
        names, size = cells.name[here], len(cells.names)
        weights = np.bincount(names, self.weights[cells.row[here]], size)
        counts = np.bincount(names, minlength=size)
        return {cells.names[at]: (float(weights[at]), int(counts[at])) for at in np.flatnonzero(counts)}

    def _texts(self, here: npt.NDArray[np.bool_]) -> dict[str, Texts]:
        cells, size = self.categorical, max(1, len(self.known_texts))
        pairs, place = np.unique(cells.name[here] * size + self.texts[here], return_inverse=True)
        weights = np.bincount(place, self.weights[cells.row[here]], pairs.size)
        wholes = self._sums(cells, here)
        found: dict[str, dict[str, float]] = {}
        for pair, weight in zip(pairs.tolist(), weights.tolist(), strict=True):
            found.setdefault(cells.names[pair // size], {})[self.known_texts[pair % size]] = weight
        return {
            name: Texts(n=wholes[name][1], count=wholes[name][0], distinct=float(len(counts)), counts=_most(counts))
            for name, counts in found.items()
        }


def _most(counts: dict[str, float]) -> dict[str, float]:
    """The most frequent first."""
    ordered = sorted(counts, key=lambda text: (-counts[text], text))
    return {text: counts[text] for text in ordered[:MOST_CATEGORIES]}


def few(profile: Profile, baseline: Baseline, *, outputs: bool = False) -> bool:
    """Whether the features of a window's rows and its baseline's, or their answers, are so few that they are held."""
    columns = profile.outputs if outputs else profile.features
    return len(columns) * max(profile.rows, baseline.rows) <= MOST_VALUES


def read_parts(store: Store, relation: Relation, keys: Sequence[str]) -> Parts:
    """All rows of a relation, which have to be few, with their values of some keys."""
    return _parts(_read(store, relation, keys, _OF_FEATURES), keys, _FEATURES)


def answer_parts(store: Store, relation: Relation, keys: Sequence[str]) -> Parts:
    """The same of what the rows answer."""
    return _parts(_read(store, relation, keys, _OF_ANSWERS), keys, _OUTPUTS)


def profile_parts(store: Store, relation: Relation, keys: Sequence[str]) -> tuple[Profile, Parts]:
    """The exact profile of predictions, which have to be few, with their values, and the rows that it is of."""
    table = _read(store, relation, keys, _WHOLE)
    parts, outputs = _parts(table, keys, _FEATURES), _parts(table, (), _OUTPUTS).part()
    whole, rows = parts.part(), table.num_rows
    failed = table["failed"].to_numpy(zero_copy_only=False).astype(bool)
    profile = Profile(
        rows=rows,
        weight=whole.weight,
        errors=float(parts.weights[failed].sum()),
        distinct_ids=float(table["distinct_ids"][0].as_py()) if rows else 0.0,
        newest=utc(pc.max(table["timestamp"]).cast(_MICROSECONDS, safe=False).as_py()) if rows else None,
        features={name: whole.columns[name].among(rows, whole.weight) for name in sorted(whole.columns)},
        outputs={name: outputs.columns[name] for name in sorted(outputs.columns)},
        relation=relation,
        embeddings=_coded(table["embeddings"])[0],
    )
    return profile, parts


def _read(store: Store, relation: Relation, keys: Sequence[str], columns: str) -> pa.Table:
    groups = [f"{value_of(key, f'{{key_{at}:String}}')} AS group_{at}, " for at, key in enumerate(keys)]
    names = {f"key_{at}": split_key(key)[1] for at, key in enumerate(keys)}
    sql = _ROWS.format(groups="".join(groups), columns=columns, table=relation.table, condition=relation.condition)
    return store.arrow(sql, {**relation.parameters, **names})


def _parts(table: pa.Table, keys: Sequence[str], columns: Sequence[str]) -> Parts:
    numeric, numbers, categorical, texts, missing = (table[name] for name in columns)
    known, places = _coded(texts)
    return Parts(
        weights=np.asarray(table["weight"].to_numpy(), np.float64),
        groups={key: table[f"group_{at}"].to_numpy(zero_copy_only=False) for at, key in enumerate(keys)},
        numeric=_cells(numeric),
        numbers=numbers.combine_chunks().flatten().to_numpy(zero_copy_only=False),
        categorical=_cells(categorical),
        texts=places,
        known_texts=known,
        missing=_cells(missing),
    )


@kept(16)
def baseline_parts(store: Store, baseline: Baseline, keys: tuple[str, ...]) -> Parts:
    """Those of a stored baseline, whose rows never change."""
    return read_parts(store, baseline_relation(baseline), keys)


@kept(16)
def baseline_answers(store: Store, baseline: Baseline, keys: tuple[str, ...]) -> Parts:
    """The same of its answers."""
    return answer_parts(store, baseline_relation(baseline), keys)


def _cells(column: pa.ChunkedArray) -> _Cells:
    lengths = column.combine_chunks().value_lengths().to_numpy(zero_copy_only=False)
    names, codes = _coded(column)
    return _Cells(np.repeat(np.arange(lengths.size), lengths), codes, names)


def _coded(column: pa.ChunkedArray) -> tuple[tuple[str, ...], Places]:
    """The different texts of a column of lists, and the place of each text among them."""
    flat = column.combine_chunks().flatten()
    coded = flat if pa.types.is_dictionary(flat.type) else flat.dictionary_encode()
    names = tuple(str(name) for name in coded.dictionary.to_pylist())
    return names, coded.indices.to_numpy(zero_copy_only=False).astype(np.intp)
