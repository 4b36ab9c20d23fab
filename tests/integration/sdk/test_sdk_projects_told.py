"""Which project a model is part of: its card's word, or else its telemetry's, of records and of spans alike."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from support import eventually

import modelspan
from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.reading.projects import projects_of, told
from modelspan_analyzer.views import fleet
from modelspan_cli.main import main
from modelspan_collector.config import CollectorConfig
from modelspan_collector.service import Collector
from modelspan_collector.store.connect import Store


@pytest.fixture
def collector(store: Store, tmp_path: Path) -> Iterator[Collector]:
    """A collector over the store."""
    running = Collector(store, CollectorConfig(tmp_path / "collector", grpc_port=0, http_port=0, segment_seconds=0.1))
    running.start()
    yield running
    running.stop()


def said(store: Store, model: str, project: str, *, tenant: str = "", second: int = 0) -> None:
    """A row of telemetry that names a project, as the collector stores it."""
    tags = {"modelspan.model.project": project} | ({"tenant": tenant} if tenant else {})
    stamp = pa.array([datetime(2026, 3, 2, 8, 0, second, tzinfo=UTC)], pa.timestamp("ns", "UTC"))
    told_tags = pa.array([list(tags.items())], pa.map_(pa.string(), pa.string()))
    store.insert("predictions", pa.table({"model": [model], "timestamp": stamp, "tags": told_tags}))


def card(store: Store, model: str, project: str, *, tenant: str = "") -> None:
    stamp = pa.array([datetime(2026, 3, 1, tzinfo=UTC)], pa.timestamp("ns", "UTC"))
    store.insert("models", pa.table({"model": [model], "project": [project], "tenant": [tenant], "timestamp": stamp}))


def shown_as_lending(store: Store) -> None:
    """In the view `projects`, the fleet, and as a tag of each prediction."""
    eventually(lambda: projects_of(store) == {"scoring": "lending"})
    assert store.scalar("SELECT any(tags['modelspan.model.project']) FROM predictions") == "lending"
    eventually(lambda: [one.project for one in fleet.read(store, {}, MonitorsConfig(), datetime.now(UTC)).members])
    shown = fleet.read(store, {"project": "lending"}, MonitorsConfig(), datetime.now(UTC))
    assert [one.model for one in shown.members] == ["scoring"]


def test_the_resource_of_a_service_says_what_its_models_are_part_of(
    store: Store, collector: Collector, sdk: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By OpenTelemetry's own variable, without a card."""
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "modelspan.model.project=lending")
    sdk(endpoint=f"http://127.0.0.1:{collector.http_port}")

    @modelspan.observe(model="scoring", version="1")
    def predict(features: dict[str, float]) -> float:
        return features["age"] / 100

    predict({"age": 30.0})
    modelspan.flush(timeout=10)
    shown_as_lending(store)


def test_spans_of_other_writers_say_it_too(store: Store, collector: Collector) -> None:
    """A service that writes its spans by hand, with the attribute among those of its resource."""
    provider = TracerProvider(resource=Resource({"service.name": "serve", "modelspan.model.project": "lending"}))
    exporter = OTLPSpanExporter(endpoint=f"http://127.0.0.1:{collector.http_port}/v1/traces")
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    with provider.get_tracer("by hand").start_as_current_span("predict") as span:
        span.set_attributes({"modelspan.model.name": "scoring", "modelspan.prediction.value": 0.5})
    provider.shutdown()
    shown_as_lending(store)


def test_the_card_counts_and_a_difference_is_named(
    store: Store, engine_dsn: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In `status`, in its JSON and in the fleet; where both say the same there is nothing to name."""
    said(store, "scoring", "risk")
    said(store, "limits", "lending")
    card(store, "scoring", "lending")
    card(store, "limits", "lending")
    difference = "scoring: its card says project 'lending', which counts; its telemetry says 'risk'"
    assert projects_of(store) == {"limits": "lending", "scoring": "lending"}
    assert [one.difference for one in told(store)] == ["", difference]
    members = fleet.read(store, {}, MonitorsConfig(), datetime.now(UTC)).members
    assert {one.model: one.project_difference for one in members} == {"limits": "", "scoring": difference}
    place = ["--store", engine_dsn, "--database", store.database, "--data", str(tmp_path)]
    assert main(["status", *place]) == 0
    assert difference in capsys.readouterr().out.splitlines()
    assert main(["status", "--json", *place]) == 0
    assert json.loads(capsys.readouterr().out)["project_differences"] == [difference]


def test_the_newest_word_of_the_telemetry_counts_whenever_it_comes(store: Store) -> None:
    """A model that moves is in the new project; rows that are late change nothing."""
    said(store, "moved", "old", second=1)
    said(store, "moved", "new", second=9)
    said(store, "moved", "older", second=0)
    assert projects_of(store) == {"moved": "new"}


def test_a_tenants_word_does_not_move_what_is_nobodys(store: Store) -> None:
    """As with owners: nobody's cards and rows, or those of the only tenant that has any."""
    for write in (card, said):
        write(store, f"{write.__name__} of both", "ours")
        write(store, f"{write.__name__} of both", "theirs", tenant="acme")
        write(store, f"{write.__name__} of one", "theirs", tenant="acme")
        write(store, f"{write.__name__} of two", "theirs", tenant="acme")
        write(store, f"{write.__name__} of two", "others'", tenant="globex")
    assert projects_of(store) == {
        "card of both": "ours", "card of one": "theirs", "said of both": "ours", "said of one": "theirs",
    }  # fmt: skip


def test_a_project_that_no_model_is_of_is_refused_on_the_fleet(store: Store) -> None:
    """With those that there are; a list of none would look like a project in which all is well."""
    said(store, "scoring", "lending")
    with pytest.raises(LookupError, match="no model is of a project 'lend'; there is lending"):
        fleet.read(store, {"project": "lend"}, MonitorsConfig(), datetime.now(UTC))
