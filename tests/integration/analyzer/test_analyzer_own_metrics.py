"""Metrics of one's own: what they are equals NumPy, what they say is true, and what they may ask is what `/sql` may."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from modelspan_analyzer.config.expression import measure
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.metrics.monitor import metrics
from modelspan_analyzer.monitors.sliced import LEFT_OUT
from modelspan_analyzer.monitors_yaml import parse
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.reading.features import feature_maps
from modelspan_analyzer.results import Result, Verdict, Window, write_results
from modelspan_analyzer.runner import Runner
from modelspan_collector.store.connect import Store

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
WINDOW = Window(START, START + HOUR)
ROWS = 600


def orders(seed: int, rows: int = ROWS, window: Window = WINDOW, **columns: Any) -> pa.Table:
    """Orders with their net amount, of which some have none, by country; the model says how likely a refund is."""
    rng = np.random.default_rng(seed)
    amount = columns.get("amount", rng.gamma(2.0, 40.0, rows))
    features = pa.table({
        "net amount": pa.array(amount, mask=rng.random(rows) < 0.1),
        "units": rng.integers(1, 9, rows).astype(float),
        "country": rng.choice(["DE", "FR", "PT"], rows, p=[0.5, 0.4, 0.1]),
    })  # fmt: skip
    seconds = np.arange(rows) * (window.end - window.start).total_seconds() / rows
    stamps = [window.start + timedelta(seconds=float(one)) for one in seconds]
    text = pa.string()
    return pa.table({
        "model": ["refunds"] * rows, "version": ["1"] * rows,
        "prediction_id": [f"{seed}-{row}" for row in range(rows)],
        "timestamp": pa.array(stamps, pa.timestamp("ns", "UTC")),
        "value": rng.random(rows),
        "tags": pa.array([[("shop", "app" if row % 3 else "web")] for row in range(rows)], pa.map_(text, text)),
        **feature_maps(features),
    })  # fmt: skip


def columns_of(table: pa.Table) -> dict[str, np.ndarray]:
    """Features as NumPy has them, NaN where there is none."""
    numbers = [dict(row) for row in table["numeric_features"].to_pylist()]
    return {
        "amount": np.array([row.get("net amount", np.nan) for row in numbers]),
        "units": np.array([row["units"] for row in numbers]),
        "country": np.array([dict(row)["country"] for row in table["categorical_features"].to_pylist()]),
        "shop": np.array([dict(row)["shop"] for row in table["tags"].to_pylist()]),
        "value": np.asarray(table["value"]),
    }


def run(store: Store, *given: str, window: Window = WINDOW, more: str = "") -> dict[tuple[str, str], Result]:
    """The results of metrics by name and slice, without the runner."""
    text = f"models:\n- model: refunds\n{more}  metrics:\n" + "".join(f"  - {{{one}}}\n" for one in given)
    settings = parse(text).for_model("refunds", "1")
    found = baselines.active(store, "refunds", "1")
    return {
        (one.metric, one.segment): one
        for one in metrics(MonitorContext(store, "refunds", "1", window, found, settings))
    }


def test_values_equal_numpy_to_nine_digits(store: Store) -> None:
    """Aggregates, ratios of two, features by names with spaces, missing ones, and each slice."""
    table = orders(1)
    store.insert("predictions", table)
    of = columns_of(table)
    known = ~np.isnan(of["amount"])
    found = run(
        store,
        'name: amount, expression: "avg(`net amount`)"',
        'name: per_item, expression: "sum(`net amount`) / sum(units)"',
        "name: large, expression: \"countIf(`net amount` > 100 AND country IN ('DE', 'FR')) / count()\"",
        'name: spread, expression: "stddevSamp(`net amount`)", slices: false',
        "name: at_risk, expression: \"sumIf(value * `net amount`, shop = 'web')\", slices: false",
        more="  segments: [tag.shop, feature.country]\n",
    )
    assert {one.verdict for one in found.values()} == {Verdict.NOT_COMPARED}
    large = (of["amount"] > 100) & np.isin(of["country"], ["DE", "FR"])
    web = (of["shop"] == "web") & known
    expected = {
        ("amount", ""): np.nanmean(of["amount"]),
        ("per_item", ""): np.nansum(of["amount"]) / of["units"].sum(),
        ("large", ""): large.mean(),
        ("spread", ""): np.nanstd(of["amount"], ddof=1),
        ("at_risk", ""): (of["value"] * of["amount"])[web].sum(),
    }
    for key in ("shop", "country"):
        for value in np.unique(of[key]):
            here = of[key] == value
            segment = f"{'tag' if key == 'shop' else 'feature'}.{key}={value}"
            expected |= {
                ("amount", segment): np.nanmean(of["amount"][here]),
                ("per_item", segment): np.nansum(of["amount"][here]) / of["units"][here].sum(),
                ("large", segment): large[here].mean(),
            }
    assert {name: one.value for name, one in found.items()} == pytest.approx(expected, rel=1e-9)


def test_the_interval_is_that_of_a_mean_and_the_same_each_time(store: Store) -> None:
    """Its standard error is s / sqrt(n), but for what 200 replicates leave open; of many rows also from a part."""
    table = orders(2, rows=30_000)
    store.insert("predictions", table)
    value = np.asarray(table["value"])
    given = ('name: mean, expression: "avg(value)"', 'name: total, expression: "sum(value)"')
    first, second = run(store, *given), run(store, *given)
    assert first == second
    for name, error in (("mean", value.std(ddof=1) / np.sqrt(value.size)),
                        ("total", np.sqrt(value.size * (value**2).mean()))):  # fmt: skip
        one = first[name, ""]
        assert (one.upper - one.lower) / 3.92 == pytest.approx(error, rel=0.2)
        assert one.lower < one.value < one.upper
        assert one.details["drawn"] < 15_000


def hours(store: Store, count: int, seed: int = 0, **given: Any) -> None:
    """Windows before the one that is looked at, each run as the analyzer does."""
    for back in range(count, 0, -1):
        window = Window(START - back * HOUR, START - (back - 1) * HOUR)
        store.insert("predictions", orders(1000 + seed + back, window=window, rows=200, **given))


SEVERAL = 'name: amount, expression: "avg(`net amount`)", unit: EUR, direction: below'


def test_what_is_usual_is_learnt_and_a_fall_alarms(store: Store) -> None:
    """Six windows say how much the value varies; a window of half the amount is improbable, and says beside what."""
    hours(store, 8)
    for back in range(8, 0, -1):
        window = Window(START - back * HOUR, START - (back - 1) * HOUR)
        found = run(store, SEVERAL, window=window)
        write_results(store, list(found.values()), "run")
        assert {one.verdict for one in found.values()} == {Verdict.NOT_COMPARED if back > 2 else Verdict.OK}
    store.insert("predictions", orders(5, amount=np.random.default_rng(5).gamma(2.0, 20.0, ROWS)))
    (fell,) = run(store, SEVERAL).values()
    assert (fell.verdict, fell.direction) == (Verdict.ALARM, "below")
    assert fell.value < fell.threshold < 80
    assert "EUR" in fell.reason and "the windows before had" in fell.reason
    assert fell.feature == "net amount"


def test_a_metric_that_is_defined_anew_begins_anew(store: Store) -> None:
    """What another expression of the same name was is not what is usual of it."""
    hours(store, 7)
    for back in range(7, 0, -1):
        window = Window(START - back * HOUR, START - (back - 1) * HOUR)
        write_results(store, list(run(store, SEVERAL, window=window).values()), "run")
    store.insert("predictions", orders(5))
    assert run(store, SEVERAL)["amount", ""].verdict is Verdict.OK
    other = SEVERAL.replace("avg(`net amount`)", "avg(`net amount`) / 2")
    assert run(store, other)["amount", ""].verdict is Verdict.NOT_COMPARED


@pytest.mark.parametrize(
    ("direction", "threshold", "verdict"),
    [
        ("below", 100.0, Verdict.ALARM),
        ("below", 60.0, Verdict.OK),
        ("above", 60.0, Verdict.ALARM),
        ("above", 100.0, Verdict.OK),
        ("below", 80.5, Verdict.OK),  # it lies within the interval
    ],
)
def test_a_threshold_alarms_where_the_whole_interval_is_beyond(
    store: Store, direction: str, threshold: float, verdict: Verdict
) -> None:
    """The mean amount is about 80."""
    store.insert("predictions", orders(3))
    one = run(store, f'name: amount, expression: "avg(`net amount`)", direction: {direction}, threshold: {threshold}')
    assert (one["amount", ""].verdict, one["amount", ""].threshold) == (verdict, threshold)


@pytest.mark.parametrize("compare", ["difference", "ratio"])
@pytest.mark.parametrize(("times", "verdict"), [(1.0, Verdict.OK), (1.6, Verdict.ALARM)])
def test_a_metric_is_compared_with_the_baseline(store: Store, compare: str, times: float, verdict: Verdict) -> None:
    """Its value is the difference, or the ratio, to nine digits."""
    rng = np.random.default_rng(11)
    reference = pa.table({"amount": rng.gamma(2.0, 40.0, 2000), "country": rng.choice(["DE", "FR"], 2000)})
    baselines.set_from_table(store, "refunds", "1", reference, features=["amount", "country"], source="test")
    amount = rng.gamma(2.0, 40.0, ROWS) * times
    rows = orders(4).drop_columns(["numeric_features", "categorical_features", "null_features"])
    maps = feature_maps(pa.table({"amount": amount, "country": rng.choice(["DE", "FR"], ROWS)}))
    store.insert("predictions", pa.table({**{name: rows[name] for name in rows.column_names}, **maps}))
    found = run(
        store, f'name: amount, expression: "avg(amount)", compare: {compare}', more="  segments: [feature.country]\n"
    )
    now, before = amount.mean(), np.asarray(reference["amount"]).mean()
    expected = now - before if compare == "difference" else now / before
    one = found["amount", ""]
    assert one.value == pytest.approx(expected, rel=1e-9)
    assert (one.verdict, one.n_baseline) == (verdict, 2000)
    assert len(found) == 3


SHARE = """
SELECT avg(numeric_features['units'] > 4) AS value, count() AS n, concat('shop ', tags['shop']) AS slice
FROM predictions
WHERE model = {model:String} AND version = {version:String} AND timestamp >= {start:DateTime64(9, 'UTC')}
  AND timestamp < {end:DateTime64(9, 'UTC')} GROUP BY slice
