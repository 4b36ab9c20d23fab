"""`check` of a model to which no row came: what is wrong is not unchecked too, and between batches it says when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from modelspan_analyzer.checking import Status, ask
from modelspan_analyzer.results import Result, Verdict, Window, write_results
from modelspan_analyzer.runner import runs
from modelspan_analyzer.views.health import checked, state
from modelspan_collector.store.connect import Store

NIGHT = datetime(2026, 3, 2, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
AWAITED = "0 predictions; a batch comes every 24.0 h, and the next one is overdue at 2026-03-03 04:24 UTC"


def looked_at(
    store: Store, hour: int, volume: Verdict, reason: str, rows: int = 0, drift: Verdict = Verdict.OK
) -> None:
    """A window with the results of two monitors."""
    window = Window(NIGHT + hour * HOUR, NIGHT + (hour + 1) * HOUR)
    drifted = drift if rows else Verdict.NOT_ENOUGH_DATA
    results = [
        Result("nightly", "1", window, "data_quality", "volume", float(rows), volume, n=rows, reason=reason),
        Result("nightly", "1", window, "data_quality", "null_rate", None, drifted, "age", n=rows, reason="no rows"),
        Result("nightly", "1", window, "data_drift", "psi", None, drifted, "age", n=rows, reason="no rows"),
    ]
    write_results(store, results, f"run-{hour}", NIGHT + hour * HOUR)
    run = runs.Run(f"run-{hour}", "nightly", "1", "", window, window.end, window.end)
    runs.write(store, [run.ended(runs.DONE, window.end)])


def test_what_alarms_is_not_unchecked_too(store: Store) -> None:
    looked_at(store, 0, Verdict.OK, "500 predictions", 500)
    looked_at(store, 26, Verdict.ALARM, "no predictions for 25.5 h")
    answer = ask(store, "nightly", None, now=NIGHT + 27 * HOUR, signals=[])
    assert (answer.status, [one["metric"] for one in answer.findings]) == (Status.ALARM, ["volume"])
    assert [one["signal"] for one in answer.unchecked] == ["data_drift"]


def test_between_batches_it_says_when_the_next_one_is_overdue_and_what_the_last_one_said(store: Store) -> None:
    """Nothing passes, as nothing came; but nobody has to look up whether that is as it should be."""
    for drift, told in ((Verdict.OK, "nothing stood against it"), (Verdict.ALARM, "2 results stood against it")):
        looked_at(store, 0, Verdict.OK, "500 predictions", 500, drift)
        looked_at(store, 9, Verdict.OK, AWAITED)
        answer = ask(store, "nightly", None, now=NIGHT + 10 * HOUR, signals=[])
        assert answer.status is Status.NOT_CHECKED
        assert answer.reason == (
            f"no prediction came in the newest window of nightly 1 ({AWAITED}); "
            f"in the last window with predictions, until 2026-03-02 03:00 UTC, {told}"
        )
    found, _ = checked(store, "nightly")
    assert state(found["nightly", "1"], []).line == f"not checked: no prediction came ({AWAITED})"


def test_what_fails_for_several_signals_in_the_same_words_is_told_once(store: Store) -> None:
    """As a slice that none of them can compute; what fails of each otherwise is told of each."""
    window = Window(NIGHT, NIGHT + HOUR)
    broken, why = "slice.odd=country - 1", "the engine cannot compute the slice"
    results = [
        Result("nightly", "1", window, signal, "slice", None, Verdict.ERROR, segment=broken, n=500, reason=why)
        for signal in ("data_drift", "metrics", "performance")
    ]
    results.append(Result("nightly", "1", window, "fairness", "slice", None, Verdict.ERROR, n=500, reason=why))
    write_results(store, results, "run", NIGHT)
    answer = ask(store, "nightly", None, now=NIGHT + HOUR, signals=[])
    told = [(one["signal"], one["also"]) for one in answer.findings]
    assert told == [("data_drift", ["metrics", "performance"]), ("fairness", [])]
    assert answer.reason == "2 results stand against nightly"
    assert not answer.unchecked
