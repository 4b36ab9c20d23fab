"""The demo's system: a scoring service that asks a feature store, each a service of its own in the traces."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode

import modelspan
from modelspan_cli.demo.model import Trained, class_name

MODEL, VERSION = "tumour-risk", "1.4.0"
SOUND_RELEASE, BROKEN_RELEASE = "2.3.0", "2.3.1"
TIME_OUT_SHARE = 0.4
LOST = 3
"""How many features a time-out of the store leaves missing."""
LABELLED_SHARE = 0.8
ENOUGH = 600
"""Predictions of a phase that a verdict needs."""


class FeatureStore:
    """Answers with a patient's features; its broken release runs into time-outs and leaves some of them out."""

    def __init__(self, endpoint: str, release: str, broken: bool, chance: np.random.Generator) -> None:
        resource = Resource.create({"service.name": "feature-store", "service.version": release})
        self._provider = TracerProvider(resource=resource)
        exporter = OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces")
        self._provider.add_span_processor(
            BatchSpanProcessor(exporter, schedule_delay_millis=500, max_queue_size=20_000)
        )
        self._tracer = self._provider.get_tracer("feature-store")
        self._broken = broken
        self._chance = chance

    def profile(self, features: Mapping[str, float]) -> dict[str, float | None]:
        """The features of one patient, as a span of its own in the current trace."""
        with self._tracer.start_as_current_span("GET /profile", kind=SpanKind.SERVER) as span:
            span.set_attribute("http.route", "/profile")
            span.set_attribute("db.table", "profiles")
            if not (self._broken and self._chance.random() < TIME_OUT_SHARE):
                return dict(features)
            span.set_attribute("error.type", "DEADLINE_EXCEEDED")
            span.set_status(StatusCode.ERROR, "deadline exceeded")
            lost = list(features)[:LOST]
            return {name: None if name in lost else value for name, value in features.items()}

    def close(self) -> None:
        """Send what is left."""
        self._provider.shutdown()


@dataclass(frozen=True, slots=True)
class Served:
    """What became of one request."""

    prediction_id: str
    row: int


class ScoringService:
    """The service that a team would write: one decorator on its predict function."""

    def __init__(self, trained: Trained, chance: np.random.Generator) -> None:
        self._trained = trained
        self._chance = chance
        self._tracer = trace.get_tracer("scoring")

        @modelspan.observe(model=MODEL, version=VERSION)
        def predict(features: Mapping[str, float | None]) -> dict[str, float | str]:
            row = np.array([[np.nan if value is None else value for value in features.values()]])
            score = float(trained.score(row)[0])
            return {"score": score, "label": class_name(score >= 0.5)}

        self._predict = predict

    def handle(self, store: FeatureStore) -> Served:
        """One request: fetch the features, predict, return the prediction's id."""
        row = int(self._chance.integers(len(self._trained.patients)))
        patient = dict(zip(self._trained.features, self._trained.examine(row, self._chance).tolist(), strict=True))
        with self._tracer.start_as_current_span("POST /score", kind=SpanKind.SERVER):
            features = store.profile(patient)
            self._predict(features)
            return Served(modelspan.prediction_id() or "", row)

    def serve(self, store: FeatureStore, seconds: float, rate: float) -> list[Served]:
        """Handle requests for so many seconds at so many a second, and longer where the machine is slow."""
        served: list[Served] = []
        started = time.monotonic()
        while (elapsed := time.monotonic() - started) < seconds or len(served) < ENOUGH:
            if len(served) < elapsed * rate:
                served.append(self.handle(store))
            else:
                time.sleep(0.002)
        return served

    def close(self) -> None:
        """Send what is left, and end the telemetry of this process before the collector goes."""
        modelspan.flush(timeout=20)
        for provider in (trace.get_tracer_provider(), metrics.get_meter_provider()):
            if isinstance(provider, TracerProvider | MeterProvider):
                provider.shutdown()

    def send_labels(self, served: list[Served]) -> int:
        """Tell what was true of most of them, as a clinic would days later."""
        known = [each for each in served if self._chance.random() < LABELLED_SHARE]
        for each in known:
            modelspan.label(each.prediction_id, class_name(self._trained.labels[each.row] == 1))
        return len(known)
