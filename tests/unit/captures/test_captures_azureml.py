"""What Azure's data collector wrote: inputs and outputs join by correlation id and position, wherever each lies."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from modelspan_analyzer.captures.azureml import read_azureml
from modelspan_analyzer.captures.capture import Options
from modelspan_analyzer.captures.misfits import Misfits

SOURCE = "/subscriptions/s/resourceGroups/g/workspaces/w/onlineEndpoints/credit/deployments/blue"


def event(kind: str, data: Any, key: Any = "c1", **told: Any) -> str:
    """A line of a collection."""
    line = {
        "specversion": "1.0",
        "id": "d3b1",
        "source": SOURCE,
        "type": f"azureml.inference.{kind}",
        "datacontenttype": "application/json",
        "time": "2026-01-31T14:00:39Z",
        "data": data,
        "correlationid": key,
        "agent": "azureml-ai-monitoring/1.0",
    }
    return json.dumps({name: value for name, value in (line | told).items() if value is not ...})


def write(root: Path, collection: str, *lines: str, hour: int = 14) -> None:
    """Lines as the collector lays them out."""
    folder = root / f"credit/blue/{collection}/2026/01/31/{hour:02d}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "instance.jsonl").write_text("\n".join(lines) + "\n")


def read(root: Path) -> tuple[pa.Table, Misfits]:
    """All rows, and what was not understood."""
    misfits = Misfits()
    batches = list(read_azureml([root], Options(), misfits))
    return pa.concat_tables([each.rows for each in batches], promote_options="permissive"), misfits


def test_inputs_and_outputs_join_by_id_and_position(tmp_path: Path) -> None:
    """Several rows a line, lines in another order, and answers of the next hour."""
    write(
        tmp_path,
        "model_inputs",
        event("model_inputs", [{"age": 30, "plan": "a"}, {"age": 40, "plan": None}]),
        event("model_inputs", [{"age": 50.5, "plan": "c"}], "c2", time="2026-01-31T14:59:59+02:00"),
    )
    write(tmp_path, "model_outputs", event("model_outputs", [{"risk": 0.9}], "c2"), hour=15)
    write(tmp_path, "model_outputs", event("model_outputs", [{"risk": 0.1}, {"risk": 0.2}]))
    rows, misfits = read(tmp_path)
    assert list(misfits.sentences()) == []
    assert rows.select(["prediction_id", "version", "age", "plan", "risk"]).to_pylist() == [
        {"prediction_id": "c1_0", "version": "blue", "age": 30.0, "plan": "a", "risk": 0.1},
        {"prediction_id": "c1_1", "version": "blue", "age": 40.0, "plan": None, "risk": 0.2},
        {"prediction_id": "c2_0", "version": "blue", "age": 50.5, "plan": "c", "risk": 0.9},
    ]
    assert rows["timestamp"][2].as_py() == datetime(2026, 1, 31, 12, 59, 59, tzinfo=UTC)


def test_the_versions_of_models_count_before_deployments(tmp_path: Path) -> None:
    """Where the collector was told of one."""
    write(tmp_path, "model_inputs", event("model_inputs", [{"age": 1}], modelversion="7"))
    write(tmp_path, "model_outputs", event("model_outputs", [{"risk": 1}]))
    assert read(tmp_path)[0]["version"].to_pylist() == ["7"]


def test_payloads_of_requests_and_responses_are_read_too(tmp_path: Path) -> None:
    """In one file, as bodies of any of the protocols."""
    lines = [
        event("request", {"input_data": 1, "dataframe_split": {"columns": ["age"], "data": [[3], [4]]}}),
        event("response", [0.25, 0.75], datacontenttype="application/json"),
    ]
    write(tmp_path, "request", *lines)
    rows, misfits = read(tmp_path)
    assert not misfits
    assert rows.select(["age", "prediction"]).to_pydict() == {"age": [3.0, 4.0], "prediction": [0.25, 0.75]}


def test_a_correlation_id_among_the_data_is_no_feature(tmp_path: Path) -> None:
    """Which is said."""
    write(tmp_path, "model_inputs", event("model_inputs", [{"correlationid": "mine", "age": 1}]))
    write(tmp_path, "model_outputs", event("model_outputs", [{"risk": 1}]))
    rows, misfits = read(tmp_path)
    assert rows.column_names[4:] == ["age", "risk"]
    assert misfits.remarks.assumed == ["column 'correlationid' of the data names rows, so it is no feature"]


def test_where_only_inputs_were_collected_they_are_rows(tmp_path: Path) -> None:
    """Without predictions, for what can be said of features alone."""
    write(tmp_path, "model_inputs", event("model_inputs", [{"age": 1}]), event("model_inputs", [{"age": 2}], "c2"))
    rows, misfits = read(tmp_path)
    assert rows.select(["prediction_id", "age"]).to_pydict() == {"prediction_id": ["c1_0", "c2_0"], "age": [1.0, 2.0]}
    assert misfits.told().assumed == ["2 events without an answer are rows without a prediction"]
    assert not misfits


HOSTILE: dict[str, tuple[str, str]] = {
    "no JSON": ("{", "lines that are no JSON"),
    "another format": ('{"a":1}', "lines that are no event of Azure's data collector"),
    "a list": ("[1]", "lines that are no event of Azure's data collector"),
    "an id that is a number": (event("model_inputs", [{"age": 1}], 7), "lines whose correlation id is no text"),
    "no id": (event("model_inputs", [{"age": 1}], ...), "lines that are no event of Azure's data collector"),
    "a collection of one's own": (event("audit", [{"a": 1}], "c7"), "lines of the collection 'audit'"),
    "data in a blob": (event("model_inputs", "https://x/y", "c7", datainblob="true"), "lines whose data are in a blob"),
    "data too large": (event("model_inputs", ..., "c7", dataref="https://x/y"), "lines whose data are in a blob"),
    "a request that nothing answered": (event("model_inputs", [{"age": 1}], "c7"), "requests without an answer"),
    "an answer to nothing": (event("model_outputs", [{"risk": 1}], "c7"), "answers without a request"),
    "the same id twice": (event("model_inputs", [{"age": 1}], "c1"), "lines whose id another line had"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_cannot_be_joined_or_read_costs_itself_alone(tmp_path: Path, what: str) -> None:
    """And is said with its file and line."""
    text, reason = HOSTILE[what]
    write(tmp_path, "model_inputs", event("model_inputs", [{"age": 1}]), text)
    write(tmp_path, "model_outputs", event("model_outputs", [{"risk": 0.5}]))
    rows, misfits = read(tmp_path)
    assert rows.select(["age", "risk"]).to_pylist() == [{"age": 1.0, "risk": 0.5}]
    [sentence] = misfits.sentences()
    assert sentence.startswith(f"1 {reason}")
    assert sentence.endswith("model_inputs/2026/01/31/14/instance.jsonl line 2")


def test_more_answers_than_rows_leave_out_the_event(tmp_path: Path) -> None:
    """As nothing tells which is whose."""
    write(tmp_path, "model_inputs", event("model_inputs", [{"age": 1}]))
    write(tmp_path, "model_outputs", event("model_outputs", [{"risk": 1}, {"risk": 2}]))
    assert next(read(tmp_path)[1].sentences()).startswith("1 events with more or fewer answers than rows")
