"""Which findings are one incident: what shares a cause or a beginning, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from modelspan_analyzer.incidents import Incident, Severity
from modelspan_analyzer.incidents.group import NewFinding, home
from modelspan_analyzer.incidents.vocabulary import OPEN, RESOLVED, OpenFinding
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_analyzer.why import Cause, Explanation, question

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TOGETHER = timedelta(minutes=15)


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def finding(feature: str, service: str = "", since: float | None = None, hour: int = 0, value: str = "") -> NewFinding:
    """An alarm of the hour from noon on; `since` is minutes after noon, where the data tells."""
    window = Window(NOON + hour * minutes(60), NOON + (hour + 1) * minutes(60))
    result = Result("churn", "1", window, "data_drift", "psi", 0.5, Verdict.ALARM, feature=feature, n=1000)
    kind, attribute = ("attribute", "client.version") if value else ("status", "")
    cause = Cause(kind, service, "GET /", attribute, value, 0.9, 0.1, 9.0, (8.0, 10.0), 1e-9, 100, 0.9)
    said = Explanation(
        finding=question(result),
        sentence="",
        causes=(cause,) if service else (),
        n_flagged=100,
        n_other=900,
        seconds=0.1,
        truncated=False,
        since=None if since is None else NOON + minutes(since),
    )
    return NewFinding(result, said)


def incident(*members: NewFinding) -> Incident:
    """The incident that the first finding opened."""
    first = members[0]
    return Incident(
        "1", "churn", "1", OPEN, Severity.WARNING, "data_drift", "", "", first.cause, "", "",
        began_at=first.began_at,
        opened_at=NOON + minutes(61),
        updated_at=NOON + minutes(61),
        findings=tuple(OpenFinding.of(one.result, one.explanation.since) for one in members),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(finding("age", since=10), finding("income", since=20), id="began together"),
        pytest.param(finding("age"), finding("income"), id="in one window, and nothing tells when"),
        pytest.param(finding("age", since=50), finding("income"), id="in one window, and one tells when"),
        pytest.param(finding("age", "store", 10), finding("income", "ledger", 12), id="began together, reasons differ"),
        pytest.param(finding("age", "store", 10), finding("income", "store", hour=5), id="the same cause, seen later"),
        pytest.param(finding("age", "store", 10), finding("income", "store", 300, 5), id="the same cause again"),
        pytest.param(finding("age", since=55), finding("income", hour=1), id="over the end of a window"),
        pytest.param(finding("age", "store", 10), finding("age", "ledger", 300, 5), id="the same measurement"),
    ],
)
def test_findings_that_belong_together_are_one_incident(first, second):
    """A cause of several symptoms, or symptoms of one moment, open one incident."""
    assert home(second, [incident(first)], TOGETHER) is not None


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(finding("age", since=5), finding("income", since=50), id="began apart within one window"),
        pytest.param(finding("age"), finding("income", hour=1), id="in the next window"),
        pytest.param(finding("age", "store"), finding("income", "ledger"), id="of causes in different services"),
        pytest.param(
            finding("age", "gateway", 5, value="5.2"),
            finding("income", "gateway", 300, 5, value="6.0"),
            id="of one service, but other values at another time",
        ),
    ],
)
def test_unrelated_findings_are_incidents_of_their_own(first, second):
    """Sharing a model, a window or a service is not enough."""
    assert home(second, [incident(first)], TOGETHER) is None


def test_what_is_over_takes_nothing_new_in():
    """A resolved incident is continued by its own findings alone."""
    over = replace(incident(finding("age", "store", 10)), status=RESOLVED)
    assert home(finding("income", "store", 12), [over], TOGETHER) is None
    assert home(finding("age", hour=1), [over], TOGETHER) is over
