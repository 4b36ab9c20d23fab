"""One misfit costs itself alone, in whatever file, column and row it is: random files with random misfits."""

import csv
import datetime
import io
import json

import pyarrow as pa
import pyarrow.parquet as parquet
from hypothesis import given
from hypothesis import strategies as st

from modelspan_analyzer.files.labels import label_rows
from modelspan_analyzer.files.read import from_bytes
from modelspan_analyzer.files.roles import Roles, settle
from modelspan_analyzer.files.rows import FileRows

ROWS = 80
START = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
ROLES = Roles(prediction="p", score="s", label="y", id="id", time="t", segments=("g",))
MISFITS = {
    "t": ["soon", "2300-01-01", "2026-02-30", ""],
    "s": ["high", "n/a", ""],
    "x": ["oops", "n/a", ""],
    "id": [""],
    "y": [""],
    "g": [""],
}
"""What a cell of each column may hold instead of its value."""
NESTED = {"struct": {"k": 1}, "texts": ["a"], "lists": [[1.0]], "bytes": b"\xff"}


def good_row(row: int) -> dict[str, str]:
    """A row that fits."""
    return {
        "id": f"{row:05d}",
        "t": (START + datetime.timedelta(hours=row)).isoformat(),
        "p": "ab"[row % 2],
        "s": str((row % 10) / 10),
        "y": "ba"[row % 2],
        "g": "mf"[row % 2],
        "x": str(row / 7),
        "c": "uvw"[row % 3],
    }


misfits = st.dictionaries(
    st.integers(0, ROWS - 1),
    st.sampled_from(sorted(MISFITS)).flatmap(lambda name: st.tuples(st.just(name), st.sampled_from(MISFITS[name]))),
    max_size=3,
)
short_rows = st.sets(st.integers(0, ROWS - 1), max_size=2)


def table_of(misfit: dict[int, tuple[str, str]]) -> list[dict[str, str]]:
    """Rows of which some hold one misfit."""
    rows = [good_row(row) for row in range(ROWS)]
    for row, (name, value) in misfit.items():
        rows[row][name] = value
    return rows


def as_csv(rows: list[dict[str, str]], short: set[int], delimiter: str, encoding: str) -> bytes:
    """Delimited text of which some rows lack a cell."""
    sink = io.StringIO()
    writer = csv.writer(sink, delimiter=delimiter)
    writer.writerow(rows[0])
    for number, row in enumerate(rows):
        writer.writerow(list(row.values())[: -1 if number in short else None])
    return sink.getvalue().encode(encoding)


def check(rows: FileRows, misfit: dict[int, tuple[str, str]], short: set[int]) -> None:
    """Every row and cell that fits has arrived; every one that does not is missing or gone, and said."""
    found = settle(rows, ROLES)
    gone = short | {row for row, (name, _) in misfit.items() if name == "t"}
    kept = [row for row in range(ROWS) if row not in gone]
    table = found.rows.table
    assert table.num_rows == len(kept)
    assert set(found.roles.features) >= {"x", "c"}
    for place, row in enumerate(kept):
        name, value = misfit.get(row, ("", ""))
        good = good_row(row)
        expected: dict[str, object] = {**good, "s": float(good["s"]), "x": float(good["x"])}
        expected |= {name: "(missing)" if name == "g" else None} if name else {}
        for column in ("id", "p", "s", "y", "g", "x", "c"):
            assert table[column][place].as_py() == expected[column], (row, column, value)
    said = " ".join([*rows.remarks.left_out, *rows.remarks.assumed])
    for row, (name, value) in misfit.items():
        if value and row not in short and name != "x":
            assert repr(name) in said
    assert bool(short) == (f"{len(short)} of {ROWS} rows: line" in said)


@given(misfits, short_rows, st.sampled_from(",;\t|"), st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]))
def test_delimited_text(misfit: dict[int, tuple[str, str]], short: set[int], delimiter: str, encoding: str) -> None:
    """CSV of any delimiter and encoding, with cells that are no value and rows that lack a cell."""
    check(from_bytes(as_csv(table_of(misfit), short, delimiter, encoding), ROLES.texts), misfit, short)


@given(misfits)
def test_json_lines(misfit: dict[int, tuple[str, str]]) -> None:
    """JSON whose numbers are texts here and there."""
    lines = []
    for row in table_of(misfit):
        typed: dict[str, object] = dict(row)
        for name in ("s", "x"):
            if row[name] not in MISFITS[name]:
                typed[name] = float(row[name])
        lines.append(json.dumps(typed))
    check(from_bytes("\n".join(lines).encode(), ROLES.texts), misfit, set())


@given(misfits, st.sets(st.sampled_from(sorted(NESTED)), max_size=4))
def test_parquet(misfit: dict[int, tuple[str, str]], nested: set[str]) -> None:
    """Parquet with columns that have no place beside those that have."""
    columns: dict[str, object] = {name: [row[name] for row in table_of(misfit)] for name in good_row(0)}
    columns["x"] = [None if value in MISFITS["x"] else float(value) for value in columns["x"]]
    sink = io.BytesIO()
    parquet.write_table(pa.table({**columns, **{name: [NESTED[name]] * ROWS for name in sorted(nested)}}), sink)
    rows = from_bytes(sink.getvalue(), ROLES.texts)
    check(rows, misfit, set())
    for name in nested:
        assert any(sentence.startswith(f"column {name!r}") for sentence in rows.remarks.left_out)


@given(misfits, short_rows)
def test_labels(misfit: dict[int, tuple[str, str]], short: set[int]) -> None:
    """Of a file of labels, rows without an id, a label or a time are left out alone, counted, and named by line."""
    rows = from_bytes(as_csv(table_of(misfit), short, ",", "utf-8"), ("id", "t"))
    found = label_rows(rows, "id", "y", "t")
    gone = short | {row for row, (name, _) in misfit.items() if name in ("id", "y", "t")}
    kept = [row for row in range(ROWS) if row not in gone]
    assert found.table["prediction_id"].to_pylist() == [f"{row:05d}" for row in kept]
    assert found.table["label"].to_pylist() == [good_row(row)["y"] for row in kept]
    said = " ".join(rows.remarks.left_out)
    for row, (name, _) in misfit.items():
        if name in ("id", "t") and row not in short:
            assert f"of {ROWS - len(short)} labels: " in said
