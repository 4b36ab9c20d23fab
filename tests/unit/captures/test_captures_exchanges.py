"""Tables of a call a row: every schema that Databricks has had, Vertex AI's, and logs of MLflow's servers."""

from __future__ import annotations

import csv
import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from modelspan_analyzer.captures.capture import Options
from modelspan_analyzer.captures.misfits import Misfits
from modelspan_analyzer.captures.table import FORMATS

AT = datetime(2026, 1, 31, 14, 0, 39, tzinfo=UTC)
ASKED = json.dumps({"dataframe_split": {"columns": ["age", "plan"], "data": [[30, "a"], [40, "b"]]}})
ANSWERED = json.dumps({"predictions": [0.25, 0.75]})
SCHEMAS: dict[str, dict[str, Any]] = {
    "legacy": {
        "databricks_request_id": "r1",
        "client_request_id": None,
        "date": date(2026, 1, 31),
        "timestamp_ms": int(AT.timestamp() * 1000),
        "status_code": 200,
        "sampling_fraction": 0.25,
        "execution_time_ms": 12,
        "request": ASKED,
        "response": ANSWERED,
        "request_metadata": [("model_name", "m"), ("model_version", "7"), ("endpoint_name", "e")],
    },
    "AI Gateway": {
        "request_date": date(2026, 1, 31),
        "databricks_request_id": "other",
        "client_request_id": "r1",
        "request_time": AT,
        "status_code": 200,
        "sampling_fraction": 0.25,
        "execution_duration_ms": 12,
        "request": ASKED,
        "response": ANSWERED,
        "logging_error_codes": [],
        "served_entity_id": "7",
        "requester": "someone@example.com",
    },
    "Unity Gateway": {
        "event_time": AT,
        "invocation_id": "r1",
        "status_code": 200,
        "latency_ms": 12,
        "request": ASKED,
        "response": ANSWERED,
        "logging_error_codes": None,
        "sampling_fraction": 0.25,
        "served_entity_id": "7",
    },
}
MAP = pa.map_(pa.string(), pa.string())


def read(root: Path, name: str = "databricks", *columns: str) -> tuple[pa.Table, Misfits]:
    """All rows, and what was not understood."""
    misfits = Misfits()
    batches = list(FORMATS[name].read([root], Options(columns), misfits))
    return pa.concat_tables([each.rows for each in batches], promote_options="permissive"), misfits


def as_parquet(folder: Path, row: dict[str, Any]) -> None:
    """As Delta keeps it."""
    arrays = {name: pa.array([value], MAP if name == "request_metadata" else None) for name, value in row.items()}
    parquet.write_table(pa.table(arrays), folder / "part-0.snappy.parquet")


def as_json(folder: Path, row: dict[str, Any]) -> None:
    """As Spark writes it."""
    plain = row | {"request_metadata": dict(row.get("request_metadata", ()))}
    (folder / "part-0.json").write_text(json.dumps(plain, default=str))


def as_csv(folder: Path, row: dict[str, Any]) -> None:
    """As the SQL editor downloads it."""
    plain = {name: json.dumps(dict(value)) if name == "request_metadata" else value for name, value in row.items()}
    with (folder / "part-0.csv").open("w", newline="") as file:
        rows = csv.DictWriter(file, [name for name in plain if plain[name] != []])
        rows.writeheader()
        rows.writerow({name: value for name, value in plain.items() if value != []})


@pytest.mark.parametrize("written", [as_parquet, as_json, as_csv])
@pytest.mark.parametrize("schema", SCHEMAS)
def test_every_schema_in_every_form_gives_the_same_rows(tmp_path: Path, schema: str, written: Any) -> None:
    """With ids, times, versions, durations, and how many calls each stands for."""
    written(tmp_path, SCHEMAS[schema])
    rows, misfits = read(tmp_path)
    assert list(misfits.sentences()) == []
    shared = {"timestamp": AT, "version": "7", "sample_weight": 4.0, "duration": 0.012}
    assert rows.to_pylist() == [
        {"prediction_id": "r1_0", **shared, "age": 30.0, "plan": "a", "prediction": 0.25},
        {"prediction_id": "r1_1", **shared, "age": 40.0, "plan": "b", "prediction": 0.75},
    ]


