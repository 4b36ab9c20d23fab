"""What KServe's and Seldon's loggers wrote: requests and answers by one id, in Parquet and in JSON lines."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from modelspan_analyzer.captures.capture import Options
from modelspan_analyzer.captures.cloudevents import read_cloudevents
from modelspan_analyzer.captures.misfits import Misfits

KSERVE = "org.kubeflow.serving.inference."
V1 = ({"instances": [[1, "a"], [2, "b"]]}, {"predictions": [0.1, 0.2]})
V2 = (
    {
        "id": "x",
        "inputs": [
            {"name": "age", "shape": [2, 1], "datatype": "FP32", "data": [1.0, 2.0]},
            {"name": "plan", "shape": [2], "datatype": "BYTES", "data": ["a", "b"]},
        ],
    },
    {
        "model_name": "m",
        "outputs": [{"name": "risk", "shape": [2, 1], "datatype": "FP32", "data": [[0.1], [0.2]]}],
    },
)
SELDON = (
    {"data": {"names": ["age", "plan"], "ndarray": [[1, "a"], [2, "b"]]}},
    {"data": {"names": ["risk"], "tensor": {"shape": [2, 1], "values": [0.1, 0.2]}}},
)


def row(kind: str, body: Any, key: str = "k1", **told: Any) -> dict[str, Any]:
    """A row of KServe's Parquet."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    plain = {"id": key, "req_type": KSERVE + kind, "bytes": raw, "content_type": "application/json"}
    return (
        plain | {"inference_service": "m", "namespace": "n", "endpoint": "default", "metadata": [("k", ["v"])]} | told
    )


def write(path: Path, *rows: dict[str, Any]) -> None:
    """KServe's Parquet, of an hour in January."""
    text = pa.string()
    schema = pa.schema(
        [
            *(
                (name, text)
                for name in ("id", "req_type", "content_type", "inference_service", "namespace", "endpoint")
            ),
            ("bytes", pa.binary()),
            ("metadata", pa.map_(text, pa.list_(text))),
        ]
    )
    parquet.write_table(pa.Table.from_pylist(list(rows), schema), path, compression="snappy")
    stamp = datetime(2026, 1, 31, 14, tzinfo=UTC).timestamp()
    os.utime(path, (stamp, stamp))


def read(root: Path, *columns: str) -> tuple[pa.Table, Misfits]:
    """All rows, and what was not understood."""
    misfits = Misfits()
    batches = list(read_cloudevents([root], Options(columns), misfits))
    return pa.concat_tables([each.rows for each in batches], promote_options="permissive"), misfits


@pytest.mark.parametrize(("asked", "answered"), [V1, V2], ids=["v1", "v2"])
def test_the_rows_of_parquet_are_predictions(tmp_path: Path, asked: Any, answered: Any) -> None:
    """In both protocols, whichever half comes first, as old as their file."""
    write(tmp_path / "1.parquet", row("response", answered), row("request", asked, endpoint="canary"))
    rows, misfits = read(tmp_path, "age", "plan")
    assert list(misfits.sentences()) == []
    rows = rows.rename_columns([*rows.column_names[:-1], "answer"])
    assert rows.select(["prediction_id", "version", "age", "plan", "answer"]).to_pydict() == {
        "prediction_id": ["k1_0", "k1_1"],
        "version": ["canary", "canary"],
        "age": [1.0, 2.0],
        "plan": ["a", "b"],
        "answer": [pytest.approx(0.1), pytest.approx(0.2)],
    }
    assert rows["timestamp"][0].as_py() == datetime(2026, 1, 31, 14, tzinfo=UTC)
    assert misfits.remarks.assumed[-1] == "events without a time are as old as the file that they are in"


def structured(kind: str, body: Any, **told: Any) -> str:
    """A CloudEvent of Seldon's in structured mode."""
    event = {"specversion": "1.0", "id": f"{kind}-1", "requestid": "s1", "type": f"io.seldon.serving.inference.{kind}"}
    return json.dumps(event | {"time": "2026-01-31T14:00:39Z", "data": body} | told)


