"""No monitor says ok where nothing was looked at: every entry of the table, on inputs that hold nothing to judge.

A monitor that is added to the table is swept by itself; what it needs in its settings goes into `SETTINGS`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from modelspan_analyzer.config.settings import ModelSettings
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.lifecycle.monitor import LIFECYCLE
from modelspan_analyzer.monitors.signal import Monitor
from modelspan_analyzer.monitors.table import MONITORS
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.reading.features import feature_maps
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_analyzer.statistics.performance import measures
from modelspan_collector.store.connect import Store

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=1))
ROWS = 500
MODEL = "def score(frame):\n    return frame['age'].fillna(0).to_numpy()\n"
SETTINGS = ModelSettings.model_validate(
    {
        "segments": ("tag.region",),
        "fairness": {"facets": ("region",)},
        "performance": {"cost": {"1:1": 1.0}},
        "metrics": ({"name": "mean", "expression": "avg(value)"},),
        "experiments": ({"name": "next", "champion": "0", "challenger": "1"},),
        "robustness": {"enabled": True, "model": "swept_model:score"},
    }
)
UNJUDGED = (Verdict.NOT_COMPARED, Verdict.NOT_ENOUGH_DATA, Verdict.SKIPPED, Verdict.ERROR)


@dataclass(frozen=True, slots=True)
class Input:
    """A window that leaves something out."""

    rows: int = ROWS
    labels: bool = True
    baseline: bool = True
    baseline_labels: bool = True
    nulls: bool = False
    scores_alone: bool = False
    """Its answers are scores by class, without a label or a value of their own."""
    judged: bool = False
    """Something is there to be compared, so that some results may be ok."""


INPUTS = {
    "nothing at all": Input(rows=0, baseline=False),
    "an empty window": Input(rows=0),
    "one row": Input(rows=1),
    "one row and no baseline": Input(rows=1, baseline=False),
    "no baseline": Input(baseline=False),
    "no baseline and no labels": Input(baseline=False, labels=False),
    "no labels": Input(labels=False, judged=True),
    "a baseline without labels": Input(baseline_labels=False, judged=True),
    "class scores alone": Input(scores_alone=True, judged=True),
    "a feature without any value": Input(nulls=True, judged=True),
}


def people(rows: int, seed: int, *, nulls: bool = False) -> dict[str, pa.Array]:
    """Features of every kind, a score, the truth and a group."""
    rng = np.random.default_rng(seed)
    score = rng.random(rows)
    age = pa.nulls(rows, pa.float64()) if nulls else pa.array(rng.normal(40, 10, rows))
    return {
        "age": age,
        "income": pa.array(rng.lognormal(10, 1, rows)),
        "plan": pa.nulls(rows, pa.string()) if nulls else pa.array(rng.choice(["free", "pro"], rows)),
        "vector": pa.array(list(rng.normal(size=(rows, 4))), pa.list_(pa.float64())),
        "score": pa.array(score),
        "truth": pa.array((rng.random(rows) < score).astype(int).astype(str)),
        "region": pa.array(rng.choice(["north", "south"], rows)),
    }


FEATURES = ["age", "income", "plan", "vector"]


@pytest.fixture(scope="module")
def windows(shared_store: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, MonitorContext]]:
    """Every input as a model of its own in one store."""
    folder = tmp_path_factory.mktemp("swept")
    (folder / "swept_model.py").write_text(MODEL)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield {name: store_input(shared_store, name, given) for name, given in INPUTS.items()}


def store_input(store: Store, model: str, given: Input) -> MonitorContext:
    """Baseline, predictions and labels of an input; the window as monitors see it."""
    if given.baseline:
        columns = {"score": "score", "label": "truth" if given.baseline_labels else None, "features": FEATURES}
        table = pa.table(people(ROWS, 1))
        baselines.set_from_table(store, model, "1", table, tags=["region"], source="test", **columns)  # type: ignore[arg-type]
    if given.rows:
        made = people(given.rows, 2, nulls=given.nulls)
        stamps = pa.array([START + timedelta(seconds=row) for row in range(given.rows)], pa.timestamp("ns", "UTC"))
        ids = pa.array([f"{model}-{row}" for row in range(given.rows)])
        texts, numbers = pa.map_(pa.string(), pa.string()), pa.map_(pa.string(), pa.float64())
        whole = {
            "model": pa.array([model] * given.rows),
            "version": pa.array(["1"] * given.rows),
            "timestamp": stamps,
            "prediction_id": ids,
            **answers(made["score"], given),
            "tags": pa.array([[("region", one.as_py())] for one in made["region"]], texts),
            "attributions": pa.array([[("age", 1.0), ("income", 2.0)]] * given.rows, numbers),
            **feature_maps(pa.table({name: made[name] for name in FEATURES})),
        }
        store.insert("predictions", pa.table(whole))
        if given.labels:
            store.insert("labels", pa.table({"prediction_id": ids, "timestamp": stamps, "label": made["truth"]}))
    return MonitorContext(store, model, "1", WINDOW, baselines.active(store, model, "1"), SETTINGS)


def answers(score: pa.Array, given: Input) -> dict[str, pa.Array]:
    """Of two classes, as a score or as scores by class."""
    if not given.scores_alone:
        return {"value": score}
    return {
        "scores": pa.array(
            [[("0", 1 - one), ("1", one)] for one in score.to_pylist()], pa.map_(pa.string(), pa.float64())
        )
    }


def faults(result: Result, given: Input) -> list[str]:
    """What a result claims without having looked."""
    judged = result.threshold is not None or result.metric.startswith("error_rate_")  # detectors have their own bounds
    rules = {
        "ok without a value": result.verdict is Verdict.OK and result.value is None,
        "ok of no rows": result.verdict is Verdict.OK and result.n == 0,
        "ok though nothing judges it": result.verdict is Verdict.OK and not judged,
        "no verdict and no reason": result.verdict in UNJUDGED and not result.reason,
        "ok of a value that is no number": result.value is not None and not np.isfinite(result.value),
        "judged against a baseline that is not there": not given.baseline
        and bool(result.n_baseline)
        and not _own(result),
    }
    return [what for what, broken in rules.items() if broken]


def _own(result: Result) -> bool:
    """Whether a result is compared with other rows than the baseline's: earlier windows, or the window's others."""
    return result.signal == "data_quality" or result.metric.startswith(("worst_slice_by_", "error_rate_"))


@pytest.mark.parametrize("name", INPUTS)
@pytest.mark.parametrize("monitor", MONITORS, ids=lambda monitor: monitor.name)
def test_no_monitor_says_ok_where_nothing_was_looked_at(
    windows: dict[str, MonitorContext], monitor: Monitor, name: str
) -> None:
    """Each says something of every input, and nothing that it does not know; nothing of stages that nobody told."""
    given, found = INPUTS[name], monitor.run(windows[name])
    if monitor.signal is LIFECYCLE:
        assert found == []
        return
    assert found or (not given.rows and not given.baseline), "it says nothing"
    wrong = {(r.metric, r.feature, r.segment): said for r in found if (said := faults(r, given))}
    assert wrong == {}
    if not given.judged and monitor.signal.name != "data_quality":
        judged = [r for r in found if r.verdict is Verdict.OK and not _of_arrival(r)]
        assert judged == [], "ok where nothing is there to compare with"


@pytest.mark.parametrize("name", [name for name, given in INPUTS.items() if given.labels and given.rows == ROWS])
def test_no_measure_of_performance_that_applies_is_absent_without_a_word(
    windows: dict[str, MonitorContext], name: str
) -> None:
    """Each has a value, or a sentence that says what the rows lack."""
    (monitor,) = (one for one in MONITORS if one.name == "performance")
    found = {result.metric: result for result in monitor.run(windows[name]) if not result.segment}
    assert {one.name for one in (*measures.BINARY, *measures.SCORES)} <= found.keys()
    assert [r.metric for r in found.values() if r.value is None and not r.reason] == []
    assert found["accuracy"].value is not None


def _of_arrival(result: Result) -> bool:
    """How many labels came is known without a baseline; so is whether a window's parts differ among themselves."""
    return result.metric in ("labels_share", "worst_slice_by_loss", "worst_slice_by_missing_labels")


def test_every_monitor_of_the_table_is_swept() -> None:
    """Names are unique, and none is off with the settings of the sweep."""
    names = [monitor.name for monitor in MONITORS]
    assert len(set(names)) == len(names)
    assert all(monitor.signal.enabled(SETTINGS) for monitor in MONITORS)


def test_a_monitor_cannot_say_ok_of_a_lone_value(windows: dict[str, MonitorContext]) -> None:
    """Whatever it says itself: without a threshold, a test or a reason it comes out as not compared."""
    context = windows["no baseline"]
    lone = context.result("performance", "accuracy", 0.9, Verdict.OK, n=10)
    assert (lone.verdict, "modelspan baseline set" in lone.reason) == (Verdict.NOT_COMPARED, True)
    for compared in ({"threshold": 0.5}, {"p_value": 0.2}, {"n_baseline": 3, "reason": "no change"}):
        assert context.result("performance", "accuracy", 0.9, Verdict.OK, n=10, **compared).verdict is Verdict.OK
