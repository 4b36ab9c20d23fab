"""A baseline from a profile of whylogs, without rows: what can be compared gets the verdict that rows would give it,
and what cannot is skipped and says why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from whylogs_profiles import Made, make

from modelspan_analyzer.config.settings import ModelSettings
from modelspan_analyzer.files.roles import Roles
from modelspan_analyzer.files.rows import FileError, Remarks
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.table import MONITORS
from modelspan_analyzer.monitors_yaml import parse
from modelspan_analyzer.reading import abandoned, baselines
from modelspan_analyzer.reading.baselines import Baseline
from modelspan_analyzer.reading.profiles.read import baseline_profile
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_analyzer.why.profiled import profiled_sample
from modelspan_analyzer.whylogs.baseline import profiles_of, read_files, set_from_profiles
from modelspan_collector.store.connect import Store

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=1))
ROWS = 5_000
Predict = Callable[..., None]
COMPARED = ("data_drift", "prediction_drift", "data_quality")
BY_ROWS = {
    "data_quality": {"duplicate_row_rate"},
    "prediction_drift": {"worst_slice"},
    "multivariate": {"reconstruction_error", "domain_classifier_auc"},
    "embedding": {"mmd"},
    "poisoning": {"outlier_rate", "near_duplicate_rate", "label_flip_rate"},
    "estimation": {"estimate"},
    "concept": {"labelled_rows"},
    "attribution": {"attribution_ndcg"},
}
"""What needs rows of the baseline, by signal."""


def rows(seed: int, count: int = ROWS) -> dict[str, list[Any]]:
    """Features of every kind and an answer, drawn from one population."""
    rng = np.random.default_rng(seed)
    gaps = rng.random(count) < 0.05
    return {
        "age": rng.normal(40, 10, count).tolist(),
        "income": [None if gap else x for gap, x in zip(gaps, rng.lognormal(10, 1, count).tolist(), strict=True)],
        "children": rng.integers(0, 5, count).tolist(),
        "plan": rng.choice(["free", "basic", "pro"], count, p=[0.5, 0.3, 0.2]).tolist(),
        "member": (rng.random(count) < 0.3).tolist(),
        "risk": rng.beta(2, 5, count).tolist(),
    }


def drifted(seed: int) -> dict[str, list[Any]]:
    """The same with known faults: a shift, gaps, another mix of plans with a new one, and values out of range."""
    given, rng = rows(seed), np.random.default_rng(seed + 1)
    given["age"] = [value + 8 for value in given["age"]]
    given["income"] = [None if rng.random() < 0.3 else value for value in given["income"]]
    given["plan"] = rng.choice(["free", "basic", "pro", "trial"], ROWS, p=[0.2, 0.3, 0.3, 0.2]).tolist()
    given["children"] = [value + 40 if rng.random() < 0.1 else value for value in given["children"]]
    return given


@pytest.fixture(scope="module")
def made(whylogs_python: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Profiles of the baseline's rows, in three parts."""
    return make(whylogs_python, tmp_path_factory.mktemp("profiles"), rows(1), parts=3)


def set_profiles(
    store: Store, model: str, files: list[Path], roles: Roles | None = None, **more: Any
) -> tuple[Baseline, Remarks]:
    """Set a baseline from profiles."""
    profiles = profiles_of(read_files(files))
    return set_from_profiles(store, model, None, profiles, roles or Roles(prediction="risk"), "parts", **more)


def look(store: Store, model: str, **settings: Any) -> MonitorContext:
    """The window as the monitors see it."""
    baseline = baselines.active(store, model, "1")
    return MonitorContext(store, model, "1", WINDOW, baseline, ModelSettings.model_validate(settings))


@pytest.fixture(scope="module", params=["calm", "drifted"])
def pair(
    request: pytest.FixtureRequest, shared_store: Store, predict: Predict, made: Made
) -> tuple[list[Result], list[Result]]:
    """Everything measured of one window, beside a baseline of rows and beside profiles of these rows."""
    window = rows(2) if request.param == "calm" else drifted(2)
    found = []
    for name in ("rows", "profiles"):
        model = f"{name} {request.param}"
        if name == "rows":
            baselines.set_from_table(shared_store, model, None, pa.table(rows(1)), prediction="risk", source="test")
        else:
            set_profiles(shared_store, model, made.parts)
        features = {column: values for column, values in window.items() if column != "risk"}
        predict(model, pa.table(features), START, value=window["risk"])
        context = look(shared_store, model)
        found.append([result for monitor in MONITORS for result in monitor.run(context)])
    return found[0], found[1]


def by_place(results: list[Result]) -> dict[tuple[str, str, str], Result]:
    """Results of what can be compared without rows, by what they are of."""
    return {
        (one.signal, one.metric, one.feature): one
        for one in results
        if one.signal in COMPARED and one.metric not in BY_ROWS.get(one.signal, ())
    }


