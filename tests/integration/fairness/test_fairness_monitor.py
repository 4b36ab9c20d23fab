"""Fairness from the store: one scan gives Clarify's and Fairlearn's values, and alarms name the group that moved."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from modelspan_analyzer import kinds
from modelspan_analyzer.config.outcome_settings import FairnessSettings
from modelspan_analyzer.config.settings import ModelSettings
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.fairness.monitor import fairness
from modelspan_analyzer.reading.baselines import set_from_window
from modelspan_analyzer.reading.outcomes.groups import count_cube
from modelspan_analyzer.reading.rows import window_rows
from modelspan_analyzer.reading.segments import parse_group, spelt_group
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_analyzer.why.explanation import Finding
from modelspan_analyzer.why.selection import population
from modelspan_collector.store.connect import Store

START = datetime(2026, 1, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
TEXTS = pa.map_(pa.string(), pa.string())


def insert(
    store: Store, table: pa.Table, hour: int, label: Sequence[int], predicted: Sequence[int], *, labelled: bool = True
) -> None:
    """Rows of adult as one hour of predictions; sex is a tag, the rest are features."""
    rows = table.num_rows
    times = pa.array([START + HOUR * (hour + i / rows) for i in range(rows)], pa.timestamp("ns", "UTC"))
    ids = [f"h{hour}-{i}" for i in range(rows)]
    texts = {name: [text.strip() for text in table[name].to_pylist()] for name in ("sex", "race", "marital-status")}
    features = [
        list(zip(("race", "marital-status"), row, strict=True))
        for row in zip(texts["race"], texts["marital-status"], strict=True)
    ]
    predictions = {
        "model": ["m"] * rows,
        "version": ["1"] * rows,
        "timestamp": times,
        "prediction_id": ids,
        "value": table["score"],
        "label": [str(p) for p in predicted],
        "tags": pa.array([[("sex", sex)] for sex in texts["sex"]], TEXTS),
        "categorical_features": pa.array(features, TEXTS),
        "numeric_features": pa.array(
            [[("age", float(a))] for a in table["age"].to_pylist()], pa.map_(pa.string(), pa.float64())
        ),
    }
    store.insert("predictions", pa.table(predictions))
    if not labelled:
        return
    labels = {"prediction_id": ids, "model": ["m"] * rows, "timestamp": times, "label": [str(y) for y in label]}
    store.insert("labels", pa.table(labels))


def run(store: Store, settings: FairnessSettings, hour: int, baseline: int | None = None) -> list[Result]:
    """The monitor on one hour, compared with another."""
    reference = (
        set_from_window(store, "m", "1", Window(START + HOUR * baseline, START + HOUR * (baseline + 1)))
        if baseline is not None
        else None
    )
    window = Window(START + HOUR * hour, START + HOUR * (hour + 1))
    return fairness(MonitorContext(store, "m", "1", window, reference, ModelSettings(fairness=settings)))


@pytest.fixture
def live(shared_data: Path) -> pa.Table:
    """The live rows of adult."""
    return pq.read_table(shared_data / "adult_predictions.parquet", filters=[("split", "==", "live")])


def test_store_to_results_equals_the_references(store: Store, live: pa.Table, shared_data: Path) -> None:
    """Every Clarify and Fairlearn value of the reference files comes out of the monitor to the ninth digit."""
    insert(store, live, 0, live["label"].to_pylist(), live["prediction"].to_pylist())
    settings = FairnessSettings(facets=("sex", "race"), intersections=(("sex", "race"),), condition_on="marital-status")
    results = run(store, settings, 0)
    found = {(r.segment, r.details.get("clarify")): r for r in results}
    for facet in json.loads((shared_data / "reference/smclarify_adult.json").read_text())["results"]:
        segment = f"{facet['facet']}={facet['sensitive'][0]}"
        for theirs in [*facet["pre"][0]["metrics"], *facet["post"][0]["metrics"]]:
            ours = found[segment, theirs["name"]]
            assert ours.value == pytest.approx(theirs["value"], abs=1e-9), (segment, theirs["name"])
            assert ours.lower <= ours.value <= ours.upper or theirs["name"] in ("KL", "JS", "GE")
    over = {(r.feature, r.metric): r.value for r in results if not r.segment}
    expected = json.loads((shared_data / "reference/fairlearn_sklearn_adult.json").read_text())["results"]["sex"]
    assert over["sex", "demographic_parity_ratio"] == pytest.approx(expected["demographic_parity_ratio"], abs=1e-9)
    assert over["sex", "equalised_odds_ratio"] == pytest.approx(expected["equalized_odds_ratio"], abs=1e-9)
    assert any(r.segment == "sex=Female × race=Black" for r in results)
    small = [r for r in results if r.metric == "group_size"]
    assert small
    assert all(r.verdict is Verdict.NOT_ENOUGH_DATA for r in small)


def test_a_degraded_recall_names_the_group_and_no_other(store: Store, live: pa.Table) -> None:
    """Half of the women's true positives lost alarms on recall of sex=Female alone; an unchanged hour not at all."""
    label, predicted = np.array(live["label"]), np.array(live["prediction"])
    women = np.array([sex.strip() == "Female" for sex in live["sex"].to_pylist()])
    half = np.random.default_rng(0).random(live.num_rows) < 0.5
    insert(store, live.slice(0, 6000), 0, label[:6000], predicted[:6000])
    insert(store, live.slice(6000, 6000), 1, label[6000:12000], predicted[6000:12000])
    lost = np.where(women & half & (label == 1), 0, predicted)
    insert(store, live.slice(6000, 6000), 2, label[6000:12000], lost[6000:12000])
    settings = FairnessSettings(facets=("sex", "race"))
    assert [r.segment for r in run(store, settings, 1, baseline=0) if r.verdict is Verdict.ALARM] == []
    alarms = [r for r in run(store, settings, 2, baseline=0) if r.verdict is Verdict.ALARM]
    assert {(r.metric, r.feature, r.segment) for r in alarms} == {("recall_difference", "sex", "sex=Female")}
    assert "sex=Female" in alarms[0].reason


