"""Incidents open, grow and resolve with the results of windows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from modelspan_analyzer.config.incident_settings import IncidentSettings
from modelspan_analyzer.incidents import Severity, feedback, load, load_open, timeline, update
from modelspan_analyzer.incidents.describe import facts
from modelspan_analyzer.incidents.store import save
from modelspan_analyzer.results import Result, Verdict, Window, write_results

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def result(number: int, verdict: Verdict = Verdict.ALARM, **given: object) -> Result:
    window = Window(START + number * HOUR, START + (number + 1) * HOUR)
    base = Result("churn", "1.0", window, "data_drift", "psi", 0.5, verdict, feature="age", n=1000, monitor="drift")
    return replace(base, **given)  # type: ignore[arg-type]


def at(number: int) -> datetime:
    return START + (number + 1) * HOUR + timedelta(minutes=1)


def test_findings_that_begin_together_are_one_incident(store):
    """Two features that drift in the same window make one open incident with both."""
    (incident,) = update(store, [result(0), result(0, feature="income"), result(0, Verdict.OK, feature="plan")], at(0))
    assert {finding.feature for finding in incident.findings} == {"age", "income"}
    assert load_open(store, "churn") == [incident]
    assert [event.kind for event in timeline(store, incident.incident_id)] == ["opened", "finding", "finding"]


def test_a_later_and_different_finding_is_another_incident(store):
    """What begins hours later, without a known cause, is told apart."""
    update(store, [result(0)], at(0))
    update(store, [result(0, Verdict.OK), result(5, feature="income")], at(5))
    assert len(load_open(store)) == 2


def test_an_incident_needs_good_windows_in_a_row_to_resolve(store):
    """One good window between bad ones does not resolve; two in a row do."""
    verdicts = [Verdict.ALARM, Verdict.OK, Verdict.ALARM, Verdict.OK, Verdict.OK]
    states = []
    for number, verdict in enumerate(verdicts):
        update(store, [result(number, verdict)], at(number))
        states.append(len(load_open(store)))
    assert states == [1, 1, 1, 1, 0]
    (incident,) = load(store)
    assert incident.resolved_at == at(4)
    assert timeline(store, incident.incident_id)[-1].kind == "resolved"


def _over(store, verdicts, *, with_whole=True):
    """Whether an incident of a segment (and of all) is over after windows in which the segment was said this of."""
    segment, whole = {"segment": "tag.region=east"}, [result(0)] if with_whole else []
    update(store, [result(0, **segment), *whole], at(0))
    for number, verdict in enumerate(verdicts, 1):
        whole = [result(number, Verdict.OK)] if with_whole else []
        update(store, [result(number, verdict, **segment), *whole], at(number))
    return not load_open(store)


FEW = Verdict.NOT_ENOUGH_DATA


def test_a_segment_with_too_few_rows_is_over_with_the_whole(store):
    """The whole was well in both windows, and the segment in all in which it could be measured."""
    assert _over(store, [FEW, Verdict.OK])


@pytest.mark.parametrize(("verdicts", "with_whole"), [([FEW, Verdict.ALARM], True), ([FEW, FEW, FEW], False)])
def test_a_segment_that_alarms_or_that_alarmed_alone_is_not_over(store, verdicts, with_whole):
    """Too few rows say nothing of a segment that alarmed while the whole did not."""
    assert not _over(store, verdicts, with_whole=with_whole)


MIX = {"signal": "multivariate", "metric": "domain_classifier_auc", "feature": "", "monitor": "multivariate"}
WRONG = {"signal": "performance", "metric": "accuracy", "feature": "", "monitor": "performance"}


@pytest.mark.parametrize(
    ("alarmed", "left"),
    [
        ((result(0), result(0, **MIX)), 0),
        ((result(0, **WRONG), result(0, **MIX)), 1),
        ((result(0, segment="tag.region=east"), result(0, **MIX)), 1),
        ((result(0, **MIX),), 1),
    ],
)
def test_a_measure_with_too_few_rows_is_over_with_those_that_ask_the_same(store, alarmed, left):
    """Windows with enough rows for drift and not for the mix of features: drift speaks of it, but neither labels nor a
    part of the rows do."""
    update(store, alarmed, at(0))
    for number in (1, 2):
        later = result(number).window
        said = [
            replace(one, window=later, verdict=FEW if one.signal == "multivariate" else Verdict.OK) for one in alarmed
        ]
        update(store, said, at(number))
    assert len(load_open(store)) == left


def test_a_signal_that_says_no_more_than_that_it_has_too_few_rows_counts_so(store):
    """Calibration needs more labelled rows than accuracy does, and of fewer only their number is told."""
    shifted = {"signal": "concept", "metric": "calibration_drift", "feature": "", "monitor": ""}
    update(store, [result(0, **shifted), result(0, **WRONG)], at(0))
    for number in (1, 2):
        few = result(number, FEW, **{**shifted, "metric": "labelled_rows"})
        update(store, [few, result(number, Verdict.OK, **WRONG)], at(number))
    assert not load_open(store)


def test_a_finding_that_comes_right_back_reopens_its_incident(store):
    """An alarm within the hour after the resolution continues the same incident."""
    update(store, [result(number, Verdict.ALARM if number == 0 else Verdict.OK) for number in range(3)], at(2))
    (resolved,) = load(store)
    update(store, [result(3)], at(2) + timedelta(minutes=30))
    (reopened,) = load_open(store)
    assert (resolved.status, reopened.incident_id) == ("resolved", resolved.incident_id)


def test_a_reopened_incident_asks_anew_for_cause_and_beginning(store):
    """What it came from last time is not said of this time, nor are last time's traces and numbers shown."""
    update(store, [result(number, Verdict.ALARM if number == 0 else Verdict.OK) for number in range(3)], at(2))
    (resolved,) = load(store)
    told = {"cause": "store GET /", "why": "It was the store.", "traces": ("a",), "affected": 900, "value": 9.0}
    save(store, [replace(resolved, **told)])
    update(store, [result(3)], at(2) + timedelta(minutes=30))
    (reopened,) = load_open(store)
    assert (reopened.cause, reopened.traces, reopened.affected, reopened.value) == ("", (), 0, 0.0)
    assert "store" not in reopened.why + reopened.title
    assert reopened.began_at == START + 3 * HOUR


