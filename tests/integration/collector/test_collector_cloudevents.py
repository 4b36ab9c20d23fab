"""Requests and answers that KServe's and Seldon Core's loggers send become predictions, each once."""

from __future__ import annotations

import base64
import http.client
import json
import shlex
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pages
from support import eventually, missing

from modelspan_collector.access.rules import Redaction
from modelspan_collector.service import Collector
from modelspan_collector.store.connect import Store
from modelspan_collector.wal.erase import CollectorFiles, Held

KSERVE, SELDON = "org.kubeflow.serving.inference", "io.seldon.serving.inference"
TRACE = "0af7651916cd43dd8448eb211c80319c"
Row = dict[str, Any]


def send(collector: Collector, body: bytes, **headers: str) -> tuple[int, str]:
    """Post to the door, and what it answers."""
    connection = http.client.HTTPConnection("127.0.0.1", collector.http_port, timeout=60)
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    connection.request("POST", "/v1/cloudevents", body, named)
    answer = connection.getresponse()
    told = answer.status, answer.read().decode()
    connection.close()
    return told


def kserve(collector: Collector, identity: str, side: str, payload: Any, **headers: str) -> tuple[int, str]:
    """An event as KServe's logger sends it: in binary mode, the payload as it is."""
    named = {
        "ce_specversion": "1.0",
        "ce_id": identity,
        "ce_type": f"{KSERVE}.{side}",
        "ce_source": "http://localhost:9081/",
        "ce_time": "2026-01-31T14:00:00.25Z",
        "ce_inferenceservicename": "rent",
        "ce_namespace": "flats",
        "ce_component": "predictor",
        "ce_endpoint": "default",
        "content_type": "application/json",
    }
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return send(collector, body, **{**named, **headers})


def seldon(identity: str, side: str, names: list[str], rows: list[list[float]]) -> Row:
    """An event of Seldon Core, as one of a batch or in structured mode."""
    return {
        "specversion": "1.0", "id": f"{side}-{identity}", "requestid": identity, "type": f"{SELDON}.{side}",
        "source": "seldon", "inferenceservicename": "graph", "modelid": "churn", "endpoint": "default",
        "time": "2026-01-31T15:00:00+01:00", "traceparent": f"00-{TRACE}-b7ad6b7169203331-01",
        "data": {"data": {"names": names, "ndarray": rows}},
    }  # fmt: skip


def test_kserve_in_binary_mode(collector: Collector, store: Store) -> None:
    """Whichever half comes first, rows of both protocols become predictions with the time of their request."""
    v1 = {"instances": [{"size": 80, "kind": "flat"}, {"size": 120, "kind": "house"}]}
    v2 = {"id": "b", "inputs": [{"name": "size", "shape": [1], "datatype": "FP64", "data": [90.5]}]}
    answered = {
        "model_name": "rent",
        "model_version": "7",
        "outputs": [{"name": "p", "shape": [1], "datatype": "FP64", "data": [270.0]}],
    }
    assert kserve(collector, "a", "request", v1)[0] == 200
    assert kserve(collector, "b", "response", answered)[0] == 200
    assert kserve(collector, "a", "response", {"predictions": [240.0, 360.0]})[0] == 200
    metadata = json.dumps({"Traceparent": [f"00-{TRACE}-b7ad6b7169203331-01"]})
    assert kserve(collector, "b", "request", v2, ce_metadata=metadata, ce_endpoint="default")[0] == 200
    collector.flush()
    rows = store.rows(
        "SELECT prediction_id, value, numeric_features, categorical_features, tags, trace_id, model, version,"
        " toUnixTimestamp64Milli(timestamp) % 1000 AS ms FROM predictions ORDER BY prediction_id"
    )
    assert [(row["prediction_id"], row["value"]) for row in rows] == [("a_0", 240.0), ("a_1", 360.0), ("b", 270.0)]
    assert rows[1]["numeric_features"] == {"size": 120.0}
    assert rows[1]["categorical_features"] == {"kind": "house"}
    assert {(row["model"], row["version"], row["tags"]["namespace"], row["ms"]) for row in rows} == {
        ("rent", "", "flats", 250),
        ("rent", "7", "flats", 250),
    }
    assert [row["trace_id"] for row in rows] == ["", "", TRACE]