def test_fixed_bounds_alarm_without_a_baseline(store: Store, live: pa.Table) -> None:
    """The four-fifths rule, as a bound on disparate impact, is broken by adult's women."""
    insert(store, live, 0, live["label"].to_pylist(), live["prediction"].to_pylist())
    settings = FairnessSettings(facets=("sex",), bounds={"disparate_impact": (0.8, 1.25)})
    alarms = [r for r in run(store, settings, 0) if r.verdict is Verdict.ALARM]
    assert ("disparate_impact", "sex=Female") in {(r.metric, r.segment) for r in alarms}
    assert alarms[0].threshold in (0.8, 1.25)


def test_numeric_facets_are_cut_into_groups(store: Store, live: pa.Table) -> None:
    """Ages become named intervals, and a facet with too many values says what to do."""
    insert(store, live.slice(0, 2000), 0, live["label"].to_pylist()[:2000], live["prediction"].to_pylist()[:2000])
    rows = window_rows("m", "1", Window(START, START + HOUR))
    cube = count_cube(store, rows, ["age"], "1", cuts={"age": [30.0, 50.0]})
    counts = cube.groups(["age"])
    ages = np.array(live["age"])[:2000]
    sizes = dict(zip(counts.names, counts.predicted.sum(axis=(1, 2)), strict=True))
    assert sizes == {
        "age=below 30": (ages < 30).sum(),
        "age=30 to 50": ((ages >= 30) & (ages < 50)).sum(),
        "age=50 and up": (ages >= 50).sum(),
    }


