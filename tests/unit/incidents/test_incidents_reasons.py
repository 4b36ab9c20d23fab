"""The reason that an incident gives: better evidence improves it, and a cause that is known stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from modelspan_analyzer.config.incident_settings import IncidentSettings
from modelspan_analyzer.incidents.change import Terms, joined, opened
from modelspan_analyzer.incidents.group import NewFinding
from modelspan_analyzer.monitors.table import SIGNALS
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_analyzer.why import Cause, Explanation, question

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TERMS = Terms(NOON, IncidentSettings(), SIGNALS)
STORE = Cause("status", "store", "GET /", "", "", 0.9, 0.1, 9.0, (8.0, 10.0), 1e-9, 100, 0.9)


def told(window: int, sentence: str, traced: int, *causes: Cause, metric: str = "p99") -> NewFinding:
    """An alarm of a window, with what the traces said of it."""
    begin = NOON + timedelta(hours=window)
    result = Result(
        "churn", "1", Window(begin, begin + timedelta(hours=1)), "latency", metric, 1.0, Verdict.ALARM, n=99
    )
    said = Explanation(question(result), sentence, causes, 50, 49, 0.1, truncated=False, traced=traced)
    return NewFinding(result, said)


ONE = told(0, "Only 1 of the slow predictions have a trace", 1)
LESS = told(2, "Only 9 of the slow predictions have a trace", 9)
NONE = told(1, "Nothing in the traces sets the slow predictions apart", 80)
FOUND = told(1, "90 % came through `store GET /`", 40, STORE)
OTHER = told(2, "95 % came through `ledger GET /`", 90, replace(STORE, service="ledger"))
UNASKED = NewFinding(told(2, "", 0).result, None)


@pytest.mark.parametrize(
    ("heard", "sentence", "cause"),
    [
        pytest.param([ONE, NONE], NONE, "", id="none found in more traces"),
        pytest.param([NONE, LESS], NONE, "", id="fewer traces say less"),
        pytest.param([ONE, NONE, LESS], NONE, "", id="the best stays"),
        pytest.param([NONE, UNASKED], NONE, "", id="a window that was not asked about"),
        pytest.param([UNASKED, ONE], ONE, "", id="the first that was"),
        pytest.param([NONE, FOUND], FOUND, "store GET /", id="a cause in fewer traces than none was found in"),
        pytest.param([FOUND, NONE], FOUND, "store GET /", id="none found after a cause"),
        pytest.param([FOUND, OTHER], FOUND, "store GET /", id="another cause later"),
    ],
)
@pytest.mark.parametrize("same", [True, False], ids=["of one measurement", "of several"])
def test_the_reason_is_the_best_that_any_window_gave(heard, sentence, cause, same):
    """A first cause, or else what rests on most traces; a cause that is known is kept, whatever comes later."""
    first, *later = (
        replace(one, result=replace(one.result, metric="p99" if same else f"p{place}"))
        for place, one in enumerate(heard)
    )
    incident = opened(first, TERMS)
    for one in later:
        incident = joined(incident, one, TERMS)
    assert (incident.why, incident.cause) == (sentence.explanation.sentence, cause)
