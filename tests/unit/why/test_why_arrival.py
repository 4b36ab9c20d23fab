"""Traces that have not arrived whole are left out, and what has stopped for good is not waited for."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from modelspan_analyzer.why.arrival import PATIENCE, arrived
from modelspan_analyzer.why.facts import Fact, Key
from modelspan_analyzer.why.sample import Sample

SECONDS = 200
"""One trace a second, every other flagged."""


def sample() -> Sample:
    empty = np.full(SECONDS, "")
    flagged = np.arange(SECONDS) % 2 == 0
    return Sample(
        hashes=np.arange(SECONDS, dtype=np.uint64),
        time=np.arange(SECONDS, dtype=float),
        flagged=flagged.astype(float),
        others=(~flagged).astype(float),
        after=np.ones(SECONDS, bool),
        tags=pa.nulls(SECONDS),
        version=empty,
        trace_ids=empty,
        span_ids=empty,
        duration=np.zeros(SECONDS),
        slices=(),
        complete=True,
    )


def spans(service: str, until: int, start: int = 0) -> Fact:
    return Fact(Key("span", service, "GET /"), np.arange(start, until))


@pytest.mark.parametrize("late", [1, 10, int(PATIENCE)])
def test_what_is_newer_than_a_services_newest_span_is_left_out(late):
    """The feature store's spans come later than the predictions' own: the newest traces do not count yet."""
    found = arrived([spans("model", SECONDS), spans("feature-store", SECONDS - late)], sample())
    assert np.array_equal(found, np.arange(SECONDS) < SECONDS - late)


def test_a_service_that_stopped_is_not_waited_for():
    """Nothing from it for longer than spans take to arrive: its absence may be the cause, and all traces count."""
    stopped = SECONDS - int(PATIENCE) - 20
    assert arrived([spans("model", SECONDS), spans("feature-store", stopped)], sample()).all()


def test_a_service_that_is_seldom_called_is_not_waited_for():
    """Its newest span may well be old."""
    assert arrived([spans("model", SECONDS), spans("refund", SECONDS - 20, SECONDS - 30)], sample()).all()


def test_predictions_without_any_span_are_left_out_unless_that_leaves_nothing():
    """Most traces were not kept (head sampling): only those that were say something; too few of them say nothing."""
    assert arrived([spans("model", SECONDS, 150)], sample()).sum() == SECONDS - 150
    assert arrived([spans("model", SECONDS, SECONDS - 5)], sample()).all()
    assert arrived([], sample()).all()
