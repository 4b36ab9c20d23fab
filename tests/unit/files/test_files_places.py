"""Files in object stores and at web addresses are read as those of a folder; what cannot be reached says why."""

from __future__ import annotations

import functools
import http.server
import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import need

from modelspan_analyzer.captures.capture import Options
from modelspan_analyzer.captures.whole import read_captured, read_labels
from modelspan_analyzer.files.places import place
from modelspan_analyzer.files.read import read
from modelspan_analyzer.files.rows import FileError


def captured(event: str) -> str:
    """A line of SageMaker's capture."""
    sides = {
        name: {"data": data, "encoding": "CSV"} for name, data in (("endpointInput", "1,2"), ("endpointOutput", "3"))
    }
    told = {"eventId": event, "inferenceTime": "2026-01-31T14:00:00Z"}
    return json.dumps({"captureData": sides, "eventMetadata": told})


@pytest.fixture
def bucket() -> Iterator[Path]:
    """An object store in memory, by fsspec's own."""
    need("upath")
    found = place("memory://bucket")
    (found / "AllTraffic/2026/01/31/14").mkdir(parents=True)
    yield found
    found.fs.rm("/bucket", recursive=True)  # type: ignore[attr-defined]


def test_a_capture_in_an_object_store_is_one_as_in_a_folder(bucket: Path) -> None:
    """Its files in their order, hidden ones left away."""
    hour = bucket / "AllTraffic/2026/01/31/14"
    for number, name in enumerate(["b.jsonl", "a.jsonl", "_temporary.jsonl"]):
        (hour / name).write_text(captured(f"e{number}"))
    rows = read_captured("sagemaker", [bucket], Options()).rows.table
    assert rows["prediction_id"].to_pylist() == ["e1", "e0"]


def test_a_label_in_an_object_store_is_of_the_hour_of_its_folder(bucket: Path) -> None:
    line = {"groundTruthData": {"data": "1", "encoding": "CSV"}, "eventMetadata": {"eventId": "e1"}}
    (bucket / "AllTraffic/2026/01/31/14/truth.jsonl").write_text(json.dumps(line))
    (row,) = read_labels("sagemaker", [bucket], Options()).table.to_pylist()
    assert (row["label"], row["timestamp"].isoformat()) == (1.0, "2026-01-31T14:00:00+00:00")


def test_a_table_at_a_web_address_is_a_file(tmp_path: Path) -> None:
    """Over HTTP from a real server."""
    need("upath")
    (tmp_path / "rows.csv").write_text("age,plan\n41,gold\n")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            address = f"http://127.0.0.1:{server.server_port}"
            assert read(place(f"{address}/rows.csv")).table.to_pylist() == [{"age": 41, "plan": "gold"}]
            with pytest.raises(FileError, match=r"cannot read http://.*nothing.csv: 404"):
                read(place(f"{address}/nothing.csv"))
        finally:
            server.shutdown()


@pytest.mark.parametrize("end", ["", "/"])
def test_a_folder_of_a_web_server_is_its_files_and_not_its_pages_about_them(tmp_path: Path, end: str) -> None:
    """However its address ends; a server that does not answer says so, and does not have nothing."""
    need("upath")
    for name in ("10/host-1.jsonl", "11/host-1.jsonl", "11/host-2.jsonl"):
        (tmp_path / "day" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "day" / name).write_text(captured(name))
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        try:
            rows = read_captured("sagemaker", [place(f"{address}/day{end}")], Options()).rows.table
            with pytest.raises(FileError, match=r"there is no file or folder 'http://.*nothing' \(404"):
                read_captured("sagemaker", [place(f"{address}/nothing{end}")], Options())
        finally:
            server.shutdown()
    assert rows["prediction_id"].to_pylist() == ["10/host-1.jsonl", "11/host-1.jsonl", "11/host-2.jsonl"]
    with pytest.raises(FileError, match="Cannot connect to host"):
        read_captured("sagemaker", [place(f"{address}/day{end}")], Options())


def test_a_pattern_is_the_files_and_folders_that_it_means(bucket: Path, tmp_path: Path) -> None:
    """In an object store too, for which no shell spells it out; what is hidden it does not mean."""
    for root in (bucket, tmp_path):
        for hour in ("14", "15", "16"):
            (root / "AllTraffic/2026/01/31" / hour).mkdir(parents=True, exist_ok=True)
            (root / "AllTraffic/2026/01/31" / hour / "a.jsonl").write_text(captured(hour))
            (root / "AllTraffic/2026/01/31" / hour / "_a.jsonl").write_text(captured("hidden"))
        for pattern, expected in (
            ("*/2026/*/*/1[45]/*", ["14", "15"]),
            ("*/2026/*/*/16", ["16"]),
            ("**/a.jsonl", None),
        ):
            rows = read_captured("sagemaker", [root / pattern], Options()).rows.table
            assert rows["prediction_id"].to_pylist() == (expected or ["14", "15", "16"])
        with pytest.raises(FileError, match="there is no file or folder"):
            read_captured("sagemaker", [root / "*/2027/*"], Options())


def test_an_address_of_a_kind_that_nobody_reads_says_which_are(monkeypatch: pytest.MonkeyPatch) -> None:
    need("upath")
    with pytest.raises(FileError, match=r"^foo://x: "):
        place("foo://x")
    monkeypatch.setitem(sys.modules, "upath", None)
    with pytest.raises(FileError, match=r"foo:// is none of s3://.*https://"):
        place("foo://x")


@pytest.mark.parametrize(
    ("address", "library", "extra"),
    [("s3://b/x", "s3fs", "s3"), ("gs://b", "gcsfs", "gcs"), ("abfs://c", "adlfs", "azure")],
)
def test_a_store_whose_library_is_missing_names_the_extra(
    address: str, library: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("upath")
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(FileError, match=rf"pip install 'modelspan\[{extra}\]'"):
        place(address)


def test_a_kind_of_address_that_nothing_reads_is_refused() -> None:
    need("upath")
    with pytest.raises(FileError, match="nowhere"):
        place("nowhere://bucket")


def test_what_is_no_address_is_a_path_of_this_machine() -> None:
    assert place("captures/a.jsonl") == Path("captures/a.jsonl")
