"""The hidden causes: each bends a system's arrays from the onset on, and says what it will be found by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from why_systems import CLIENTS, SECOND, System


@dataclass(frozen=True)
class Truth:
    """What a correct answer names: one of these (service, attribute or kind, value)."""

    service: str
    kinds: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    value: str = ""
    span: str = ""


@dataclass(frozen=True)
class Injection:
    """A cause, as the monitors would see it and as it really was."""

    kind: str
    finding: str
    """What was found: missing, drift, categorical_drift, prediction_drift, slow, wrong or errors."""
    feature: str
    truth: tuple[Truth, ...]


def timeout(system: System) -> Injection:
    """Calls of a feature service end in a time-out and leave nulls."""
    role, feature = _fetcher(system)
    hit = system.after & system.chance(system.rng.uniform(0.08, 0.5))
    system.errors[role] |= hit
    system.messages[role] = "DEADLINE_EXCEEDED"
    system.durations[role] = np.where(hit, system.rng.normal(2000, 5, system.n), system.durations[role])
    system.missing[feature] |= hit & system.chance(0.97)
    service = system.services[role].name
    return Injection("timeout", "missing", feature, (Truth(service, ("status", "duration", "event"), span="fetch"),))


def stale_cache(system: System) -> Injection:
    """From the onset on, whatever comes from the cache is old."""
    stale = system.after & system.hit
    feature = str(system.rng.choice(["income", "balance", "minutes_since_login"]))
    system.features[feature] = np.where(
        stale, system.features[feature] * system.rng.uniform(0.2, 0.5), system.features[feature]
    )
    return Injection(
        "stale_cache",
        "drift",
        feature,
        (Truth(system.services["profile"].name, attributes=("cache.hit",), value="true"),),
    )


def unit_change(system: System) -> Injection:
    """A release of a service sends a feature in another unit."""
    role, feature = _fetcher(system)
    service = system.services[role]
    service.deploy(system.rng, system.times, system.onset, share=float(system.rng.choice([0.4, 1.0])))
    factor = float(system.rng.choice([0.001, 0.01, 100.0, 1000.0]))
    system.features[feature] = np.where(
        service.release == 1, system.features[feature] * factor, system.features[feature]
    )
    return Injection(
        "unit_change",
        "drift",
        feature,
        (Truth(service.name, attributes=("service.version",), value=service.versions[1]),),
    )


def wrong_table(system: System) -> Injection:
    """One region reads another region's table."""
    home, away = system.rng.choice(3, 2, replace=False)
    moved = system.after & (system.region == home)
    system.table = np.where(moved, away, system.table)
    misses = moved & ~system.hit
    system.features["income"] = np.where(
        misses, system.features["income"] * system.rng.choice([0.2, 4.0]), system.features["income"]
    )
    name = system.services["profile"].name
    return Injection(
        "wrong_table", "drift", "income", (Truth(name, attributes=("db.collection.name",), value=f"profiles_{away}"),)
    )


def feature_flag(system: System) -> Injection:
    """A feature flag changes what the model says."""
    on = system.after & system.chance(system.rng.uniform(0.1, 0.5))
    system.flags["pricing_v2"] = on | system.chance(0.002)
    system.value_shift += np.where(on, system.rng.uniform(1.5, 3.0), 0.0)
    gateway = system.services["gateway"].name
    return Injection(
        "feature_flag",
        "prediction_drift",
        "",
        (Truth(gateway, attributes=("feature_flag.pricing_v2",), value="on"),),
    )


def client_version(system: System) -> Injection:
    """A new version of the app does not send a field."""
    new = system.after & system.chance(system.rng.uniform(0.1, 0.5))
    system.client = np.where(new, CLIENTS.index("5.2.0"), system.client)
    feature = str(system.rng.choice(["country", "income"]))
    system.missing[feature] |= new & system.chance(system.rng.uniform(0.7, 1.0))
    gateway = system.services["gateway"].name
    return Injection(
        "client_version", "missing", feature, (Truth(gateway, attributes=("client.version",), value="5.2.0"),)
    )


def retries(system: System) -> Injection:
    """Calls inside predict() need several attempts, and predictions become slow."""
    system.inside = True
    role = str(system.rng.choice(["profile", "history"]))
    again = system.after & system.chance(system.rng.uniform(0.1, 0.4))
    system.attempts[role] = np.where(again, system.rng.integers(3, 5, system.n), system.attempts[role])
    return Injection(
        "retries", "slow", "", (Truth(system.services[role].name, ("repeat", "status", "event"), span="fetch"),)
    )