def test_fairness_is_estimated_without_labels(store: Store, live: pa.Table) -> None:
    """Before labels come, the intervals hold the truth, and a degraded recall names its group; once in, they judge."""
    label, predicted, score = np.array(live["label"]), np.array(live["prediction"]), np.array(live["score"])
    women = np.array([sex.strip() == "Female" for sex in live["sex"].to_pylist()])
    stricter = np.where(women & (score < 0.8), 0, predicted)
    now = slice(6000, 12000)
    insert(store, live.slice(0, 6000), 0, label[:6000], predicted[:6000])
    for hour, chosen, labelled in ((1, predicted, False), (2, stricter, False), (3, stricter, True)):
        insert(store, live.slice(6000, 6000), hour, label[now], chosen[now], labelled=labelled)
    settings = FairnessSettings(facets=("sex",))
    quiet, strict, known = (run(store, settings, hour, baseline=0) for hour in (1, 2, 3))
    assert [r.metric for r in quiet if r.verdict is Verdict.ALARM] == []
    for results, chosen in ((quiet, predicted), (strict, stricter)):
        found = {r.metric: r for r in results if r.segment == "sex=Female"}
        of_women, of_men = (chosen[now][(label[now] == 1) & (women[now] == sex)].mean() for sex in (True, False))
        estimate = found["estimated_recall_difference"]
        assert estimate.lower < of_men - of_women < estimate.upper
        assert found["recall_difference"].value is None
        assert "estimated_disparate_impact" not in found
    named = {(r.metric, r.segment) for r in strict if r.verdict is Verdict.ALARM}
    assert ("estimated_recall_difference", "sex=Female") in named
    assert {segment for _, segment in named} == {"sex=Female"}
    named = {r.metric for r in known if r.verdict is Verdict.ALARM}
    assert "recall_difference" in named
    assert not any(metric.startswith("estimated_") for metric in named)


def test_estimates_are_calibrated_within_groups(store: Store) -> None:
    """A score that promises one group twice what it gets is corrected for that group; small groups are left out."""
    generator = np.random.default_rng(0)
    rows = 8000
    group = generator.choice(["a", "b", "rare"], rows, p=[0.5, 0.495, 0.005])
    score = generator.random(rows)
    truth = (generator.random(rows) < np.where(group == "b", score / 2, score)).astype(int)
    table = pa.table({"sex": group, "race": ["x"] * rows, "marital-status": ["x"] * rows, "age": [1.0] * rows})
    table = table.append_column("score", pa.array(score))
    predicted = (score > 0.5).astype(int)
    insert(store, table, 0, truth, predicted)
    insert(store, table, 1, truth, predicted, labelled=False)
    results = run(store, FairnessSettings(facets=("sex",)), 1, baseline=0)
    found = {(r.metric, r.segment): r for r in results}
    chosen = predicted == 1
    gap = truth[chosen & (group != "b")].mean() - truth[chosen & (group == "b")].mean()
    assert gap > 0.3
    assert found["estimated_acceptance_rate_difference", "sex=b"].value == pytest.approx(gap, abs=0.03)
    assert not any(metric.startswith("estimated_") and segment == "sex=rare" for metric, segment in found)
    assert found["group_size", "sex=rare"].verdict is Verdict.NOT_ENOUGH_DATA


def test_the_favourable_class_may_be_the_negative_one(store: Store, live: pa.Table) -> None:
    """Values without classes speak of the positive class: turned around, recall becomes specificity."""
    insert(store, live, 0, live["label"].to_pylist(), ["" for _ in range(live.num_rows)])
    settings = [FairnessSettings(facets=("sex",), favourable=favourable) for favourable in ("1", "0")]
    one, other = ({(r.metric, r.segment): r.value for r in run(store, given, 0)} for given in settings)
    women = "sex=Female"
    assert other["recall_difference", women] == pytest.approx(-one["specificity_difference", women])
    assert other["group_calibration_error", women] == pytest.approx(one["group_calibration_error", women], abs=0.01)


def test_flips_are_found_in_a_sample(store: Store, live: pa.Table) -> None:
    """A rule that asks women for ten years more than men flips them and breaks its bound; an equal rule does not."""
    rows = 4000
    table = live.slice(0, rows)
    women = np.array([sex.strip() == "Female" for sex in table["sex"].to_pylist()])
    age, truth = np.array(table["age"]), table["label"].to_pylist()
    insert(store, table, 0, truth, (age > 40).astype(int).tolist(), labelled=False)
    insert(store, table, 1, truth, (age > np.where(women, 50, 40)).astype(int).tolist(), labelled=False)
    settings = FairnessSettings(facets=("sex",), bounds={"flip_test": (-0.05, 0.05)}, favourable="1", flip_rows=1500)
    fair, unfair = ({r.segment: r for r in run(store, settings, hour) if r.metric == "flip_test"} for hour in (0, 1))
    assert {r.verdict for r in fair.values()} == {Verdict.OK}
    share = ((age > 40) & (age <= 50))[women].mean()
    assert unfair["sex=Female"].verdict is Verdict.ALARM
    assert unfair["sex=Female"].lower < share < unfair["sex=Female"].upper
    assert 350 < unfair["sex=Female"].n < 650
    assert "sex=Female" in unfair["sex=Female"].reason


