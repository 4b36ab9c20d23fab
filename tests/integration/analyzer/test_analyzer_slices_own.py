"""Slices by expressions: they are what the same rows are by a tag, wherever slices are compared."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import csv

from modelspan_analyzer.config.expression import slice_of
from modelspan_analyzer.incidents.asked import finding_of
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.drift.output_slices import prediction_slices
from modelspan_analyzer.monitors.drift.slices import slices
from modelspan_analyzer.monitors.latency.monitor import latency
from modelspan_analyzer.monitors.metrics.monitor import metrics
from modelspan_analyzer.monitors.performance.monitor import performance
from modelspan_analyzer.monitors.quality.slices import quality_slices
from modelspan_analyzer.monitors_yaml import ConfigError, parse
from modelspan_analyzer.reading import baselines, segments
from modelspan_analyzer.reading.features import feature_maps
from modelspan_analyzer.reading.profiles import parts
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_cli.main import main
from modelspan_collector.store.connect import Store

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=1))
ROWS = 3000
EXPRESSION = "amount > 1000 AND country IN ('DE', 'FR')"
BY_TAG, BY_EXPRESSION = "tag.big=yes", f"slice.big={EXPRESSION}"


def payments(seed: int, drift: float = 0.0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    amount, country = rng.lognormal(6.5, 1.0, ROWS), rng.choice(["DE", "FR", "PT"], ROWS)
    big = (amount > 1000) & np.isin(country, ["DE", "FR"])
    score = rng.random(ROWS)
    return {
        "amount": amount,
        "country": country,
        "age": rng.normal(40, 10, ROWS) + np.where(big, drift, 0),
        "score": score,
        "fraud": np.where(rng.random(ROWS) < score, "1", "0"),
        "big": np.where(big, "yes", "no"),
    }


@pytest.fixture(scope="module")
def context(shared_store: Store) -> MonitorContext:
    """A baseline and a window, whose rows also have as a tag whether they are in the slice."""
    before, after = payments(1), payments(2, drift=12.0)
    roles = {"features": ["amount", "country", "age"], "score": "score", "label": "fraud", "tags": ["big"]}
    baselines.set_from_table(shared_store, "payments", "1", pa.table(before), source="test", **roles)
    ids = [f"p{row}" for row in range(ROWS)]
    stamps = pa.array([START + row * timedelta(seconds=1) for row in range(ROWS)], pa.timestamp("ns", "UTC"))
    names = {"model": ["payments"] * ROWS, "prediction_id": ids, "timestamp": stamps}
    tags = pa.array([[("big", one)] for one in after["big"]], pa.map_(pa.string(), pa.string()))
    features = feature_maps(pa.table({name: after[name] for name in ("amount", "country", "age")}))
    shared_store.insert(
        "predictions", pa.table({
            **names, "version": ["1"] * ROWS, "value": after["score"], "tags": tags, **features,
            "duration": np.exp(after["age"] / 40),
        }),
    )  # fmt: skip
    shared_store.insert("labels", pa.table({**names, "label": after["fraud"].astype(str)}))
    text = f"""
models:
- model: payments
  segments: [tag.big]
  slices: {{big: "{EXPRESSION}"}}
  metrics: [{{name: large, expression: "avg(amount)"}}]
