"""Answers of several parts with what was true of them: sets of labels, ranked items, numbers by name.

Rows come as Arrow columns once, and are turned into arrays here, without a look at single rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from modelspan_analyzer.reading.labels import THE_LABEL
from modelspan_analyzer.reading.outcomes.read import ALL_ROWS, KEPT, Coverage, Segment, effective
from modelspan_analyzer.reading.rows import Rows
from modelspan_analyzer.statistics.performance.counts import FloatArray
from modelspan_collector.store.connect import Store

MOST_ROWS: Final = 200_000
"""Rows of a window that are read; of more, every so-many-th by hash of its id."""
MOST_NAMES: Final = 100
"""Labels, or outputs, that are measured; of more the most frequent."""
IntArray = npt.NDArray[np.int64]

_TRUTHS = """
SELECT r.*, arrayFirst(one -> one.1 IN ('', r.tags['tenant']), k.known) AS own,
       own.2 AS said_shape, own.3 AS said_items, own.4 AS said_names, own.5 AS said_numbers
FROM ({rows}) AS r
ANY LEFT JOIN (
    SELECT prediction_id,
           arraySort(one -> one.1 = '', groupArray((toString(tenant), toString(shape), items,
               CAST(mapKeys(outputs), 'Array(String)'), mapValues(outputs)))) AS known
    FROM labels FINAL
    WHERE {the_label} AND shape != '' AND prediction_id IN (SELECT prediction_id FROM ({rows})) GROUP BY prediction_id
) AS k ON r.prediction_id = k.prediction_id
"""
_READ = """
SELECT {segment_field} AS part, weight, items, mapKeys(outputs) AS names, mapValues(outputs) AS numbers,
       mapKeys(scores) AS scored, mapValues(scores) AS chances, ifNull(value, nan) AS value, toString(label) AS label,
       said_items, said_names, said_numbers,
       ifNull(true_value, nan) AS true_value, truth, said_shape != '' OR truth != '' AS known
FROM ({rows}) WHERE {kept} ORDER BY part, prediction_id LIMIT {limit}
"""
_COVERAGE = "SELECT count() AS n, countIf(said_shape != '' OR truth != '') AS labelled FROM ({rows})"
_ANY_SUCH = f"SELECT count() > 0 AS found FROM (SELECT 1 FROM labels WHERE {THE_LABEL} AND shape != '' LIMIT 1)"
_OTHERWISE = "SELECT countIf(said_shape != '') AS n FROM ({rows})"


@dataclass(frozen=True, slots=True)
class Side:
    """Answers, or truths: the texts of each row, and its numbers by name."""

    items: pa.Array
    names: pa.Array
    numbers: pa.Array
    value: FloatArray
    """The number of a row that has but one; NaN of others."""
    label: pa.Array
    """The class of a row that has but one; '' of others."""


@dataclass(frozen=True, slots=True)
class Several:
    """Some rows, each with its answer and, where it is known, its truth."""

    weight: FloatArray
    known: npt.NDArray[np.bool_]
    answer: Side
    truth: Side
    scored: pa.Array
    scores: pa.Array
    share: float = 1.0
    """Of the rows, as many as were read."""

    @property
    def rows(self) -> int:
        """How many there are."""
        return int(self.weight.size)

    def effective(self, chosen: npt.NDArray[np.bool_] | slice = slice(None)) -> float:
        """Kish's effective number of some of them."""
        weight = self.weight[chosen]
        return effective(np.ones_like(weight), weight)


def with_truths(rows: Rows) -> Rows:
    """Rows with what was true of them where that is several numbers or texts: `said_shape`, `said_items`, …"""
    return replace(rows, sql=_TRUTHS.format(rows=rows.sql, the_label=THE_LABEL))


def coverage(store: Store, rows: Rows) -> Coverage:
    """How many rows there are, and of how many the truth is known, in any shape."""
    joined = with_truths(rows)
    found = store.rows(_COVERAGE.format(rows=joined.sql), joined.parameters)[0]
    return Coverage(int(found["n"]), int(found["labelled"]))


def labelled_otherwise(store: Store, rows: Rows) -> int:
    """How many rows have a label of several numbers or texts, which answers of one cannot be compared with."""
    if not store.rows(_ANY_SUCH)[0]["found"]:
        return 0
    joined = with_truths(rows)
    return int(store.rows(_OTHERWISE.format(rows=joined.sql), joined.parameters)[0]["n"])


