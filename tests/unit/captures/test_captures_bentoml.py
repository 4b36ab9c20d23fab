"""BentoML's monitor logs become predictions by what their schema says of each column."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from modelspan_analyzer.captures.bentoml import read_bentoml
from modelspan_analyzer.captures.capture import Batch, Options
from modelspan_analyzer.captures.misfits import Misfits
from modelspan_analyzer.files.rows import FileError

TRACE = 0x4BF92F3577B34DA6A3CE929D0E0E4736
SCHEMA = {
    "meta_data": {"bento_name": "iris", "bento_version": "v7"},
    "columns": [
        {"name": "sepal", "role": "feature", "type": "numerical"},
        {"name": "garden", "role": "feature", "type": "categorical"},
        {"name": "kind", "role": "prediction", "type": "categorical"},
        {"name": "truth", "role": "target", "type": "categorical"},
    ],
}


def row(request: Any = 1, **values: Any) -> str:
    """A line of a monitor's data."""
    told = {"timestamp": "2026-01-31T14:00:39.000123", "request_id": str(request), "trace_id": str(TRACE)}
    return json.dumps({"sepal": 5.1, "garden": "north", "kind": "setosa", **told, **values})


def read(root: Path, *lines: str, schema: Any = SCHEMA) -> tuple[Batch, Misfits]:
    """The batch of a monitor, and what was not understood."""
    for kind, texts in (("data", lines), ("schema", [json.dumps(schema)])):
        (root / f"iris/{kind}").mkdir(parents=True)
        (root / f"iris/{kind}/{kind}.1.log").write_text("\n".join(texts) + "\n")
    misfits = Misfits()
    [batch] = read_bentoml([root], Options(), misfits)
    return batch, misfits


def test_columns_are_what_the_schema_says(tmp_path: Path) -> None:
    """With the bento's version, the trace, and times whose zone is assumed and said."""
    batch, misfits = read(tmp_path, row(), row(2, truth="virginica"), row(2, sepal=None))
    assert not misfits
    shared = {"version": "v7", "sample_weight": 1.0, "trace_id": f"{TRACE:032x}", "garden": "north", "kind": "setosa"}
    shared["timestamp"] = datetime(2026, 1, 31, 14, 0, 39, 123, tzinfo=UTC)
    assert batch.rows.to_pylist() == [
        {"prediction_id": "1", "sepal": 5.1, **shared},
        {"prediction_id": "2", "sepal": 5.1, **shared},
        {"prediction_id": "2_1", "sepal": None, **shared},
    ]
    assert (batch.inputs, batch.outputs) == (("sepal", "garden"), ("kind",))
    assert batch.labels is not None
    assert batch.labels.select(["prediction_id", "label"]).to_pylist() == [{"prediction_id": "2", "label": "virginica"}]
    assert misfits.remarks.assumed == ["times of column 'timestamp' without a zone are UTC"]


HOSTILE: dict[str, tuple[str, str]] = {
    "no JSON": ("{", "lines that are no JSON"),
    "a list": ("[1]", "rows without a request_id"),
    "no request over the network": (row("None"), "rows without a request_id"),
    "no request": (json.dumps({"sepal": 1}), "rows without a request_id"),
    "nothing that the schema knows": (
        json.dumps({"request_id": "9", "timestamp": "2026-01-31T14:00:39", "x": 1}),
        "events with neither a request nor an answer",
    ),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_broken_costs_its_own_line_alone(tmp_path: Path, what: str) -> None:
    """And is said with its file and line."""
    text, reason = HOSTILE[what]
    batch, misfits = read(tmp_path, row(1), text, row(3, trace_id="none"))
    assert batch.rows["prediction_id"].to_pylist() == ["1", "3"]
    assert batch.rows["trace_id"].to_pylist() == [f"{TRACE:032x}", ""]
    [sentence] = misfits.sentences()
    assert sentence.startswith(f"1 {reason}")
    assert sentence.endswith("data.1.log line 2")


def test_each_worker_is_of_the_bento_that_its_own_schema_names(tmp_path: Path) -> None:
    """Rotated files too; of a worker that ran two bentos the newest counts, which is said."""
    for worker, versions in (("1", ["v7", "v7"]), ("2", ["v7", "v8"])):
        for kind, texts in (("data", [row(worker)]), ("schema", [json.dumps(schema_of(each)) for each in versions])):
            (tmp_path / "iris" / kind).mkdir(parents=True, exist_ok=True)
            (tmp_path / f"iris/{kind}/{kind}.{worker}.log").write_text("\n".join(texts))
    (tmp_path / "iris/data/data.1.log.2026-01-30").write_text(row("old"))
    misfits = Misfits()
    batches = list(read_bentoml([tmp_path], Options(), misfits))
    versions = {each["prediction_id"]: each["version"] for batch in batches for each in batch.rows.to_pylist()}
    assert versions == {"1": "v7", "old": "v7", "2": "v8"}
    assert [each for each in misfits.told().assumed if "bento" in each] == [
        "all rows of worker 2 of monitor 'iris' are of the bento v8, though v7 wrote some (import the files of each by"
        " themselves)"
    ]


def schema_of(version: str) -> dict[str, Any]:
    """The schema as a bento of this version writes it."""
    return {**SCHEMA, "meta_data": {"bento_name": "iris", "bento_version": version}}


def test_data_without_a_schema_are_refused_with_what_to_name(tmp_path: Path) -> None:
    """As nothing tells inputs from outputs."""
    (tmp_path / "data.1.log").write_text(row())
    with pytest.raises(FileError, match="name the monitor's folder"):
        list(read_bentoml([tmp_path], Options(), Misfits()))