"""


def test_a_select_of_ones_own_gives_a_value_by_slice(store: Store) -> None:
    """By the window that it is asked about; the next one is not in it."""
    table = orders(6)
    store.insert("predictions", table)
    store.insert("predictions", orders(7, window=Window(WINDOW.end, WINDOW.end + HOUR)))
    of = columns_of(table)
    text = SHARE.replace("\n", " ")
    found = run(store, f'name: bulky, direction: above, threshold: 0.9, select: "{text}"')
    expected = {("bulky", f"shop {shop}"): (of["units"][of["shop"] == shop] > 4).mean() for shop in ("app", "web")}
    assert {name: one.value for name, one in found.items()} == pytest.approx(expected, rel=1e-9)
    assert {one.feature for one in found.values()} == {"units"}


@pytest.mark.parametrize(
    ("metric", "says"),
    [
        ('select: "INSERT INTO predictions SELECT * FROM predictions"', "read-only"),
        ("select: \"SELECT * FROM file('/etc/passwd', 'LineAsString')\"", "reaches files"),
        ("select: \"SELECT * FROM url('http://localhost', 'LineAsString')\"", "reaches files"),
        ('select: "SELECT sum(cityHash64(number)) AS value FROM numbers(100000000000)"', "TIMEOUT|exceeded|maximum"),
        ('select: "SELECT 1 AS answer"', "name one of them value"),
        ('select: "SELECT number AS value FROM numbers(2)"', "more than one row"),
        ('select: "SELECT valu FROM predictions"', "valu"),
        ('expression: "sum(items)"', "a feature or tag of that name is feature.items"),
        ('expression: "sum(country)"', "cannot compute the metric|missing in all of them"),
    ],
)
def test_a_metric_that_cannot_be_used_is_an_error_of_its_own(store: Store, metric: str, says: str, monkeypatch) -> None:
    """The others go on; what it may not ask is refused, and what takes too long is stopped."""
    from modelspan_collector.sqlhttp import reader

    monkeypatch.setattr(reader, "_LIMITS", reader.replace(reader._LIMITS, execution_seconds=1.0))
    store.insert("predictions", orders(8))
    found = run(store, f"name: bad, {metric}", 'name: good, expression: "avg(value)"')
    bad = found["bad", ""]
    assert bad.verdict in (Verdict.ERROR, Verdict.SKIPPED)
    assert any(one.lower() in bad.reason.lower() for one in says.split("|")), bad.reason
    assert found["good", ""].value is not None
    assert store.scalar("SELECT count() FROM predictions") == ROWS


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ("5 AS value, -3 AS n", "holds -3, which is no number of rows"),
        ("5 AS value, 1e300 AS n", "which is no number of rows"),
        ("5 AS value, 2.5 AS n", "which is no number of rows"),
        ("'much' AS value", "column value holds 'much', which is no number"),
        ("5 AS value, 'low' AS lower", "column lower holds 'low', which is no number"),
    ],
)
def test_an_answer_that_cannot_be_stored_is_an_error_of_its_metric(store: Store, columns: str, says: str) -> None:
    """And no window of the model is lost by it."""
    store.insert("predictions", orders(9))
    found = run(store, f'name: odd, select: "SELECT {columns}"', 'name: fine, expression: "avg(units)"')
    assert found["odd", ""].verdict is Verdict.ERROR
    assert says in found["odd", ""].reason
    assert found["fine", ""].value is not None


@pytest.mark.parametrize("columns", ["NULL AS value", "nan AS value", "1 AS value WHERE 0"])
def test_a_select_that_answers_no_number_says_so(store: Store, columns: str) -> None:
    """It is not a matter of rows."""
    found = run(store, f'name: odd, direction: above, threshold: 1, select: "SELECT {columns}"')["odd", ""]
    assert (found.verdict, found.reason) == (
        Verdict.NOT_ENOUGH_DATA,
        "the SELECT answers no number for this window",
    )


WRONG = "name: wrong, expression: \"countIf(truth != '0') / count()\", direction: above, threshold: 0.3"


def test_what_is_true_is_asked_of_labelled_rows_alone(store: Store) -> None:
    """Without labels a metric of them is neither kept nor broken; with them it is measured."""
    rows = orders(10)
    store.insert("predictions", rows)
    before = run(store, WRONG)["wrong", ""]
    assert before.verdict is Verdict.NOT_ENOUGH_DATA
    assert before.reason == f"of 0 of {ROWS} rows the label is known; 30 are needed (`min_rows`)"
    stamps = pa.array([WINDOW.end] * ROWS, pa.timestamp("ns", "UTC"))
    store.insert(
        "labels", pa.table({"prediction_id": rows["prediction_id"], "timestamp": stamps, "label": ["0"] * ROWS})
    )
    after = run(store, WRONG)["wrong", ""]
    assert (after.verdict, after.value, after.n) == (Verdict.OK, 0.0, ROWS)


def test_a_row_without_label_is_neither_right_nor_wrong(store: Store) -> None:
    """However late labels are, shares among the labelled rows are what they will be; `count()` is of all rows."""
    rows = orders(10)
    stamps = pa.array([WINDOW.end] * 200, pa.timestamp("ns", "UTC"))
    label = ["1" if row % 4 else "0" for row in range(200)]
    store.insert("predictions", rows)
    store.insert("labels", pa.table({
        "prediction_id": rows["prediction_id"].slice(0, 200), "timestamp": stamps, "label": label,
    }))  # fmt: skip
    shares = ("avg(truth != '0')", "countIf(truth != '0') / count(truth)", "1 - countIf(0 = truth) / count(truth)")
    found = run(
        store,
        *(f'name: share_{place}, expression: "{one}"' for place, one in enumerate(shares)),
        'name: waiting, expression: "countIf(isNull(truth)) / count()"',
    )
    assert {one.value for name, one in found.items() if name[0] != "waiting"} == {0.75}
    assert found["waiting", ""].value == pytest.approx(1 - 200 / ROWS)
    with pytest.raises(ValueError, match=r"write isNull\(truth\)"):
        measure("countIf(truth = '')")


def test_together_they_are_what_each_is_by_itself(store: Store) -> None:
    """As many as stand in one file, of other slices and ways; one that cannot be computed takes none along."""
    store.insert("predictions", orders(12, rows=12_000))
    reference = pa.table({"units": np.arange(2000.0) % 7, "country": ["DE", "FR"] * 1000})
    baselines.set_from_table(store, "refunds", "1", reference, features=["units", "country"], source="test")
    given = [
        *(f'name: q{place}, expression: "quantile(0.{place})(`net amount`)"' for place in range(1, 10)),
        'name: ratio, expression: "avg(units)", compare: ratio',
        'name: large, expression: "countIf(`net amount` > 100)", min_rows: 2000',
        'name: whole, expression: "uniqExact(country)", slices: false',
        'name: broken, expression: "sum(lower(country))"',
        "name: paid, expression: \"sum(outcome('revenue'))\"",
    ]
    more = "  segments: [tag.shop, feature.country]\n  slices: {small: units < 3}\n"
    together = run(store, *given, more=more)
    # How sure a value must be is shared among the slices of one metric, so that nothing depends on the others.
    for alone in given[8:]:
        found = run(store, alone, more=more)
        measured = {name: one for name, one in found.items() if name[0] != LEFT_OUT}  # which says of whom it is
        assert measured == {name: together[name] for name in measured}
    assert {name for (name, _), one in together.items() if one.verdict is Verdict.ERROR} == {"broken"}
    assert {segment for name, segment in together if name == "large"} == {
        "", "tag.shop=app", "tag.shop=web", "feature.country=DE", "feature.country=FR", "slice.small=units < 3",
    }  # fmt: skip


def test_few_rows_say_nothing(store: Store) -> None:
    """Neither of the whole nor of a slice; and no rows at all are no zero."""
    store.insert("predictions", orders(9, rows=20))
    assert run(store, SEVERAL)["amount", ""].verdict is Verdict.NOT_ENOUGH_DATA
    empty = run(store, SEVERAL, window=Window(WINDOW.end, WINDOW.end + HOUR))["amount", ""]
    assert (empty.verdict, empty.value) == (Verdict.NOT_ENOUGH_DATA, None)


def test_the_runner_stores_them_and_one_fault_is_one_incident(store: Store) -> None:
    """As any other monitor: in `monitor_results`, with its slice."""
    store.insert("predictions", orders(10))
    config = parse(
        "defaults: {segments: [tag.shop], metrics: ["
        "{name: amount, expression: 'avg(`net amount`)', direction: below, threshold: 500, unit: EUR}]}"
    )
    Runner(store, config).run_window("refunds", "1", WINDOW)
    rows = store.rows("SELECT segment, verdict FROM monitor_results FINAL WHERE signal = 'metrics' ORDER BY segment")
    assert [(row["segment"], row["verdict"]) for row in rows] == [
        ("", "alarm"), ("tag.shop=app", "alarm"), ("tag.shop=web", "alarm")
    ]  # fmt: skip
