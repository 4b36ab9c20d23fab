"""A fixed handful of the benchmark: the hidden cause comes first, and nothing is found where there is none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import why
from why_causes import CAUSES, clock_skew
from why_systems import build

from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_analyzer.why import Budget, Finding, explain, question, stretches
from modelspan_analyzer.why.facts import Source
from modelspan_collector.store import schema
from modelspan_collector.store.connect import connect

PREDICTIONS = 6_000


@pytest.fixture(scope="module")
def systems(engine_dsn):
    """One database for all scenarios, refilled by each."""
    store = connect(engine_dsn, "test_why")
    schema.apply(store)
    why.drop_views(store)
    yield store
    store.command("DROP DATABASE test_why")
    store.close()


def _ask(store, cause, seed=5):
    system = build(np.random.default_rng([seed, CAUSES.index(cause)]), PREDICTIONS)
    injection = cause(system)
    why.fill(store, system)
    return system, injection, why.finding(system, injection)


@pytest.mark.parametrize("cause", CAUSES, ids=lambda cause: cause.__name__)
def test_the_true_cause_comes_first(systems, cause):
    """Each kind of hidden cause is named first; without one, nothing is."""
    _, injection, finding = _ask(systems, cause)
    said = explain(systems, finding)
    assert why.judge(said, injection) == 1, said.sentence


def test_an_answer_says_when_how_many_and_shows_traces(systems):
    """The first cause carries its numbers, the onset and traces that exist; the whole is JSON-ready."""
    system, _, finding = _ask(systems, CAUSES[0])
    said = explain(systems, finding, budget=Budget(flagged=400, others=400))
    (cause, *_) = said.causes
    assert said.truncated
    assert cause.interval[0] < cause.risk_ratio < cause.interval[1]
    assert abs(cause.since.timestamp() - system.onset / 1e9) < 300
    traces = {"traces": list(cause.sample_trace_ids)}
    seen = systems.scalar("SELECT uniq(TraceId) FROM otel_traces WHERE TraceId IN {traces:Array(String)}", traces)
    assert seen == len(cause.sample_trace_ids) == 3
    assert said.as_json()["causes"][0]["sentence"] == said.sentence


def test_predictions_without_traces_are_said_to_have_none(systems):
    """The sentence tells why there is no answer."""
    _, _, finding = _ask(systems, CAUSES[0])
    systems.command("ALTER TABLE predictions UPDATE trace_id = '' WHERE 1 SETTINGS mutations_sync = 1")
    assert "has a trace" in explain(systems, finding).sentence


def test_a_result_becomes_the_question_it_raises(systems):
    """Signals and metrics map to kinds; a volume is about no single prediction, and is refused with the reason."""
    _, _, finding = _ask(systems, CAUSES[0])
    window = Window(finding.window.start, finding.window.end)
    result = Result(finding.model, "", window, "data_quality", "null_rate", 0.2, Verdict.ALARM, feature=finding.feature)
    assert question(result) == Finding(finding.model, window, "missing", feature=finding.feature)
    volume = Result(finding.model, "", window, "data_quality", "volume", 0.0, Verdict.ALARM)
    with pytest.raises(ValueError, match="no single predictions"):
        question(volume)


def test_a_kind_nobody_knows_is_refused():
    """The message lists the kinds."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    window = Window(start, start + timedelta(hours=1))
    with pytest.raises(ValueError, match="missing, drift"):
        Finding("m", window, "sadness")


def test_a_wrong_clock_is_found_where_only_stretches_are_read(systems, monkeypatch):
    """Its spans lie where nobody looked at first: they are looked for, not called absent."""
    monkeypatch.setattr(stretches, "ENOUGH", 800)
    monkeypatch.setattr(stretches, "ENOUGH_FLAGGED", 100)
    seen = []
    monkeypatch.setattr(Source, "read_again", lambda *given, again=Source.read_again: seen.append(1) or again(*given))
    _, injection, finding = _ask(systems, clock_skew, seed=2)
    said = explain(systems, finding)
    assert seen
    assert why.judge(said, injection) == 1, said.sentence