def test_rows_without_a_group_are_a_group(store: Store) -> None:
    """They are counted under a name of their own where others name a group, and make none where nobody does."""
    rows = 200
    times = pa.array([START + HOUR * (i / rows) for i in range(rows)], pa.timestamp("ns", "UTC"))
    tags = [[("sex", "f")] if i % 4 == 0 else [("sex", "m")] if i % 4 == 1 else [] for i in range(rows)]
    columns = {"model": ["m"] * rows, "version": ["1"] * rows, "timestamp": times, "tags": pa.array(tags, TEXTS)}
    names = {"prediction_id": [f"p{i}" for i in range(rows)], "label": ["1" if i % 3 else "0" for i in range(rows)]}
    store.insert("predictions", pa.table({**columns, **names}))
    cube = count_cube(store, window_rows("m", "1", Window(START, START + HOUR)), ["sex", "race"], "1")
    counts = cube.groups(["sex"])
    assert counts.names == ("sex=f", "sex=m", "sex=(missing)")
    np.testing.assert_array_equal(counts.predicted.sum(axis=(1, 2)), [50, 50, 100])
    assert cube.groups(["race"]).names == ()
    results = run(store, FairnessSettings(facets=("sex",)), 0)
    assert any(result.segment == "sex=(missing)" for result in results)
    (spelt_as_a_segment,) = run(store, FairnessSettings(facets=("tag.sex",)), 0)
    assert spelt_as_a_segment.verdict is Verdict.NOT_ENOUGH_DATA
    assert "without its place: `sex`" in spelt_as_a_segment.reason


HOSTILE = ["plain", "3 × 4 cm", "a=b", "a=b × c=d", "C:\\x", "a ×", "× b", "tag.x=1"]


def test_groups_of_any_name_are_spelt_so_that_they_are_read_as_they_were_meant(store: Store) -> None:
    """Each group of a facet, and of a crossing, has results; what explains one selects its rows and no other's."""
    pairs = list(itertools.product(HOSTILE, HOSTILE))
    rows, facets = 8 * len(pairs), ("size=", "kind × of")
    times = pa.array([START + HOUR * (i / rows) for i in range(rows)], pa.timestamp("ns", "UTC"))
    tags = [list(zip(facets, pairs[i % len(pairs)], strict=True)) for i in range(rows)]
    columns = {"model": ["m"] * rows, "version": ["1"] * rows, "timestamp": times, "tags": pa.array(tags, TEXTS)}
    names = {"prediction_id": [f"p{i}" for i in range(rows)], "label": [str(i // len(pairs) % 2) for i in range(rows)]}
    store.insert("predictions", pa.table({**columns, **names}))
    settings = FairnessSettings(facets=facets, intersections=(facets,), min_group=2, flip_rows=rows)
    results = run(store, settings, 0)
    single, crossed = ([(facet, value) for value in HOSTILE] for facet in facets), itertools.product(HOSTILE, HOSTILE)
    wanted = {(pair,) for each in single for pair in each} | {tuple(zip(facets, two, strict=True)) for two in crossed}
    assert {tuple(parse_group(result.segment)) for result in results if result.segment} == wanted
    for group, share in (((("size=", "a=b × c=d"),), 8), ((("size=", "a=b"), ("kind × of", "a ×")), 64)):
        segment = spelt_group(*zip(*group, strict=True))
        assert {result.n for result in results if result.segment == segment} >= {rows // share}
        finding = Finding("m", Window(START, START + HOUR), kinds.UNFAIR, segment=segment)
        where, parameters = population(finding)
        assert store.scalar(f"SELECT count() FROM predictions AS p WHERE {where}", parameters) == rows // share
