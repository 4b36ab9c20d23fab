"""What the pages are looked at with: a model that breaks, one whose every name is hostile, and what monitors say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.monitors_yaml import parse
from modelspan_analyzer.reading.baselines import set_from_table
from modelspan_analyzer.reading.features import feature_maps
from modelspan_analyzer.respond import Responder
from modelspan_analyzer.runner import Runner
from modelspan_collector.store.connect import Store

MODEL = "credit"
HOURS, ROWS = 6, 300
BROKEN = 4
"""The hour from which the feature store leaves `age` out and `plan` has another mix."""
START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS + 1)
HOSTILE = """a/b.json?x=1&y=2#z <script>alert("model")</script> {{7*7}} {% x %} '"`"""
HOSTILE_FEATURES = (
    "<img src=x onerror=alert('feature')>",
    "{{ 7 * 7 }} ${7*7} %s",
    "\u202egnp.exe\u202c \u200f",
    "name " * 2000,
    '=HYPERLINK("http://evil.example","x")',
)
_STAMP = pa.timestamp("ns", "UTC")
_CONFIG = """
version: 1
defaults:
  segments: [tag.region]
  baseline: {learn: 250}
  fairness: {facets: [sex], min_group: 30}
  schedule: {delay: 1s}
  multivariate: {enabled: false}
  embedding: {enabled: false}
  poisoning: {enabled: false}
  concept: {enabled: false}
  attribution: {enabled: false}
  robustness: {enabled: false}
  worst_slices: {enabled: false}
"""


@dataclass(frozen=True)
class World:
    """A filled store, and the address of the web port over it."""

    store: Store
    address: str


def config() -> MonitorsConfig:
    """The monitors that look at it."""
    return parse(_CONFIG)


def fill(store: Store) -> None:
    """Everything that pages show, as it comes about in an instance; the last windows break."""
    _card(store)
    _baseline(store)
    for hour in range(HOURS):
        _serve(store, "1", hour, broken=hour >= BROKEN)
    _serve(store, "2", HOURS - 1, broken=False)
    _hostile(store)
    now = START + timedelta(hours=HOURS, minutes=1)
    responder = Responder(store, config())
    Runner(store, config(), respond=responder, clock=lambda: now).once()


def _draw(rows: int, seed: int, *, broken: bool = False) -> tuple[pa.Table, np.ndarray, np.ndarray]:
    chance = np.random.default_rng(seed)
    age = chance.normal(40, 10, rows)
    shown = [None if broken and chance.random() < 0.5 else float(each) for each in age]
    plan = chance.choice(["free", "pro", "team"], rows, p=[0.1, 0.2, 0.7] if broken else [0.6, 0.3, 0.1])
    score = 1 / (1 + np.exp(-(age - 40) / 8))
    features = pa.table({"age": shown, "plan": plan, "amount": chance.lognormal(3, 1, rows)})
    return features, score, chance.random(rows) < score


def _baseline(store: Store) -> None:
    features, score, truth = _draw(2000, 1)
    sex = np.random.default_rng(2).choice(["f", "m"], 2000)
    columns = {"score": score, "predicted": _names(score > 0.5), "truth": _names(truth), "sex": sex}
    for name, values in columns.items():
        features = features.append_column(name, pa.array(values))
    set_from_table(
        store,
        MODEL,
        None,
        features,
        prediction="predicted",
        score="score",
        label="truth",
        tags=["sex"],
        source="validation rows",
    )


def _names(yes: np.ndarray) -> list[str]:
    return ["yes" if each else "no" for each in yes]