def test_verdicts_are_those_of_the_rows(pair: tuple[list[Result], list[Result]]) -> None:
    """The same measures of the same columns, and the same verdict of each."""
    of_rows, of_profiles = map(by_place, pair)
    assert of_profiles.keys() == of_rows.keys()
    differ = {place: (one.verdict, of_profiles[place].verdict) for place, one in of_rows.items()}
    assert {place: both for place, both in differ.items() if both[0] is not both[1]} == {}


def test_values_are_those_of_the_rows_within_the_sketches_error(pair: tuple[list[Result], list[Result]]) -> None:
    """Rates and categories exactly; what is of quantiles lies within the bounds that the result gives."""
    of_rows, of_profiles = map(by_place, pair)
    for place, one in of_rows.items():
        other = of_profiles[place]
        if other.lower is not None and other.upper is not None and np.isfinite([other.lower, other.upper]).all():
            assert other.lower <= (one.value or 0.0) <= other.upper, place
        elif one.value is not None and place[2] in ("plan", "member", "children"):
            assert other.value == pytest.approx(one.value, rel=0.01, abs=0.001), place
    psi = of_profiles["data_drift", "psi", "age"]
    assert psi.details["rank_error"] == pytest.approx(0.004)  # of the window's sketch; the profile's is 0.0027
    assert psi.lower is not None and psi.upper is not None and psi.lower <= (psi.value or 0) <= psi.upper


def test_what_needs_rows_is_skipped_and_says_why(pair: tuple[list[Result], list[Result]]) -> None:
    """Never `ok`, and not as if the model had no baseline."""
    _, of_profiles = pair
    skipped = {(one.signal, one.metric): one for one in of_profiles if one.metric in BY_ROWS.get(one.signal, ())}
    assert {metric for _, metric in skipped} >= {
        "duplicate_row_rate", "worst_slice", "reconstruction_error", "outlier_rate", "estimate", "labelled_rows",
    }  # fmt: skip
    for place, one in skipped.items():
        assert one.verdict is Verdict.SKIPPED, place
        if place[0] != "attribution":  # of which there are none at all
            assert "a profile without rows" in one.reason and "baseline set" in one.reason, place
    assert [one for one in of_profiles if one.verdict is Verdict.ERROR] == []


def test_known_faults_are_found(shared_store: Store, predict: Predict, made: Made) -> None:
    """Each by its name, and nothing else."""
    set_profiles(shared_store, "faulty", made.parts)
    window = drifted(3)
    predict("faulty", pa.table({name: window[name] for name in window if name != "risk"}), START, value=window["risk"])
    context = look(shared_store, "faulty")
    alarms = {
        (one.metric, one.feature)
        for monitor in MONITORS
        for one in monitor.run(context)
        if one.verdict is Verdict.ALARM
    }
    assert alarms == {
        ("psi", "age"), ("psi", "income"), ("psi", "plan"), ("psi", "children"),
        ("null_rate", "income"), ("out_of_range_rate", "children"), ("unseen_category_rate", "plan"),
    }  # fmt: skip


def test_the_columns_are_kept_as_they_were_told(shared_store: Store, made: Made) -> None:
    """What is read of the store is what the profile says."""
    baseline, _ = set_profiles(shared_store, "kept", made.parts)
    assert (baseline.kind, baseline.rows, baseline.has_rows) == ("profile", ROWS, False)
    assert baseline.source == "3 whylogs profiles, 5,000 rows, no rows kept: parts"
    profile, given = baseline_profile(shared_store, baseline), rows(1)
    assert profile.features.keys() == given.keys() - {"risk"}
    age, plan = profile.features["age"].numbers, profile.features["plan"].texts
    assert age is not None and plan is not None
    assert (age.n, age.minimum, age.maximum) == (ROWS, min(given["age"]), max(given["age"]))
    assert age.mean == pytest.approx(np.mean(given["age"]))
    assert plan.counts == {name: given["plan"].count(name) for name in ("free", "basic", "pro")}
    assert profile.features["income"].null_n == given["income"].count(None)
    assert profile.outputs.keys() == {"value"}
    with pytest.raises(ValueError, match="a profile without rows, and this needs rows"):
        baselines.need_rows(baseline)


