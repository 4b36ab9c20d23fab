"""How many predictions an incident affects, and how grave that makes it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from modelspan_analyzer.config.incident_settings import IncidentSettings
from modelspan_analyzer.incidents import Severity, describe
from modelspan_analyzer.incidents.change import Terms, joined, opened
from modelspan_analyzer.incidents.group import NewFinding
from modelspan_analyzer.incidents.incident import OpenFinding
from modelspan_analyzer.monitors.table import SIGNALS
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_analyzer.why import Explanation, question
from modelspan_analyzer.why.timeline import Timeline

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TERMS = Terms(NOON, IncidentSettings(), SIGNALS)


@pytest.mark.parametrize(
    ("rows", "usual", "direction", "severity", "said"),
    [
        (0, 300, "below", Severity.CRITICAL, "300 fewer than usual"),
        (240, 300, "below", Severity.WARNING, "60 fewer than usual"),
        (0, 0, "below", Severity.WARNING, describe.NO_IMPACT),
        (900, 300, "above", Severity.WARNING, describe.NO_IMPACT),
    ],
)
def test_what_did_not_come_is_affected(rows, usual, direction, severity, said):
    """A silence is as grave as the predictions that it lacks; of more than usual none is known to be affected."""
    window = Window(NOON - timedelta(hours=1), NOON)
    result = Result(
        "churn", "1", window, "data_quality", "volume", float(rows), Verdict.ALARM,
        n=rows, n_baseline=usual, direction=direction,
    )  # fmt: skip
    incident = opened(NewFinding(result, None), TERMS)
    assert (incident.severity, describe.facts(incident)["affected"]) == (severity, said)


@pytest.mark.parametrize(
    ("before", "since", "beyond_usual", "affected"),
    [(0.0, 0.6, False, 600), (0.3, 0.6, False, 600), (0.3, 0.4, True, 100), (0.3, 0.2, True, 0), (0.0, 0.6, True, 600)],
)
def test_affected_are_those_of_the_window(before, since, beyond_usual, affected):
    """What was flagged before the window is not of it; where some always are, only those beyond that share count."""
    share = np.repeat([before, since], 120)
    total = np.full(240, 1000 / 120)
    edges, flagged = NOON.timestamp() - 7200 + np.arange(241) * 30.0, share * total
    line = Timeline(edges, flagged, flagged, total, None, None, flagged[120:].sum(), total[120:].sum())
    assert line.affected(beyond_usual=beyond_usual) == affected


@pytest.mark.parametrize(
    ("values", "silence", "said"),
    [
        (40, 632, "40 of 300 (13%) in its worst window; and 632 fewer than usual"),
        (40, 0, "40 of 300 (13%) in its worst window"),
        (0, 632, "632 fewer than usual"),
        (0, 0, describe.NO_IMPACT),
    ],
)
def test_what_came_wrong_is_told_apart_from_what_did_not_come(values, silence, said):
    """An incident of missing values and of fewer predictions says how many of each."""
    window = Window(NOON - timedelta(hours=1), NOON)
    nulls = Result("credit", "1", window, "data_quality", "null_rate", 0.13, Verdict.ALARM, "age", n=300)
    member = OpenFinding.of(nulls, affected=values)
    fewer = replace(member, metric="volume", feature="", direction="below", affected=silence)
    incident = replace(opened(NewFinding(nulls, None), TERMS), findings=(member, fewer))
    assert describe.facts(incident)["affected"] == said


def test_a_window_that_was_not_asked_again_leaves_what_is_known():
    """Later windows of a known cause are not explained anew: how many are affected is told of the worst that was."""
    hour = timedelta(hours=1)
    first, second = Window(NOON - hour, NOON), Window(NOON, NOON + hour)
    nulls = Result("credit", "1", first, "data_quality", "null_rate", 0.4, Verdict.ALARM, "age", n=1200)
    why = Explanation(question(nulls), "", (), 480, 2000, 0.0, truncated=False, affected=480)
    incident = joined(
        opened(NewFinding(nulls, why), TERMS), NewFinding(replace(nulls, window=second, n=1187), None), TERMS
    )
    assert describe.facts(incident)["affected"] == "480 of 1,200 (40%) in its worst window"


@pytest.mark.parametrize(("metric", "severity"), [("p95", Severity.INFO), ("burn_rate", Severity.WARNING)])
def test_a_promise_used_up_too_fast_calls_somebody(metric, severity):
    """Of a promise of 99.95 %, 0.8 % of late calls use up a month in two days, and are few: worth a page, and no note.
    As few that are slower than usual break no promise."""
    window = Window(NOON - timedelta(hours=1), NOON)
    result = Result("churn", "1", window, "latency", metric, 16.0, Verdict.ALARM, threshold=14.4, n=1000)
    why = Explanation(question(result), "", (), 8, 992, 0.0, truncated=False, affected=8)
    assert opened(NewFinding(result, why), TERMS).severity is severity


@pytest.mark.parametrize(
    ("rows", "affected", "severity"),
    [(298, 146, Severity.WARNING), (900, 500, Severity.CRITICAL), (8, 8, Severity.WARNING), (298, 1, Severity.INFO)],
)
def test_a_slice_is_as_grave_as_its_share_of_the_window(rows, affected, severity):
    """Half of what one country sends is no third of all predictions; a small country that is all wrong is no note."""
    window = Window(NOON - timedelta(hours=1), NOON)
    nulls = Result("loans", "7", window, "data_quality", "null_rate", 0.5, Verdict.ALARM, "income", n=rows)
    one = replace(nulls, segment="tag.land=IT")
    why = Explanation(question(one), "", (), affected, rows, 0.0, truncated=False, affected=affected)
    assert opened(NewFinding(one, why, rows=1500), TERMS).severity is severity
