"""What others captured comes into the store once, with its times, labels and weights, however often it is imported."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from modelspan_analyzer.captures.capture import Options
from modelspan_analyzer.captures.misfits import Misfits
from modelspan_analyzer.captures.table import FORMATS
from modelspan_analyzer.files.roles import Hints, Roles
from modelspan_analyzer.import_capture import Imported, Target, import_batches
from modelspan_analyzer.replay.send import SendError
from modelspan_collector.config import CollectorConfig
from modelspan_collector.service import Collector
from modelspan_collector.store.connect import Store


class Import:
    """Imports folders into a store through a collector."""

    def __init__(self, store: Store, collector: Collector) -> None:
        self._store, self._collector = store, collector
        self.misfits = Misfits()
        """What the last import left out."""

    def __call__(self, name: str, folder: Path, version: str | None = "1", task: str = "") -> Imported:
        target = Target(self._store, f"http://127.0.0.1:{self._collector.http_port}", "churn", version)
        self.misfits = Misfits()
        batches = FORMATS[name].read([folder], Options(), self.misfits)
        done = import_batches(target, batches, Roles(), Hints(task), self.misfits, lambda _: None)
        self._collector.flush()
        return done


@pytest.fixture
def bring(store: Store, tmp_path: Path) -> Iterator[Import]:
    """Import a folder into the store through a collector."""
    collector = Collector(store, CollectorConfig(tmp_path / "collector", grpc_port=0, http_port=0))
    collector.start()
    yield Import(store, collector)
    collector.stop()


def sagemaker(event: int, rows: int = 1) -> str:
    """A line of a capture."""
    asked, answered = (json.dumps([[event, "gold"]] * rows), json.dumps([event % 2] * rows))
    sides = {
        f"endpoint{side}": {"data": data, "encoding": "JSON", "observedContentType": "application/json"}
        for side, data in (("Input", asked), ("Output", answered))
    }
    told = {"eventId": f"e{event}", "inferenceTime": f"2026-01-31T14:{event:02d}:00Z"}
    return json.dumps({"captureData": sides, "eventMetadata": told})


def test_answers_of_a_score_a_class_are_scores_with_the_class_of_the_highest(
    bring: Import, store: Store, tmp_path: Path
) -> None:
    """As those of a decorated function are; of two classes the value is the score of the second."""
    for model, answers in {"three": [[0.2, 0.5, 0.3], [0.6, 0.3, 0.1]], "two": [[0.25, 0.75], [0.5, 0.5]]}.items():
        folder = tmp_path / model
        folder.mkdir()
        calls = [
            {"id": f"{model}{at}", "timestamp": 1769868000 + at, "request": {"inputs": [[at]]}, "response": [answer]}
            for at, answer in enumerate(answers)
        ]
        (folder / "log.jsonl").write_text("\n".join(map(json.dumps, calls)))
        assert bring("mlflow", folder, task="classification").added == 2
    found = store.rows("SELECT prediction_id, label, value, scores FROM predictions ORDER BY prediction_id")
    one, two, three = "output_1", "output_2", "output_3"
    assert [tuple(row.values()) for row in found] == [
        ("three0", two, None, {one: 0.2, two: 0.5, three: 0.3}),
        ("three1", one, None, {one: 0.6, two: 0.3, three: 0.1}),
        ("two0", two, 0.75, {one: 0.25, two: 0.75}),
        ("two1", one, 0.5, {one: 0.5, two: 0.5}),
    ]


def test_importing_again_adds_nothing_and_what_grew_adds_what_is_new(
    bring: Import, store: Store, tmp_path: Path
) -> None:
    """Also what stands twice, in one file or in two."""
    folder = tmp_path / "capture"
    folder.mkdir()
    (folder / "a.jsonl").write_text("\n".join([sagemaker(1), sagemaker(2, rows=3), sagemaker(1)]))
    first = bring("sagemaker", folder)
    assert (first.added, first.repeated, first.known, first.task) == (4, 1, 0, "classification")
    again = bring("sagemaker", folder)
    assert (again.added, again.repeated, again.known) == (0, 1, 4)
    (folder / "b.jsonl").write_text("\n".join([sagemaker(2, rows=3), sagemaker(3)]))
    grown = bring("sagemaker", folder)
    assert (grown.added, grown.repeated, grown.known) == (1, 4, 4)
    found = store.rows(
        "SELECT prediction_id, toString(timestamp) AS time, label, numeric_features['feature_1'] AS number,"
        " categorical_features['feature_2'] AS plan FROM predictions ORDER BY prediction_id"
    )
    assert [tuple(row.values()) for row in found] == [
        ("e1", "2026-01-31 14:01:00.000000000", "1", 1.0, "gold"),
        *((f"e2_{at}", "2026-01-31 14:02:00.000000000", "0", 2.0, "gold") for at in range(3)),
        ("e3", "2026-01-31 14:03:00.000000000", "1", 3.0, "gold"),
    ]


def test_another_call_of_the_same_id_is_left_out_by_name(bring: Import, store: Store, tmp_path: Path) -> None:
    """As one id is one prediction; the same call again, of a writer that tried twice, is none."""
    folder = tmp_path / "capture"
    folder.mkdir()
    later = sagemaker(1).replace("14:01:00", "15:01:00")
    (folder / "a.jsonl").write_text("\n".join([sagemaker(1), later, sagemaker(1), sagemaker(2)]))
    done = bring("sagemaker", folder)
    assert (done.added, done.repeated, done.known) == (2, 2, 0)
    [sentence] = bring.misfits.sentences()
    assert sentence.startswith("1 rows whose id another row has, of another time or version")
    assert sentence.endswith("id 'e1'")


def test_what_has_no_time_is_not_said_to_be_there(bring: Import, tmp_path: Path) -> None:
    """It is left out, and so neither known nor repeated."""
    folder = tmp_path / "capture"
    folder.mkdir()
    (folder / "a.jsonl").write_text("\n".join([sagemaker(1), sagemaker(2).replace("2026-01-31T14", "soon")]))
    done = bring("sagemaker", folder)
    assert (done.added, done.repeated, done.known) == (1, 0, 0)


def test_a_prediction_keeps_its_trace(bring: Import, store: Store, tmp_path: Path) -> None:
    """So that it joins the spans of its request."""
    monitor = tmp_path / "monitoring/iris"
    columns = [{"name": "sepal", "role": "feature", "type": "numerical"}]
    columns.append({"name": "kind", "role": "prediction", "type": "categorical"})
    told = {"timestamp": "2026-01-31T14:00:00", "request_id": "1", "trace_id": str(0xABC)}
    lines = {"schema": {"meta_data": {}, "columns": columns}, "data": {"sepal": 5, "kind": "setosa", **told}}
    for kind, line in lines.items():
        (monitor / kind).mkdir(parents=True)
        (monitor / kind / f"{kind}.1.log").write_text(json.dumps(line))
    bring("bentoml", monitor)
    assert store.scalar("SELECT any(trace_id) FROM predictions") == f"{0xABC:032x}"


def test_a_collector_with_tokens_is_told_the_one_of_the_environment(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As OpenTelemetry's exporters tell it; without one, the refusal says where it is taken from."""
    folder, tokens = tmp_path / "capture", tmp_path / "tokens"
    folder.mkdir()
    (folder / "a.jsonl").write_text(sagemaker(1))
    tokens.write_text("secret tenant=acme\n")
    collector = Collector(store, CollectorConfig(tmp_path / "collector", grpc_port=0, http_port=0, tokens=tokens))
    collector.start()
    try:
        bring = Import(store, collector)
        with pytest.raises(SendError, match=r"401 this collector needs a token.*OTEL_EXPORTER_OTLP_HEADERS"):
            bring("sagemaker", folder)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20secret")
        assert bring("sagemaker", folder).added == 1
    finally:
        collector.stop()
    assert store.scalar("SELECT any(tags['tenant']) FROM predictions") == "acme"