PAYLOADS: dict[str, tuple[Any, Any]] = {
    "records": ({"dataframe_records": [{"age": 30, "plan": "a"}]}, {"predictions": [0.5]}),
    "instances by name": ({"instances": [{"age": 30, "plan": "a"}]}, {"predictions": [0.5]}),
    "instances by position": ({"instances": [[30, "a"]]}, {"predictions": [0.5]}),
    "inputs by name": ({"inputs": {"age": [30], "plan": ["a"]}}, {"predictions": [0.5]}),
    "inputs by position": ({"inputs": [[30, "a"]]}, [0.5]),
    "tensors of v2": (
        {
            "inputs": [
                {"name": "age", "shape": [1], "datatype": "INT64", "data": [30]},
                {"name": "plan", "shape": [1], "datatype": "BYTES", "data": ["a"]},
            ]
        },
        {"outputs": [{"name": "prediction", "shape": [1], "datatype": "FP64", "data": [0.5]}]},
    ),
}


@pytest.mark.parametrize("form", PAYLOADS)
def test_logs_of_mlflows_servers_are_read_in_every_form_of_payload(tmp_path: Path, form: str) -> None:
    """As objects or as texts, with a time in any unit."""
    asked, answered = PAYLOADS[form]
    objects = {"id": "a", "timestamp": "2026-01-31T14:00:39Z", "request": asked, "response": answered}
    texts = {"id": "b", "timestamp": AT.timestamp(), "request": json.dumps(asked), "response": json.dumps(answered)}
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, (objects, texts))))
    rows, misfits = read(tmp_path, "mlflow", "age", "plan")
    assert list(misfits.sentences()) == []
    assert rows.drop_columns(["version", "sample_weight"]).to_pylist() == [
        {"prediction_id": key, "timestamp": AT, "age": 30.0, "plan": "a", "prediction": 0.5} for key in "ab"
    ]


def test_an_answer_of_the_open_inference_protocol_tells_its_version(tmp_path: Path) -> None:
    """Where the log does not: what it says itself goes first."""
    asked, answered = PAYLOADS["tensors of v2"]
    answer = {"model_name": "m", "model_version": "7", **answered}
    calls = [
        {"id": "a", "timestamp": AT.timestamp(), "request": asked, "response": answer},
        {"id": "b", "timestamp": AT.timestamp(), "request": asked, "response": json.dumps(answer), "version": "8"},
    ]
    (tmp_path / "log.jsonl").write_text("\n".join(map(json.dumps, calls)))
    rows, _ = read(tmp_path, "mlflow", "age", "plan")
    assert rows["version"].to_pylist() == ["7", "8"]


def test_a_request_of_vertex_has_a_row_in_each_of_its_texts(tmp_path: Path) -> None:
    """Instances as lists or as objects, with an id that is a number."""
    row = {
        "endpoint": "e",
        "deployed_model_id": "77",
        "logging_time": "2026-01-31 14:00:39 UTC",
        "request_id": "12345678901234567890",
        "request_payload": ['{"age": 30, "plan": "a"}', '[40, "b"]'],
        "response_payload": ["0.25", "0.75"],
    }
    (tmp_path / "log.json").write_text(json.dumps(row))
    rows, misfits = read(tmp_path, "vertex", "age", "plan")
    assert list(misfits.sentences()) == []
    assert rows.drop_columns(["sample_weight"]).to_pylist() == [
        {
            "prediction_id": f"12345678901234567890_{at}",
            "timestamp": AT,
            "version": "77",
            "age": 30.0 + 10 * at,
            "plan": "ab"[at],
            "prediction": 0.25 + 0.5 * at,
        }
        for at in range(2)
    ]