def test_slices_are_compared_with_the_whole(shared_store: Store, predict: Predict, made: Made) -> None:
    """A profile has no slices, so a slice that is unlike the whole is a warning at most, and says so."""
    set_profiles(shared_store, "sliced", made.parts)
    window = rows(4)
    country = ["DE" if row % 2 else "FR" for row in range(ROWS)]
    window["age"] = [value + 10 * (place == "FR") for value, place in zip(window["age"], country, strict=True)]
    features = pa.table({name: window[name] for name in window if name != "risk"})
    tags = pa.array([[("country", place)] for place in country], pa.map_(pa.string(), pa.string()))
    predict("sliced", features, START, value=window["risk"], tags=tags)
    context = look(shared_store, "sliced", segments=("tag.country",))
    found = [
        one
        for monitor in MONITORS
        if monitor.name == "slices"
        for one in monitor.run(context)
        if one.metric == "psi" and one.feature == "age"
    ]
    assert {one.segment: one.verdict for one in found} == {
        "tag.country=DE": Verdict.OK,
        "tag.country=FR": Verdict.WARNING,
    }
    assert all("of the whole baseline" in one.reason for one in found)


@pytest.mark.parametrize(
    "measures", [{"exact": True}, {"preset": "nannyml"}, {"preset": "evidently"}, {"preset": "azure"}]
)
def test_other_ways_to_measure_need_no_rows_either(
    shared_store: Store, predict: Predict, made: Made, measures: dict[str, Any]
) -> None:
    """Exact windows, and the rules of others as far as they are not learnt from rows."""
    model = "ways " + "".join(map(str, measures.values()))
    set_profiles(shared_store, model, made.parts)
    window = drifted(5)
    predict(model, pa.table({name: window[name] for name in window if name != "risk"}), START, value=window["risk"])
    context = look(shared_store, model, data_drift=measures)
    found = [one for monitor in MONITORS if monitor.name == "data_drift" for one in monitor.run(context)]
    assert not [one for one in found if one.verdict is Verdict.ERROR]
    alarming = {one.feature for one in found if one.verdict is Verdict.ALARM}
    assert alarming >= ({"age", "plan"} if measures != {"preset": "nannyml"} else set())


def test_the_drift_of_sql_knows_it_too(shared_store: Store, predict: Predict, made: Made) -> None:
    """`drift(...)` compares with the profile's columns."""
    set_profiles(shared_store, "asked", made.parts)
    window = drifted(6)
    predict("asked", pa.table({name: window[name] for name in window if name != "risk"}), START, value=window["risk"])
    sql = "SELECT psi_baseline FROM drift(model = 'asked', feature = {feature:String}, grain = 'hour')"
    context = look(shared_store, "asked")
    found = {
        one.feature: one.value
        for monitor in MONITORS
        if monitor.name in COMPARED
        for one in monitor.run(context)
        if one.metric == "psi"
    }
    for feature, name in (("age", "age"), ("plan", "plan"), ("income", "income"), ("prediction.value", "value")):
        asked = sql.replace("{feature:String}", f"'{feature}'")
        assert shared_store.scalar(asked) == pytest.approx(found[name], rel=0.15, abs=0.01), feature


def test_reasons_are_sought_beside_the_profile(shared_store: Store, made: Made) -> None:
    """What a finding's predictions are told by is a sample of the baseline: numbers, texts and gaps by their shares."""
    baseline, _ = set_profiles(shared_store, "why", made.parts)
    of = (shared_store, "why", baseline.baseline_id)
    income = profiled_sample(*of, "income", 10_000, numeric=True)
    given = np.array([np.nan if one is None else one for one in rows(1)["income"]])
    assert np.isnan(income).mean() == pytest.approx(np.isnan(given).mean(), abs=1e-3)
    assert np.nanquantile(income, 0.5) == pytest.approx(np.nanquantile(given, 0.5), rel=0.03)
    plan = profiled_sample(*of, "plan", 10_000, numeric=False)
    assert (plan == "free").mean() == pytest.approx(rows(1)["plan"].count("free") / ROWS, abs=1e-3)
    assert not profiled_sample(*of, "no such", 100, numeric=True).size


def test_a_column_that_is_not_there_is_named_with_those_that_are(shared_store: Store, made: Made) -> None:
    """So is what a profile cannot tell."""
    with pytest.raises(FileError, match="no column 'score' that can be compared; it has age, children, income"):
        set_profiles(shared_store, "m", made.parts, Roles(score="score"))
    with pytest.raises(FileError, match="column 'plan' holds no numbers, so no score"):
        set_profiles(shared_store, "m", made.parts, Roles(score="plan"))
    _, remarks = set_profiles(shared_store, "m", made.parts, Roles(label="member", segments=("plan",)))
    assert [said for said in remarks.left_out if "labels" in said or "groups" in said] == [
        "column 'member': labels, which a profile does not tie to predictions",
        "columns 'plan': a profile has no rows that belong to groups",
    ]


