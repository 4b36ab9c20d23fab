"""Embedding drift: no alarm without a change, and the examples of docs/embeddings.md from decorator to alarm."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import modelspan
from modelspan.testing import Receiver
from modelspan_analyzer.config.settings import ModelSettings
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.drift.data_drift import data_drift
from modelspan_analyzer.monitors.embedding.measure import usual_discrepancy
from modelspan_analyzer.monitors.embedding.monitor import embedding
from modelspan_analyzer.monitors.multivariate.normal import stretches
from modelspan_analyzer.monitors_yaml import parse
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_analyzer.statistics.mmd import median_bandwidth, mmd_random_features_test
from modelspan_collector.store.connect import Store

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
PAGE = Path(__file__).resolve().parents[3] / "docs" / "embeddings.md"
Predict = Callable[..., None]


def context(store: Store, model: str, hour: int = 0, settings: dict[str, Any] | None = None) -> MonitorContext:
    """One hour as monitors see it."""
    start = START + timedelta(hours=hour)
    chosen = ModelSettings.model_validate({"embedding": settings or {}})
    window = Window(start, start + timedelta(hours=1))
    return MonitorContext(store, model, "1", window, baselines.active(store, model, "1"), chosen)


def alarms(results: list[Result]) -> set[tuple[str, str]]:
    """What alarms, by measure and feature."""
    return {(result.metric, result.feature) for result in results if result.verdict is Verdict.ALARM}


def vectors(rng: np.random.Generator, count: int, width: int = 48, shift: float = 0.0) -> pa.Array:
    """Vectors with a few strong directions, as encoders make them."""
    directions = np.random.default_rng(0).normal(size=(6, width))
    values = rng.normal(size=(count, 6)) @ directions + 0.5 * rng.normal(size=(count, width)) + shift
    return pa.array(list(values.astype(np.float32)), pa.list_(pa.float32()))


def test_vectors_of_one_population_do_not_alarm_and_shifted_ones_do(shared_store: Store, predict: Predict) -> None:
    """Twenty windows of the baseline's population raise nothing; a moved one alarms by both measures."""
    rng = np.random.default_rng(1)
    table = pa.table({"v": vectors(rng, 2000)})
    baselines.set_from_table(shared_store, "vectors", "1", table, source="test")
    for hour in range(20):
        predict("vectors", pa.table({"v": vectors(rng, 400)}), START + timedelta(hours=hour))
    predict("vectors", pa.table({"v": vectors(rng, 400, shift=1.0)}), START + timedelta(hours=20))
    quick = {"max_rows": 400}
    assert [alarms(embedding(context(shared_store, "vectors", hour, quick))) for hour in range(20)] == [set()] * 20
    found = embedding(context(shared_store, "vectors", 20))
    assert alarms(found) == {("mmd", "v"), ("domain_classifier_auc", "v")}
    measured = {result.metric: result for result in found}
    assert measured["centroid_distance"].value == pytest.approx(np.sqrt(48), rel=0.1)


def test_missing_misfit_new_and_vanished_vectors(shared_store: Store, predict: Predict) -> None:
    """Another width, no vectors, NaN inside and a new feature are said, each with a reason, and nothing fails."""
    rng = np.random.default_rng(2)
    table = pa.table({name: vectors(rng, 500) for name in ("same", "wider", "gone", "broken")})
    baselines.set_from_table(shared_store, "faults", "1", table, source="test")
    broken = np.full((500, 48), np.nan, np.float32)
    now = {
        "same": vectors(rng, 500),
        "wider": vectors(rng, 500, width=96),
        "broken": pa.array(list(broken), pa.list_(pa.float32())),
        "added": vectors(rng, 500),
        "nothing": pa.nulls(500, pa.list_(pa.float32())),
    }
    predict("faults", pa.table(now), START)
    found = embedding(context(shared_store, "faults"))
    assert alarms(found) == {("other_width_rate", "wider"), ("null_rate", "gone"), ("null_rate", "broken")}
    by_feature = {result.feature: result for result in found if result.metric == "mmd"}
    assert by_feature["added"].verdict is Verdict.SKIPPED
    assert {by_feature[name].verdict for name in ("wider", "gone", "broken")} == {Verdict.NOT_ENOUGH_DATA}
    assert all(by_feature[name].reason for name in ("wider", "gone", "broken", "added"))


def test_equal_vectors_and_empty_windows(shared_store: Store, predict: Predict) -> None:
    """One vector for all rows is no drift; an empty window is not enough data; a model without vectors says nothing."""
    same = pa.array([[1.0, 2.0]] * 300, pa.list_(pa.float32()))
    baselines.set_from_table(shared_store, "equal", "1", pa.table({"v": same}), source="test")
    assert {result.verdict for result in embedding(context(shared_store, "equal"))} == {Verdict.NOT_ENOUGH_DATA}
    predict("equal", pa.table({"v": same}), START)
    assert alarms(embedding(context(shared_store, "equal"))) == set()
    assert embedding(context(shared_store, "nobody")) == []


