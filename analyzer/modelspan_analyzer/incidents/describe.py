"""Findings and incidents in plain words."""

from __future__ import annotations

from collections.abc import Sequence

from modelspan.conventions import ROLE_PRIMARY
from modelspan_analyzer.incidents.vocabulary import OpenFinding
from modelspan_analyzer.results import Result
from modelspan_analyzer.signals import SIGNALS, Signal, Signals

MOST_NAMED = 2


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


def title(model: str, findings: Sequence[OpenFinding], cause: str = "", signals: Signals = SIGNALS) -> str:
    """What an incident is called: the model and version, the two worst things that are wrong, where they come from.

    A feature counts once, by the gravest of its findings; those that are well again count where all are.
    """
    current = [member for member in findings if not member.ended] or findings
    worst = sorted(current, key=lambda member: (signals[member.signal].gravity, -member.excess, member.feature))
    things: dict[str, str] = {}
    for member in worst:
        signal = signals[member.signal]
        trouble = signal.words_for(member.metric)
        things.setdefault(_place(member, signal) or trouble, trouble)
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


def _place(member: OpenFinding, signal: Signal) -> str:
    """The feature, and the part of the traffic."""
    feature = "" if signal.names_outputs else member.feature
    return " of ".join(part for part in (feature, member.segment) if part)


def _unique(named: Sequence[tuple[str, str]]) -> list[str]:
    return list(dict.fromkeys(trouble for _, trouble in named))


def _listed(trouble: str, places: Sequence[str]) -> str:
    told = [place for place in places if place != trouble]
    return f"{trouble} in {' and '.join(told)}" if told else trouble
