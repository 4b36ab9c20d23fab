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
            with pytest.raises(FileError, match="cannot read http"):
                read(place(f"{address}/nothing.csv"))
        finally:
            server.shutdown()


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
