"""The simulated services of `day.py`: a gateway, a feature store, a scorer with pods and versions, and a batch job."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from why_tables import Bools, Coded, Floats, Ints, Spans, constant, hex_ids

from modelspan_analyzer.reading.features import feature_maps
from modelspan_collector.store.connect import Store

MODEL, BATCH = "churn", "invoices"
MS = 1_000_000
STAMP = pa.timestamp("ns", "UTC")
REGIONS = ("north", "south", "east", "west")
PLANS = ("free", "basic", "pro")
BATCH_EVERY, BATCH_ROWS = 4, 300
"""Windows from batch to batch, and the rows of one."""
RELEASES = ["2.3.1", "2.4.0"]
"""Of the scorer: the usual one, and the one that reads another unit."""
Held = tuple[str, pa.Table]
"""Rows of a table of the store."""


@dataclass
class World:
    """How the services are at the moment; an event changes it, its end changes it back."""

    rng: np.random.Generator
    rate: int = 30
    """Predictions a minute."""
    version: str = "1.0"
    """Of the model."""
    shadow: str = ""
    pods: int = 4
    none: float = 0.0
    """Share of requests for which the feature store answers nothing."""
    release: float = 0.0
    """Share of requests served by a new release of the scorer, which reads the income in another unit."""
    slow_pod: float = 0.0
    """Seconds that pod 0 takes longer within the function."""
    slow_gateway: float = 0.0
    """Seconds that a gateway's pod takes longer outside of it."""
    missed: str = ""
    """Region of which most of the positive cases are no longer recognised."""
    plans: tuple[str, ...] = PLANS
    stuck: bool = False
    errors: float = 0.0
    skew: float = 0.0
    """Seconds by which the feature store's clock is ahead."""
    away: timedelta = timedelta()
    """How long before a window's end the collector goes away: what comes since, it has only after its restart."""
    late: bool = False
    """Whether the batch job does not run."""
    served: int = 0
    """Predictions of the model so far, those of a shadow too."""
    _windows: int = 0
    _owed: bool = False
    """Whether a batch is still to come."""
    _held: list[Held] = field(default_factory=list)

    def serve(self, store: Store, start: datetime, length: timedelta) -> pa.Table:
        """Write the predictions and spans of a stretch of time; returns ids and truths for labels to come."""
        self._batch(store, start)
        n = int(self.rng.poisson(self.rate * length.total_seconds() / 60))
        self.served += 2 * n if self.shadow else n
        if n == 0:
            return pa.table({"prediction_id": pa.array([], pa.string()), "label": pa.array([], pa.string())})
        requests = Requests(self, n, start, length)
        spans = pa.concat_tables([one.table(requests.traces) for one in requests.spans()])
        tables = [("otel_traces", spans), ("predictions", requests.predict(self.version, "primary"))]
        if self.shadow:
            tables.append(("predictions", requests.predict(self.shadow, "shadow")))
        there = requests.times < int((start + length - self.away).timestamp()) * 10**9
        for name, rows in tables:
            came = pa.array(np.tile(there, rows.num_rows // n))
            store.insert(name, rows.filter(came))
            if not there.all():
                self._held.append((name, rows.filter(pc.invert(came))))
        return requests.truths()

    def deliver(self, store: Store) -> None:
        """The collector is back: what waited for it comes in."""
        for name, rows in self._held:
            store.insert(name, rows)
        self._held.clear()

    def _batch(self, store: Store, start: datetime) -> None:
        """The batch of a window, where one is due and the job runs."""
        self._owed = self._owed or self._windows % BATCH_EVERY == 0
        self._windows += 1
        if self.late or not self._owed:
            return
        self._owed = False
        at = int(start.timestamp()) * 10**9 + np.sort(self.rng.integers(0, 60 * 10**9, BATCH_ROWS))
        amount = self.rng.lognormal(4, 0.6, BATCH_ROWS)
        columns = {
            "model": pa.repeat(pa.scalar(BATCH), BATCH_ROWS),
            "version": pa.repeat(pa.scalar("3"), BATCH_ROWS),
            "role": pa.repeat(pa.scalar("primary"), BATCH_ROWS),
            "service": pa.repeat(pa.scalar("invoicing"), BATCH_ROWS),
            "timestamp": pa.array(at).cast(STAMP),
            "prediction_id": hex_ids(self.rng, BATCH_ROWS, 8),
            "value": pa.array(amount * self.rng.lognormal(0, 0.1, BATCH_ROWS)),
            **feature_maps(pa.table({"amount": amount, "lines": self.rng.poisson(5, BATCH_ROWS).astype(float)})),
        }
        store.insert("predictions", pa.table(columns))


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
        self.nothing: Bools = rng.random(n) < world.none
        self.new: Bools = rng.random(n) < world.release
        self.failed: Bools = rng.random(n) < world.errors
        odds = 1.2 * (np.log(self.income) - 8) - 0.06 * (self.age - 45) + 0.25 * (self.visits - 6)
        self.score: Floats = 1 / (1 + np.exp(-odds))
        self.truth: Bools = rng.random(n) < self.score
        self.seconds: Floats = rng.lognormal(np.log(0.02), 0.3, n) + world.slow_pod * (self.pod == 0)

    def _id(self, role: str) -> pa.Array:
        return pa.array([f"{trace}-{role}" for trace in self.traces.to_pylist()])

    def truths(self) -> pa.Table:
        """What the answers should have been."""
        return pa.table({"prediction_id": self._id("primary"), "label": np.where(self.truth, "yes", "no")})

    def predict(self, version: str, role: str) -> pa.Table:
        """The predictions of a role."""
        world, n, missing = self.world, self.n, self.nothing
        score = np.where(missing, 0.5, np.where(self.new, 0.1 * self.score, self.score))
        group = np.array(REGIONS)[self.region] == world.missed
        score = np.where(group & self.truth & (self.rng.random(n) < 0.9), 0.3 * score, score)
        income = np.full(n, 4000.0) if world.stuck else self.income * np.where(self.new, 0.01, 1.0)
        features = pa.table(
            {
                "income": pa.array(income, mask=missing),
                "age": self.age,
                "visits": self.visits,
                "plan": pa.array([world.plans[code] for code in self.plan]),
            }
        )
        tags = [[("region", REGIONS[code])] for code in self.region]
        answer = np.where(self.failed, "", np.where(score > 0.5, "yes", "no"))
        columns = {
            "model": pa.repeat(pa.scalar(MODEL), n),
            "version": pa.repeat(pa.scalar(version), n),
            "role": pa.repeat(pa.scalar(role), n),
            "service": pa.repeat(pa.scalar("scorer"), n),
            "timestamp": pa.array(self.times).cast(STAMP),
            "prediction_id": self._id(role),
            "trace_id": self.traces,
            "span_id": self.spanned,
            "value": pa.array(score, mask=self.failed),
            "label": pa.array(answer),
            "duration": pa.array(self.seconds),
            "error_type": pa.array(np.where(self.failed, "TimeoutError", "")),
            "tags": pa.array(tags, pa.map_(pa.string(), pa.string())),
            **feature_maps(features),
        }
        return pa.table(columns)

    def spans(self) -> list[Spans]:
        """Of the gateway, of the feature store before the prediction, and of the prediction itself."""
        rows, no = np.arange(self.n), np.zeros(self.n, bool)
        gateways = self.rng.integers(0, 3, self.n)
        roots = hex_ids(self.rng, self.n, 8)
        fetch = np.round(self.rng.lognormal(np.log(8), 0.4, self.n) * MS).astype(np.int64)
        length = np.round(self.seconds * 1e9).astype(np.int64)
        outside = np.round(self.world.slow_gateway * 1e9 * (gateways == 0)).astype(np.int64)
        status = Coded(self.nothing.astype(np.int64), ["found", "none"])
        scorer = self._service("scorer", self.pod, Coded(self.new.astype(np.int64), RELEASES))
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