def read_several(store: Store, rows: Rows, segment: Segment = ALL_ROWS) -> dict[str, Several]:
    """The rows in each part of a segment."""
    joined, keep = with_truths(rows), 1
    sql = _READ.format(segment_field=segment.field, rows=joined.sql, kept=KEPT, limit=MOST_ROWS + 1)
    parameters = {**joined.parameters, "segment": segment.name}
    table = store.arrow(sql, {**parameters, "keep": keep})
    while table.num_rows > MOST_ROWS:
        keep *= 2
        table = store.arrow(sql, {**parameters, "keep": keep})
    parts = table["part"].combine_chunks().cast(pa.string())
    return {str(name): _several(table.filter(pc.equal(parts, name)), 1 / keep) for name in pc.unique(parts).to_pylist()}


def _several(table: pa.Table, share: float) -> Several:
    column = {name: _one(table[name]) for name in table.column_names}

    def numbers(name: str) -> FloatArray:
        return np.asarray(column[name].to_numpy(zero_copy_only=False), np.float64)

    return Several(
        numbers("weight"),
        np.asarray(column["known"].to_numpy(zero_copy_only=False), bool),
        Side(column["items"], column["names"], column["numbers"], numbers("value"), column["label"]),
        Side(
            column["said_items"], column["said_names"], column["said_numbers"], numbers("true_value"), column["truth"]
        ),
        column["scored"],
        column["chances"],
        share,
    )


def _one(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)


# --- numbers by name ----------------------------------------------------------------------------------


def matrices(sides: Sequence[Side]) -> tuple[list[str], list[FloatArray]]:
    """The numbers of each side as `(rows, names)`, NaN where one is missing; a name's several numbers are `name[1]`, ….

    A row that has one number and no name for it has `value`. All sides have the same names, in one order: that of the
    first side's, and of their places.
    """
    found = [_cells(side) for side in sides]
    several = {name for names, _, place, _ in found for name in names[place > 0].tolist()}
    order: dict[tuple[str, int], int] = {}
    for names, _, place, _ in found:
        for pair in sorted(set(zip(names.tolist(), place.tolist(), strict=True))):
            order.setdefault(pair, len(order))
    columns = []
    for (names, row, place, number), side in zip(found, sides, strict=True):
        whole = np.full((len(side.value), len(order)), np.nan)
        at = np.array([order[pair] for pair in zip(names.tolist(), place.tolist(), strict=True)], np.int64)
        whole[row, at] = number
        columns.append(whole)
    return [f"{name}[{at + 1}]" if name in several else name for name, at in order], columns


def _cells(side: Side) -> tuple[npt.NDArray[np.object_], IntArray, IntArray, FloatArray]:
    """Name, row, place among the name's numbers, and number, of each."""
    names, lists = side.names.flatten(), side.numbers.flatten()
    owner = _owners(side.names)
    lengths = np.asarray(pc.list_value_length(lists).to_numpy(zero_copy_only=False), np.int64)
    entry = np.repeat(np.arange(lengths.size), lengths)
    place = np.arange(entry.size) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    number = np.asarray(lists.flatten().to_numpy(zero_copy_only=False), np.float64)
    spelt = np.asarray(names.cast(pa.string()).to_pylist(), object)[entry] if entry.size else np.empty(0, object)
    alone = np.flatnonzero(~np.isnan(side.value) & (_lengths(side.names) == 0))
    return (
        np.concatenate([spelt, np.full(alone.size, "value", object)]),
        np.concatenate([owner[entry], alone]),
        np.concatenate([place, np.zeros(alone.size, np.int64)]),
        np.concatenate([number, side.value[alone]]),
    )


def _lengths(lists: pa.Array) -> IntArray:
    return np.asarray(pc.list_value_length(lists).fill_null(0).to_numpy(zero_copy_only=False), np.int64)


def _owners(lists: pa.Array) -> IntArray:
    """The row of each element of lists."""
    return np.repeat(np.arange(len(lists)), _lengths(lists))


# --- texts --------------------------------------------------------------------------------------------


