"""What makes no sense is found without a look at every item, and nothing of it is missed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelspan_collector.otlp.signals import LOGS, METRICS, SIGNALS, TRACES, Signal
from modelspan_collector.receive import misfits, skeleton

TRACE, SPAN = b"\x01" * 16, b"\x02" * 8
TRACE_IDS = st.sampled_from([TRACE, TRACE, TRACE, TRACE, b"", bytes(16), b"\x01" * 8])
SPAN_IDS = st.sampled_from([SPAN, SPAN, SPAN, SPAN, b"", bytes(8), b"\x02" * 16])
IDS = st.tuples(TRACE_IDS, SPAN_IDS)
ITEMS = st.lists(st.tuples(IDS, SPAN_IDS, st.lists(IDS, max_size=2)), max_size=4)
KINDS = ("gauge", "sum", "histogram", "exponential_histogram")


def sized(trace: bytes, span: bytes) -> bool:
    """Whether ids that may be absent are of their size."""
    return len(trace) in (0, 16) and len(span) in (0, 8)


def span(scope: Any, ids: tuple[bytes, bytes], parent: bytes, links: list[tuple[bytes, bytes]]) -> bool:
    """Add a span; whether it makes sense."""
    made = scope.spans.add(trace_id=ids[0], span_id=ids[1], parent_span_id=parent)
    made.attributes.add(key="trace_id").value.bytes_value = b"no id of the span"
    for trace, linked in links:
        made.links.add(trace_id=trace, span_id=linked)
    needed = ids == (TRACE, SPAN)
    return needed and len(parent) in (0, 8) and all(sized(*link) for link in links)


def record(scope: Any, ids: tuple[bytes, bytes], _: bytes, __: object) -> bool:
    """Add a log record; whether it makes sense."""
    scope.log_records.add(trace_id=ids[0], span_id=ids[1])
    return sized(*ids)


def metric(scope: Any, ids: tuple[bytes, bytes], name: bytes, exemplars: list[tuple[bytes, bytes]]) -> bool:
    """Add a metric, of another kind each time; whether it makes sense."""
    kind = KINDS[len(scope.metrics) % len(KINDS)]
    point = getattr(scope.metrics.add(name=name.hex()), kind).data_points.add()
    for trace, inside in [ids, *exemplars]:
        point.exemplars.add(trace_id=trace, span_id=inside)
    return name != b"" and all(sized(*each) for each in [ids, *exemplars])


ADD = {TRACES: span, LOGS: record, METRICS: metric}


@pytest.mark.parametrize("signal", SIGNALS, ids=lambda signal: signal.name)
@given(scopes=st.lists(ITEMS, max_size=3))
def test_a_request_is_sound_just_where_all_of_its_items_make_sense(signal: Signal, scopes: list[Any]) -> None:
    """For every signal: sound, untouched and complete; or not sound, and something is taken out."""
    message = signal.request()
    sense = [
        ADD[signal](getattr(getattr(message, signal.path[0]).add(), signal.path[1]).add(), *item)
        for items in scopes
        for item in items
    ]
    body = message.SerializeToString()
    assert skeleton.is_sound(signal, body) == all(sense)
    found = misfits.take_out(signal, body, message)
    assert found.changed == (not all(sense))
    assert skeleton.is_sound(signal, message.SerializeToString())


def scope_of(*spans: bytes) -> bytes:
    """A request of one scope with spans, each as its bytes."""
    inner = b"".join(b"\x12" + bytes([len(each)]) + each for each in spans)
    scope = b"\x12" + bytes([len(inner)]) + inner
    return b"\x0a" + bytes([len(scope)]) + scope


GOOD_TRACE, GOOD_SPAN = b"\x0a\x10" + TRACE, b"\x12\x08" + SPAN


@pytest.mark.parametrize(
    ("spans", "left"),
    [
        pytest.param([GOOD_TRACE + GOOD_TRACE + GOOD_SPAN, GOOD_SPAN], 1, id="one has two, another none"),
        pytest.param([GOOD_TRACE + GOOD_SPAN + b"\x0a\x00"], 0, id="the last of two is empty"),
        pytest.param([b"\x0a\x00" + GOOD_TRACE + GOOD_SPAN], 1, id="the first of two is empty"),
        pytest.param([GOOD_TRACE + b"\x10\x08"], 0, id="a number where an id is"),
        pytest.param([b""], 0, id="nothing"),
    ],
)
def test_what_comes_twice_does_not_hide_what_is_missing(spans: list[bytes], left: int) -> None:
    """Of a field that comes more than once the last counts, for each item by itself."""
    body = scope_of(*spans)
    message = TRACES.request.FromString(body)
    misfits.take_out(TRACES, body, message)
    assert TRACES.count(message) == left
