"""A history is split into baseline and live rows, in order of time, with its columns settled."""

import dataclasses
from pathlib import Path

import pyarrow as pa
import pytest

from modelspan_analyzer.files.read import read
from modelspan_analyzer.files.roles import Roles
from modelspan_analyzer.files.rows import FileError, FileRows, Remarks
from modelspan_analyzer.replay.history import History, ids, split

TABLE = pa.table(
    {
        "when": ["2026-01-03T00:00:00", "2026-01-01T00:00:00", "2026-01-02T00:00:00", "2026-01-04T00:00:00"],
        "part": ["live", "train", "live", "live"],
        "x": [3.0, 1.0, 2.0, 4.0],
        "class": [0, 1, 1, 0],
    }
)
COLUMNS = Roles(prediction="class", time="when")


def parted(table: pa.Table, roles: Roles, baseline: str) -> History:
    """The history of a table."""
    return split(FileRows.of(table), roles, baseline)


def test_a_fraction_takes_the_earliest_rows() -> None:
    """The first quarter in time is the baseline, whatever the order in the file."""
    history = parted(TABLE, COLUMNS, "0.25")
    assert history.baseline["x"].to_pylist() == [1.0]
    assert history.live["x"].to_pylist() == [2.0, 3.0, 4.0]


def test_a_column_that_only_tells_baseline_from_live_is_no_feature() -> None:
    """`part` says `train` before the cut and `live` after it: it would always seem to drift."""
    history = parted(TABLE, COLUMNS, "0.25")
    assert "column 'part', as it only tells baseline from live rows (--feature 'part' takes it back)" in (
        history.remarks.left_out
    )
    assert history.columns.features == ("x",)


def test_a_condition_takes_the_rows_that_meet_it() -> None:
    """`part=train` names the baseline rows, and the column is no feature."""
    history = parted(TABLE, COLUMNS, "part=train")
    assert history.baseline.num_rows == 1
    assert history.columns.features == ("x",)


def test_times_without_zone_are_utc() -> None:
    """A time column of text becomes UTC nanoseconds."""
    history = parted(TABLE, COLUMNS, "0.25")
    assert history.live["when"].type == pa.timestamp("ns", "UTC")


@pytest.mark.parametrize(
    ("columns", "baseline", "words"),
    [
        (Roles(prediction="nope"), "0.5", "no column 'nope'; it has when, part, x, class"),
        (COLUMNS, "part=none", "leaves 0 baseline"),
        (COLUMNS, "1.5", "between 0 and 1"),
        (Roles(prediction="class", time="part"), "0.5", "does not hold times"),
        (COLUMNS, "missing.csv", "cannot read"),
    ],
)
def test_what_does_not_fit_is_said(columns: Roles, baseline: str, words: str) -> None:
    """A wrong column, baseline or time is named, with what there is instead."""
    with pytest.raises(FileError, match=words):
        parted(TABLE, columns, baseline)


@pytest.mark.parametrize("baseline", ["0.25", "part=train"])
def test_every_column_that_only_tells_the_parts_apart_is_left_out(baseline: str) -> None:
    """Texts, categories and numbers alike, beside the one that the condition names; asked back, they stay."""
    table = TABLE.append_column("flag", TABLE["part"].combine_chunks().dictionary_encode())
    table = table.append_column("number", pa.array([1, 0, 1, 1]))
    history = parted(table, COLUMNS, baseline)
    assert history.columns.features == ("x",)
    kept = parted(table, dataclasses.replace(COLUMNS, asked_back=("flag",)), baseline)
    assert kept.columns.features == ("x", "flag")


def test_a_baseline_of_its_own_file_is_read_as_the_history_is(tmp_path: Path) -> None:
    """Spellings, scale and kinds are the history's; what it lacks or holds in another kind is left out and named."""
    file = tmp_path / "training.csv"
    file.write_text("class,x,old\nTrue,1.5,a\nFalse,2.5,b\n")
    live = pa.table({"class": [1, 0], "x": [1.0, 2.0], "new": ["a", "b"], "g": ["m", None]})
    history = parted(live, Roles(prediction="class", segments=("g",)), str(file))
    assert history.baseline.to_pydict() == {"class": ["1", "0"], "x": [1.5, 2.5], "g": [None, None]}
    assert history.live["g"].to_pylist() == ["m", "(missing)"]
    said = " ".join(history.remarks.left_out)
    assert "it has no column 'new' of the same kind" in said
    assert "groups of 'g' in the baseline's file" in said


def test_rows_are_ordered_whatever_lies_beside_them() -> None:
    """Columns that have no role, and types that cannot be sorted or taken, are no hindrance."""
    views = pa.array(["a", "b", "a", "b"], pa.string_view())
    table = TABLE.append_column("view", views).append_column(
        "map", pa.array([[("k", 1)]] * 4, pa.map_("string", "int64"))
    )
    for baseline in ("0.5", "part=train"):
        history = parted(table.append_column("id", views), dataclasses.replace(COLUMNS, id="id"), baseline)
        assert history.columns.features == ("x", "view") if baseline != "0.5" else ("part", "x", "view")
        assert history.live["x"].to_pylist()[-1] == 4.0


def test_rows_without_a_time_are_left_out_alone() -> None:
    """They are counted and the first is named; the others are replayed."""
    table = TABLE.set_column(0, "when", pa.array(["2026-01-03", None, "2026-01-02", "soon"]))
    history = parted(table, COLUMNS, "0.5")
    assert history.live.num_rows == 1
    assert "2 of 4 rows without a time in 'when' (1 of them empty), first row 2" in history.remarks.left_out


def test_ids_of_the_file_are_the_predictions() -> None:
    """A row without one is given one, and repeated ones are counted."""
    remarks = Remarks()
    live = pa.table({"id": ["a", None, "a"]})
    assert ids(live, "id", "m-1", remarks).to_pylist() == ["a", "m-1-1", "a"]
    assert len(remarks.assumed) == 2
    assert ids(live, None, "m-1", remarks).to_pylist() == ["m-1-0", "m-1-1", "m-1-2"]


def test_a_file_without_rows_is_said() -> None:
    """A header alone is no history."""
    with pytest.raises(FileError, match="no rows below its header"):
        parted(TABLE.slice(0, 0), COLUMNS, "0.2")


FAULTS = Path(__file__).resolve().parents[4] / "shared" / "faults" / "replay"


@pytest.mark.parametrize("file", sorted(FAULTS.glob("*")) if FAULTS.is_dir() else [], ids=lambda file: file.name)
def test_files_that_failed_elsewhere_are_read_or_refused_in_a_sentence(file: Path) -> None:
    """No file ends in a traceback, and none is refused but the one whose scores are no probabilities."""
    rows = read(file)
    columns = rows.table.column_names
    time = "t" if "t" in columns else None
    score = "score" if "score" in columns else None
    label = "label" if "label" in columns else None
    roles = Roles("pred", score, label, time=time)
    if file.name == "pct_score.parquet":
        with pytest.raises(FileError, match="--score-scale 100"):
            split(rows, roles, "0.2")
        return
    history = split(rows, roles, "0.2")
    assert history.live.num_rows + history.baseline.num_rows == rows.table.num_rows
    assert not time or history.live["t"][0].as_py().year == 2026
    assert not {"Unnamed: 0", "__index_level_0__", "customer_id", "mp", "ll"} & set(history.columns.features)
