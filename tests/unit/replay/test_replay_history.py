"""A history is split into baseline and live rows, in order of time, with its columns settled."""

from pathlib import Path

import pyarrow as pa
import pytest

from modelspan_analyzer.replay.history import Columns, HistoryError, read, split

ROWS = pa.table(
    {
        "when": ["2026-01-03T00:00:00", "2026-01-01T00:00:00", "2026-01-02T00:00:00", "2026-01-04T00:00:00"],
        "part": ["live", "train", "live", "live"],
        "x": [3.0, 1.0, 2.0, 4.0],
        "class": [0, 1, 1, 0],
    }
)
COLUMNS = Columns(prediction="class", time="when")


def test_a_fraction_takes_the_earliest_rows() -> None:
    """The first quarter in time is the baseline, whatever the order in the file."""
    history = split(ROWS, COLUMNS, "0.25")
    assert history.baseline["x"].to_pylist() == [1.0]
    assert history.live["x"].to_pylist() == [2.0, 3.0, 4.0]


def test_a_column_that_only_tells_baseline_from_live_is_no_feature() -> None:
    """`part` says `train` before the cut and `live` after it: it would always seem to drift."""
    history = split(ROWS, COLUMNS, "0.25")
    assert history.left_out == ("part",)
    assert history.columns.features == ("x",)


def test_a_condition_takes_the_rows_that_meet_it() -> None:
    """`part=train` names the baseline rows, and the column is no feature."""
    history = split(ROWS, COLUMNS, "part=train")
    assert history.baseline.num_rows == 1
    assert history.columns.features == ("x",)


def test_times_without_zone_are_utc() -> None:
    """A time column of text becomes UTC nanoseconds."""
    history = split(ROWS, COLUMNS, "0.25")
    assert history.live["when"].type == pa.timestamp("ns", "UTC")


@pytest.mark.parametrize(
    ("columns", "baseline", "words"),
    [
        (Columns(prediction="nope"), "0.5", "no column 'nope'; it has when, part, x, class"),
        (COLUMNS, "part=none", "leaves 0 baseline"),
        (COLUMNS, "1.5", "between 0 and 1"),
        (Columns(prediction="class", time="part"), "0.5", "does not hold times"),
        (COLUMNS, "missing.csv", "cannot read"),
    ],
)
def test_what_does_not_fit_is_said(columns: Columns, baseline: str, words: str) -> None:
    """A wrong column, baseline or time is named, with what there is instead."""
    with pytest.raises(HistoryError, match=words):
        split(ROWS, columns, baseline)


def test_csv_and_parquet_only(tmp_path: Path) -> None:
    """Another kind of file is refused by name."""
    file = tmp_path / "history.xlsx"
    file.write_bytes(b"PK")
    with pytest.raises(HistoryError, match="neither"):
        read(file)
