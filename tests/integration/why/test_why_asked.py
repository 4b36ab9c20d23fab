"""A question that cannot be answered is answered with what is not there, never as if it had been looked at."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from databases import Databases

from modelspan_analyzer.incidents.asked import answer_to
from modelspan_analyzer.kinds import KINDS
from modelspan_analyzer.reading.names import need_model, need_service
from modelspan_analyzer.results import Window
from modelspan_analyzer.why import explain
from modelspan_analyzer.why.breakdown import stages
from modelspan_analyzer.why.explanation import Finding
from modelspan_collector.store.connect import Store

START = datetime(2026, 1, 5, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(hours=4))
SECOND_HALF = Window(START + timedelta(hours=2), WINDOW.end)
NAMES = ('it\'s "m"/ü %20', "shadowed", "untraced")
ROWS = 400
Times = pa.Array
TEXTS, NUMBERS = (pa.map_(pa.string(), kind) for kind in (pa.string(), pa.float64()))


def fill(
    store: Store, model: str, *, traced: bool, version: str = "1", role: str = "primary", spans_at: Times | None = None
) -> None:
    """Predictions whose errors all come from one service's release, in half of the time; a tag and categories."""
    bad = [i >= ROWS // 2 and i % 4 == 0 for i in range(ROWS)]
    traces = [f"{version}{model.encode().hex()[:6]}{i:08d}".rjust(32, "0") if traced else "" for i in range(ROWS)]
    times = pa.array([START + timedelta(seconds=36 * i) for i in range(ROWS)], pa.timestamp("ns", "UTC"))
    ids = [f"{model}-{version}-{i}" for i in range(ROWS)]
    table = {
        "model": [model] * ROWS,
        "version": [version] * ROWS,
        "role": [role] * ROWS,
        "timestamp": times,
        "prediction_id": ids,
        "trace_id": traces,
        "value": [float(i % 7) for i in range(ROWS)],
        "error_type": ["Timeout" if one else "" for one in bad],
        "tags": pa.array([[("city", "Paris, Texas" if i % 2 == 0 else "Rome")] for i in range(ROWS)], TEXTS),
        "categorical_features": pa.array([[("plan", str(i % 2))] for i in range(ROWS)], TEXTS),
        "numeric_features": pa.array([[("seats", float(i % 2))] for i in range(ROWS)], NUMBERS),
    }
    store.insert("predictions", pa.table(table))
    labels = {"prediction_id": ids, "timestamp": times}
    truth = [float(i % 7) + (40.0 if one else 0.1 * (i % 3)) for i, one in enumerate(bad)]
    store.insert("labels", pa.table({**labels, "value": truth}))  # a regression's, without a model's name
    if traced:
        spans = {
            "Timestamp": spans_at if spans_at is not None else times,
            "TraceId": traces,
            "SpanId": [f"{i:016d}" for i in range(ROWS)],
            "ServiceName": ["features"] * ROWS,
            "SpanName": ["GET /x"] * ROWS,
            "SpanAttributes": pa.array([[("zone", "b" if one else "a")] for one in bad], TEXTS),
        }
        store.insert("otel_traces", pa.table(spans))


@pytest.fixture(scope="module")
def told(databases: Databases) -> Store:
    """Three models: one with an awkward name, one whose second version is a shadow, one without traces."""
    with databases.one() as store:
        fill(store, NAMES[0], traced=True)
        fill(store, NAMES[1], traced=True)
        fill(store, NAMES[1], traced=True, version="2", role="shadow")
        store.command(
            "ALTER TABLE labels DELETE WHERE startsWith(prediction_id, 'shadowed') SETTINGS mutations_sync = 2"
        )
        fill(store, NAMES[2], traced=False)
        classes = {"prediction_id": ["elsewhere"], "timestamp": pa.array([START], pa.timestamp("ns", "UTC"))}
        store.insert("labels", pa.table({**classes, "label": ["cat"]}))  # another model's, of classes
        yield store


ALIKE = ("tag.city=Paris, Texas", "feature.plan=0", "feature.seats=0", "tag.city=Paris, Texas & feature.plan=0")
"""Ways to say the same half of the rows."""


@pytest.mark.parametrize("segment", ["", *ALIKE])
@pytest.mark.parametrize("kind", ["errors", "wrong"])
def test_a_group_is_selected_by_one_rule_however_it_is_named(told: Store, kind: str, segment: str) -> None:
    """By a tag whose value has a comma, by a category of integers, by a number: the same rows, the same cause."""
    found = explain(told, Finding(NAMES[0], SECOND_HALF, kind, segment=segment))
    assert found.n_flagged + found.n_other == (ROWS // 2 if segment else ROWS)
    assert (found.causes[0].attribute, found.causes[0].value) == ("zone", "b")


def test_a_shadows_finding_is_explained_from_its_own_predictions(told: Store) -> None:
    """A version is looked at whatever its role; without one only what the primary version answered."""
    shadow = explain(told, Finding(NAMES[1], WINDOW, "errors", version="2"))
    assert shadow.n_flagged + shadow.n_other == ROWS
    assert shadow.causes
    assert explain(told, Finding(NAMES[1], WINDOW, "errors")).n_flagged == shadow.n_flagged


LATER = {"since": "2026-03-01", "until": "2026-03-02"}
HERE = {"since": "2026-01-05T00:00:00", "until": "2026-01-05T04:00:00"}
HALF = {"since": "2026-01-05T02:00:00", "until": "2026-01-05T04:00:00"}
NOTHING: dict[str, tuple[dict[str, str], str]] = {
    "no rows": ({"about": NAMES[0], "kind": "errors", **LATER}, "There is no prediction of"),
    "no such segment": ({"about": NAMES[0], "kind": "errors", "segment": "tag.city=Oslo", **HERE}, "(tag.city=Oslo)"),
    "no such feature": ({"about": NAMES[0], "kind": "missing", "feature": "wind", **HERE}, "has a feature `wind`"),
    "no such feature to drift": ({"about": NAMES[0], "kind": "drift", "feature": "wind", **HERE}, "a feature `wind`"),
    "no traces": ({"about": NAMES[2], "kind": "errors", **HERE}, "has a trace"),
    "nothing before": ({"about": NAMES[0], "kind": "prediction_drift", **HERE}, "to compare with"),
    "none marked": ({"about": NAMES[0], "kind": "slow", **HALF}, "is among the slow predictions for sure"),
    "no labels": ({"about": NAMES[1], "kind": "wrong", **HERE}, "has a label"),
}


@pytest.mark.parametrize("case", NOTHING)
def test_what_is_not_there_is_named(told: Store, case: str) -> None:
    """No rows, no such segment or feature, no traces, nothing marked: said, and no cause is made up: only a group of
    rows, which needs no traces, may be one."""
    given, words = NOTHING[case]
    (finding,) = answer_to(told, given)
    found = explain(told, finding)
    assert words in found.sentence
    assert "Nothing in the traces" not in found.sentence
    assert {cause.kind for cause in found.causes} <= ({"tag", "feature"} if case == "no traces" else set())


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_store_answers_every_kind_with_a_sentence(store: Store, kind: str) -> None:
    """Where nothing was ever sent, "no prediction" is the answer, in a tenant's new database too."""
    found = explain(store, Finding("m", WINDOW, kind, feature="x" if kind in ("missing", "drift") else ""))
    assert "There is no prediction of m" in found.sentence


def test_traces_whose_spans_never_came_are_named(store: Store) -> None:
    """Predictions name traces, and no span of them is in the store: that is said, with what to do."""
    fill(store, "m", traced=True)
    store.command("TRUNCATE TABLE otel_traces")
    assert "has no span of the" in explain(store, Finding("m", WINDOW, "errors")).sentence


def stamped(hours: float, seconds_apart: float = 36) -> Times:
    """Times of spans that lie so far from the predictions' start, as dense as predictions if not said."""
    first = START + timedelta(hours=hours)
    return pa.array([first + timedelta(seconds=seconds_apart * i) for i in range(ROWS)], pa.timestamp("ns", "UTC"))


APART: dict[str, tuple[Times, str]] = {
    "a clock hours ahead": (stamped(7), "7 h after the predictions"),
    "a clock hours behind": (stamped(-7), "7 h before the predictions"),
    "a clock days behind": (stamped(-24 * 40), "40 d before the predictions"),
    "a backfill": (stamped(24 * 20, 0.05), "d after the predictions"),
}


@pytest.mark.parametrize("case", APART)
def test_spans_are_found_by_trace_whatever_the_times_say(store: Store, case: str) -> None:
    """Predictions stamped hours or days off their spans: the cause, how far they lie apart, and the stages."""
    times, words = APART[case]
    fill(store, "m", traced=True, spans_at=times)
    found = explain(store, Finding("m", SECOND_HALF, "errors"))
    assert (found.causes[0].attribute, found.causes[0].value) == ("zone", "b")
    assert words in found.sentence
    assert "joined by trace id" in found.sentence
    assert {cause.kind for cause in found.causes} == {"attribute"}, "no clock is made a cause"
    assert [stage.span_name for stage in stages(store, "m", WINDOW)] == ["GET /x"]


def test_an_answer_names_the_model_and_its_versions(told: Store) -> None:
    """The version that was asked about, else those of the predictions that were looked at."""
    assert explain(told, Finding(NAMES[1], WINDOW, "errors", version="2")).about == f"{NAMES[1]} 2"
    assert explain(told, Finding(NAMES[0], WINDOW, "errors")).about == f"{NAMES[0]} 1"
    assert explain(told, Finding(NAMES[0], WINDOW, "errors")).as_json()["versions"] == ["1"]


BAD: dict[str, tuple[dict[str, str], str]] = {
    "an unknown argument": ({"about": NAMES[0], "colour": "red"}, "'colour' is not known"),
    "nothing asked about": ({}, "say what it is about"),
    "an unknown model": ({"about": "nobody"}, "there is no model 'nobody'"),
    "an unknown kind": ({"about": NAMES[0], "kind": "sad"}, "ask for one of missing"),
    "a feature left out": ({"about": NAMES[0], "kind": "missing"}, "needs the name of its feature"),
    "a bare segment": ({"about": NAMES[0], "kind": "errors", "segment": "city=Rome"}, "write tag.NAME=VALUE"),
    "a segment without value": ({"about": NAMES[0], "kind": "errors", "segment": "tag.city"}, "write tag.NAME=VALUE"),
    "a segment of neither": ({"about": NAMES[0], "kind": "errors", "segment": "label.x=1"}, "feature.NAME=VALUE"),
    "no time": ({"about": NAMES[0], "since": "tomorrowish"}, "is no time"),
    "a time out of range": ({"about": NAMES[0], "since": "9999-01-01"}, "lies beyond what is kept"),
    "a start behind the end": ({"about": NAMES[0], "since": "2026-02-01", "until": "2026-01-01"}, "is empty"),
    "a time longer than all": ({"about": NAMES[0], "since": "99999999999999999999w"}, "longer than there is"),
    "an empty time": ({"about": NAMES[0], "since": "0h"}, "is empty"),
    "digits of another script": ({"about": NAMES[0], "since": "²h"}, "is no time"),
    "a quiet time": ({"about": NAMES[0], **HERE}, "ask about another time"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_question_that_cannot_be_read_is_refused_with_what_to_write(told: Store, case: str) -> None:
    """Every argument: unknown, missing, misspelt or out of range is a `ValueError`, which is a sentence and a 400."""
    given, words = BAD[case]
    with pytest.raises(ValueError, match=words):
        answer_to(told, given)


def test_unknown_models_and_services_are_named_with_those_there_are(told: Store) -> None:
    """A misspelt name is no model without cost, and no service that moved nothing."""
    with pytest.raises(ValueError, match="there is no model 'nobody' in this store; it has"):
        need_model(told, "nobody")
    with pytest.raises(ValueError, match="no span of a service 'nobody'; it has features"):
        need_service(told, "nobody")