def test_ground_truth_becomes_labels_once(bring: Import, store: Store, tmp_path: Path) -> None:
    """Spelt as the predictions are."""
    folder = tmp_path / "capture/2026/02/01/09"
    folder.mkdir(parents=True)
    truth = {"groundTruthData": {"data": "1", "encoding": "CSV"}, "eventMetadata": {"eventId": "e1"}}
    (folder / "a.jsonl").write_text("\n".join([sagemaker(1), json.dumps(truth)]))
    assert bring("sagemaker", folder).labels == 1
    bring("sagemaker", folder)
    found = store.rows("SELECT prediction_id, model, label, toString(timestamp) AS time FROM labels FINAL")
    assert [tuple(row.values()) for row in found] == [("e1", "churn", "1", "2026-02-01 09:00:00.000000000")]


def test_events_that_are_as_old_as_their_file_are_known_when_it_is_copied(
    bring: Import, store: Store, tmp_path: Path
) -> None:
    """Though their time is another then."""
    folder = tmp_path / "capture"
    folder.mkdir()
    bodies = {"request": {"instances": [[1], [2]]}, "response": {"predictions": [3, 4]}}
    raw = {kind: base64.b64encode(json.dumps(body).encode()).decode() for kind, body in bodies.items()}
    events = [{"id": "k", "req_type": f"org.kubeflow.serving.inference.{each}", "bytes": raw[each]} for each in raw]
    text = "\n".join(map(json.dumps, events))
    for day, added in ((1, 2), (2, 0)):
        file = folder / "a.json"
        file.write_text(text)
        stamp = datetime(2026, 1, day, tzinfo=UTC).timestamp()
        os.utime(file, (stamp, stamp))
        assert bring("kserve", folder).added == added
    assert store.scalar("SELECT uniqExact(timestamp) FROM predictions") == 1
