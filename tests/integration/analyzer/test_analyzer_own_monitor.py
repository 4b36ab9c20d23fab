"""A monitor is one line of a table: what it needs to be run, stored, explained and named is in its record."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from modelspan_analyzer import incidents, kinds
from modelspan_analyzer.config.settings import ModelSettings, MonitorsConfig
from modelspan_analyzer.monitors.context import Monitor, MonitorContext
from modelspan_analyzer.monitors.table import MONITORS
from modelspan_analyzer.reading.features import feature_maps
from modelspan_analyzer.respond import Responder
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_analyzer.runner import Runner
from modelspan_analyzer.signals import LATENCY, SIGNALS, Signal, Signals
from modelspan_collector.store.connect import Store

ROOT = Path(__file__).resolve().parents[3]
START = datetime(2026, 3, 2, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=1))
AGE = Signal("age", "old {metric}", question=kinds.DRIFT, gravity=0, harm=True)


def oldest(context: MonitorContext) -> list[Result]:
    """The age of the oldest customer; over 60 alarms."""
    value = float(context.store.scalar("SELECT max(numeric_features['age']) FROM predictions"))
    return [context.result(AGE.name, "top_age", value, Verdict.ALARM, feature="age", threshold=60.0, n=200)]


def test_a_monitor_of_ones_own_gives_rows_an_incident_and_its_words(store: Store) -> None:
    """Passed to the runner, its result is stored, opens an incident, is asked about, and is called as it says."""
    stamps = pa.array([START + timedelta(seconds=10 * row) for row in range(200)], pa.timestamp("ns", "UTC"))
    features = feature_maps(pa.table({"age": [float(row % 70) for row in range(200)]}))
    ids = [str(row) for row in range(200)]
    rows = {"model": ["m"] * 200, "version": ["1"] * 200, "timestamp": stamps, "prediction_id": ids, **features}
    store.insert("predictions", pa.table(rows))
    monitors = (Monitor("oldest", AGE, oldest),)
    signals = Signals.of(*SIGNALS.values(), *(monitor.signal for monitor in monitors))
    config = MonitorsConfig()
    runner = Runner(store, config, monitors=monitors, respond=Responder(store, config, signals))
    (result,) = runner.run_window("m", "1", WINDOW)
    assert (result.signal, result.value) == ("age", 69.0)
    assert store.rows("SELECT signal, metric FROM monitor_results") == [{"signal": "age", "metric": "top_age"}]
    (incident,) = incidents.load_open(store, "m")
    assert (incident.title, incident.severity.value) == ("m 1: old top age in age", "critical")
    assert store.scalar("SELECT count() FROM explanations") == 1


@pytest.mark.parametrize("monitor", MONITORS, ids=lambda monitor: monitor.name)
def test_every_monitor_has_a_signal_of_the_table_with_settings(monitor: Monitor) -> None:
    """What it measures is in the table of signals, and `monitors.yaml` has a section for it."""
    assert SIGNALS[monitor.signal.name] is monitor.signal
    assert hasattr(ModelSettings(), monitor.signal.name)


def test_every_signal_is_measured_and_asks_what_can_be_asked() -> None:
    """A signal without a monitor would never be heard of; a question of no known kind could not be answered."""
    assert set(SIGNALS) - {LATENCY.name} == {monitor.signal.name for monitor in MONITORS}
    asked = [one.question for one in SIGNALS.values()]
    asked += [metric.question for one in SIGNALS.values() for metric in one.metrics.values()]
    assert set(asked) <= {*kinds.KINDS, ""}


def test_nothing_but_the_table_spells_the_name_of_a_signal() -> None:
    """A name that is written twice is forgotten once: everything else takes it from the record."""
    allowed = {"signals.py", "kinds.py", "table.py"}
    spelt = re.compile("|".join(f"\"{name}\"|signal = '{name}'" for name in SIGNALS))
    files = [path for path in (ROOT / "analyzer").rglob("*.py") if path.name not in allowed]
    found = [(path.name, hit) for path in files for hit in spelt.findall(path.read_text())]
    assert found == []