def test_the_null_distribution_is_that_of_permutations() -> None:
    """The p-value from two moments is what permutations of the rows give."""
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(120, 5)), rng.normal(size=(80, 5)) + 0.18
    bandwidth = median_bandwidth(x, y)
    test = mmd_random_features_test(x, y, bandwidth)
    pooled = np.concatenate([x, y])
    orders = [rng.permutation(200) for _ in range(400)]
    shuffled = [mmd_random_features_test(pooled[o[:120]], pooled[o[120:]], bandwidth).statistic for o in orders]
    assert test.chance == pytest.approx(np.mean(shuffled), rel=0.1)
    assert test.p_value == pytest.approx(np.mean(np.array(shuffled) >= test.statistic), abs=0.05)


def test_a_swing_of_the_baseline_raises_the_floor() -> None:
    """Vectors that swing over the baseline's own time make the discrepancy of such a swing usual."""
    rng = np.random.default_rng(4)
    parts = stretches(np.arange(1000).astype("datetime64[s]"))
    steady = rng.normal(size=(1000, 4))
    swinging = steady + np.repeat(np.arange(10) % 3, 100)[:, None]
    assert usual_discrepancy(steady, parts, 0.005) < 0.02
    assert usual_discrepancy(swinging, parts, 0.005) > 0.05


@pytest.fixture
def page(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[dict[str, Any], Receiver]]:
    """The examples of the page, run one after the other, and who receives their predictions."""
    with Receiver() as receiver:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint)
        monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
        monkeypatch.setenv("OTEL_METRICS_EXPORTER", "none")
        modelspan.configure()
        module = type(sys)("embeddings_page")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        for code in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL):
            exec(compile(code, str(PAGE), "exec"), module.__dict__)
        yield module.__dict__, receiver
        modelspan.configure(disabled=True)


def test_the_examples_of_the_page_are_recorded(page: tuple[dict[str, Any], Receiver]) -> None:
    """Vectors and derived features arrive, the text does not."""
    _, receiver = page
    assert modelspan.flush(60)
    text, image = receiver.predictions()
    assert len(text["feature.text"]) == 64
    assert text["feature.characters"] == 50
    assert len(image["feature.image"]) == 64
    assert "charged twice" not in str(text)


def test_the_page_s_features_find_another_language_and_a_dirty_lens(
    page: tuple[dict[str, Any], Receiver], shared_store: Store, predict: Predict
) -> None:
    """Another language moves the vectors and the share of unknown words; a spot on the lens moves thumbnails."""
    code, rng = page[0], np.random.default_rng(5)
    english, german = sorted(code["VOCABULARY"]), ["die", "meine", "karte", "wurde", "zweimal", "belastet", "bitte"]

    def texts(words: list[str], count: int) -> list[str]:
        return [" ".join(rng.choice(words, 8)) for _ in range(count)]

    def images(spot: float, count: int) -> list[Any]:
        pixels = 0.5 + 0.1 * rng.normal(size=(count, 32, 32))
        pixels[:, 8:16, 8:16] -= spot
        return list(pixels)

    def table(said: list[str], seen: list[Any]) -> pa.Table:
        rows = [code["text_features"](text) | code["image_features"](one) for text, one in zip(said, seen, strict=True)]
        vectors_of = {
            "text": pa.array([code["text_vector"](text) for text in said], pa.list_(pa.float32())),
            "image": pa.array([code["image_vector"](one) for one in seen], pa.list_(pa.float32())),
        }
        return pa.table({**{name: [row[name] for row in rows] for name in rows[0]}, **vectors_of})

    baselines.set_from_table(shared_store, "page", "1", table(texts(english, 500), images(0.0, 500)), source="test")
    predict("page", table(texts(english, 300), images(0.0, 300)), START)
    mixed = texts(english, 240) + texts(german, 60)
    predict("page", table(mixed, images(0.1, 300)), START + timedelta(hours=1))
    assert alarms(embedding(context(shared_store, "page"))) == set()
    found = alarms(embedding(context(shared_store, "page", 1)))
    assert {("mmd", "text"), ("mmd", "image")} <= found
    assert ("psi", "unknown_share") in alarms(data_drift(context(shared_store, "page", 1)))


def test_the_settings_of_the_page_are_valid() -> None:
    """The page's monitors.yaml is one."""
    [block] = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    config = parse(block)
    assert config.for_model("tickets", "3").embedding.max_rows == 2000
