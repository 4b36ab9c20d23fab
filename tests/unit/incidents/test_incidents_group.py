"""Which findings are one incident: what shares a cause or a beginning, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from modelspan_analyzer.incidents import Incident, Severity
from modelspan_analyzer.incidents.group import NewFinding, home
from modelspan_analyzer.incidents.incident import OPEN, RESOLVED, OpenFinding
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
        affected=100,
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
        findings=tuple(OpenFinding.of(one.result, one.explanation.since, cause=one.cause) for one in members),
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


def test_a_metric_of_ones_own_is_one_incident_whichever_slice_shows_it_first():
    """It names no feature, and labels or outcomes of one slice may be in before those of another."""
    window = Window(NOON, NOON + minutes(60))
    first = Result("churn", "1", window, "metrics", "revenue", 0.5, Verdict.ALARM, segment="tag.shop=a")
    later = replace(first, window=Window(NOON + minutes(300), NOON + minutes(360)), segment="tag.shop=b")
    open_ = incident(NewFinding(first, finding("").explanation))
    assert home(NewFinding(later, finding("", hour=5).explanation), [open_], TOGETHER) is open_
    other = NewFinding(replace(later, metric="refunds"), finding("", hour=5).explanation)
    assert home(other, [open_], TOGETHER) is None
    assert home(NewFinding(later, None), [ended(open_, 1)], TOGETHER) is None


def test_what_is_over_takes_nothing_new_in():
    """A resolved incident is continued by its own findings alone."""
    over = replace(incident(finding("age", "store", 10)), status=RESOLVED)
    assert home(finding("income", "store", 12), [over], TOGETHER) is None
    assert home(finding("age", hour=1), [over], TOGETHER) is over


def ended(one: Incident, count: int, status: str = OPEN) -> Incident:
    """The incident with its first so many findings well again."""
    well = tuple(replace(member, ended=True) for member in one.findings[:count])
    return replace(one, status=status, findings=(*well, *one.findings[count:]))


STORE_AND_SLOW = incident(finding("age", "store", 10), finding("plan", since=12))
"""Of what came of the store, and of something that nothing is known of."""
LATER = [
    pytest.param(finding("income", "ledger", 300, 5), 0, False, id="another cause"),
    pytest.param(finding("income", "ledger", hour=5), 0, False, id="another cause, at a time the data does not tell"),
    pytest.param(finding("income", "store", hour=5, value="6.0"), 0, False, id="another cause in the same service"),
    pytest.param(finding("income", "store", 300, 5), 0, True, id="the same cause"),
    pytest.param(finding("income", hour=5), 0, True, id="nothing known of it while the cause lasts"),
    pytest.param(finding("income", since=300, hour=5), 0, False, id="no cause, and the data tells that it began later"),
    pytest.param(finding("income", hour=5), 1, False, id="nothing known of it, and the cause is over"),
    pytest.param(finding("age", hour=5), 1, False, id="the same measurement, nothing known, and the cause is over"),
    pytest.param(finding("age", "ledger", 300, 5), 1, False, id="the same measurement, well between, another cause"),
    pytest.param(finding("age", "store", 300, 5), 1, True, id="the same measurement, well between, the same cause"),
    pytest.param(finding("plan", hour=5), 1, True, id="a measurement that was never well"),
]


@pytest.mark.parametrize(("later", "well", "joins"), LATER)
def test_what_begins_later_joins_an_open_incident_by_its_cause_alone(later, well, joins):
    """Another cause, or none while the incident's cause is over, is an incident of its own."""
    assert (home(later, [ended(STORE_AND_SLOW, well)], TOGETHER) is not None) == joins


@pytest.mark.parametrize(
    ("back", "reopens"),
    [
        (finding("age", "store", 300, 5), True),
        (finding("age", "store", 300, 5, value="6.0"), True),
        (finding("age", hour=5), True),
        (finding("age", "ledger", 300, 5), False),
    ],
    ids=["the same cause", "elsewhere in its service", "nothing known", "another service"],
)
def test_a_resolved_incident_is_reopened_unless_the_fault_lies_elsewhere(back, reopens):
    """The measurement is the same; only a cause that is known to be another makes another incident of it."""
    over = ended(incident(finding("age", "store", 10)), 1, RESOLVED)
    assert (home(back, [over], TOGETHER) is not None) == reopens


