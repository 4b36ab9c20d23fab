"""Spans have bounded room, and say what they had none for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from modelspan.testing import Receiver

SCRIPT = """
import json, logging, sys
import modelspan
from modelspan._failsafe import failures
from opentelemetry import trace
lines = []
logging.getLogger().addHandler(type("Lines", (logging.Handler,), {"emit": lambda self, record: lines.append(record)})())
modelspan.configure()
features = {f"f{number}": number for number in range(int(sys.argv[1]))}
scores = {f"c{number}": number / 2**22 for number in range(int(sys.argv[2]))}
@modelspan.observe(model="m", version="1", tags={"channel": "web"})
def predict(row):
    trace.get_current_span().set_attribute("of.the.application", True)
    return scores or 0.5
for _ in range(3):
    predict(features)
modelspan.flush()
print(json.dumps([record.name for record in lines]))
"""


@pytest.mark.parametrize(
    ("features", "scores", "limit"),
    [(2000, 0, "128"), (3, 1000, "128"), (200, 200, "128"), (200, 0, "20"), (5, 0, "3")],
)
def test_what_a_span_has_no_room_for_is_counted(
    features: int, scores: int, limit: str, run: Callable[..., Any], receiver: Receiver
) -> None:
    """However many features or scores there are, the log has one line of ours; the record carries all."""
    lines = run(SCRIPT, str(features), str(scores), OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT=limit, OTEL_METRICS_EXPORTER="none")
    assert lines == ["modelspan"]
    for span in receiver.spans():
        told = {each.key: each.value for each in span.attributes}
        assert len(told) <= int(limit) and span.dropped_attributes_count == 0
        if int(limit) > 10:
            ours = [name for name in told if name.startswith(("modelspan.feature.", "modelspan.prediction.score."))]
            assert told["modelspan.attributes.left_out"].int_value == features + scores - len(ours)
            assert {"modelspan.prediction.id", "modelspan.tag.channel", "of.the.application"} <= set(told)
    assert len(receiver.spans()) == len(receiver.predictions()) == 3
    for row in receiver.predictions():
        assert len([name for name in row if name.startswith(("feature.", "score."))]) == features + scores


@pytest.mark.parametrize("limit", ["128", ""])
def test_a_span_with_room_has_all(limit: str, run: Callable[..., Any], receiver: Receiver) -> None:
    """Nothing is left off, and nothing said, where all fits: by the limit, or without one."""
    features = 100 if limit else 500
    assert run(SCRIPT, str(features), "0", OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT=limit, OTEL_METRICS_EXPORTER="none") == []
    names = [each.key for each in receiver.spans()[0].attributes]
    assert len([name for name in names if name.startswith("modelspan.feature.")]) == features
    assert "modelspan.attributes.left_out" not in names