def test_seldon_in_structured_mode_and_in_batches(collector: Collector, store: Store) -> None:
    """Names of classes are those of their scores, and the trace is kept."""
    batch = [
        seldon("5d-1", "request", ["age", "visits"], [[30, 2]]),
        seldon("5d-1", "response", ["stay", "leave"], [[0.75, 0.25]]),
        seldon("5d-2", "request", ["age", "visits"], [[50, 1]]),
    ]
    assert send(collector, json.dumps(batch).encode(), content_type="application/cloudevents-batch+json")[0] == 200
    alone = seldon("5d-2", "response", ["stay", "leave"], [[0.5, 0.5]])
    alone["data_base64"] = base64.b64encode(json.dumps(alone.pop("data")).encode()).decode()
    assert (
        send(collector, json.dumps(alone).encode(), content_type="application/cloudevents+json; charset=utf-8")[0]
        == 200
    )
    collector.flush()
    rows = store.rows(
        "SELECT model, prediction_id, scores, trace_id, numeric_features FROM predictions ORDER BY prediction_id"
    )
    assert [row["prediction_id"] for row in rows] == ["5d-1", "5d-2"]
    assert rows[0]["scores"] == {"stay": 0.75, "leave": 0.25}
    assert rows[0]["numeric_features"] == {"age": 30.0, "visits": 2.0}
    assert {(row["model"], row["trace_id"]) for row in rows} == {("churn", TRACE)}


def test_an_event_that_is_sent_again_counts_once(collector: Collector, store: Store) -> None:
    """A sender that lost the answer sends the same bytes, before its other half came or after."""
    for _ in range(2):
        kserve(collector, "a", "request", {"instances": [[1.0]]})
    for _ in range(2):
        kserve(collector, "a", "response", {"predictions": [2.0]})
        collector.flush()
    assert store.rows("SELECT prediction_id, value, numeric_features FROM predictions") == [
        {"prediction_id": "a", "value": 2.0, "numeric_features": {"feature_1": 1.0}}
    ]


def test_what_is_not_understood_is_refused_with_the_reason(collector: Collector, store: Store) -> None:
    """The sender gets it at once; of a batch the rest is taken; users find it by model."""
    status, told = kserve(collector, "a", "request", b"\xff\xfe")
    assert (status, told) == (400, "payloads that are no text (binary data)\n")
    assert kserve(collector, "a", "request", {"instances": [[1]]}, ce_type="org.example.other")[0] == 400
    assert send(collector, b"{}", content_type="application/json") == (
        415,
        "this is no CloudEvent: send the headers ce-id and ce-type, or the content type application/cloudevents+json"
        " or application/cloudevents-batch+json\n",
    )
    batch = [seldon("1", "request", ["age"], [[30]]), {"type": f"{SELDON}.request"}, 5]
    status, told = send(collector, json.dumps(batch).encode(), content_type="application/cloudevents-batch+json")
    assert (status, told) == (200, "2 of 3 events were left out: events without an id\n")
    rejected = "SELECT reason FROM ingest_errors WHERE service = 'rent' AND kind = 'rejected'"
    eventually(lambda: len(store.rows(rejected)) == 2)
    reasons = {row["reason"] for row in store.rows(rejected)}
    assert "payloads that are no text (binary data)" in reasons


def test_a_half_that_stays_alone_is_counted_and_said(start: Callable[..., Collector], store: Store) -> None:
    """A call that failed has no answer: no row, a count, and a line in `ingest_errors` that names the model."""
    collector = start(cloudevents_patience=0.5)
    kserve(collector, "failed", "request", {"instances": [[1.0]]})
    told = eventually(lambda: store.rows("SELECT model, kind, reason, count FROM ingest_errors WHERE model = 'rent'"))
    assert told == [
        {"model": "rent", "kind": "row_left_out", "reason": "a request without an answer within 0.5 s", "count": 1}
    ]
    assert collector.registry.get_sample_value("modelspan_collector_cloudevents_total", {"outcome": "alone"}) == 1
    assert eventually(
        lambda: collector.registry.get_sample_value("modelspan_collector_log_bytes", {"signal": "cloudevents"}) == 0
    )
    kserve(collector, "uneven", "request", {"instances": [[1.0], [2.0]]})
    kserve(collector, "uneven", "response", {"predictions": [1.0]})
    assert eventually(lambda: store.rows("SELECT reason FROM ingest_errors WHERE reason LIKE 'answers of%'"))
    assert store.scalar("SELECT count() FROM predictions") == 0


