"""Findings and incidents in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from modelspan.conventions import ROLE_PRIMARY
from modelspan_analyzer.incidents.vocabulary import OpenFinding, gravity
from modelspan_analyzer.results import Result

MOST_NAMED = 2
_BY_METRIC: Mapping[str, str] = {
    "null_rate": "missing values",
    "missing_feature": "missing values",
    "renamed_feature": "missing values",
    "error_rate": "failed predictions",
    "volume": "unusual volume",
    "freshness": "stale data",
}
_BY_SIGNAL: Mapping[str, str] = {
    "data_quality": "bad values",
    "data_drift": "drift",
    "prediction_drift": "shifted predictions",
    "performance": "worse {metric}",
    "estimation": "worse estimated {metric}",
    "fairness": "unfair {metric}",
    "concept": "changed outcomes",
    "attribution": "changed influence",
    "multivariate": "a changed mix of features",
    "embedding": "drift of embeddings",
    "poisoning": "suspicious rows",
    "latency": "slow predictions",
}
"""What a finding is called, by its metric or else by its signal; other signals go by their own names."""


def finding(result: Result, role: str = ROLE_PRIMARY) -> str:
    """One line: what was measured, of which version, where, and what it said."""
    place = " of ".join(part for part in (result.metric, result.feature) if part)
    where = f" ({result.segment})" if result.segment else ""
    return f"{result.signal}{_version(result.version, role)}: {place}{where}: {result.reason or result.verdict.value}"


def _version(version: str, role: str) -> str:
    """` 3`, or ` 4 (shadow)`."""
    return (f" {version}" if version else "") + (f" ({role})" if role != ROLE_PRIMARY else "")


def subject(member: OpenFinding) -> str:
    """What a finding is about."""
    version = _version(member.version, member.role).strip()
    return " ".join(part for part in (version, member.signal, member.metric, member.feature, member.segment) if part)


def title(model: str, findings: Sequence[OpenFinding], cause: str = "") -> str:
    """What an incident is called: the model and version, the two worst things that are wrong, where they come from.

    A feature counts once, by the gravest of its findings; those that are well again count where all are.
    """
    current = [member for member in findings if not member.ended] or findings
    worst = sorted(current, key=lambda member: (gravity(member.signal), -member.excess, member.feature))
    things: dict[str, str] = {}
    for member in worst:
        things.setdefault(_place(member) or _trouble(member), _trouble(member))
    named = list(things.items())[:MOST_NAMED]
    text = ", ".join(
        _listed(trouble, [place for place, what in named if what == trouble]) for trouble in _unique(named)
    )
    others = len(things) - len(named)
    text += f", and {others} other{'s' if others > 1 else ''}" if others else ""
    versions = ", ".join(dict.fromkeys(member.version for member in sorted(current, key=lambda one: one.version)))
    return f"{model}{_version(versions, current[0].role if current else ROLE_PRIMARY)}: {text}" + (
        f", through {cause}" if cause else ""
    )


def _trouble(member: OpenFinding) -> str:
    text = _BY_METRIC.get(member.metric) or _BY_SIGNAL.get(member.signal, member.signal.replace("_", " "))
    return text.format(metric=member.metric.replace("_", " "))


def _place(member: OpenFinding) -> str:
    """The feature, and the part of the traffic."""
    feature = "" if member.signal == "prediction_drift" else member.feature
    return " of ".join(part for part in (feature, member.segment) if part)


def _unique(named: Sequence[tuple[str, str]]) -> list[str]:
    return list(dict.fromkeys(trouble for _, trouble in named))


def _listed(trouble: str, places: Sequence[str]) -> str:
    told = [place for place in places if place != trouble]
    return f"{trouble} in {' and '.join(told)}" if told else trouble
