"""Findings and incidents in plain words."""

from __future__ import annotations

from collections.abc import Sequence

from modelspan.conventions import ROLE_PRIMARY
from modelspan_analyzer.incidents.incident import Incident, OpenFinding
from modelspan_analyzer.monitors.signal import Signals
from modelspan_analyzer.monitors.table import SIGNALS
from modelspan_analyzer.reading.segments import is_group
from modelspan_analyzer.results import Result

MOST_NAMED = 2
MOST_SPELT_OUT = 5
LONGEST = 120
"""Characters of a title: what a telephone shows."""
NOT_ASKED = "no cause was looked for: what was found is about no single predictions, or too much was found at once"
NO_IMPACT = "how many predictions are affected is not known"


def finding(result: Result, role: str = ROLE_PRIMARY) -> str:
    """One line: what was measured, of which version, where, and what it said."""
    place = " of ".join(part for part in (result.metric, _feature(result)) if part)
    where = f" ({result.segment})" if result.segment else ""
    return f"{result.signal}{_version(result.version, role)}: {place}{where}: {result.reason or result.verdict.value}"


def _version(version: str, role: str) -> str:
    """` 3`, or ` 4 (shadow)`."""
    return (f" {version}" if version else "") + (f" ({role})" if role != ROLE_PRIMARY else "")


def facts(incident: Incident, signals: Signals = SIGNALS) -> dict[str, str]:
    """What somebody who is called has to know: what is wrong, in numbers, of how many predictions, since when, why."""
    worst = by_gravity(incident.findings, signals)
    lines = [_measured(member) for member in worst[:MOST_SPELT_OUT]]
    left = len(worst) - len(lines)
    return {
        "summary": incident.title,
        "found": "; ".join(lines) + (f"; and {left} more" if left else ""),
        "affected": _affected(incident, signals),
        "since": f"{incident.began_at:%Y-%m-%d %H:%M} UTC",
        "why": incident.why or NOT_ASKED,
        "work": work(incident),
    }


def work(incident: Incident) -> str:
    """What people did about it, in a line; empty where nobody did anything."""
    acknowledged, closed = incident.acknowledged_at, incident.resolved_at if incident.closed_by else None
    parts = (
        f"acknowledged by {incident.acknowledged_by} at {acknowledged:%Y-%m-%d %H:%M} UTC" if acknowledged else "",
        f"assigned to {incident.assignee}" if incident.assignee else "",
        f"done: {incident.action}" if incident.action else "",
        f"closed by {incident.closed_by} at {closed:%Y-%m-%d %H:%M} UTC" if closed else "",
        f"outcome: {incident.outcome}" if incident.outcome else "",
    )
    return "; ".join(part for part in parts if part)


def _measured(member: OpenFinding) -> str:
    """What was measured of what, and what is usual."""
    place = " of ".join(part for part in (member.metric, _place(member)) if part)
    return f"{place}: {member.reason}" if member.reason else place


def _affected(incident: Incident, signals: Signals) -> str:
    """How many predictions, and which share of the window that had most; apart from them, how many never came."""
    never_came = [signals[member.signal].lacks(member.metric, member.direction) for member in incident.findings]
    lost = [member for member, never in zip(incident.findings, never_came, strict=True) if never]
    came = [member for member, never in zip(incident.findings, never_came, strict=True) if not never]
    parts = []
    most = max(came, key=lambda member: member.affected, default=None)
    if most is not None and most.affected:
        share = f" of {most.n:,} ({most.affected / most.n:.0%})" if most.n >= most.affected else ""
        share += " in its worst window"
        parts.append(f"{most.affected:,}{share}")
    if fewer := max((member.affected for member in lost), default=0):
        parts.append(f"{fewer:,} fewer than usual")
    return "; and ".join(parts) or NO_IMPACT


def by_gravity(findings: Sequence[OpenFinding], signals: Signals = SIGNALS) -> list[OpenFinding]:
    """The worst first; those that are well again count where all are."""
    current = [member for member in findings if not member.ended] or findings
    return sorted(current, key=lambda member: (signals[member.signal].gravity, -member.excess, member.feature))


def subject(member: OpenFinding) -> str:
    """What a finding is about."""
    version = _version(member.version, member.role).strip()
    parts = (version, member.signal, member.metric, _feature(member), member.segment)
    return " ".join(part for part in parts if part)


def title(model: str, findings: Sequence[OpenFinding], cause: str = "", signals: Signals = SIGNALS) -> str:
    """What an incident is called: the model and version, the two worst things that are wrong, where they come from.

    A feature counts once, by the gravest of its findings; those that are well again count where all are. Of the others
    it is said what they are, where that is short; what is still too long is cut.
    """
    current = by_gravity(findings, signals)
    things: dict[str, str] = {}
    for member in current:
        signal = signals[member.signal]
        trouble = signal.words_for(member.metric, member.direction, member.n)
        things.setdefault(_place(member, outputs=not signal.names_outputs) or trouble, trouble)
    versions = ", ".join(dict.fromkeys(member.version for member in sorted(current, key=lambda one: one.version)))
    about = f"{model}{_version(versions, current[0].role if current else ROLE_PRIMARY)}: "
    through = f", through {cause}" if cause else ""
    every = list(things.items())
    for most, kinds in ((MOST_NAMED, True), (MOST_NAMED, False), (1, False)):
        text = about + _named(every, most, kinds) + through
        if len(text) <= LONGEST:
            return text
    return text[: LONGEST - 1] + "…"


def _named(things: Sequence[tuple[str, str]], most: int, kinds: bool) -> str:
    """The worst things by name, how many others there are, and of which kinds if these are other ones."""
    named, left = things[:most], things[most:]
    text = ", ".join(
        _listed(trouble, [place for place, what in named if what == trouble]) for trouble in _unique(named)
    )
    if not left:
        return text
    others = _unique(left)
    what = f" ({', '.join(others)})" if kinds and set(others) - set(_unique(named)) else ""
    return f"{text}, and {len(left)} other{'s' if len(left) > 1 else ''}{what}"


def _place(member: OpenFinding, *, outputs: bool = True) -> str:
    """The feature, and the part of the traffic."""
    feature = _feature(member) if outputs else ""
    return " of ".join(part for part in (feature, member.segment) if part)


def _feature(found: Result | OpenFinding) -> str:
    """The feature that it names; '' of a group, which says itself of which facets it is."""
    return "" if is_group(found.segment) else found.feature


def _unique(named: Sequence[tuple[str, str]]) -> list[str]:
    return list(dict.fromkeys(trouble for _, trouble in named))


def _listed(trouble: str, places: Sequence[str]) -> str:
    told = [place for place in places if place != trouble]
    return f"{trouble} in {' and '.join(told)}" if told else trouble
