"""What a framework does around a prediction is never its cause, whichever span the prediction names."""

from __future__ import annotations

import numpy as np
import pytest
import why
from why_causes import empty_answers, pod_outage, timeout
from why_systems import build

from modelspan_analyzer.why import explain
from modelspan_collector.store import schema
from modelspan_collector.store.connect import connect

PREDICTIONS = 6_000
TRANSPORT = (" http send", " http receive")


@pytest.fixture(scope="module")
def systems(engine_dsn):
    """One database for all scenarios, refilled by each."""
    store = connect(engine_dsn, "test_why_frameworks")
    schema.apply(store)
    why.drop_views(store)
    yield store
    store.command("DROP DATABASE test_why_frameworks")
    store.close()


def ask(store, cause, seed, **given):
    """What is said of a random system with a cause."""
    system = build(np.random.default_rng([7301, seed]), PREDICTIONS)
    system.durations["send"] = np.exp(system.rng.normal(-1, 0.2, PREDICTIONS))
    for name, value in given.items():
        setattr(system, name, value)
    injection = cause(system)
    why.fill(store, system)
    return explain(store, why.finding(system, injection)), injection


@pytest.mark.parametrize("seed", range(6))
def test_no_duration_is_blamed_for_values_that_no_failure_left_missing(systems, seed):
    """Answers without the value take another time to send, and nothing failed: no cause is named, and it is said so."""
    said, _ = ask(systems, empty_answers, seed)
    assert said.causes == (), said.sentence
    assert "Nothing in the traces" in said.sentence


@pytest.mark.parametrize("own_span", [True, False])
@pytest.mark.parametrize("cause", [timeout, pod_outage], ids=lambda cause: cause.__name__)
def test_the_true_cause_comes_first_among_the_spans_of_a_framework(systems, cause, own_span):
    """A call that timed out, or a pod that failed, is found through them, and nothing of theirs is named."""
    for seed in (20, 21):
        said, injection = ask(systems, cause, seed, framework=True, inside=False, own_span=own_span)
        assert why.judge(said, injection) == 1, said.sentence
        assert not any(one.span_name.endswith(TRANSPORT) for one in said.causes)
