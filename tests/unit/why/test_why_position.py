"""Where spans stand relative to the prediction, also where a clock is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from modelspan_analyzer.why.position import AFTER, ANCESTOR, BEFORE, SELF, WITHIN, Predicted, locate

SECOND = 10**9


def trace(number: int, late: float = 0.0) -> list[dict[str, Any]]:
    """Root, a call before the prediction (its clock `late` by so many seconds), one within it, and one after it."""
    spans = [
        ("root", "", "gateway", "POST /score", 0.0, 1.0),
        ("fetch", "root", "store", "GET /profile", 0.1 + late, 0.1),
        ("predict", "root", "model", "predict", 0.3, 0.2),
        ("weights", "predict", "model", "read weights", 0.31, 0.05),
        ("audit", "root", "audit", "write", 0.6, 0.1),
        ("mail", "root", "mail", "send", 60.0, 0.1),
    ]
    return [
        {
            "trace": str(number), "span": name, "parent": parent, "service": service, "name": called,
            "start": round(start * SECOND), "duration": round(length * SECOND),
        }
        for name, parent, service, called, start, length in spans
    ]  # fmt: skip


@pytest.mark.parametrize("late", [0.0, 140.0, -140.0])
def test_spans_are_placed_by_those_with_a_credible_clock(late):
    """Four of five traces passed a host whose clock is off by minutes: its spans are still known to come before."""
    rows = [span for number in range(5) for span in trace(number, late if number else 0.0)]
    found = locate(rows, {str(number): Predicted("predict", 0, 0) for number in range(5)})
    relations = {service: found[service, name].relation for service, name in found if name}
    assert relations | {"model": ""} == {
        "gateway": ANCESTOR, "store": BEFORE, "model": "", "audit": AFTER, "mail": AFTER,
    }  # fmt: skip
    assert (found["model", "predict"].relation, found["model", "read weights"].relation) == (SELF, WITHIN)


RECORDS = {
    "its own span": (Predicted("predict", round(0.3 * SECOND), round(0.5 * SECOND)), ANCESTOR),
    "the span of the request": (Predicted("root", round(0.3 * SECOND), round(0.5 * SECOND)), SELF),
    "a span that did not arrive": (Predicted("gone", round(0.3 * SECOND), round(0.5 * SECOND)), ANCESTOR),
}


@pytest.mark.parametrize("record", RECORDS)
def test_what_follows_a_prediction_is_known_whichever_span_its_record_names(record):
    """By its parents a span of the request's own is within it; by the record's time it follows the prediction."""
    own, root = RECORDS[record]
    found = locate(trace(0), {"0": own})
    relations = {name: place.relation for (_, name), place in found.items() if name}
    assert relations["POST /score"] == root
    assert (relations["write"], relations["send"]) == (AFTER, AFTER)
    assert relations["read weights"] == WITHIN
    assert relations["GET /profile"] in (BEFORE, WITHIN)


def test_of_a_record_that_says_no_time_nothing_is_placed_by_time():
    """A record without a duration, made in the request's span, leaves what the parents say."""
    found = locate(trace(0), {"0": Predicted("root", round(0.3 * SECOND), round(0.3 * SECOND))})
    assert found["store", "GET /profile"].relation == found["audit", "write"].relation == WITHIN
    assert locate(trace(0), {"0": Predicted("gone", 0, 0)}) == {}
