"""The alarms of a window over all tests of its monitors: what becomes a warning, and what stands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from modelspan_analyzer.config.settings import ModelSettings
from modelspan_analyzer.results import Result, Verdict, Window, write_results
from modelspan_analyzer.runner.together import judge_together
from modelspan_collector.store.connect import Store

START = datetime(2026, 5, 4, tzinfo=UTC)
HOUR = timedelta(hours=1)
SIGNALS = ("data_drift", "data_quality", "latency", "multivariate", "performance")


def results(model: str, p_value: float | None, hour: int = 0, verdict: Verdict = Verdict.ALARM) -> list[Result]:
    """One result of each signal; that of drift has this p-value, the others see nothing."""
    window = Window(START + hour * HOUR, START + (hour + 1) * HOUR)
    quiet = [Result(model, "1", window, one, "measure", 0.0, Verdict.OK, threshold=1.0, p_value=0.4) for one in SIGNALS]
    drift = Result(
        model, "1", window, "data_drift", "psi", 0.3, verdict, threshold=0.1, p_value=p_value, reason="moved"
    )
    return [*quiet, drift]


def judged(store: Store, found: list[Result], **settings: object) -> Result:
    """What becomes of the drift."""
    return judge_together(store, found, ModelSettings.model_validate(settings))[-1]


def test_what_one_window_cannot_know_is_a_warning_until_it_lasts(shared_store: Store) -> None:
    """p 5e-4 beside five monitors: a warning that says what would make it sure, an alarm when it is there again."""
    first = judged(shared_store, results("lasting", 5e-4))
    assert (first.verdict, first.details["alone"]) == (Verdict.WARNING, "alarm")
    assert first.reason.startswith("moved; not sure over all 6 tests of the window (adjusted p ")
    write_results(shared_store, [first], "run", START)
    assert judged(shared_store, results("lasting", 5e-4, hour=1)).verdict is Verdict.ALARM
    assert judged(shared_store, results("lasting", 5e-4, hour=2)).verdict is Verdict.ALARM  # one of two windows before
    assert judged(shared_store, results("lasting", 5e-4, hour=3)).verdict is Verdict.WARNING


@pytest.mark.parametrize(
    ("p_value", "settings"),
    [
        (1e-9, {}),
        (None, {}),
        (5e-4, {"false_alarms": 1.0}),
        (5e-4, {"data_drift": {"rule": {"alpha": 0.01}}}),
        (5e-4, {"data_drift": {"thresholds": {"psi": 0.1}}}),
    ],
    ids=["sure at once", "no test", "switched off", "a level of its own", "a threshold of its own"],
)
def test_what_stands_as_its_monitor_gave_it(
    shared_store: Store, p_value: float | None, settings: dict[str, object]
) -> None:
    """Strong evidence, what has no test, and what somebody decided."""
    assert judged(shared_store, results("standing", p_value), **settings).verdict is Verdict.ALARM


def test_monitors_that_look_again_are_judged_beside_what_is_stored_of_the_others(shared_store: Store) -> None:
    """Labels came in: the one monitor that reads them is one of six tests, as if all had looked."""
    *others, late = results("again", 2e-4)
    assert judged(shared_store, [late]).verdict is Verdict.ALARM
    write_results(shared_store, [one for one in others if one.signal != "data_drift"], "run", START)
    assert judged(shared_store, [late]).verdict is Verdict.WARNING
