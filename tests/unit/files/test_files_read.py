"""Files of rows as people have them are read, and what was assumed of them is said."""

import bz2
import csv
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as parquet
import pytest
import zstandard

from modelspan_analyzer.files.bounds import unfolded
from modelspan_analyzer.files.read import from_bytes, read
from modelspan_analyzer.files.rows import FileError

PLAIN = "pred,x,city\n1,1.5,Zürich\n0,2.5,Genève\n"
TABLE = pa.table({"pred": [1, 0], "x": [1.5, 2.5], "city": ["Zürich", "Genève"]})
GERMAN = PLAIN.replace(".", "#").replace(",", ";").replace("#", ",")
LINES = "".join(json.dumps(row) + "\n" for row in TABLE.to_pylist())


def arrow_bytes(write: Callable[[pa.Table, io.BytesIO], object]) -> bytes:
    """What a writer writes of the table."""
    sink = io.BytesIO()
    write(TABLE, sink)
    return sink.getvalue()


def stream_bytes() -> bytes:
    """The table as an Arrow stream."""
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, TABLE.schema) as writer:
        writer.write_table(TABLE)
    return sink.getvalue()


KINDS: dict[str, tuple[bytes, str]] = {
    "plain CSV": (PLAIN.encode(), ""),
    "line ends of Windows": (PLAIN.replace("\n", "\r\n").encode(), ""),
    "UTF-8 with a mark": (PLAIN.encode("utf-8-sig"), ""),
    "UTF-16 with a mark": (PLAIN.encode("utf-16"), "the text is UTF-16"),
    "UTF-16 without a mark": (PLAIN.encode("utf-16-le"), "the text is UTF-16-LE"),
    "Windows-1252": (PLAIN.encode("cp1252"), "Windows-1252"),
    "semicolons and decimal commas": (GERMAN.encode(), "decimal comma"),
    "Excel's separator line": (b"sep=;\n" + GERMAN.encode(), "decimal comma"),
    "tabs": (PLAIN.replace(",", "\t").encode(), "separated by tabs"),
    "vertical bars": (PLAIN.replace(",", "|").encode(), "separated by vertical bars"),
    "gzip": (gzip.compress(PLAIN.encode()), ""),
    "zstd": (zstandard.compress(PLAIN.encode()), ""),
    "bzip2": (bz2.compress(PLAIN.encode()), ""),
    "JSON lines": (LINES.encode(), ""),
    "JSON lines, compressed": (gzip.compress(LINES.encode()), ""),
    "a JSON array": (json.dumps(TABLE.to_pylist()).encode(), ""),
    "JSON by column, as pandas writes it": (TABLE.to_pandas().to_json().encode(), "one object by column"),
    "JSON of lists": (json.dumps(TABLE.to_pydict()).encode(), "one object by column"),
    "JSON split": (TABLE.to_pandas().to_json(orient="split").encode(), "one object with columns and data"),
    "JSON in an envelope": (json.dumps({"count": 2, "rows": TABLE.to_pylist()}).encode(), "rows are in 'rows'"),
    "Parquet": (arrow_bytes(parquet.write_table), ""),
    "Parquet, compressed again": (gzip.compress(arrow_bytes(parquet.write_table)), ""),
    "Feather": (arrow_bytes(feather.write_feather), ""),
    "an Arrow stream": (stream_bytes(), ""),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_of_file_is_read_whatever_its_name(kind: str, tmp_path: Path) -> None:
    """The same rows come out of every kind, and what was assumed is said."""
    raw, said = KINDS[kind]
    file = tmp_path / "history.data"
    file.write_bytes(raw)
    rows = read(file)
    assert rows.table.to_pydict() == TABLE.to_pydict()
    assert said in " ".join(rows.remarks.assumed)
    assert bool(rows.remarks.assumed) == bool(said)
    assert rows.remarks.left_out == []


REFUSED: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "the file is empty"),
    "blank lines": (b"\n\n \n", "the file is empty"),
    "an Excel workbook": (b"PK\x03\x04rest", "save the sheet as CSV"),
    "a pickle": (b"\x80\x04\x95", "to_parquet"),
    "SQLite": (b"SQLite format 3\0", "export the table"),
    "half a Parquet file": (arrow_bytes(parquet.write_table)[:100], "cannot be read as such"),
    "half a gzip file": (gzip.compress(PLAIN.encode() * 99)[:-20], "compression is broken"),
    "a JSON array cut off": (b'[{"a": 1}, {"a"', "cannot be read as a JSON array"),
    "bytes of no kind": (bytes(range(256)) * 9, "neither text nor of another kind"),
    "JSON of no rows": (b"{1\n{2\n", "no line of it is a JSON object"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_cannot_be_read_is_one_sentence(kind: str, tmp_path: Path) -> None:
    """A file that holds no rows is named, with what it is and what to do."""
    raw, words = REFUSED[kind]
    file = tmp_path / "history.csv"
    file.write_bytes(raw)
    with pytest.raises(FileError, match=r"history\.csv") as caught:
        read(file)
    assert words in str(caught.value)


def test_a_missing_file_is_said() -> None:
    """The path and the system's reason are in the sentence."""
    with pytest.raises(FileError, match=r"cannot read gone\.csv: No such file"):
        read(Path("gone.csv"))


ODD_TEXTS: dict[str, tuple[str, dict[str, list[object]], str]] = {
    "empty cells are missing": ("a,b\nx,1\n,\n", {"a": ["x", None], "b": [1, None]}, ""),
    "codes keep their zeros": ("a,b\n00042,1\n00043,2\n", {"a": ["00042", "00043"], "b": [1, 2]}, "leading zeros"),
    "codes keep their digits": (
        "a\n12345678901234567890\n12345678901234567891\n",
        {"a": ["12345678901234567890", "12345678901234567891"]},
        "more digits than a number keeps",
    ),
    "thousands": ('a,b\n"1,234,567.5",x\n"2,000.0",y\n', {"a": [1234567.5, 2000.0], "b": ["x", "y"]}, "thousands"),
    "words for missing among numbers": ("a,b\n1,x\nn/a,y\nNULL,z\n", {"a": [1, None, None], "b": ["x", "y", "z"]}, ""),
    "Namibia is no missing value": ("a\nNA\nDE\n", {"a": ["NA", "DE"]}, ""),
    "truth values": ("a\nTrue\nfalse\n", {"a": [True, False]}, ""),
    "a repeated name": ("x,x\n1,2\n", {"x": [1], "x.2": [2]}, "stands more than once"),
    "a name that a repeated one would take": ("x,x,x.2\n1,2,3\n", {"x": [1], "x.3": [2], "x.2": [3]}, "'x.3'"),
    "a quoted line break": ('a,b\n"1\n2",3\n', {"a": ["1\n2"], "b": [3]}, ""),
    "quotes that do not pair": ('a,b\n5" pipe,3\nx,4\n', {"a": ['5" pipe', "x"], "b": [3, 4]}, "do not pair up"),
    "one column with a comma in its text": ('a\n"x;y"\n', {"a": ["x;y"]}, ""),
    "spaces around names": ("a , b\n1 , x\n", {"a": [1], "b": [" x"]}, "no spaces around"),
    "a comment above the header": ("# made by hand\na,b\n1,2\n", {"a": [1], "b": [2]}, "comments"),
    "one column": ("a\n1\n2\n", {"a": [1, 2]}, ""),
    "one row": ("a,b\n1,2\n", {"a": [1], "b": [2]}, ""),
    "only a header": ("a,b\n", {"a": [], "b": []}, ""),
}


@pytest.mark.parametrize("kind", ODD_TEXTS)
def test_a_cell_means_what_it_says(kind: str) -> None:
    """No guess changes the meaning of a cell; where one was made, it is said."""
    text, columns, said = ODD_TEXTS[kind]
    rows = from_bytes(text.encode())
    assert rows.table.to_pydict() == columns
    assert said in " ".join(rows.remarks.assumed)


def test_a_row_of_another_width_is_left_out_alone() -> None:
    """Rows with too many or too few cells are counted and named by their line; the others arrive."""
    rows = from_bytes(b"a,b\n1,2\n3\n4,5\n6,7,8\n9,10\n")
    assert rows.table.to_pydict() == {"a": [1, 4, 9], "b": [2, 5, 10]}
    assert rows.remarks.left_out == ["2 of 5 rows: line 3 has 1 cells, not 2, line 5 has 3 cells, not 2"]
    assert [rows.where(row) for row in range(3)] == ["line 2", "line 4", "line 6"]


def test_a_text_among_measurements_is_left_out_alone() -> None:
    """Of a column of numbers a few cells that are none are missing, and named; few numbers are codes and stay."""
    measured = from_bytes(b"a\n" + b"\n".join(str(row / 7).encode() for row in range(60)) + b"\noops\n")
    assert measured.table["a"].null_count == 1
    assert "1 cells of column 'a', which hold no number (line 62: 'oops')" in measured.remarks.left_out[0]
    codes = from_bytes(b"a\n" + b"1\n2\n3\n" * 20 + b"A\n")
    assert codes.table["a"].to_pylist()[-1] == "A"


def test_broken_text_is_left_out_alone() -> None:
    """NUL characters and a few bytes that are no UTF-8 cost themselves, and are said."""
    rows = from_bytes("a,b\nZürich,é\nGen\0ève,ü\nüü,".encode() + b"\xff\n")
    assert rows.table["a"].to_pylist() == ["Zürich", "Genève", "üü"]
    assert "1 NUL characters" in rows.remarks.left_out[0]
    assert "1 broken bytes (first in line 4)" in rows.remarks.assumed[0]


def test_json_keeps_what_fits() -> None:
    """Nested objects become columns by their path, a broken line is left out, and an id is as it is written."""
    text = (
        '{"id": 12345678901234567890, "features": {"age": 3, "job": {"title": "x"}}, "p": 1}\n'
        '{"id": 12345678901234567891, "features": {"age": "n/a"}, "p": 2.5}\n{oops\n\n'
    )
    rows = from_bytes(text.encode(), ["id"])
    assert rows.table["id"].to_pylist() == ["12345678901234567890", "12345678901234567891"]
    assert rows.table.column_names == ["id", "features.age", "features.job.title", "p"]
    assert rows.table["p"].to_pylist() == [1.0, 2.5]
    assert rows.remarks.left_out == ["1 of 3 rows, which are no JSON: line 3"]
    assert any("'features'" in sentence for sentence in rows.remarks.assumed)


def test_a_folder_is_one_file(tmp_path: Path) -> None:
    """Parts follow each other by name, `name=value` folders are columns, and what is no part is left out and named."""
    for split, start in (("train", 0), ("live", 10)):
        folder = tmp_path / f"split={split}"
        folder.mkdir()
        parquet.write_table(pa.table({"x": [start, start + 1]}), folder / "part-0.parquet")
    (tmp_path / "_SUCCESS").write_text("")
    (tmp_path / "readme.md").write_text("read me")
    (tmp_path / "z.csv").write_text("x,y\n7,1\n")
    (tmp_path / "zz.csv").write_text("")
    rows = read(tmp_path)
    assert rows.table["x"].to_pylist() == [10, 11, 0, 1, 7]
    assert rows.table["split"].to_pylist() == ["live", "live", "train", "train", None]
    assert [sentence.split(":")[0] for sentence in rows.remarks.left_out] == [
        "1 files of other kinds, such as readme.md",
        "zz.csv",
    ]
    empty = tmp_path / "none"
    empty.mkdir()
    with pytest.raises(FileError, match="holds no CSV"):
        read(empty)


@pytest.mark.parametrize("foreign", ["aaa.txt", "zzz.txt"])
def test_a_foreign_file_of_a_folder_costs_no_part_wherever_its_name_stands(tmp_path: Path, foreign: str) -> None:
    """What is the table is told by what most of the folder holds, not by which file comes first."""
    (tmp_path / foreign).write_text("licence\n" + "words\n" * 50)
    for part in ("m.csv", "n.csv"):
        (tmp_path / part).write_text("x,y,z\n" + "1,2,3\n" * 10)
    rows = read(tmp_path)
    assert (rows.table.column_names, rows.table.num_rows) == (["x", "y", "z"], 20)
    assert rows.remarks.left_out == [f"{foreign}: it shares no column with the other files"]


def ipc_bytes(table: pa.Table, *, file: bool = False, compression: str | None = None) -> bytes:
    """A table as an Arrow stream or file."""
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with (pa.ipc.new_file if file else pa.ipc.new_stream)(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return sink.getvalue()


def parquet_bytes(table: pa.Table) -> bytes:
    """A table as Parquet."""
    sink = io.BytesIO()
    parquet.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def bombs() -> dict[str, bytes]:
    """Bodies of less than a megabyte that stand for more than a hundred."""
    text, places = pa.array(["y" * 10_000]), pa.array([0] * 20_000, pa.int32())
    zeros = pa.table({"x": pa.array(np.zeros(20_000_000))})
    coded = pa.table({"x": pa.DictionaryArray.from_arrays(places, text)})
    runs = pa.table({"x": pa.RunEndEncodedArray.from_arrays([20_000], text)})
    lists = pa.table({"x": pa.ListArray.from_arrays([0, 20_000], text.take(places)), "z": [1]})
    return {
        "a repeated text in Parquet": parquet_bytes(pa.table({"x": text.take(places)})),
        "numbers in Parquet": parquet_bytes(zeros),
        "a dictionary in Arrow": ipc_bytes(coded),
        "a dictionary in Feather": ipc_bytes(coded, file=True),
        "runs in Arrow": ipc_bytes(runs),
        "compressed Arrow": ipc_bytes(zeros, compression="zstd"),
        "compressed Feather": ipc_bytes(zeros, file=True, compression="zstd"),
        "compressed text": gzip.compress(b"x\n" + b"1\n" * 80_000_000),
        "texts in lists in Parquet": parquet_bytes(lists),
        "a column a cell": b"," * 200_000 + b"\n",
        "a name a line": b"".join(b'{"k%d": 1}\n' % row for row in range(40_000)),
    }


def test_what_unfolds_beyond_a_limit_is_refused_before_it_does() -> None:
    """A small body that stands for a large table costs no more than its limit, in whatever form it comes."""
    for kind, raw in bombs().items():
        assert len(raw) < 1_000_000, kind
        try:
            rows = from_bytes(raw, limit=100_000_000)
        except FileError as error:
            assert "unfolds to more than" in str(error) or "read it in parts" in str(error), (kind, error)
        else:
            assert rows.table.nbytes < 1_000_000, kind
            assert rows.remarks.left_out == ["column 'x': it is nested, which has no place"], kind


def test_views_are_counted_by_what_they_show() -> None:
    """Many views of one text are as large as their texts together; so are the values of any other kind."""
    views = pa.array(["y" * 1000] * 3, pa.string_view())
    assert unfolded(views) >= 3000
    assert unfolded(views.slice(1)) < 3000
    assert unfolded(pa.array([b"y" * 1000] * 3, pa.binary_view())) >= 3000
    assert unfolded(pa.array([[1.0]] * 5, pa.list_view(pa.float64()))) >= 40
    assert unfolded(pa.array([1, 2, 3]).dictionary_encode()) >= 24
    assert unfolded(pa.array([1.0] * 4)) == 32


def test_frames_of_the_libraries_come_back(tmp_path: Path) -> None:
    """What pandas and polars write is read, with columns of every type."""
    frame = pd.DataFrame({"x": [1.5, None], "c": pd.Categorical(["a", "b"]), "t": pd.to_datetime(["2026-01-01"] * 2)})
    frame.to_parquet(tmp_path / "pandas.parquet")
    frame.to_csv(tmp_path / "pandas.csv")
    assert read(tmp_path / "pandas.parquet").table.num_rows == 2
    assert read(tmp_path / "pandas.csv").table.column_names == ["", "x", "c", "t"]
    columns = {"s": ["a"], "d": [[1.0]], "o": [{"k": 1}], "c": pl.Series(["x"], dtype=pl.Categorical)}
    polars = pl.DataFrame(columns)
    polars.write_parquet(tmp_path / "polars.parquet")
    polars.write_ipc(tmp_path / "polars.arrow")
    polars.write_ipc_stream(tmp_path / "polars.arrows")
    for name in ("polars.parquet", "polars.arrow", "polars.arrows"):
        rows = read(tmp_path / name)
        assert [rows.column(column)[0].as_py() for column in ("s", "d", "c")] == ["a", [1.0], "x"]


def test_files_of_a_folder_may_hold_a_column_in_other_types(tmp_path: Path) -> None:
    """What is a time here and a text there is told anew from both; a file without a shared column is left out."""
    pd.DataFrame({"t": pd.to_datetime(["2026-01-01 12:00"]), "x": [1]}).to_parquet(tmp_path / "a.parquet")
    (tmp_path / "b.csv").write_text("t,x\n2026-01-02 12:00,n/a\n2026-01-03 12:00,2.5\n")
    (tmp_path / "notes.txt").write_text("hello\nworld\n")
    rows = read(tmp_path)
    assert [moment.day for moment in rows.table["t"].to_pylist()] == [1, 2, 3]
    assert rows.table["x"].to_pylist() == [1.0, None, 2.5]
    assert rows.remarks.left_out == ["notes.txt: it shares no column with the other files"]


MARKED: dict[str, tuple[list[str], list[float], str]] = {
    "dollars": (["$12.50", "$1,200.00", "-$3"], [12.5, 1200.0, -3.0], "amounts in $"),
    "euros behind": (["1.234,50 €", "-2,5 €"], [1234.5, -2.5], "amounts in €"),
    "a code": (["USD 5", "USD 7.5"], [5.0, 7.5], "amounts in USD"),
    "per cent": (["12.5%", "50 %"], [0.125, 0.5], "12.5% is read as 0.125"),
    "negative in parentheses": (["(12.50)", "100"], [-12.5, 100.0], "in parentheses in column 'x' are negative"),
    "parentheses and dollars": (["($12.50)", "$1"], [-12.5, 1.0], "are negative"),
    "apostrophes": (["1'234.50", "2.5"], [1234.5, 2.5], "apostrophes"),
    "narrow spaces": (["1\u202f234,50", "2,5"], [1234.5, 2.5], "narrow spaces"),
}


@pytest.mark.parametrize("kind", MARKED)
def test_numbers_as_people_write_them_are_numbers(kind: str) -> None:
    """A currency, a per cent sign or parentheses would make a class of every amount; what was read is said."""
    cells, values, said = MARKED[kind]
    rows = from_bytes("\n".join(["x;y", *(f"{cell};1" for cell in cells)]).encode())
    assert rows.table["x"].to_pylist() == pytest.approx(values)
    assert said in " ".join(rows.remarks.assumed)


@pytest.mark.parametrize(
    "cells", [["$5", "€5"], ["50%", "0.5"], ["a (5)", "3"], ["5-6", "7-8"], ["10.1.2.3", "1.2.3.4"]]
)
def test_what_is_no_amount_or_not_one_unit_stays_text(cells: list[str]) -> None:
    """Two currencies, and per cent beside plain numbers, cannot be compared."""
    rows = from_bytes("\n".join(["x;y", *(f"{cell};1" for cell in cells)]).encode())
    assert rows.table["x"].to_pylist() == cells


@pytest.mark.parametrize("limit", [{}, {"limit": 1 << 20}])
@pytest.mark.parametrize(
    "row", [{"id": "a", "events": [{"k": 1}]}, {"id": {"$oid": "a"}, "y": {"$n": 1}}, {"e": [1.0, 2.0]}, {"a": 1}]
)
def test_one_object_that_is_a_row_stays_one(row: dict[str, object], limit: dict[str, int]) -> None:
    """A row's own lists and objects are not taken for the rows of a file."""
    rows = from_bytes(json.dumps(row).encode(), **limit)
    assert rows.table.num_rows == 1
    assert not any("the file is one object" in sentence for sentence in rows.remarks.assumed)


def test_what_the_process_takes_of_csv_stays_what_it_was() -> None:
    """The longest cell is a limit of the whole process: other readers of CSV keep theirs."""
    before = csv.field_size_limit()
    assert from_bytes(f"a,b\n1,{'x' * 200_000}\n2,y\n".encode()).table.num_rows == 2
    assert csv.field_size_limit() == before