def test_tokens_tenants_and_redaction_are_those_of_otlp(
    start: Callable[..., Collector], store: Store, tmp_path: Path
) -> None:
    """A token may be the password of the address; ids of two tenants are two calls; nothing redacted is on disk."""
    (tmp_path / "tokens").write_text("alpha tenant=acme\nbeta tenant=globex\n")
    collector = start(tokens=tmp_path / "tokens", redaction=Redaction(drop=("email",), mask=("CH[0-9]{6}",)))
    assert kserve(collector, "a", "request", {"instances": [[1]]})[0] == 401
    basic = base64.b64encode(b"kserve:beta").decode()
    for token, answer in ((f"Basic {basic}", 2.0), ("Bearer alpha", 1.0)):
        asked = {"instances": [{"email": "ann@example.org", "account": "CH123456", "age": answer}]}
        assert kserve(collector, "a", "request", asked, authorization=token)[0] == 200
    on_disk = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
    assert b"ann@example.org" not in on_disk
    assert b"CH123456" not in on_disk
    for token, answer in (("Bearer beta", 2.0), ("Bearer alpha", 1.0)):
        assert kserve(collector, "a", "response", {"predictions": [answer]}, authorization=token)[0] == 200
    collector.flush()
    rows = store.rows("SELECT tags['tenant'] AS tenant, value, numeric_features, categorical_features FROM predictions")
    assert sorted((row["tenant"], row["value"], row["numeric_features"]["age"]) for row in rows) == [
        ("acme", 1.0, 1.0), ("globex", 2.0, 2.0),
    ]  # fmt: skip
    assert {json.dumps(row["categorical_features"]) for row in rows} == {'{"account": "***"}'}


def test_what_waits_outlives_the_process(start: Callable[..., Collector], store: Store) -> None:
    """A collector that stops and starts between the halves of a call still makes one prediction of them."""
    first = start()
    kserve(first, "a", "request", {"instances": [[1.0]]})
    kserve(first, "b", "request", {"instances": [[1.0]]})
    kserve(first, "b", "response", {"predictions": [3.0]})
    first.stop()
    second = start()
    kserve(second, "a", "response", {"predictions": [2.0]})
    second.flush()
    assert store.rows("SELECT prediction_id, value FROM predictions ORDER BY prediction_id") == [
        {"prediction_id": "a", "value": 2.0}, {"prediction_id": "b", "value": 3.0},
    ]  # fmt: skip


class Ann:
    """Takes out what names Ann."""

    def within(self, data: bytes) -> bool:
        return b"ann" in data

    def blanked(self, data: bytes) -> bytes:
        return data

    def names(self, held: Held) -> bool:
        return self.within(held.payload)

    def without(self, held: Held) -> bytes | None:
        return None if self.names(held) else held.payload

    def unreadable(self, held: Held) -> bool:
        return False


def test_what_waits_can_be_forgotten(collector: Collector, store: Store, tmp_path: Path) -> None:
    """What is taken out of the log while the collector holds still makes no prediction when its other half comes."""
    for identity, name in (("a", "ann"), ("b", "bob")):
        kserve(collector, identity, "request", {"instances": [{"name": name}]})
    with collector.still():
        assert CollectorFiles(tmp_path / "data").erase(Ann()) == 1
    for identity in ("a", "b"):
        kserve(collector, identity, "response", {"predictions": [1.0]})
    collector.flush()
    assert [row["prediction_id"] for row in store.rows("SELECT prediction_id FROM predictions")] == ["b"]


def test_the_commands_of_the_page(collector: Collector, store: Store) -> None:
    """What the page sends by hand is one prediction."""
    if shutil.which("curl") is None:
        missing("curl is not installed")
    (block,) = [each for each in pages.blocks("docs/collector.md", "sh") if "curl" in each.text]
    for command in block.text.replace("4318", str(collector.http_port)).splitlines():
        subprocess.run(shlex.split(command), check=True, timeout=60)
    collector.flush()
    (row,) = store.rows("SELECT prediction_id, value, numeric_features, categorical_features FROM predictions")
    assert (row["prediction_id"], row["value"]) == ("9c2e", 2400.0)
    assert (row["numeric_features"], row["categorical_features"]) == ({"size": 80.0}, {"kind": "flat"})