def _serve(store: Store, version: str, hour: int, *, broken: bool) -> None:
    features, score, truth = _draw(ROWS, 10 + hour, broken=broken)
    chance = np.random.default_rng([hour, int(version)])
    begin = START + timedelta(hours=hour)
    stamps = [begin + timedelta(seconds=12 * row) for row in range(ROWS)]
    ids = [f"{version}-{hour}-{row}" for row in range(ROWS)]
    traces = [f"{int(version):02x}{hour:02x}{row:028x}" for row in range(ROWS)]
    sex, region = chance.choice(["f", "m"], ROWS), chance.choice(["north", "south"], ROWS)
    rows = {
        "model": [MODEL] * ROWS,
        "version": [version] * ROWS,
        "service": ["scoring"] * ROWS,
        "timestamp": pa.array(stamps, _STAMP),
        "prediction_id": ids,
        "trace_id": traces,
        "value": score,
        "label": _names(score > 0.5),
        "scores": pa.array([[("yes", float(each)), ("no", 1 - float(each))] for each in score], _SCORES),
        "duration": chance.gamma(2, 0.01, ROWS),
        "tags": pa.array([[("sex", a), ("region", b)] for a, b in zip(sex, region, strict=True)], _TAGS),
        **feature_maps(features),
    }
    store.insert("predictions", pa.table(rows))
    _label(store, ids, begin, truth)
    _trace(store, traces, stamps)


_SCORES = pa.map_(pa.string(), pa.float64())
_TAGS = pa.map_(pa.string(), pa.string())


def _label(store: Store, ids: list[str], begin: datetime, truth: np.ndarray) -> None:
    """Labels come for two of three."""
    known = [place for place in range(len(ids)) if place % 3]
    labels = {
        "prediction_id": [ids[place] for place in known],
        "model": [MODEL] * len(known),
        "timestamp": pa.array([begin + timedelta(hours=1)] * len(known), _STAMP),
        "label": [_names(truth)[place] for place in known],
    }
    store.insert("labels", pa.table(labels))


def _trace(store: Store, traces: list[str], stamps: list[datetime]) -> None:
    """The call, and the feature store under it."""
    count = len(traces)
    for service, name, parent, seconds in (
        ("scoring", "predict", "", 0.03),
        ("feature-store", "GET /<b>x</b>", "0a", 0.02),
    ):
        spans = {
            "Timestamp": pa.array(stamps, _STAMP),
            "TraceId": traces,
            "SpanId": [("0b" if parent else "0a") * 8] * count,
            "ParentSpanId": [parent * 8] * count,
            "SpanName": [name] * count,
            "SpanKind": ["Server"] * count,
            "ServiceName": [service] * count,
            "Duration": pa.array([int(seconds * 1e9)] * count, pa.uint64()),
            "StatusCode": ["Ok"] * count,
        }
        store.insert("otel_traces", pa.table(spans))


def _card(store: Store) -> None:
    card = {
        "model": [MODEL],
        "version": ["1"],
        "timestamp": pa.array([START], _STAMP),
        "owner": ["risk <team>"],
        "task": ["classification"],
        "classes": pa.array([["yes", "no"]]),
        "hyperparameters": ['{"depth": 3}'],
        "training_data": ["loans of 2025"],
        "deployed_at": pa.array([START + timedelta(hours=2)], _STAMP),
    }
    store.insert("models", pa.table(card))


def _hostile(store: Store) -> None:
    """A model, its version, its features, values and tags, all of which somebody chose to break a page."""
    chance = np.random.default_rng(5)
    values = {name: chance.choice(["<b>x</b>", "=1+1", "\u202eabc"], ROWS) for name in HOSTILE_FEATURES[:2]}
    values |= {name: chance.normal(0, 1, ROWS) for name in HOSTILE_FEATURES[2:]}
    begin = START + timedelta(hours=1)
    for hour in range(2):
        rows = {
            "model": [HOSTILE] * ROWS,
            "version": ["<svg onload=alert(1)>"] * ROWS,
            "timestamp": pa.array([begin + timedelta(hours=hour, seconds=row) for row in range(ROWS)], _STAMP),
            "prediction_id": [f"h{hour}-{row}" for row in range(ROWS)],
            "label": ["</table><h1>big</h1>"] * ROWS,
            "tags": pa.array([[("region", "<i>n</i>")]] * ROWS, _TAGS),
            **feature_maps(pa.table(values)),
        }
        store.insert("predictions", pa.table(rows))