"""
    settings = parse(text).for_model("payments", "1")
    found = baselines.active(shared_store, "payments", "1")
    return MonitorContext(shared_store, "payments", "1", WINDOW, found, settings)


def by_name(results: list[Result], segment: str) -> dict[tuple[str, str], Result]:
    return {(one.metric, one.feature): one for one in results if one.segment == segment}


@pytest.mark.parametrize("monitor", [slices, prediction_slices, quality_slices, latency, performance, metrics])
def test_a_slice_by_an_expression_is_the_slice_by_a_tag(context: MonitorContext, monitor) -> None:
    """Every value, bound and verdict of whatever looks at slices; the rest is no slice."""
    results = monitor(context)
    tagged, expressed = by_name(results, BY_TAG), by_name(results, BY_EXPRESSION)
    assert tagged and tagged.keys() == expressed.keys()
    for name, one in tagged.items():
        other = expressed[name]
        assert (other.n, other.n_baseline, other.verdict) == (one.n, one.n_baseline, one.verdict), name
        for found, expected in ((other.value, one.value), (other.lower, one.lower), (other.upper, one.upper)):
            assert found == (None if expected is None else pytest.approx(expected, rel=1e-9)), name
    assert {one.segment for one in results if one.segment.startswith("slice.")} == {BY_EXPRESSION}


@pytest.mark.parametrize("monitor", [slices, prediction_slices, quality_slices, latency])
def test_slices_of_many_rows_are_read_one_by_one_and_are_the_same(
    context: MonitorContext, monkeypatch: pytest.MonkeyPatch, monitor
) -> None:
    """Where the rows of both sides are too many to be held."""
    held = {(one.metric, one.feature): one for one in monitor(context) if one.segment == BY_EXPRESSION}
    monkeypatch.setattr(parts, "MOST_VALUES", 0)
    alone = replace(context)
    read = {(one.metric, one.feature): one for one in monitor(alone) if one.segment == BY_EXPRESSION}
    assert read.keys() == held.keys()
    for name, one in held.items():
        assert (read[name].n, read[name].verdict) == (one.n, one.verdict)
        assert read[name].value == (None if one.value is None else pytest.approx(one.value, rel=1e-9))


def test_the_drift_of_the_slice_alarms(context: MonitorContext) -> None:
    """Which the whole hardly shows."""
    assert by_name(slices(context), BY_EXPRESSION)["psi", "age"].verdict.value == "alarm"


def test_the_rows_of_a_slice_are_those_of_its_name(context: MonitorContext) -> None:
    """As whoever reads a result asks for them, with other slices beside."""
    for text, extra in (
        (BY_EXPRESSION, ""),
        (f"{BY_EXPRESSION} & tag.big=yes", ""),
        (f"{BY_EXPRESSION}, tag.big=no", "no"),
    ):
        condition, parameters = segments.where(segments.parse(text))
        n = context.store.scalar(f"SELECT count() FROM predictions WHERE {condition}", parameters)
        assert n == (0 if extra else int((payments(2)["big"] == "yes").sum()))


@given(st.text(alphabet="ab'\\,&= é", min_size=1, max_size=8))
def test_any_slice_is_read_as_it_is_spelt(value: str) -> None:
    """Whatever text it compares with."""
    literal = value.replace("\\", "\\\\").replace("'", "\\'")
    key = f"slice.odd=plan = '{literal}'"
    spelt = segments.spelt(key, key.partition("=")[2])
    assert segments.parse(spelt) == [("slice.odd", key.partition("=")[2])]
    assert segments.names_of(spelt) == "plan"


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ("slices: {a: 'sum(amount) > 3'}", "cannot use 'sum'"),
        ("slices: {'a b': 'amount > 3'}", "no name of a slice"),
        ("segments: ['slice.a=amount > 3']", "name it under `slices:`"),
        ("metrics: [{name: m, expression: amount}]", "has a value for each row: write avg(amount)"),
        ("metrics: [{name: m}]", "needs either an expression or a select"),
        ("metrics: [{name: m, expression: avg(value), threshold: 3}]", "on which side of the threshold"),
        ("metrics: [{name: m, expression: avg(value)}, {name: m, expression: avg(value)}]", "two metrics are called"),
    ],
)
def test_what_is_wrong_in_the_file_is_said_with_what_to_do(
    setting: str, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By `monitors check`, before anything runs."""
    file = tmp_path / "monitors.yaml"
    file.write_text(f"models:\n- model: m\n  {setting}\n")
    assert main(["monitors", "check", str(file)]) == 1
    assert says in capsys.readouterr().err


@pytest.mark.parametrize("monitor", [slices, prediction_slices, quality_slices, latency, performance, metrics])
def test_a_slice_that_cannot_be_computed_takes_no_other_along(context: MonitorContext, monitor) -> None:
    """It is an error by its name; the window and all other slices are measured as ever."""
    broken = "country - 1 > length(amount, 2)"
    settings = context.settings.model_copy(update={"slices": {**context.settings.slices, "odd": broken}})
    found = monitor(replace(context, settings=settings))
    (failed,) = [one for one in found if one.segment == f"slice.odd={broken}"]
    assert (failed.verdict, failed.metric) == (Verdict.ERROR, "slice")
    assert "cannot compute the slice" in failed.reason
    others = {(one.metric, one.feature, one.segment): one.verdict for one in found if one is not failed}
    assert others == {(one.metric, one.feature, one.segment): one.verdict for one in monitor(context)}


def test_a_question_after_a_slice_that_cannot_be_computed_says_so(context: MonitorContext) -> None:
    """As what it is, a mistake of the question, and not as a store that does not answer."""
    with pytest.raises(ValueError, match="cannot compute the slice 'label - 1 > 2'"):
        finding_of(context.store, "payments", kind="prediction_drift", segment="slice.odd=label - 1 > 2")