def texts(side: Side, *, above: float = 0.5) -> tuple[IntArray, npt.NDArray[np.object_], IntArray, FloatArray]:
    """Row, text, place in its row and number of each text; those that are names of numbers count where these are above.

    A row that has a class alone has that one, and one of whole numbers without names has these, as ids. The number is
    the item's `score`, 1 where it has none.
    """
    row, text = _owners(side.items), np.asarray(side.items.flatten().cast(pa.string()).to_pylist(), object)
    lengths = _lengths(side.items)
    begins = np.cumsum(lengths) - lengths
    place = np.arange(row.size) - np.repeat(begins, lengths)
    names, owner, at, number = _cells(replace(side, value=np.full(len(side.value), np.nan)))
    gain = np.ones(row.size)
    has_items = lengths > 0
    scores = (names == "score") & has_items[owner]
    whole = at[scores] < lengths[owner[scores]]
    gain[(begins[owner[scores]] + at[scores])[whole]] = number[scores][whole]
    named = ~has_items[owner] & (names != "value") & (number >= above)
    labels = np.asarray(side.label.cast(pa.string()).to_pylist(), object)
    alone = np.flatnonzero((labels != "") & ~has_items & (_lengths(side.names) == 0))
    ids = ~has_items[owner] & (names == "value") & (number == np.round(number))
    return (
        np.concatenate([row, owner[named], alone, owner[ids]]).astype(np.int64),
        np.concatenate([text, names[named], labels[alone], [f"{one:.0f}" for one in number[ids]]]).astype(object),
        np.concatenate([place, np.zeros(named.sum() + alone.size, np.int64), at[ids]]).astype(np.int64),
        np.concatenate([gain, number[named], np.ones(alone.size + ids.sum())]).astype(np.float64),
    )


def flagged(side: Side) -> npt.NDArray[np.bool_]:
    """Rows that have zeros and ones without names, in which no label can be told."""
    names, owner, _, number = _cells(replace(side, value=np.full(len(side.value), np.nan)))
    bare = (names == "value") & (_lengths(side.items) == 0)[owner]
    other = np.bincount(owner[bare & ~np.isin(number, (0, 1))], minlength=len(side.value))
    found = np.bincount(owner[bare], minlength=len(side.value)) > other
    return np.asarray(found & (other == 0), bool)


def with_names(several: Several, classes: Sequence[str]) -> Several:
    """The rows with labels in the place of zeros and ones, where there is one for each class, in their order."""
    if not classes:
        return several
    return replace(several, answer=_named(several.answer, classes), truth=_named(several.truth, classes))


def _named(side: Side, classes: Sequence[str]) -> Side:
    _, owner, place, number = _cells(replace(side, value=np.full(len(side.value), np.nan)))
    whole = flagged(side) & (np.bincount(owner, minlength=len(side.value)) == len(classes))
    if not whole.any():
        return side
    applies = whole[owner] & (number == 1)
    row = np.concatenate([_owners(side.items), owner[applies]])
    text = [*side.items.flatten().cast(pa.string()).to_pylist(), *np.asarray(classes, object)[place[applies]]]
    order = np.argsort(row, kind="stable")
    ends = np.cumsum(np.bincount(row, minlength=len(side.value)))
    items = pa.ListArray.from_arrays(np.append(0, ends).astype(np.int32), pa.array(text, pa.string()).take(order))
    keep = pa.array(~whole)
    names, numbers = (pc.if_else(keep, one, pa.scalar([], one.type)) for one in (side.names, side.numbers))
    return replace(side, items=items, names=names, numbers=numbers)


def score_matrix(several: Several, labels: Sequence[str]) -> FloatArray:
    """The score of each label, `(rows, labels)`; NaN where a row has none."""
    place = {name: at for at, name in enumerate(labels)}
    row = _owners(several.scored)
    at = np.array([place.get(name, -1) for name in several.scored.flatten().cast(pa.string()).to_pylist()], np.int64)
    whole = np.full((several.rows, len(labels)), np.nan)
    here = at >= 0
    whole[row[here], at[here]] = np.asarray(several.scores.flatten().to_numpy(zero_copy_only=False), float)[here]
    return whole


def labelled(several: Several) -> Several:
    """Those of which the truth is known."""
    return several if several.known.all() else only(several, several.known)


def only(several: Several, chosen: npt.NDArray[np.bool_]) -> Several:
    """Some of the rows."""
    keep = pa.array(chosen)

    def side(one: Side) -> Side:
        return Side(
            one.items.filter(keep),
            one.names.filter(keep),
            one.numbers.filter(keep),
            one.value[chosen],
            one.label.filter(keep),
        )

    return Several(
        several.weight[chosen],
        several.known[chosen],
        side(several.answer),
        side(several.truth),
        several.scored.filter(keep),
        several.scores.filter(keep),
        several.share,
    )