LINES: dict[str, Callable[[], list[str]]] = {
    "Seldon's": lambda: [structured("request", SELDON[0]), structured("response", SELDON[1])],
    "headers as a sink of binary mode keeps them": lambda: [
        json.dumps({"Ce-Id": "s1", "CE-TYPE": KSERVE + kind, "Ce-Time": "2026-01-31T14:00:39Z", "data": body})
        for kind, body in zip(("request", "response"), SELDON, strict=True)
    ],
    "data in base64": lambda: [
        json.dumps(
            {
                "id": "s1",
                "type": KSERVE + kind,
                "time": "2026-01-31T14:00:39Z",
                "data_base64": base64.b64encode(json.dumps(body).encode()).decode(),
            }
        )
        for kind, body in zip(("request", "response"), SELDON, strict=True)
    ],
    "KServe's": lambda: [
        json.dumps(row(kind, body, "s1") | {"bytes": base64.b64encode(json.dumps(body).encode()).decode()})
        for kind, body in zip(("request", "response"), SELDON, strict=True)
    ],
}


@pytest.mark.parametrize("form", LINES)
def test_events_a_line_are_predictions(tmp_path: Path, form: str) -> None:
    """In structured mode, and as KServe's JSON has them."""
    (tmp_path / "events.jsonl").write_text("\n".join(LINES[form]()))
    rows, misfits = read(tmp_path)
    assert list(misfits.sentences()) == []
    assert rows["prediction_id"].to_pylist() == ["s1_0", "s1_1"]
    assert rows.select(["age", "plan"]).to_pydict() == {"age": [1.0, 2.0], "plan": ["a", "b"]}
    assert rows.column(6).to_pylist() == [0.1, 0.2]


def test_an_answer_of_the_open_inference_protocol_tells_its_version(tmp_path: Path) -> None:
    answer = V2[1] | {"model_version": "7"}
    write(tmp_path / "1.parquet", row("request", V2[0]), row("response", answer))
    assert read(tmp_path)[0]["version"].to_pylist() == ["7", "7"]


ASKED, ANSWERED = {"instances": [[1, "a"]]}, {"predictions": [0.5]}
HOSTILE: dict[str, tuple[list[dict[str, Any]], str]] = {
    "binary tensors": (
        [
            row("request", {"inputs": [{"name": "a", "shape": [1], "parameters": {"binary_data_size": 4}}]}, "h"),
            row("response", ANSWERED, "h"),
        ],
        "payloads whose tensors are not in them (binary data)",
    ),
    "bytes that are no text": (
        [row("request", b"\xff\x00", "h"), row("response", ANSWERED, "h")],
        "payloads that are no text",
    ),
    "a shape that is not filled": (
        [
            row("request", {"inputs": [{"name": "a", "shape": [2, 2], "data": [1]}]}, "h"),
            row("response", ANSWERED, "h"),
        ],
        "payloads with a tensor whose data do not fill its shape",
    ),
    "a shape without end": (
        [
            row("request", {"inputs": [{"name": "a", "shape": [10**18, 10**18], "data": [1]}]}, "h"),
            row("response", ANSWERED, "h"),
        ],
        "payloads with a tensor whose data do not fill its shape",
    ),
    "a request without an answer, as only 200 is logged": ([row("request", ASKED, "h")], "requests without an answer"),
    "another event": ([row("feedback", ASKED, "h")], "events that are neither an inference request nor a response"),
    "no id": ([row("request", ASKED, "")], "events without an id"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_what_is_hostile_or_broken_costs_its_own_event_alone(tmp_path: Path, what: str) -> None:
    """And is said with its file and row."""
    rows, reason = HOSTILE[what]
    write(tmp_path / "1.parquet", row("request", ASKED), row("response", ANSWERED), *rows)
    found, misfits = read(tmp_path, "age", "plan")
    assert found.select(["prediction_id", "age", "prediction"]).to_pylist() == [
        {"prediction_id": "k1", "age": 1.0, "prediction": 0.5}
    ]
    [sentence] = misfits.sentences()
    assert sentence.startswith(f"1 {reason}")
    assert sentence.endswith("1.parquet row 3")


def test_a_file_that_is_cut_costs_itself_alone(tmp_path: Path) -> None:
    """It is named."""
    write(tmp_path / "1.parquet", row("request", ASKED), row("response", ANSWERED))
    (tmp_path / "2.parquet").write_bytes((tmp_path / "1.parquet").read_bytes()[:-30])
    rows, misfits = read(tmp_path, "age", "plan")
    assert rows.num_rows == 1
    assert next(misfits.sentences()).startswith("1 files, of which all that follows cannot be read")


def test_where_only_requests_were_logged_they_are_rows(tmp_path: Path) -> None:
    """As with the logger's mode `request`."""
    write(tmp_path / "1.parquet", row("request", ASKED), row("request", ASKED, "k2"))
    rows, misfits = read(tmp_path, "age", "plan")
    assert rows["prediction_id"].to_pylist() == ["k1", "k2"]
    assert not misfits