def slow_disk(system: System) -> Injection:
    """A slow disk makes the server answer with its fallback model."""
    slow = system.after & system.disk & system.chance(system.rng.uniform(0.3, 0.9))
    system.durations["disk"] = np.where(slow, system.rng.normal(600, 80, system.n), system.durations["disk"])
    system.fallback |= slow
    finding = str(system.rng.choice(["wrong", "prediction_drift"]))
    return Injection(
        "slow_disk", finding, "", (Truth(system.services["model"].name, ("duration",), span="read weights"),)
    )


def encoding(system: System) -> Injection:
    """A release writes categories in another encoding."""
    role = "history" if system.rng.random() < 0.5 else "profile"
    service = system.services[role]
    service.deploy(system.rng, system.times, system.onset, share=float(system.rng.choice([0.5, 1.0])))
    codes, vocabulary = system.categories["country"]
    system.categories["country"] = (
        np.where(service.release == 1, codes + len(vocabulary), codes),
        vocabulary + [value.lower() for value in vocabulary],
    )
    system.schema[role] = np.where(service.release == 1, 1, 0)
    truth = (
        Truth(service.name, attributes=("service.version",), value=service.versions[1]),
        Truth(service.name, attributes=("payload.schema",), value="v2"),
    )
    return Injection("encoding", "categorical_drift", "country", truth)


def pod_outage(system: System) -> Injection:
    """One pod of a service fails a part of its calls."""
    role, feature = _fetcher(system)
    service = system.services[role]
    pod = int(system.rng.integers(len(service.pods)))
    down = system.after & (service.pod == pod) & system.chance(system.rng.uniform(0.4, 1.0))
    system.errors[role] |= down
    system.messages[role] = "UNAVAILABLE"
    finding = str(system.rng.choice(["missing", "errors"]))
    if finding == "missing":
        system.missing[feature] |= down & system.chance(0.97)
    else:
        system.crash |= down & system.chance(0.97)
    truth = (
        Truth(service.name, attributes=("k8s.pod.name",), value=f"{service.pods[pod]}-"),
        Truth(service.name, attributes=("host.name",), value=service.hosts[pod]),
    )
    return Injection("pod_outage", finding, feature if finding == "missing" else "", truth)


def clock_skew(system: System) -> Injection:
    """The clock of one host runs wrong, and so does every age computed there."""
    service = system.services["profile"]
    pod = int(system.rng.integers(len(service.pods)))
    wrong = system.after & (service.pod == pod)
    seconds = int(system.rng.choice([-1, 1]) * system.rng.integers(120, 600))
    service.skew = np.where(wrong, seconds * SECOND, 0)
    system.features["minutes_since_login"] = np.where(
        wrong, system.features["minutes_since_login"] + 60 * 24.0, system.features["minutes_since_login"]
    )
    truth = (
        Truth(service.name, ("clock",)),
        Truth(service.name, attributes=("k8s.pod.name",), value=f"{service.pods[pod]}-"),
        Truth(service.name, attributes=("host.name",), value=service.hosts[pod]),
    )
    return Injection("clock_skew", "drift", "minutes_since_login", truth)


def none(system: System) -> Injection:
    """Nothing in the traces: the world changed, or chance did it."""
    choice = system.rng.integers(4)
    if choice == 0:
        system.missing["balance"] |= system.chance(0.05)
        return Injection("none", "missing", "balance", ())
    if choice == 1:
        system.missing["country"] |= system.after & system.chance(0.2)
        return Injection("none", "missing", "country", ())
    if choice == 2:
        system.features["age"] = system.features["age"] + np.where(system.after & system.chance(0.5), 25, 0)
        return Injection("none", "drift", "age", ())
    system.value_shift += np.where(system.after, 1.5, 0.0)
    return Injection("none", "prediction_drift", "", ())


def empty_answers(system: System) -> Injection:
    """An ASGI service answers with nothing in it, without an error and sent in no time, as are the answers to it."""
    system.framework, system.inside = True, False
    system.own_span = bool(system.rng.random() < 0.5)
    empty = system.after & system.chance(system.rng.uniform(0.4, 0.7))
    system.missing["income"] |= empty
    length = np.where(system.missing["income"], *(np.exp(system.rng.normal(at, 0.2, system.n)) for at in (2.0, -1.0)))
    system.durations["send"] = length if system.rng.random() < 0.5 else 1 / length
    return Injection("empty_answers", "missing", "income", ())


CAUSES: tuple[Callable[[System], Injection], ...] = (
    timeout,
    stale_cache,
    unit_change,
    wrong_table,
    feature_flag,
    client_version,
    retries,
    slow_disk,
    encoding,
    pod_outage,
    clock_skew,
    none,
)


def _fetcher(system: System) -> tuple[str, str]:
    """A feature service and a feature that it brings."""
    return ("profile", "income") if system.rng.random() < 0.5 else ("history", "txn_count_7d")
