"""Random distributed systems around a model: services, pods, releases, caches, retries, noise; no fault yet."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from why_tables import Bools, Coded, Floats, Ints

HOURS = 6
SECOND = 10**9
START = 1_790_000_000 * SECOND
"""First moment of the simulated stretch (nanoseconds since 1970)."""
END = START + HOURS * 3600 * SECOND
MODELS = ("churn", "fraud", "credit", "pricing", "eta")
NAMES = {
    "gateway": ("gateway", "edge-api", "frontend", "scoring-api"),
    "auth": ("auth", "identity", "token-service"),
    "profile": ("feature-store", "profile-api", "customer-data", "attributes"),
    "history": ("ledger", "transactions", "order-history", "events-api"),
    "model": ("model-server", "scorer", "inference"),
    "audit": ("audit", "decision-log", "compliance"),
    "geo": ("geo", "ip-intel", "location"),
}
REGIONS = ["eu-west-1", "us-east-1", "ap-south-1"]
CLIENTS = ["4.8.2", "4.9.0", "4.9.1", "5.0.0", "5.1.0", "5.2.0"]


@dataclass
class Service:
    """One service: which pod and which release served each prediction."""

    name: str
    pod: Ints
    pods: list[str]
    hosts: list[str]
    release: Ints
    """0 before its deployment, 1 after it."""
    versions: list[str]
    deployed: int | None = None
    skew: Ints | int = 0
    """Nanoseconds by which its clock is wrong, a row."""

    def resource(self, region: Ints) -> dict[str, Coded]:
        """The resource attributes of its spans."""
        names = [f"{pod}-{release}" for release in ("7d9f", "b41c") for pod in self.pods]
        return {
            "service.name": Coded(np.zeros_like(self.pod), [self.name]),
            "service.version": Coded(self.release, self.versions),
            "k8s.pod.name": Coded(self.release * len(self.pods) + self.pod, names),
            "host.name": Coded(self.pod, self.hosts),
            "cloud.region": Coded(region, REGIONS),
            "deployment.environment.name": Coded(np.zeros_like(self.pod), ["production"]),
            "telemetry.sdk.language": Coded(np.zeros_like(self.pod), ["java"]),
        }

    def deploy(self, rng: np.random.Generator, times: Ints, at: int, share: float = 1.0) -> None:
        """Bring a new release at `at`, to a share of the pods, one pod after the other within some minutes."""
        order = rng.permutation(len(self.pods))
        updated = order[: max(1, round(share * len(self.pods)))]
        roll = int(rng.choice([0, 60, 300])) * SECOND
        switch = np.full(len(self.pods), np.iinfo(np.int64).max)
        switch[updated] = at + (np.arange(len(updated)) * roll) // max(1, len(updated))
        self.release = (times >= switch[self.pod]).astype(np.int64)
        self.deployed = at


@dataclass
class System:
    """A system and what each of its n predictions went through, as arrays."""

    rng: np.random.Generator
    n: int
    model: str
    times: Ints
    onset: int
    services: dict[str, Service]
    region: Ints
    tenant: Ints
    client: Ints
    mobile: Bools
    flags: dict[str, Bools]
    features: dict[str, Floats]
    categories: dict[str, tuple[Ints, list[str]]]
    missing: dict[str, Bools]
    durations: dict[str, Floats]
    """Milliseconds of each span's own work."""
    errors: dict[str, Bools]
    attempts: dict[str, Ints]
    hit: Bools
    table: Ints
    disk: Bools
    inside: bool
    """Whether the features are fetched within predict() or before it."""
    fallback: Bools
    schema: dict[str, Ints]
    """The schema of a service's answers: 0 the old, 1 the new."""
    crash: Bools
    value_shift: Floats
    until: int
    """When what began at the onset is over."""
    messages: dict[str, str] = field(default_factory=dict)
    framework: bool = False
    """Whether the gateway and the profile service are ASGI applications, with spans for what they send and receive."""
    own_span: bool = True
    """Whether predict() has a span of its own; else its record names the gateway's."""

    @property
    def after(self) -> Bools:
        """Which predictions came after the onset, and before it was over."""
        return (self.times >= self.onset) & (self.times < self.until)

    def chance(self, probability: float | Floats) -> Bools:
        """Independent coins."""
        return self.rng.random(self.n) < probability