def test_results_computed_again_change_nothing(store):
    """A window that is run twice neither opens a second incident nor counts twice towards the resolution."""
    update(store, [result(0)], at(0))
    update(store, [result(1, Verdict.OK)], at(1))
    assert update(store, [result(1, Verdict.OK)], at(2)) == []
    assert update(store, [result(0)], at(2)) == []
    assert len(load_open(store)) == 1


def test_a_finding_nobody_speaks_of_any_more_is_ended(store):
    """A monitor that was removed does not keep its incident open for ever."""
    update(store, [result(0)], at(0))
    update(store, [result(30, Verdict.OK, feature="income")], at(30))
    assert load_open(store) == []


@pytest.mark.parametrize("verdict", [Verdict.SKIPPED, Verdict.NOT_ENOUGH_DATA, Verdict.NOT_COMPARED])
def test_a_finding_that_can_no_longer_be_measured_is_ended(store, verdict):
    """As of a version that nobody uses any more: after a day in which its windows said nothing, and not before."""
    update(store, [result(0)], at(0))
    for number, still in ((1, 1), (23, 1), (25, 0)):
        update(store, [result(number, verdict)], at(number))
        assert len(load_open(store)) == still


def test_an_answer_without_a_cause_names_the_parts_of_the_traffic_that_are_too_small(store):
    """What fell for one region alone is found by all rows; that it may be a region with too few of them is said."""
    recall = {"signal": "performance", "metric": "recall", "feature": "", "monitor": "performance"}
    few = {**recall, "segment": "tag.region=north", "reason": "75 labelled rows; 100 are needed"}
    (incident,) = update(store, [result(0, **recall), result(0, Verdict.NOT_ENOUGH_DATA, **few)], at(0))
    assert incident.why.endswith(
        "; too few rows to tell of each part of the traffic: tag.region=north (75 labelled rows; 100 are needed)."
    )


