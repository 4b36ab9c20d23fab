"""The parts that reports are made of, each from the view."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from modelspan_analyzer.documents import Cell, Drawing, Mini, Name, Section, Share, State, Table
from modelspan_analyzer.incidents import describe
from modelspan_analyzer.incidents.incident import Incident
from modelspan_analyzer.monitors.estimation.track_record import SIGNAL as ESTIMATED
from modelspan_analyzer.monitors.performance.monitor import SIGNAL as REALISED
from modelspan_analyzer.views.drifted import Drifted
from modelspan_analyzer.views.report import Report

MOST_DRAWN = 20
"""Features that are drawn large; all of them stand in the table, drawn small."""


def facts(report: Report) -> list[tuple[str, Cell]]:
    """What it is a report of."""
    shown, card = report.model, report.model.card
    found: list[tuple[str, Cell]] = [
        ("Model", Name(shown.asked.model)),
        ("Version", Name(shown.asked.version)),
        ("Owner", Name(shown.member.owner or (card.owner if card else "") or "nobody is named")),
    ]
    told = shown.member.lifecycle
    found.append(("Stage and approval", told.words))
    found += [("Against it", Name(one)) for one in told.contradictions]
    if shown.period:
        window = shown.period.window
        found += [("From", window.start), ("Until", window.end), ("Windows looked at", shown.period.windows)]
    found.append(("Predictions ever", shown.member.predictions))
    if report.labels is not None:
        found.append(("Labels known", _labels(report)))
    found.append(("Made at", report.made_at))
    return found


def _labels(report: Report) -> str:
    assert report.labels is not None
    known = report.labels
    if not known.rows:
        return "there is no prediction in the period"
    return f"of {known.labelled:,} of {known.rows:,} predictions in the period ({100 * known.share:.1f} %)"


def signals(report: Report) -> Section:
    """Each signal by its newest window."""
    rows: list[list[Cell]] = [
        [one.signal.replace("_", " "), State(one.verdict.value), one.about or one.warned or one.reason]
        for one in report.model.member.signals
    ]
    return Section("Signals", [Table(("signal", "verdict", "what"), rows, "No window was looked at yet.")], brief=True)


def incidents(report: Report, most: int = 10_000) -> Section:
    """What went wrong, and what was made of it."""
    rows = [_incident(one) for one in report.incidents[:most]]
    table = Table(
        ("opened", "status", "severity", "what", "why", "predictions affected", "resolved", "what people did"),
        rows,
        "No incident lasted into the period." if report.model.period else "No incident is on record.",
    )
    more = len(report.incidents) - most
    left = report.incidents_left_out or more > 0
    return Section("Incidents", [table, *(["Older incidents are on record too."] if left else [])], brief=True)


def _incident(one: Incident) -> list[Cell]:
    why = one.why or "no cause was found"
    found: list[Cell] = [one.opened_at, one.status, one.severity.value, Name(one.title), why, one.affected]
    return [*found, one.resolved_at, describe.work(one) or "nothing on record"]


def performance(report: Report) -> Section:
    """How well it answers, realised and estimated."""
    drawings = [
        Drawing(figure, "The bars below show of which share of the predictions the label is known.")
        for figure in report.model.drawn_outcomes()
    ]
    if not drawings:
        return Section("Performance", ["Nothing was measured: there are no labels, and no estimate."], brief=True)
    rows: list[list[Cell]] = []
    for one in report.model.outcomes:
        for kind, points in (("realised", one.realised), ("estimated", one.estimated)):
            known = [point for point in points if point.value is not None]
            if known:
                newest = known[-1]
                state = State(newest.verdict)
                rows.append([one.metric.replace("_", " "), kind, newest.value, newest.at, state, newest.reason])
    table = Table(("measure", "", "newest value", "window until", "verdict", "why"), rows)
    return Section("Performance", [table, *drawings], brief=True)


def features(report: Report) -> Section:
    """Every feature of the newest window, what matters most first."""
    table = Table(
        ("feature", "verdict", "drift", "importance", "distribution", "why"),
        [_feature(one) for one in report.model.features],
        "Drift was not measured in the period.",
    )
    return Section("Features", [table], brief=True)


def _feature(one: Drifted) -> list[Cell]:
    importance = Share(one.importance) if one.importance is not None else None
    mini = Mini(one.baseline, one.window, f"{one.feature}: baseline in grey, window as a line") if one.bins else ""
    return [Name(one.feature), State(one.verdict), one.value, importance, mini, one.reason]


def moved(report: Report, most: int = MOST_DRAWN) -> list[Drawing]:
    """The features that moved, drawn with the bins of their verdicts."""
    found = [one for one in report.model.features if one.verdict in ("alarm", "warning") and one.bins]
    return [Drawing(one.figure(), f"{State(one.verdict).words}: {one.reason}.") for one in found[:most]]


def fairness(report: Report) -> Section:
    """Groups with their intervals."""
    found = report.model.facets
    if not found:
        return Section("Fairness", ["No group is compared: no facet is set, or none was measured in the period."])
    rows: list[list[Cell]] = [
        [Name(group.name), one.metric.replace("_", " "), group.value, State(group.verdict), group.reason]
        for one in found
        for group in one.groups
        if group.threshold is not None or group.verdict not in ("ok", "not_compared")
    ]
    drawings = [Drawing(figure, "Each group with its interval.") for figure in report.model.drawn_facets()]
    table = Table(("group", "measure", "value", "verdict", "why"), rows, "No measure has a bound or a baseline.")
    return Section("Fairness", [*drawings, table])


def over_time(report: Report) -> list[Drawing]:
    """The telling line of each signal."""
    found = []
    for name in report.model.signals:
        if name not in (REALISED, ESTIMATED):
            found += [Drawing(figure, "") for figure in report.model.drawn_lines(name)]
    return found


def versions(report: Report) -> Section | None:
    """Versions side by side."""
    shown = report.model
    if not shown.side_by_side:
        return None
    rows: list[list[Cell]] = [
        [f"{one.signal.replace('_', ' ')}: {one.metric.replace('_', ' ')}", *one.values] for one in shown.side_by_side
    ]
    return Section("Versions", [Table(("measure", *shown.versions), rows)])


def pairs(title: str, found: Iterable[tuple[str, Cell]], empty: str) -> Section:
    """Names and values as a table."""
    rows: Sequence[list[Cell]] = [[name, value] for name, value in found if value not in (None, "")]
    return Section(title, [Table(("", "what is on record"), rows, empty)])
