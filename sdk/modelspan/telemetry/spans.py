"""What a recorded span says of a call."""

from __future__ import annotations

import datetime
import decimal
import itertools
import sys
from typing import TYPE_CHECKING, Any

from opentelemetry.trace import Span, Status, StatusCode

from modelspan import conventions
from modelspan._failsafe import swallowed
from modelspan._redact import Redaction
from modelspan.capture.outputs import Output
from modelspan.capture.values import clean

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

    def attributes(self, call: Call, room: int) -> tuple[dict[str, Any], int]:
        """The attributes of a single row's features, those that are missing absent; and how many had no room.

        Where there is no room for all, the first have it, and one place is kept for the word about the others.
        """
        plan = self._plans.get(call.names)
        if plan is None:
            plan = self._plan(call.names)
        placed = plan if len(plan) <= room else plan[: max(0, room - 1)]
        values = call.values
        found: dict[str, Any] = {}
        for at, key, redacted in placed:
            value = values[at]
            if redacted is not None or type(value) is not float:
                value = scalar(value if redacted is None else self._redaction.value(redacted, value), self._max_length)
            if value is not None and value == value:  # NaN is missing
                found[key] = value
        return found, len(plan) - len(placed)

    def _plan(self, names: tuple[str, ...]) -> list[tuple[int, str, str | None]]:
        """Of each feature that is carried: its place, its attribute's name, and its own where its values change."""
        plan = []
        for at, name in enumerate(map(str, names)):
            wanted = self._choice if isinstance(self._choice, bool) else name in self._choice
            if wanted and not self._redaction.removes(name):
                changed = self._redaction.change(name) is not None
                plan.append(
                    (at, f"{conventions.FEATURE_PREFIX}{clean(self._redaction.cut(name))}", name if changed else None)
                )
        if len(self._plans) < 1000:
            self._plans[names] = plan
        return plan


def scalar(value: Any, max_length: int) -> bool | int | float | str | None:
    """A value as an attribute that every exporter can encode; None for what has no place on a span (vectors)."""
    if type(value) is str:
        return clean(value[:max_length])
    if isinstance(value, (bool, float)):
        return value
    try:
        return _plain(value, max_length)
    except (OverflowError, ValueError):  # beyond a double, or a decimal's signalling NaN
        return None


def _plain(value: Any, max_length: int) -> bool | int | float | str | None:
    if isinstance(value, int):
        return value if value in _INT64 else float(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, decimal.Decimal):
        return float(value)
    if hasattr(value, "dtype") and hasattr(value, "item"):
        item = value.item()
        return float(value) if type(item) is type(value) else scalar(item, max_length)  # NumPy's longdouble is its own
    return None


def describe(span: Span, call: Call, features: SpanFeatures, max_length: int) -> None:
    """Set the attributes of a span whose call has ended; where there is no room for all, features give way first."""
    attributes = _outcome(call, max_length)
    room = _room(span)
    left_out = 0
    if call.table is None:
        found, left_out = features.attributes(call, room - len(attributes))
        attributes |= found
    if left_out or len(attributes) > room:
        attributes, left_out = _cut(attributes, room, left_out)
        swallowed(
            f"spans of model {call.stream.model!r} have no room for all features: some are only in the records; "
            "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT makes room, span_features= chooses"
        )
    if call.error_type is not None:
        span.set_status(Status(StatusCode.ERROR))
    span.set_attributes(attributes)


def _room(span: Span) -> int:
    """How many attributes a span takes before it would drop the oldest, with a line in the log for each."""
    most = getattr(getattr(span, "_limits", None), "max_span_attributes", None)
    return sys.maxsize if most is None else most - len(getattr(span, "attributes", None) or ())


def _cut(attributes: dict[str, Any], room: int, left_out: int) -> tuple[dict[str, Any], int]:
    """The attributes that there is room for, with a word about how many there was none for."""
    kept = dict(itertools.islice(attributes.items(), max(0, room - 1)))
    left_out += len(attributes) - len(kept)
    return ({**kept, conventions.ATTRIBUTES_LEFT_OUT: left_out} if room > 0 else kept), left_out


def _outcome(call: Call, max_length: int) -> dict[str, Any]:
    """All but the features, what matters most first."""
    attributes: dict[str, Any] = {conventions.RECORDED: True}
    if call.error_type is not None:
        attributes[conventions.ERROR_TYPE] = call.error_type
    if call.observer.weight != 1.0 and call.kept:
        attributes[conventions.SAMPLE_WEIGHT] = call.observer.weight
    if call.table is not None:
        attributes[conventions.BATCH_SIZE] = call.table.rows
    else:
        attributes[conventions.PREDICTION_ID] = call.prediction_id()
    redaction = call.observer.tag_redaction
    for name, value in call.tags.items():
        told = redaction.value(name, value)
        if told is not None:
            attributes[f"{conventions.TAG_PREFIX}{name}"] = told
    if call.table is None and call.result is not None:
        _add_output(attributes, call.result, max_length)
    return attributes


def _add_output(attributes: dict[str, Any], result: float | Output, max_length: int) -> None:
    told = result if isinstance(result, Output) else Output(value=result)
    if told.value is not None:
        attributes[conventions.PREDICTION_VALUE] = told.value
    if told.label is not None:
        attributes[conventions.PREDICTION_LABEL] = scalar(told.label, max_length)
    for name, score in (told.scores or {}).items():
        attributes[f"{conventions.PREDICTION_SCORE_PREFIX}{name[:max_length]}"] = score