def test_a_status_of_a_column_with_gaps_is_200_too(tmp_path: Path) -> None:
    """Tables write 200.0 there."""
    good = SCHEMAS["AI Gateway"]
    lines = [good | {"client_request_id": f"{status}", "status_code": status} for status in (200, 200.0, "200", None)]
    (tmp_path / "log.json").write_text("\n".join(json.dumps(each, default=str) for each in lines))
    rows, misfits = read(tmp_path)
    assert not misfits
    assert rows.num_rows == 2 * len(lines)


def test_models_that_share_a_table_are_named(tmp_path: Path) -> None:
    """As all of them are taken for the one of the import."""
    good = SCHEMAS["legacy"]
    lines = [good | {"request_metadata": {"model_name": name}} for name in ("churn", "fraud", "churn")]
    (tmp_path / "log.json").write_text("\n".join(json.dumps(each, default=str) for each in lines))
    _, misfits = read(tmp_path)
    assert (
        "events of 2 models, churn (2), fraud (1), are all of the one that --model names" in misfits.told().assumed[-1]
    )


def test_calls_without_an_answer_are_rows_and_counted(tmp_path: Path) -> None:
    """What was asked is known of them."""
    (tmp_path / "log.json").write_text(json.dumps(SCHEMAS["AI Gateway"] | {"response": None}, default=str))
    rows, misfits = read(tmp_path)
    assert rows["age"].to_pylist() == [30.0, 40.0]
    assert misfits.told().assumed == ["1 events without an answer are rows without a prediction"]


HOSTILE: dict[str, tuple[dict[str, Any], str]] = {
    "a call that failed": ({"status_code": 429}, "calls that failed, with status 429"),
    "a payload that is too large": (
        {"logging_error_codes": ["MAX_REQUEST_SIZE_EXCEEDED"], "request": None},
        "calls whose payload was not logged: ['MAX_REQUEST_SIZE_EXCEEDED']",
    ),
    "no id": ({"client_request_id": None, "databricks_request_id": None}, "rows without an id in client_request_id"),
    "a fraction of nothing": ({"sampling_fraction": 0.0}, "rows whose sampling fraction is not between 0 and 1"),
    "no body": ({"request": None, "response": None}, "events with neither a request nor an answer"),
    "half a body": ({"request": ASKED[:-3]}, "payloads that are no JSON"),
    "a time beyond all": ({"request_time": 1e300}, "events without a time that can be read"),
    "columns that do not fit": (
        {"request": json.dumps({"dataframe_split": {"columns": ["a"], "data": [[1, 2]]}})},
        "payloads whose rows have more or fewer values than columns",
    ),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_failed_or_is_broken_costs_its_own_row_alone(tmp_path: Path, what: str) -> None:
    """And is said with its file and line."""
    changed, reason = HOSTILE[what]
    good = SCHEMAS["AI Gateway"] | {"request_time": AT.isoformat()}
    lines = [good, good | {"client_request_id": "r2"} | changed, good | {"client_request_id": "r3"}]
    (tmp_path / "log.json").write_text("\n".join(json.dumps(each, default=str) for each in lines))
    rows, misfits = read(tmp_path)
    timed = rows.filter(rows["timestamp"].is_valid())
    assert timed["prediction_id"].to_pylist() == ["r1_0", "r1_1", "r3_0", "r3_1"]
    [sentence] = misfits.sentences()
    assert sentence.startswith(f"1 {reason}")
    assert sentence.endswith("log.json line 2")


def test_records_of_csv_go_over_lines_and_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that is printed over several lines is one."""
    monkeypatch.setattr("modelspan_analyzer.captures.lines.read_lines.__defaults__", (60,))
    monkeypatch.setattr("modelspan_analyzer.captures.lines._PIECE", 50)
    body = json.dumps({"instances": [[1, "a"]]}, indent=1)
    with (tmp_path / "log.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "timestamp", "request", "response"])
        rows.writerows([f"e{at}", "2026-01-31T14:00:39Z", body, "[1]"] for at in range(5))
    found, misfits = read(tmp_path, "mlflow", "age", "plan")
    assert list(misfits.sentences()) == []
    assert found["prediction_id"].to_pylist() == [f"e{at}" for at in range(5)]
