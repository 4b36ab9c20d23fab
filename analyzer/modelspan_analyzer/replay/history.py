"""Reads a history of predictions from CSV or Parquet, and splits it into baseline and live rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.parquet as parquet


class HistoryError(ValueError):
    """The file or its columns are not what was said of them; the message names what there is."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column of the file holds what; the features are all that is left, unless they are named."""

    prediction: str
    score: str | None = None
    label: str | None = None
    time: str | None = None
    features: tuple[str, ...] = ()
    segments: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class History:
    """Baseline and live rows, with the columns settled."""

    baseline: pa.Table
    live: pa.Table
    columns: Columns
    left_out: tuple[str, ...]
    """Columns that only tell baseline from live rows, and so are no features."""
    baseline_source: str


def read(path: Path) -> pa.Table:
    """Read a CSV or Parquet file.

    Raises:
        HistoryError: it does not exist, or is neither.
    """
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            return parquet.read_table(path)
        if path.suffix.lower() in (".csv", ".tsv", ".gz"):
            delimiter = "\t" if ".tsv" in path.suffixes else ","
            return csv.read_csv(path, parse_options=csv.ParseOptions(delimiter=delimiter))
    except (OSError, pa.ArrowException) as error:
        raise HistoryError(f"cannot read {path}: {error}") from error
    raise HistoryError(f"{path} is neither .csv, .tsv nor .parquet")


def split(table: pa.Table, columns: Columns, baseline: str) -> History:
    """Order by time and part baseline from live rows.

    Args:
        table: the whole history.
        columns: the roles of its columns.
        baseline: a fraction (`0.2`, the first fifth in time), a condition (`split=train`), or a file of its own.

    Raises:
        HistoryError: a named column is missing, or one side would be empty.
    """
    table = _with_times(table, columns)
    left_out: tuple[str, ...] = ()
    if (fraction := _fraction(baseline)) is not None:
        cut = int(table.num_rows * fraction)
        before, live, source = table.slice(0, cut), table.slice(cut), f"the first {fraction:.0%} of the rows"
        left_out = tuple(name for name in table.column_names if _only_parts(before[name], live[name]))
    elif "=" in baseline and not Path(baseline).exists():
        name, value = baseline.split("=", 1)
        _require(table, (name,))
        chosen = pc.fill_null(pc.equal(pc.cast(table[name], pa.string()), value), False)
        before, live, source = table.filter(chosen), table.filter(pc.invert(chosen)), f"rows with {baseline}"
        left_out = (name,)
    else:
        before, live, source = read(Path(baseline)), table, baseline
    if not before.num_rows or not live.num_rows:
        raise HistoryError(
            f"baseline {baseline!r} leaves {before.num_rows} baseline and {live.num_rows} live rows; both need some"
        )
    return History(before, live, _with_features(live, columns, left_out), left_out, source)


def _fraction(text: str) -> float | None:
    try:
        fraction = float(text)
    except ValueError:
        return None
    if not 0 < fraction < 1:
        raise HistoryError(f"--baseline {text}: a fraction lies between 0 and 1")
    return fraction


def _with_times(table: pa.Table, columns: Columns) -> pa.Table:
    """The rows in order of time, with the time column as UTC nanoseconds."""
    named = (columns.prediction, columns.score, columns.label, columns.time, *columns.features, *columns.segments)
    _require(table, tuple(name for name in named if name))
    if columns.time is None:
        return table
    times = table[columns.time]
    try:
        if not pa.types.is_timestamp(times.type):
            times = pc.cast(times, pa.timestamp("ns"))
        times = pc.cast(times if times.type.tz else pc.assume_timezone(times, "UTC"), pa.timestamp("ns", "UTC"))
    except pa.ArrowException as error:
        raise HistoryError(
            f"column {columns.time!r} does not hold times such as 2026-01-31T12:00:00: {error}"
        ) from error
    if times.null_count:
        raise HistoryError(
            f"column {columns.time!r} lacks the time of {times.null_count} rows; drop or fill them first"
        )
    table = table.set_column(table.column_names.index(columns.time), columns.time, times)
    return table.sort_by(columns.time)


def _with_features(table: pa.Table, columns: Columns, left_out: tuple[str, ...]) -> Columns:
    taken = {columns.prediction, columns.score, columns.label, columns.time, *columns.segments, *left_out}
    features = columns.features or tuple(name for name in table.column_names if name not in taken)
    return Columns(columns.prediction, columns.score, columns.label, columns.time, features, columns.segments)


def _only_parts(before: pa.ChunkedArray, live: pa.ChunkedArray) -> bool:
    """True for a column such as `split`: one text in the baseline, other texts in the live rows, and never both."""
    if not (pa.types.is_string(before.type) or pa.types.is_large_string(before.type)):
        return False
    old, new = before.unique().to_pylist(), live.unique().to_pylist()
    return len(old) == 1 and len(new) == 1 and old != new


def _require(table: pa.Table, names: tuple[str, ...]) -> None:
    missing = [name for name in names if name not in table.column_names]
    if missing:
        raise HistoryError(
            f"the file has no column {', '.join(map(repr, missing))}; it has {', '.join(table.column_names)}"
        )