def build(rng: np.random.Generator, n: int) -> System:
    """A system with its ordinary life: traffic, noise, background errors, two or three harmless releases."""
    times = np.sort(rng.uniform(0, 1, n) ** rng.uniform(0.9, 1.1) * (END - START)).astype(np.int64) + START
    onset = int(START + rng.uniform(0.46, 0.82) * (END - START))
    services = {role: _service(rng, n, str(rng.choice(names))) for role, names in NAMES.items()}
    for role in rng.choice(list(NAMES), size=rng.integers(2, 4), replace=False):
        services[role].deploy(rng, times, _apart(rng, onset))
    region = rng.choice(3, n, p=rng.dirichlet((6, 4, 3)))
    mobile = rng.random(n) < 0.4
    income = np.exp(rng.normal(10 + 0.3 * (region == 1), 0.5, n))
    system = System(
        rng=rng,
        n=n,
        model=str(rng.choice(MODELS)),
        times=times,
        onset=onset,
        until=END,
        services=services,
        region=region,
        tenant=np.minimum(rng.zipf(1.6, n) - 1, 39),
        client=rng.choice(5, n, p=[0.05, 0.15, 0.3, 0.3, 0.2]),
        mobile=mobile,
        flags={"new_checkout": rng.random(n) < 0.3, "fast_path": rng.random(n) < 0.1},
        features={
            "income": income,
            "balance": income * rng.gamma(2.0, 0.2, n),
            "txn_count_7d": rng.poisson(6, n).astype(float),
            "minutes_since_login": rng.exponential(90, n),
            "age": rng.normal(42, 12, n).clip(18, 95),
        },
        categories={
            "country": (rng.choice(5, n, p=[0.4, 0.25, 0.15, 0.1, 0.1]), ["DE", "FR", "US", "IN", "BR"]),
            "plan": (rng.choice(3, n, p=[0.6, 0.3, 0.1]), ["free", "plus", "pro"]),
        },
        missing={
            "income": rng.random(n) < np.where(mobile, 0.02, 0.006),
            "balance": rng.random(n) < 0.004,
            "txn_count_7d": rng.random(n) < 0.01,
            "country": rng.random(n) < 0.003,
        },
        durations={role: np.exp(rng.normal(np.log(mean), 0.45, n)) for role, mean in DURATIONS.items()},
        errors={role: rng.random(n) < rng.uniform(0.001, 0.008) for role in DURATIONS},
        attempts={
            "profile": 1 + (rng.random(n) < 0.006).astype(np.int64),
            "history": 1 + (rng.random(n) < 0.006).astype(np.int64),
        },
        hit=rng.random(n) < rng.uniform(0.4, 0.75),
        table=region.copy(),
        disk=rng.random(n) < 0.5,
        inside=bool(rng.random() < 0.5),
        fallback=rng.random(n) < 0.004,
        schema={"profile": np.zeros(n, np.int64), "history": np.zeros(n, np.int64)},
        crash=rng.random(n) < 0.003,
        value_shift=np.zeros(n),
    )
    system.missing["income"] |= system.errors["profile"] & (rng.random(n) < 0.8)
    system.missing["txn_count_7d"] |= system.errors["history"] & (rng.random(n) < 0.8)
    return system


DURATIONS = {
    "auth": 4.0,
    "geo": 6.0,
    "profile": 5.0,
    "cache": 1.2,
    "db": 9.0,
    "history": 14.0,
    "disk": 3.0,
    "compute": 7.0,
    "audit": 3.0,
}


def _service(rng: np.random.Generator, n: int, name: str) -> Service:
    count = int(rng.integers(3, 9))
    major, minor = rng.integers(1, 5), rng.integers(0, 20)
    hosts = [f"node-{number}" for number in rng.choice(40, count, replace=False)]
    return Service(
        name=name,
        pod=rng.integers(0, count, n),
        pods=[f"{name}-{index}" for index in range(count)],
        hosts=hosts,
        release=np.zeros(n, np.int64),
        versions=[f"{major}.{minor}.0", f"{major}.{minor}.1"],
    )


def _apart(rng: np.random.Generator, onset: int) -> int:
    """A moment at least twelve minutes from the onset: nobody could tell a closer release from the culprit."""
    while True:
        moment = int(START + rng.uniform(0.05, 0.95) * (END - START))
        if abs(moment - onset) > 720 * SECOND:
            return moment
