"""Earlier windows of one length: the level of some columns in each, and the columns of those that are wanted.

What was predicted is read from sketches, so windows are of whole hours. A baseline whose rows have times is part of the
past too; it is read from its rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np

from modelspan_analyzer.instants import EPOCH
from modelspan_analyzer.reading.baselines import KIND_ROWS, Baseline
from modelspan_analyzer.reading.profiles.from_rows import profile_rows
from modelspan_analyzer.reading.profiles.from_sketches import profile_sketches
from modelspan_analyzer.reading.profiles.pooling import MEAN, Level
from modelspan_analyzer.reading.profiles.profile import Floats, Kind, Profile, Relation
from modelspan_analyzer.reading.profiles.read import with_supports
from modelspan_analyzer.reading.profiles.values import FEATURE_NUMBERS, OUTPUT_NUMBERS, OUTPUT_TEXTS
from modelspan_analyzer.reading.profiles.ways import Way
from modelspan_analyzer.reading.relation import baseline_relation, filled
from modelspan_analyzer.reading.window import WHOSE, between, whose
from modelspan_analyzer.results import Window
from modelspan_collector.store.connect import Store

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
_SHORT, _LONG = timedelta(days=35), timedelta(days=800)
"""How far back windows shorter than a day, and others, are looked at."""
_WAYS: Final = timedelta(days=140)
"""How far back at most where their values are read, and not only sums of them."""

_SKETCHED = """
SELECT toString(feature) AS name, intDiv(toUnixTimestamp({start:DateTime('UTC')}) - 1 - toUnixTimestamp(hour),
       {seconds:UInt32}) AS back, sum(rows) AS n, {sums}
FROM feature_profiles
WHERE {whose} AND segment = ''
  AND source = {source:String} AND kind = {kind:String} AND feature IN {names:Array(String)}
  AND toStartOfDay(hour) >= toStartOfDay({since:DateTime('UTC')})
  AND hour >= {since:DateTime('UTC')} AND hour < {start:DateTime('UTC')}
GROUP BY name, back
"""
_SKETCHED_NUMBERS = "sum(weight - nans - infinite) AS whole, sum(total) AS level, sum(squares) AS square"
_CATEGORY = "{categories:Array(String)}[indexOf({names:Array(String)}, name)]"
_SKETCHED_TEXTS = f"""sum(weight) AS whole,
       arraySum(entry -> if(entry.1 = {_CATEGORY}, entry.2, 0), approx_top_kMerge(64, 256)(top)) * whole / n AS level,
       level AS square"""

# How far along a way: what the bin of a value weighs. What is in no bin of categories weighs nothing.
_OF_BIN, _EDGES, _BINNED = (
    f"{{{name}:Array(Array({kind}))}}[indexOf({{names:Array(String)}}, name)]"
    for name, kind in (("weights", "Float64"), ("edges", "Float64"), ("binned", "String"))
)
_OF_NUMBER = f"{_OF_BIN}[1 + arrayCount(edge -> edge < number, {_EDGES})]"
_OF_TEXT, _OF_ENTRY = (f"{_OF_BIN}[indexOf({_BINNED}, {text})]" for text in ("text", "entry.1"))
_SKETCHED_WAY = f"""sum(arraySum(points.weight)) AS whole,
       sum(arraySum((number, each) -> each * {_OF_NUMBER}, points.value, points.weight)) AS level,
       sum(arraySum((number, each) -> each * pow({_OF_NUMBER}, 2), points.value, points.weight)) AS square"""
_SKETCHED_WAY_OF_TEXTS = f"""sum(weight) AS whole,
       arraySum(entry -> entry.2 * {_OF_ENTRY}, approx_top_kMerge(64, 256)(top)) * whole / n AS level,
       arraySum(entry -> entry.2 * pow({_OF_ENTRY}, 2), approx_top_kMerge(64, 256)(top)) * whole / n AS square"""

# How much of a column is missing, among all rows of the model; windows in which it never comes tell nothing.
_SKETCHED_MISSING = """
WITH sides AS (
    SELECT toString(feature) AS name, intDiv(toUnixTimestamp({start:DateTime('UTC')}) - 1 - toUnixTimestamp(hour),
           {seconds:UInt32}) AS back, source, sum(rows) AS n, sum(weight - nans) AS weight
    FROM feature_profiles
    WHERE {whose} AND segment = ''
      AND (source = 'model' AND kind = 'rows'
           OR source = 'feature' AND kind IN ('numeric', 'categorical') AND feature IN {names:Array(String)})
      AND toStartOfDay(hour) >= toStartOfDay({since:DateTime('UTC')})
      AND hour >= {since:DateTime('UTC')} AND hour < {start:DateTime('UTC')}
    GROUP BY name, back, source
)
SELECT one.name AS name, one.back AS back, whole.n AS n, whole.weight AS whole,
       greatest(whole.weight - one.weight, 0) AS level, level AS square
