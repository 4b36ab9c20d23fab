"""Findings and incidents in plain words."""

from __future__ import annotations

from collections.abc import Sequence

from modelspan_analyzer.incidents.vocabulary import OpenFinding
from modelspan_analyzer.results import Result

MOST_NAMED = 3


def finding(result: Result) -> str:
    """One line: what was measured, where, and what it said."""
    place = " of ".join(part for part in (result.metric, result.feature) if part)
    where = f" ({result.segment})" if result.segment else ""
    return f"{result.signal}: {place}{where}: {result.reason or result.verdict.value}"


def subject(member: OpenFinding) -> str:
    """What a finding is about."""
    return " ".join(part for part in (member.signal, member.metric, member.feature, member.segment) if part)


def title(model: str, findings: Sequence[OpenFinding]) -> str:
    """What an incident is called: the model, its signals, and the features that show them."""
    signals = sorted({member.signal.replace("_", " ") for member in findings})
    features = sorted({member.feature for member in findings if member.feature})
    named = ", ".join(features[:MOST_NAMED]) + (
        f" and {len(features) - MOST_NAMED} more" if features[MOST_NAMED:] else ""
    )
    return f"{model}: {', '.join(signals)}" + (f" in {named}" if named else "")