def test_owner_and_runbook_come_from_the_settings(store):
    """The incident says whom to call and what to do."""
    chosen = IncidentSettings(owner="risk-team", runbook="https://wiki/churn")
    (incident,) = update(store, [result(0)], at(0), settings=lambda _model, _version: chosen)
    assert (incident.owner, incident.runbook) == ("risk-team", "https://wiki/churn")


def test_a_monitor_that_is_mostly_noise_is_named(store):
    """Opinions are counted for the monitors behind an incident, one a person."""
    (incident,) = update(store, [result(0)], at(0))
    for actor in ("ann", "bob", "ann", "eve"):
        feedback.give(store, incident.incident_id, feedback.NOISE, actor=actor, now=at(1))
    (counted,) = feedback.by_monitor(store)
    assert (counted.monitor, counted.noise, counted.mostly_noise) == ("drift", 3, True)
    assert timeline(store, incident.incident_id)[-1].kind == "feedback"


def test_feedback_on_an_unknown_incident_is_refused(store):
    """The message says how to find the right one."""
    with pytest.raises(ValueError, match="modelspan incidents"):
        feedback.give(store, "nope", feedback.USEFUL, actor="ann", now=START)


def test_an_incident_remembers_every_severity_that_it_has_had(store):
    """Each is an alert of its own; what one run makes of it counts once, as nobody was told of what lies between."""
    harm = {"signal": "performance", "metric": "roc_auc", "feature": ""}
    update(store, [result(0)], at(0))
    update(store, [result(0, **harm)], at(0))
    update(store, [result(3, model="fraud"), result(3, model="fraud", **harm)], at(3))
    risen, at_once = load_open(store, "churn") + load_open(store, "fraud")
    assert risen.severities == (Severity.INFO, Severity.WARNING)
    assert at_once.severities == (Severity.WARNING,)


def test_an_incident_of_an_older_store_has_the_severity_that_it_has(store):
    """The column is younger than the table."""
    update(store, [result(0)], at(0))
    store.command("ALTER TABLE incidents UPDATE severities = [] WHERE 1 SETTINGS mutations_sync = 1")
    (incident,) = load_open(store)
    assert incident.severities == (incident.severity,)


def looked_at(store, results, number):
    """A run: its results are kept, and then incidents are brought up to date."""
    write_results(store, results, f"run {number}")
    update(store, results, at(number))


def test_missed_windows_tell_when_the_incident_of_the_newest_one_began(store):
    """The newest window is looked at first; those before it are made up for from the oldest on. The bad ones that reach
    up to it without a gap say since when, and a bad one before a good one does not."""
    verdicts = [Verdict.ALARM, Verdict.OK, Verdict.ALARM, Verdict.ALARM, Verdict.ALARM]
    for number in (4, 0, 1, 2, 3):
        looked_at(store, [result(number, verdicts[number])], 4)
    (incident,) = load_open(store)
    assert incident.began_at == START + 2 * HOUR
    assert incident.findings[0].window_end == START + 5 * HOUR
    assert "began earlier" in timeline(store, incident.incident_id)[-1].text


@pytest.mark.parametrize("before", [Verdict.OK, Verdict.WARNING, Verdict.NOT_ENOUGH_DATA, None])
def test_an_incident_begins_no_earlier_than_its_bad_windows_tell(store, before):
    """A window that is not bad, or that nobody looked at, is where what was wrong before it ends."""
    looked_at(store, [result(4)], 4)
    for number, verdict in ((2, Verdict.ALARM), (3, before)):
        if verdict:
            looked_at(store, [result(number, verdict)], 4)
    assert load_open(store)[0].began_at == START + 4 * HOUR


def test_missed_windows_tell_how_many_predictions_are_affected(store):
    """Of a silence that grew, the first window says no more than the newest; of one that was worse, that it was."""
    silence = {"signal": "data_quality", "metric": "volume", "feature": "", "monitor": "", "direction": "below"}
    looked_at(store, [result(2, **silence, n=900, n_baseline=1000)], 2)
    assert load_open(store)[0].severity is Severity.WARNING
    looked_at(store, [result(1, **silence, n=0, n_baseline=1000)], 2)
    (incident,) = load_open(store)
    assert (incident.affected, incident.severity) == (1000, Severity.CRITICAL)
    assert facts(incident)["affected"] == "1,000 fewer than usual"
