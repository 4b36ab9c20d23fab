"""What a recorded span says of a call."""

from __future__ import annotations

import datetime
import decimal
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import Span, Status, StatusCode

from modelspan import conventions
from modelspan._redact import Redaction
from modelspan.capture.outputs import Output

if TYPE_CHECKING:
    from modelspan.records.call import Call

_INT64 = range(-(2**63), 2**63)


class SpanFeatures:
    """Which features spans carry, and how: the plan of one observer, worked out once for each set of names."""

    def __init__(self, choice: bool | frozenset[str], redaction: Redaction, max_length: int) -> None:
        self._max_length = max_length
        self._choice = choice
        self._redaction = redaction
        self._plans: dict[tuple[str, ...], list[tuple[int, str, str | None]]] = {}

    def attributes(self, call: Call) -> dict[str, Any]:
        """The attributes of a single row's features; those that are missing are absent."""
        plan = self._plans.get(call.names)
        if plan is None:
            plan = self._plan(call.names)
        values = call.values
        found: dict[str, Any] = {}
        for at, key, redacted in plan:
            value = values[at]
            if redacted is not None or type(value) is not float:
                value = scalar(value if redacted is None else self._redaction.value(redacted, value), self._max_length)
            if value is not None and value == value:  # NaN is missing
                found[key] = value
        return found

    def _plan(self, names: tuple[str, ...]) -> list[tuple[int, str, str | None]]:
        """Of each feature that is carried: its place, its attribute's name, and its own where its values change."""
        plan = []
        for at, name in enumerate(map(str, names)):
            wanted = self._choice if isinstance(self._choice, bool) else name in self._choice
            if wanted and not self._redaction.removes(name):
                changed = self._redaction.change(name) is not None
                plan.append((at, f"{conventions.FEATURE_PREFIX}{self._redaction.cut(name)}", name if changed else None))
        if len(self._plans) < 1000:
            self._plans[names] = plan
        return plan


def scalar(value: Any, max_length: int) -> bool | int | float | str | None:
    """A value as an attribute that every exporter can encode; None for what has no place on a span (vectors)."""
    if type(value) is str:
        cut: str = value[:max_length]
        return cut if cut.isascii() else cut.encode("utf-8", "replace").decode()
    if isinstance(value, (bool, float)):
        return value
    if isinstance(value, int):
        return value if value in _INT64 else float(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, decimal.Decimal):
        return float(value)
    if hasattr(value, "dtype") and hasattr(value, "item"):
        return scalar(value.item(), max_length)
    return None


def describe(span: Span, call: Call, features: SpanFeatures, max_length: int) -> None:
    """Set the attributes of a span whose call has ended."""
    attributes: dict[str, Any] = {}
    if call.table is None:
        attributes = features.attributes(call)
        attributes[conventions.PREDICTION_ID] = call.prediction_id()
        if call.result is not None:
            _add_output(attributes, call.result, max_length)
    else:
        attributes[conventions.BATCH_SIZE] = call.table.rows
    attributes[conventions.RECORDED] = True
    if call.observer.weight != 1.0 and call.kept:
        attributes[conventions.SAMPLE_WEIGHT] = call.observer.weight
    redaction = call.observer.tag_redaction
    for name, value in call.tags.items():
        told = redaction.value(name, value)
        if told is not None:
            attributes[f"{conventions.TAG_PREFIX}{name}"] = told
    if call.error_type is not None:
        attributes[conventions.ERROR_TYPE] = call.error_type
        span.set_status(Status(StatusCode.ERROR))
    span.set_attributes(attributes)


def _add_output(attributes: dict[str, Any], result: float | Output, max_length: int) -> None:
    told = result if isinstance(result, Output) else Output(value=result)
    if told.value is not None:
        attributes[conventions.PREDICTION_VALUE] = told.value
    if told.label is not None:
        attributes[conventions.PREDICTION_LABEL] = scalar(told.label, max_length)
    for name, score in (told.scores or {}).items():
        attributes[f"{conventions.PREDICTION_SCORE_PREFIX}{name[:max_length]}"] = score
