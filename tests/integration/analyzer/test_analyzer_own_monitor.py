"""A monitor is one line of a table: what it needs to be run, stored, explained and named is in its record."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from pydantic import ValidationError

from modelspan_analyzer import incidents, kinds
from modelspan_analyzer.config.base import Settings
from modelspan_analyzer.config.settings import MonitorsConfig, with_sections
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.signal import Monitor, Signal, Signals
from modelspan_analyzer.monitors.table import MONITORS, SIGNALS
from modelspan_analyzer.monitors_yaml import CONFIG
from modelspan_analyzer.reading.features import feature_maps
from modelspan_analyzer.respond import Responder
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_analyzer.runner import Runner
from modelspan_collector.store.connect import Store

ROOT = Path(__file__).resolve().parents[3]
START = datetime(2026, 3, 2, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=1))


class AgeSettings(Settings):
    """What `monitors.yaml` may say of it."""

    enabled: bool = True
    most: float = 60.0


def oldest(context: MonitorContext) -> list[Result]:
    """The age of the oldest customer; over 60 alarms."""
    value = float(context.store.scalar("SELECT max(numeric_features['age']) FROM predictions"))
    most = context.settings.section("age", AgeSettings).most
    return [context.result("age", "top_age", value, Verdict.ALARM, feature="age", threshold=most, n=200)]


AGE = Signal("age", "old {metric}", kinds.DRIFT, oldest, AgeSettings, gravity=0, harm=True)


def test_a_monitor_of_ones_own_gives_rows_an_incident_and_its_words(store: Store) -> None:
    """Passed to the runner, its result is stored, opens an incident, is asked about, and is called as it says."""
    stamps = pa.array([START + timedelta(seconds=10 * row) for row in range(200)], pa.timestamp("ns", "UTC"))
    features = feature_maps(pa.table({"age": [float(row % 70) for row in range(200)]}))
    ids = [str(row) for row in range(200)]
    rows = {"model": ["m"] * 200, "version": ["1"] * 200, "timestamp": stamps, "prediction_id": ids, **features}
    store.insert("predictions", pa.table(rows))
    config = with_sections(Signals.of(AGE).sections()).model_validate({"defaults": {"age": {"most": 65.0}}})
    runner = Runner(store, config, signals=Signals.of(AGE), respond=Responder(store, config))
    (result,) = runner.run_window("m", "1", WINDOW)
    assert (result.signal, result.value, result.threshold) == ("age", 69.0, 65.0)
    assert store.rows("SELECT signal, metric FROM monitor_results") == [{"signal": "age", "metric": "top_age"}]
    (incident,) = incidents.load_open(store, "m")
    assert (incident.title, incident.severity.value) == ("m 1: old top age in age", "critical")
    assert store.scalar("SELECT count() FROM explanations") == 1


def test_a_section_that_a_signal_brings_along_is_as_strict_as_all() -> None:
    """It switches its monitor off, of one model too; a wrong type and an unknown name are refused."""
    form = with_sections({"age": AgeSettings})
    config = form.model_validate({"models": ({"model": "m", "age": {"enabled": False}},)})
    assert (AGE.enabled(config.for_model("m", "1")), AGE.enabled(config.for_model("n", "1"))) == (False, True)
    for wrong in ({"most": "old"}, {"moost": 1.0}):
        with pytest.raises(ValidationError):
            form.model_validate({"defaults": {"age": wrong}})
        with pytest.raises(ValidationError):
            form.model_validate({"models": ({"model": "m", "age": wrong},)})
    with pytest.raises(ValidationError):
        MonitorsConfig.model_validate({"defaults": {"age": {}}})


@pytest.mark.parametrize("monitor", MONITORS, ids=lambda monitor: monitor.name)
def test_every_monitor_has_a_section_of_the_settings(monitor: Monitor) -> None:
    """What it measures is in the table of signals, and `monitors.yaml` may speak of it."""
    assert SIGNALS[monitor.signal.name] is monitor.signal
    assert hasattr(CONFIG().defaults, monitor.signal.name)


def test_every_signal_is_measured_and_asks_what_can_be_asked() -> None:
    """A signal without a monitor would never be heard of; a question of no known kind could not be answered."""
    assert [name for name, signal in SIGNALS.items() if not signal.monitors] == []
    asked = [one.question for one in SIGNALS.values()]
    asked += [metric.question for one in SIGNALS.values() for metric in one.metrics.values()]
    assert set(asked) <= {*kinds.KINDS, ""}


def test_a_name_of_a_signal_is_spelt_once() -> None:
    """A name that is written twice is forgotten once: everything else takes it from the record beside its monitor."""
    spelt = re.compile("|".join(f"\"{name}\"|signal = '{name}'" for name in SIGNALS))
    others = ("kinds.py", "experiment_settings.py")  # the latter's are measures, of which one is called as a signal is
    files = [path for path in (ROOT / "analyzer").rglob("*.py") if path.name not in others]
    found = [hit for path in files for hit in spelt.findall(path.read_text())]
    worded = [signal.name for signal in SIGNALS.values() if signal.words == signal.name]
    assert sorted(found) == sorted(f'"{name}"' for name in [*SIGNALS, *worded])