def test_classes_are_answers_too(shared_store: Store, made: Made) -> None:
    """Texts, truth values and few whole numbers are classes, as a table's are; an amount has to be called one."""
    for column, kind in (("plan", "texts"), ("member", "texts"), ("children", "texts"), ("age", "numbers")):
        baseline, _ = set_profiles(shared_store, f"of {column}", made.parts, Roles(prediction=column))
        outputs = baseline_profile(shared_store, baseline).outputs
        assert outputs.keys() == {"label" if kind == "texts" else "value"}
    counted = baseline_profile(shared_store, baselines.listing(shared_store, "of children")[0]).outputs["label"].texts
    assert counted is not None and counted.counts["3"] == rows(1)["children"].count(3)
    baseline, _ = set_profiles(shared_store, "an amount", made.parts, Roles(prediction="children"), task="regression")
    assert baseline_profile(shared_store, baseline).outputs.keys() == {"value"}


def test_ids_are_no_features_and_uncounted_categories_are_not_ok(
    shared_store: Store, predict: Predict, whylogs_python: Path, tmp_path: Path
) -> None:
    """A column named as an id with another value in nearly every row; and categories of which none was counted."""
    given = {"customer_id": [f"c{row}" for row in range(ROWS)], "age": rows(1)["age"]}
    made = make(whylogs_python, tmp_path, given)
    _, remarks = set_profiles(shared_store, "ids", made.parts, Roles())
    assert [said for said in remarks.left_out if "customer_id" in said and "named as an id is" in said]
    made = make(whylogs_python, tmp_path / "off", given, counted=False)
    set_profiles(shared_store, "uncounted", made.parts, Roles(asked_back=("customer_id",)))
    predict("uncounted", pa.table(given), START)
    context = look(shared_store, "uncounted")
    found = [one for monitor in MONITORS for one in monitor.run(context) if one.feature == "customer_id"]
    told = {one.metric: one.verdict for one in found}
    assert told["psi"] is Verdict.SKIPPED and told["null_rate"] is Verdict.OK
    assert not {"vanished_category_rate", "unseen_category_rate", "constant"} & told.keys()


def test_columns_that_were_not_set_to_their_end_are_cleared(shared_store: Store, made: Made) -> None:
    """As rows are, which a process left that was killed."""
    baseline, _ = set_profiles(shared_store, "cleared", made.parts)
    shared_store.insert("reference_profiles", pa.table({"baseline_id": ["gone"], "model": ["cleared"]}))
    assert abandoned.clear(shared_store) == 1
    count = "SELECT count() FROM reference_profiles WHERE model = 'cleared'"
    assert shared_store.scalar(count) == len(baseline_profile(shared_store, baseline).features) + 1


def test_labels_groups_and_metrics_of_ones_own_are_measured_and_not_compared(
    shared_store: Store, predict: Predict, made: Made
) -> None:
    """What a window says by itself stands; nothing of it is said to be as it was, which nobody knows."""
    set_profiles(shared_store, "labelled", made.parts)
    window, rng = rows(7), np.random.default_rng(7)
    answers = np.where(np.array(window["risk"]) > 0.3, "yes", "no")
    sex = np.where(rng.random(ROWS) < 0.5, "f", "m")
    tags = pa.array([[("sex", one)] for one in sex], pa.map_(pa.string(), pa.string()))
    features = pa.table({name: window[name] for name in window if name != "risk"})
    predict("labelled", features, START, value=window["risk"], label=answers, tags=tags)
    ids = shared_store.arrow("SELECT prediction_id, timestamp FROM predictions WHERE model = 'labelled'")
    truths = pa.array(np.where(rng.random(ROWS) < 0.9, answers, "no"))
    shared_store.insert("labels", ids.append_column("label", truths))
    text = """
models:
- model: labelled
  fairness: {facets: [sex]}
  worst_slices: {enabled: true}
  metrics:
  - {name: mean_risk, expression: avg(value), compare: difference}
  - {name: age, expression: avg(age), threshold: 30, direction: below}
"""
    settings = parse(text).for_model("labelled", "1")
    baseline = baselines.active(shared_store, "labelled", "1")
    context = MonitorContext(shared_store, "labelled", "1", WINDOW, baseline, settings)
    found = [one for monitor in MONITORS for one in monitor.run(context)]
    assert [one for one in found if one.verdict is Verdict.ERROR] == []
    told = {(one.signal, one.metric, one.segment): one for one in found}
    for place in (("performance", "accuracy", ""), ("metrics", "mean_risk", "")):
        assert told[place].verdict is Verdict.NOT_COMPARED, place
        assert "a profile without rows" in told[place].reason, place
    assert told["performance", "accuracy", ""].value == pytest.approx(np.mean(np.asarray(truths) == answers))
    groups = [one for one in found if one.signal == "fairness" and one.segment]
    assert groups and not [one for one in groups if one.verdict is Verdict.OK and not one.threshold]
