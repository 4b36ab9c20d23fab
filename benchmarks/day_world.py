"""The simulated services of `day.py`: a gateway, a feature store, and a scorer with pods and versions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
from why_tables import Coded, Floats, Ints, Spans, constant, hex_ids

from modelspan_analyzer.reading.features import feature_maps
from modelspan_collector.store.connect import Store

MODEL = "churn"
MS = 1_000_000
STAMP = pa.timestamp("ns", "UTC")
REGIONS = ("north", "south", "east", "west")
PLANS = ("free", "basic", "pro")


@dataclass
class World:
    """How the services are at the moment; an event changes it, its end changes it back."""

    rng: np.random.Generator
    rate: int = 30
    """Predictions a minute."""
    versions: dict[str, float] = field(default_factory=lambda: {"1.0": 1.0})
    """Share of the traffic that each version answers."""
    shadow: str = ""
    pods: int = 4
    none: float = 0.0
    """Share of requests for which the feature store answers nothing."""
    unit: dict[str, float] = field(default_factory=dict)
    """Versions that read the income in another unit."""
    slow_pod: float = 0.0
    """Seconds that pod 0 takes longer within the function."""
    slow_gateway: float = 0.0
    """Seconds that a gateway's pod takes longer outside of it."""
    confused: str = ""
    """Region whose answers are mostly wrong."""
    plans: tuple[str, ...] = PLANS
    stuck: bool = False
    errors: float = 0.0
    skew: float = 0.0
    """Seconds by which the feature store's clock is ahead."""

    def serve(self, store: Store, start: datetime, length: timedelta) -> pa.Table:
        """Write the predictions and spans of a stretch of time; returns ids and truths for labels to come."""
        n = int(self.rng.poisson(self.rate * length.total_seconds() / 60))
        if n == 0:
            return pa.table({"prediction_id": pa.array([], pa.string()), "label": pa.array([], pa.string())})
        served = Requests(self, n, start, length)
        version = self.rng.choice(list(self.versions), n, p=list(self.versions.values()))
        for spans in served.spans(version):
            store.insert("otel_traces", spans.table(served.traces))
        truths = served.predict(store, version, "primary")
        if self.shadow:
            served.predict(store, np.full(n, self.shadow), "shadow")
        return truths


class Requests:
    """The requests of a stretch of time: what was asked, and what the services did with it."""

    def __init__(self, world: World, n: int, start: datetime, length: timedelta) -> None:
        rng = world.rng
        self.world, self.n, self.rng = world, n, rng
        self.times: Ints = int(start.timestamp()) * 10**9 + np.sort(
            rng.integers(0, int(length.total_seconds() * 1e9), n)
        )
        self.traces, self.spanned = hex_ids(rng, n, 16), hex_ids(rng, n, 8)
        self.income: Floats = rng.lognormal(8, 0.5, n)
        self.age: Floats = rng.normal(45, 12, n)
        self.visits: Floats = rng.poisson(6, n).astype(float)
        self.plan = rng.choice(len(PLANS), n, p=[0.5, 0.3, 0.2])
        self.region = rng.choice(len(REGIONS), n)
        self.pod = rng.integers(0, world.pods, n)
        self.nothing = rng.random(n) < world.none
        self.failed = rng.random(n) < world.errors
        odds = 1.2 * (np.log(self.income) - 8) - 0.06 * (self.age - 45) + 0.25 * (self.visits - 6)
        self.score: Floats = 1 / (1 + np.exp(-odds))
        self.truth = rng.random(n) < self.score
        self.seconds: Floats = rng.lognormal(np.log(0.02), 0.3, n) + world.slow_pod * (self.pod == 0)

    def predict(self, store: Store, version: np.ndarray, role: str) -> pa.Table:
        """Insert the predictions of a role; returns ids and truths."""
        world, n = self.world, self.n
        missing = self.nothing
        scale = np.array([world.unit.get(one, 1.0) for one in version])
        score = np.where(missing, 0.5, np.where(scale == 1, self.score, 0.9))
        confused = np.array(REGIONS)[self.region] == world.confused
        score = np.where(confused & (self.rng.random(n) < 0.8), 1 - score, score)
        income = np.full(n, 4000.0) if world.stuck else self.income * scale
        features = pa.table(
            {
                "income": pa.array(income, mask=missing),
                "age": self.age,
                "visits": self.visits,
                "plan": pa.array([world.plans[code] for code in self.plan]),
            }
        )
        tags = [[("region", REGIONS[code])] for code in self.region]
        ids = pa.array([f"{trace}-{role}" for trace in self.traces.to_pylist()])
        answer = np.where(self.failed, "", np.where(score > 0.5, "yes", "no"))
        columns = {
            "model": pa.repeat(pa.scalar(MODEL), n),
            "version": pa.array(version.astype(str)),
            "role": pa.repeat(pa.scalar(role), n),
            "service": pa.repeat(pa.scalar("scorer"), n),
            "timestamp": pa.array(self.times).cast(STAMP),
            "prediction_id": ids,
            "trace_id": self.traces,
            "span_id": self.spanned,
            "value": pa.array(score, mask=self.failed),
            "label": pa.array(answer),
            "duration": pa.array(self.seconds),
            "error_type": pa.array(np.where(self.failed, "TimeoutError", "")),
            "tags": pa.array(tags, pa.map_(pa.string(), pa.string())),
            **feature_maps(features),
        }
        store.insert("predictions", pa.table(columns))
        return pa.table({"prediction_id": ids, "label": pa.array(np.where(self.truth, "yes", "no"))})

    def spans(self, version: np.ndarray) -> list[Spans]:
        """Of the gateway, of the feature store before the prediction, and of the prediction itself."""
        rows, no = np.arange(self.n), np.zeros(self.n, bool)
        gateways = self.rng.integers(0, 3, self.n)
        roots = hex_ids(self.rng, self.n, 8)
        fetch = np.round(self.rng.lognormal(np.log(8), 0.4, self.n) * MS).astype(np.int64)
        length = np.round(self.seconds * 1e9).astype(np.int64)
        outside = np.round(self.world.slow_gateway * 1e9 * (gateways == 0)).astype(np.int64)
        names = sorted(set(version))
        status = Coded(self.nothing.astype(np.int64), ["found", "none"])
        scorer = self._service("scorer", self.pod, Coded(np.array([names.index(one) for one in version]), names))
        skew = round(self.world.skew * 1e9)
        begun = self.times - fetch - outside
        root = Spans(
            "gateway", "POST /score", rows, begun - MS, outside + fetch + length + 2 * MS, roots, pa.repeat("", self.n),
            {"http.route": constant("/score", self.n)}, self._service("gateway", gateways), no, kind="Server",
        )  # fmt: skip
        profile = Spans(
            "feature-store", "GET /profile", rows, begun + outside + skew, fetch, hex_ids(self.rng, self.n, 8), roots,
            {"profile.result": status}, self._service("feature-store", self.rng.integers(0, 2, self.n)), no,
        )  # fmt: skip
        predict = Spans(
            "scorer", "predict churn", rows, self.times, length, self.spanned, roots,
            {"thread.id": Coded(self.pod, ["0", "1", "2", "3"])}, scorer, self.failed,
            message="TimeoutError", kind="Internal",
        )  # fmt: skip
        return [root, profile, predict]

    def _service(self, name: str, pod: Ints, version: Coded | None = None) -> dict[str, Coded]:
        pods = [f"{name}-{number}" for number in range(int(pod.max()) + 1)]
        return {
            "service.name": constant(name, self.n),
            "service.version": version or constant("5.1", self.n),
            "k8s.pod.name": Coded(pod, pods),
        }