def test_a_second_fault_is_one_incident_however_many_of_its_findings_are_known():
    """What the first fault had alarmed too joins the open incident of the second, and reopens nothing."""
    over = ended(incident(finding("age", "store", 10)), 1, RESOLVED)
    second = replace(incident(finding("income", "ledger", 300, 5)), incident_id="2")
    for also in (finding("age", "ledger", 300, 5), finding("age", since=302, hour=5), finding("age", hour=5)):
        assert home(also, [over, second], TOGETHER) is second


def through(feature: str, since: float | None, hour: int) -> NewFinding:
    """A measure that is worse for values of a feature."""
    worse = finding("", "x", since, hour)
    values = {"kind": "feature", "service": "", "span_name": "", "attribute": feature, "value": "33.6 to 1936"}
    cause = replace(worse.explanation.causes[0], **values)
    return replace(worse, explanation=replace(worse.explanation, causes=(cause,)))


@pytest.mark.parametrize(("well", "joins"), [(0, True), (1, False)], ids=["still wrong", "well again"])
def test_what_labels_say_later_of_a_features_values_is_the_same_trouble(well, joins):
    """Performance that is worse through values of a feature, while something is wrong with that feature."""
    assert (home(through("age", 300, 5), [ended(STORE_AND_SLOW, well)], TOGETHER) is not None) == joins


def mixed(feature: str, service: str = "") -> NewFinding:
    """Features that no longer go together, hours later; those that changed most are named."""
    later = finding(feature, service, hour=5)
    of_all = replace(later.result, signal="multivariate", feature="", details={"features": [feature, "tenure"]})
    return replace(later, result=of_all)


def answered(signal: str, service: str = "", hour: int = 5) -> NewFinding:
    """A finding about what the model answers."""
    found = finding("", service, hour=hour)
    metric = {"prediction_drift": "psi", "performance": "roc_auc"}[signal]
    return replace(found, result=replace(found.result, signal=signal, metric=metric))


SHIFTED = answered("prediction_drift", hour=0)


@pytest.mark.parametrize(
    ("later", "first", "well", "joins"),
    [
        pytest.param(answered("performance", "store"), incident(SHIFTED), 0, True, id="labels tell the cause"),
        pytest.param(
            answered("prediction_drift"), incident(answered("performance", hour=0)), 0, True, id="turned round"
        ),
        pytest.param(answered("performance"), incident(finding("age")), 0, False, id="only a feature had drifted"),
        pytest.param(answered("performance"), incident(SHIFTED, finding("age")), 1, False, id="they are well again"),
    ],
)
def test_what_labels_say_later_of_answers_that_shifted_is_the_same_trouble(later, first, well, joins):
    """Labels, and enough of them, come after the drift of what they are of."""
    assert (home(later, [ended(first, well)], TOGETHER) is not None) == joins


OF_THE_FEATURE = [
    pytest.param(mixed("plan"), incident(finding("plan")), 0, True, id="nothing known of either"),
    pytest.param(mixed("plan", "ledger"), incident(finding("plan")), 0, True, id="a cause that the first had not"),
    pytest.param(mixed("plan", "ledger"), incident(finding("plan", "store")), 0, False, id="another cause"),
    pytest.param(mixed("plan"), incident(finding("tenure")), 0, True, id="the others changed more, with it"),
    pytest.param(mixed("plan"), incident(finding("age")), 0, False, id="another feature"),
    pytest.param(mixed("plan"), STORE_AND_SLOW, 2, False, id="the feature is well again"),
]


@pytest.mark.parametrize(("later", "first", "well", "joins"), OF_THE_FEATURE)
def test_what_another_measure_says_later_of_a_feature_is_the_same_trouble(later, first, well, joins):
    """The mix of features needs more rows than a window had, while drift had long alarmed: one fault called twice."""
    assert (home(later, [ended(first, well)], TOGETHER) is not None) == joins


@pytest.mark.parametrize(
    ("later", "first"),
    [(mixed("plan"), incident(finding("plan"))), (answered("performance"), incident(SHIFTED))],
    ids=["of the feature", "of the answers"],
)
def test_what_another_measure_says_of_what_was_acknowledged_before_calls_again(later, first):
    """Whoever acknowledged the first did not know of it."""
    assert home(later, [replace(first, acknowledged_at=NOON + minutes(70))], TOGETHER) is None


@pytest.mark.parametrize(("hour", "joins"), [(0, True), (5, False)], ids=["in that window", "later"])
def test_where_it_shows_is_not_another_cause(hour, joins):
    """Values of another feature, for which a model is worse, do not tell two troubles of one window apart."""
    assert (home(through("tenure", None, hour), [STORE_AND_SLOW], TOGETHER) is not None) == joins