FROM (SELECT * FROM sides WHERE source = 'feature') AS one
JOIN (SELECT * FROM sides WHERE source = 'model') AS whole ON whole.back = one.back
"""
_STORED = """
SELECT toString(name) AS name,
       intDiv(dateDiff('second', timestamp, {until:DateTime64(9, 'UTC')}) - 1, {seconds:UInt32}) AS back,
       count() AS n, sum(sample_weight) AS whole, {sums}
FROM {table} ARRAY JOIN {arrays}
WHERE {condition} AND name IN {names:Array(String)}
  AND timestamp > toDateTime64(0, 9, 'UTC') AND timestamp < {until:DateTime64(9, 'UTC')} {finite}
GROUP BY name, back
"""
_STORED_NUMBERS = "sum(sample_weight * number) AS level, sum(sample_weight * number * number) AS square"
_STORED_TEXTS = f"sumIf(sample_weight, text = {_CATEGORY}) AS level, level AS square"
_STORED_WAY, _STORED_WAY_OF_TEXTS = (
    f"sum(sample_weight * {of_each}) AS level, sum(sample_weight * pow({of_each}, 2)) AS square"
    for of_each in (_OF_NUMBER, _OF_TEXT)
)
_STORED_MISSING = """sumIf(sample_weight, isNaN(if(mapContains(numeric_features, name), numeric_features[name], nan))
       AND NOT mapContains(categorical_features, name)) AS level, level AS square"""
_NAMED = "{names:Array(String)} AS name"
_FEATURE_TEXTS = "mapKeys(categorical_features) AS name, mapValues(categorical_features) AS text"


@dataclass(frozen=True, slots=True)
class Levels:
    """A column in windows one after the other, the newest last; each of shape (windows,)."""

    n: Floats
    mean: Floats
    """NaN without rows."""
    error: Floats
    """Standard error of the mean."""


@dataclass(frozen=True, slots=True)
class Past:
    """The windows before one: of its length in whole hours, back to back."""

    store: Store
    model: str
    version: str | None
    """None for every version."""
    baseline: Baseline | None
    """Part of the past where it is rows with times."""
    start: datetime
    """Where the newest of them ends."""
    size: timedelta

    @classmethod
    def of(cls, store: Store, model: str, version: str, window: Window, baseline: Baseline | None) -> Past:
        """The windows before a window."""
        start = window.start - (window.start - EPOCH) % HOUR
        size = HOUR * -((start - window.end) // HOUR)
        timed = baseline is not None and baseline.kind == KIND_ROWS and baseline.window is not None
        return cls(store, model, version, baseline if timed else None, start, size)

    @property
    def number(self) -> int:
        """Windows that are looked at."""
        return (_SHORT if self.size < DAY else max(_LONG, 20 * self.size)) // self.size

    def window(self, back: int) -> Window:
        """The window so many places before: 1 is the one just before."""
        return Window(self.start - back * self.size, self.start - (back - 1) * self.size)

    def place(self, start: datetime) -> int:
        """The place of the window in which a moment lies, counted as `Levels` does; negative before all."""
        return self.number - 1 - (self.start - start - timedelta(microseconds=1)) // self.size

    def levels(self, chosen: Mapping[str, Level], *, outputs: bool) -> dict[str, Levels]:
        """How high each column was, by what is to tell it."""
        sums: dict[str, Floats] = {}
        for row in self._rows(chosen, outputs):
            back = int(row["back"])
            if back < self.number:
                found = sums.setdefault(row["name"], np.zeros((4, self.number)))
                found[:, self.number - 1 - back] += [row["n"], row["whole"], row["level"], row["square"]]
        return {name: _levels(found) for name, found in sums.items()}

    def _rows(self, chosen: Mapping[str, Level], outputs: bool) -> Iterator[dict[str, Any]]:
        if numbers := [name for name, level in chosen.items() if level == MEAN]:
            arrays = OUTPUT_NUMBERS if outputs else FEATURE_NUMBERS
            yield from self._sketched("numeric", _SKETCHED_NUMBERS, outputs, {"names": numbers})
            yield from self._stored(arrays, _STORED_NUMBERS, {"names": numbers}, "AND isFinite(number)")
        if texts := {name: level.category for name, level in chosen.items() if level.category is not None}:
            arrays, asked = (
                OUTPUT_TEXTS if outputs else _FEATURE_TEXTS,
                {"names": list(texts), "categories": list(texts.values())},
            )
            yield from self._sketched("categorical", _SKETCHED_TEXTS, outputs, asked)
            yield from self._stored(arrays, _STORED_TEXTS, asked)
        yield from self._along({name: level.way for name, level in chosen.items() if level.way is not None}, outputs)
        if gaps := [name for name, level in chosen.items() if level.missing]:
            yield from self.store.rows(filled(_SKETCHED_MISSING, whose=WHOSE), {**self._scope(), "names": gaps})
            yield from self._stored(_NAMED, _STORED_MISSING, {"names": gaps})

    def _along(self, ways: Mapping[str, Way], outputs: bool) -> Iterator[dict[str, Any]]:
        since = self.window(min(self.number, max(_WAYS, 20 * self.size) // self.size)).start
        of_numbers, of_texts = (
            {name: way for name, way in ways.items() if (way.bins.kind is Kind.CATEGORICAL) is text}
            for text in (False, True)
        )
        if of_numbers:
            asked = _weighed(of_numbers) | {"edges": [way.bins.edges.tolist() for way in of_numbers.values()]}
            arrays = OUTPUT_NUMBERS if outputs else FEATURE_NUMBERS
            yield from self._sketched("numeric", _SKETCHED_WAY, outputs, {**asked, "since": since})
            yield from self._stored(arrays, _STORED_WAY, asked, "AND isFinite(number)")
        if of_texts:
            asked = _weighed(of_texts) | {"binned": [list(way.bins.categories) for way in of_texts.values()]}
            arrays = OUTPUT_TEXTS if outputs else _FEATURE_TEXTS
            yield from self._sketched("categorical", _SKETCHED_WAY_OF_TEXTS, outputs, {**asked, "since": since})
            yield from self._stored(arrays, _STORED_WAY_OF_TEXTS, asked)

    def _scope(self) -> dict[str, object]:
        times = {"start": self.start, "since": self.window(self.number).start}
        return {**whose(self.model, self.version), "seconds": round(self.size.total_seconds()), **times}

    def _sketched(self, kind: str, sums: str, outputs: bool, asked: Mapping[str, object]) -> list[dict[str, Any]]:
        scope = {**self._scope(), "kind": kind, "source": "prediction" if outputs else "feature", **asked}
        return self.store.rows(filled(_SKETCHED, whose=WHOSE, sums=sums), scope)

    def _stored(self, arrays: str, sums: str, asked: Mapping[str, object], finite: str = "") -> list[dict[str, Any]]:
        if self.baseline is None:
            return []
        rows = baseline_relation(self.baseline)
        parts = {"sums": sums, "table": rows.table, "arrays": arrays, "condition": rows.condition, "finite": finite}
        times = {"until": self.start, "seconds": round(self.size.total_seconds())}
        return self.store.rows(filled(_STORED, **parts), {**rows.parameters, **times, **asked})

    def profile(self, back: int) -> Profile | None:
        """The distributions of the window so many places before; None where it has no rows."""
        return next(self._profiles(self.window(back)), None)

    def together(self, first: int, last: int) -> list[Profile]:
        """The distributions of all windows from so many to so many places before, both counted: of predictions, and of
        the baseline, where there are any."""
        return list(self._profiles(Window(self.window(last).start, self.window(first).end)))

    def _profiles(self, window: Window) -> Iterator[Profile]:
        predicted = profile_sketches(self.store, self.model, self.version, window)
        if predicted.rows:
            yield predicted
        if self.baseline is not None:
            given = profile_rows(self.store, self._of_baseline(window))
            if given.rows:
                yield with_supports(self.store, given, condensed=True)

    def _of_baseline(self, window: Window) -> Relation:
        assert self.baseline is not None
        rows = baseline_relation(self.baseline)
        times = {"since": window.start, "until": window.end}
        return Relation(rows.table, f"{rows.condition} AND {between('since', 'until')}", {**rows.parameters, **times})


def _weighed(ways: Mapping[str, Way]) -> dict[str, object]:
    return {"names": list(ways), "weights": [way.weights.tolist() for way in ways.values()]}


def _levels(sums: Floats) -> Levels:
    n, weight, total, squares = sums
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        mean = np.where(weight > 0, total / weight, np.nan)
        error = np.sqrt(np.maximum(squares / weight - mean**2, 0.0) / n)
    return Levels(n, mean, error)
