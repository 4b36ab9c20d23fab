"""Files as they come: archives, other encodings, lists, ids of many digits, numbers written another way."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import random
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lz4.frame
import pyarrow as pa
import pytest
import zstandard

from modelspan_analyzer.captures.capture import Options
from modelspan_analyzer.captures.misfits import Misfits
from modelspan_analyzer.captures.table import FORMATS
from modelspan_analyzer.files.read import read as read_table
from modelspan_analyzer.files.rows import FileError


def call(key: Any = "a", age: int = 30) -> dict[str, Any]:
    """A row of a log."""
    told = {"id": key, "timestamp": "2026-01-31T14:00:39Z"}
    return {**told, "request": {"instances": [{"age": age}]}, "response": {"predictions": [0.5]}}


def read(root: Path, name: str = "mlflow") -> tuple[pa.Table, Misfits]:
    """All rows, and what was not understood."""
    misfits = Misfits()
    batches = list(FORMATS[name].read([root], Options(), misfits))
    return pa.concat_tables([each.rows for each in batches], promote_options="permissive"), misfits


def zipped(text: bytes) -> bytes:
    """A zip with a file in it, stored as it is, so that its lines can be read."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("log.jsonl", text)
    return sink.getvalue()


def tarred(text: bytes) -> bytes:
    """A tar, compressed."""
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w:gz") as archive:
        told = tarfile.TarInfo("log.jsonl")
        told.size = len(text)
        archive.addfile(told, io.BytesIO(text))
    return sink.getvalue()


COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstandard.compress,
    "lz4": lz4.frame.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}


@pytest.mark.parametrize("coding", COMPRESSIONS)
def test_of_a_compressed_file_that_is_cut_all_is_read_that_can_be(tmp_path: Path, coding: str) -> None:
    """What its coding unfolds of the bytes that are there, to the last whole line; that it is cut is said."""
    lines = [json.dumps(call(f"{at}-{random.Random(at).random()}")) for at in range(20_000)]
    whole = COMPRESSIONS[coding]("\n".join(lines).encode() + b"\n")
    for share in (0.6, 0.999):
        (tmp_path / "a").write_bytes(whole[: int(len(whole) * share)])
        rows, misfits = read(tmp_path / "a")
        assert rows["prediction_id"].to_pylist() == [json.loads(line)["id"] for line in lines[: len(rows)]]
        at_once = {"bzip2": 900_000, "zstd": 131_072, "lz4": 65_536, "xz": 65_536}.get(
            coding, 4096
        )  # a block, spelt out
        assert len(rows) >= 20_000 * share * 0.9 - at_once / len(lines[0]) - 1
        assert [each for each in misfits.sentences() if f"the {coding} body is cut off" in each]
        with pytest.raises(FileError, match=f"its compression is broken: the {coding} body is cut off"):
            read_table(tmp_path / "a")


@pytest.mark.parametrize("coding", COMPRESSIONS)
def test_compressed_files_may_follow_each_other_in_one(tmp_path: Path, coding: str) -> None:
    """As rotation appends them; zeros at the end of gzip and xz, up to the end of a block, are nothing."""
    pack = COMPRESSIONS[coding]
    whole = pack(json.dumps(call("a")).encode() + b"\n") + pack(json.dumps(call("b")).encode() + b"\n")
    (tmp_path / "a").write_bytes(whole + (bytes(512) if coding in ("gzip", "xz") else b""))
    rows, misfits = read(tmp_path / "a")
    assert (rows["prediction_id"].to_pylist(), list(misfits.sentences())) == (["a", "b"], [])
    assert read_table(tmp_path / "a").table.num_rows == 2


@pytest.mark.parametrize("packed", [zipped, tarred])
def test_an_archive_is_named_and_none_of_its_lines_taken(tmp_path: Path, packed: Any) -> None:
    """As the first line of each file would be lost between what the archive writes."""
    (tmp_path / "a.jsonl").write_text(json.dumps(call()))
    (tmp_path / "b").write_bytes(packed("\n".join(json.dumps(call(at)) for at in range(9)).encode()))
    rows, misfits = read(tmp_path)
    assert rows["prediction_id"].to_pylist() == ["a"]
    assert list(misfits.sentences()) == [f"1 archives (zip, tar), which are to be unpacked first: {tmp_path / 'b'}"]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_read_where_its_mark_says_so(tmp_path: Path, encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Windows PowerShell redirects; characters of two units on the edge of a piece too."""
    monkeypatch.setattr("modelspan_analyzer.captures.lines._PIECE", 5)
    (tmp_path / "log.jsonl").write_bytes(
        "\n".join(["\ufeff" + json.dumps(call("𝄞é"), ensure_ascii=False)]).encode(encoding)
    )
    rows, misfits = read(tmp_path)
    assert not misfits
    assert rows["prediction_id"].to_pylist() == ["𝄞é"]


def test_a_line_may_hold_a_list_of_rows(tmp_path: Path) -> None:
    """As `bq query --format=json` prints a table."""
    (tmp_path / "log.json").write_text(json.dumps([call("a"), call("b"), 7]))
    rows, misfits = read(tmp_path)
    assert rows["prediction_id"].to_pylist() == ["a", "b"]
    assert [each.partition(":")[0] for each in misfits.sentences()] == [
        "1 rows without an id in client_request_id, request_id, id"
    ]


def test_ids_that_are_numbers_keep_all_of_their_digits(tmp_path: Path) -> None:
    """Beyond 64 bits too."""
    keys = [2**53 + 1, 2**64 - 1, 2**70, 2**70 + 1, 10**30]
    (tmp_path / "log.jsonl").write_text("\n".join(json.dumps(call(key)) for key in keys))
    rows, _ = read(tmp_path)
    assert rows["prediction_id"].to_pylist() == list(map(str, keys))


def test_numbers_of_a_column_are_read_as_the_first_ones_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A decimal comma in quotation marks is assumed, said, and meant, in batches with a bad cell too."""
    monkeypatch.setattr("modelspan_analyzer.captures.lines.read_lines.__defaults__", (1,))
    texts = ['"0,5"', '"1,25"', '"abc"']
    lines = [
        {
            "captureData": {"endpointInput": {"data": text, "encoding": "CSV"}},
            "eventMetadata": {"eventId": str(at), "inferenceTime": "2026-01-31T14:00:39Z"},
        }
        for at, text in enumerate(texts)
    ]
    for at, each in enumerate((lines[:2], lines[2:])):
        (tmp_path / f"{at}.jsonl").write_text("\n".join(map(json.dumps, each)))
    rows, misfits = read(tmp_path, "sagemaker")
    assert rows["feature_1"].to_pylist() == [0.5, 1.25, None]
    assert "column 'feature_1' is written with a decimal comma" in misfits.remarks.assumed