def test_a_slice_of_rows_that_hold_no_number_is_without_them(context: MonitorContext) -> None:
    """`toFloat64` of a text, and a class beside a number, are of the rows in which they are one."""
    texts = {"cast": "toFloat64(country) > 3 OR amount > 1000", "classes": "label = 7 OR amount > 1000"}
    settings = context.settings.model_copy(update={"slices": texts, "segments": ()})
    found = {one.segment: one for one in metrics(replace(context, settings=settings)) if one.metric == "large"}
    expected = int((payments(2)["amount"] > 1000).sum())
    assert {found[f"slice.{name}={text}"].n for name, text in texts.items()} == {expected}


def test_what_the_engine_does_not_understand_is_said_of_each(tmp_path: Path) -> None:
    """Asked of modelspan's own tables, without any row: in a process of its own, as an engine is one's."""
    (tmp_path / "monitors.yaml").write_text("""
models:
- model: m
  slices: {open: amount >, fine: amount > 3}
  metrics:
  - {name: adds, expression: "avg(value + 'x')"}
  - {name: misspelt, select: SELECT valu AS value FROM predictions}
  - {name: unnamed, select: SELECT 1 AS one}
  - {name: writes, select: DROP TABLE predictions}
  - {name: waits, select: "SELECT count() AS value FROM predictions WHERE sleep(3) = 0"}
  - {name: sets, select: "SELECT 1 AS value SETTINGS max_execution_time = 0"}
  - {name: good, select: "SELECT avg(value) AS value FROM predictions WHERE timestamp >= {start:DateTime64(9, 'UTC')}"}
""")
    ended = cli(tmp_path, "monitors", "check", "monitors.yaml")
    told = ended.stderr.removeprefix("error: ").strip().splitlines()
    expected = {
        "slices.open": "cannot compute the slice",
        "metrics.adds": "cannot compute the metric",
        "metrics.misspelt": "valu",
        "metrics.unnamed": "name one of them value",
        "metrics.writes": "read-only",
        "metrics.waits": "sleep waits, and all that is due waits with it",
        "metrics.sets": "leave SETTINGS away",
    }
    assert ended.returncode == 1
    assert [line.split(": ")[1] for line in told] == list(expected)
    for line, says in zip(told, expected.values(), strict=True):
        assert says in line


@pytest.mark.parametrize("name", ["truth", "true_value"])
def test_a_slice_is_of_what_is_known_at_once(name: str) -> None:
    """A label comes later: its name would be taken for a feature's, which no row has, and the slice stay empty."""
    with pytest.raises(ValueError, match=f"write feature.{name} if a feature is meant"):
        slice_of(f"{name} = 'yes'")
    assert slice_of(f"feature.{name} = 'yes'").names == (name,)


def test_a_replay_compares_slices_and_metrics_of_ones_own(tmp_path: Path) -> None:
    """With `--monitors`, as an instance does."""
    given = payments(3)
    rows = pa.table({**given, "said": np.where(given["score"] > 0.5, "1", "0")}).drop_columns(["big"])
    csv.write_csv(rows, tmp_path / "payments.csv")
    (tmp_path / "monitors.yaml").write_text(
        f'defaults:\n  slices: {{big: "{EXPRESSION}"}}\n  metrics: [{{name: large, expression: "avg(amount)"}}]\n'
    )
    options = "--model m --version 1 --prediction said --score score --label fraud --baseline 0.5 --window 500"
    places = ["--data", str(tmp_path / "data"), "--monitors", str(tmp_path / "monitors.yaml")]
    found = _replayed(tmp_path, [*options.split(), *places])
    assert found >= {(signal, BY_EXPRESSION) for signal in ("data_drift", "performance", "metrics")} | {("metrics", "")}


def cli(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own."""
    command = [sys.executable, "-m", "modelspan_cli", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)


def _replayed(folder: Path, options: list[str]) -> set[tuple[str, str]]:
    """The signals and slices of which a replay measured something."""
    cli(folder, "replay", "payments.csv", *options)
    sql = "SELECT DISTINCT toString(signal) AS s, segment FROM monitor_results WHERE value IS NOT NULL"
    found = cli(folder, "sql", f"{sql} FORMAT JSONEachRow", "--data", str(folder / "data")).stdout
    return {(row["s"], row["segment"]) for row in map(json.loads, found.splitlines())}


def test_a_file_that_is_wrong_names_the_line() -> None:
    """As every other setting does."""
    with pytest.raises(ConfigError, match=r"monitors\.yaml:3"):
        parse("models:\n- model: m\n  slices: {a: 'sleep(3)'}\n")
