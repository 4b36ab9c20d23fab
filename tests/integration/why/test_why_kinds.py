"""Findings beyond the benchmark's: regressions gone wrong, unfair gaps, segments, causes that only logs tell of."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import why
from why_causes import Injection
from why_systems import build

from modelspan_analyzer.results import Result, Verdict
from modelspan_analyzer.why import Budget, explain, question
from modelspan_collector.store import schema
from modelspan_collector.store.connect import connect

FEATURE = "txn_count_7d"
PREDICTIONS = 5000


@pytest.fixture(scope="module")
def kept(engine_dsn):
    """One database for the module, refilled by each test."""
    store = connect(engine_dsn, "test_why_kinds")
    schema.apply(store)
    why.drop_views(store)
    yield store
    store.command("DROP DATABASE test_why_kinds")
    store.close()


@pytest.fixture
def system():
    """A system without a fault of its own."""
    return build(np.random.default_rng([21, 1]), PREDICTIONS)


def _finding(system, kind, feature="", segment=""):
    return replace(why.finding(system, Injection("", kind, feature, ())), segment=segment)


def test_a_segment_is_explained_by_itself(kept, system):
    """Time-outs hit mobile clients alone: their segment has the cause, an onset, only its rows; the other no onset."""
    hit = system.after & system.mobile & system.chance(0.3)
    system.errors["history"] |= hit
    system.missing[FEATURE] |= hit
    why.fill(kept, system)
    mobile = explain(kept, _finding(system, "missing", FEATURE, "tag.platform=mobile"))
    assert (mobile.causes[0].service, mobile.causes[0].kind) == (system.services["history"].name, "status")
    assert mobile.n_flagged + mobile.n_other == pytest.approx(system.mobile.sum(), abs=2)
    assert "(tag.platform=mobile)" in mobile.sentence
    web = explain(kept, _finding(system, "missing", FEATURE, "tag.platform=web"))
    assert (mobile.since is None, web.since is None) == (False, True)


def test_a_cause_that_only_logs_tell_of(kept, system):
    """Spans look well; the log line is named, with its numbers blotted out so that its copies count as one."""
    system.missing[FEATURE] |= system.after & system.chance(0.2)
    why.fill(kept, system)
    kept.command(
        "INSERT INTO otel_logs (Timestamp, TraceId, ServiceName, SeverityText, Body) "
        "SELECT timestamp, trace_id, 'ledger', 'ERROR', concat('lock wait of session ', toString(rand()), ' exceeded') "
        "FROM predictions WHERE has(null_features, {feature:String}) AND cityHash64(trace_id) % 10 > 0",
        {"feature": FEATURE},
    )
    (cause, *_) = explain(kept, _finding(system, "missing", FEATURE)).causes
    assert (cause.kind, cause.service, cause.value) == ("log", "ledger", "lock wait of session # exceeded")
    assert cause.flagged_share == pytest.approx(0.9, abs=0.04)


def test_a_regression_gone_wrong_is_known_by_its_errors(kept, system):
    """Labels are numbers; those of one client version are far off after the onset, and it is named."""
    why.fill(kept, system)
    bad = kept.scalar("SELECT SpanAttributes['client.version'] AS v FROM otel_traces WHERE v != '' GROUP BY v "
                      "ORDER BY count() DESC LIMIT 1")  # fmt: skip
    kept.command("TRUNCATE TABLE labels")
    kept.command(
        "INSERT INTO labels (prediction_id, model, timestamp, value) "
        "SELECT prediction_id, model, timestamp, value + randNormal(0, 0.1) + 4 * (trace_id IN ("
        "  SELECT TraceId FROM otel_traces WHERE SpanAttributes['client.version'] = {bad:String}) "
        "  AND timestamp >= fromUnixTimestamp64Nano({onset:Int64}, 'UTC')) "
        "FROM predictions WHERE isNotNull(value)",
        {"bad": bad, "onset": int(system.onset)},
    )
    (cause, *_) = explain(kept, _finding(system, "wrong")).causes
    assert (cause.attribute, cause.value) == ("client.version", bad)
    assert abs(cause.since.timestamp() - system.onset / 1e9) < 300


def test_an_unfair_gap_is_explained_among_the_group(kept, system):
    """Mobile clients get low values where the cache answered; their group is compared with everybody."""
    system.value_shift = np.where(system.mobile & system.hit, system.value_shift - 6, system.value_shift)
    why.fill(kept, system)
    said = explain(kept, _finding(system, "unfair", segment="tag.platform=mobile"))
    (cause, *_) = said.causes
    assert (cause.attribute, cause.value) == ("cache.hit", "true")
    assert "unfavourable" in said.sentence
    assert said.n_flagged + said.n_other == pytest.approx(system.mobile.sum(), abs=2)


def test_vectors_that_drifted_are_known_by_where_they_moved(kept, system):
    """An encoder behind the cache changed: vectors of what came from it moved, and so the cache is named."""
    why.fill(kept, system)
    kept.command(
        "ALTER TABLE predictions UPDATE embeddings = map('text'::LowCardinality(String), arrayMap("
        "  place -> toFloat32(randNormal(0, 1, (place, prediction_id))"
        "    + 3 * (place < 3 AND trace_id IN ("
        "        SELECT TraceId FROM otel_traces WHERE SpanAttributes['cache.hit'] = 'true') "
        "      AND timestamp >= fromUnixTimestamp64Nano({onset:Int64}, 'UTC'))), range(8))) "
        "WHERE 1 SETTINGS mutations_sync = 1",
        {"onset": int(system.onset)},
    )
    finding = question(Result(system.model, "", _finding(system, "drift").window, "embedding", "mmd", 0.5,
                              Verdict.ALARM, feature="text"))  # fmt: skip
    said = explain(kept, finding)
    (cause, *_) = said.causes
    assert (cause.attribute, cause.value) == ("cache.hit", "true")
    assert abs(cause.since.timestamp() - system.onset / 1e9) < 300
    assert explain(kept, replace(finding, feature="no-such-vector")).causes == ()


def test_reading_is_given_up_in_time(kept, system):
    """With next to no time the answer is that there was too little, marked as truncated."""
    system.missing[FEATURE] |= system.after & system.chance(0.2)
    why.fill(kept, system)
    said = explain(kept, _finding(system, "missing", FEATURE), budget=Budget(seconds=0.001))
    assert "more than 0.001 s" in said.sentence
    assert said.truncated
