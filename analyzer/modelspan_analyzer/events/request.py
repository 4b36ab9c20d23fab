"""A change as one OTLP request of one log record, in the shape of `gen_ai.evaluation.result`.

Names: OpenTelemetry's semantic conventions for generative AI, events, https://opentelemetry.io/docs/specs/semconv/gen-ai/
(in development); what they have no name for is under modelspan's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from string import hexdigits
from typing import Final

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, SeverityNumber

from modelspan.conventions import MODEL_NAME, MODEL_VERSION, PREDICTION_ID
from modelspan_analyzer.events.change import NOT_MEASURED, Change
from modelspan_analyzer.events.example import Example
from modelspan_analyzer.results import Result, Verdict
from modelspan_collector.store.connect import DEFAULT_DATABASE

NAME: Final = "gen_ai.evaluation.result"
_EPOCH: Final = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_SEVERITIES: Final = {
    Verdict.ALARM.value: (SeverityNumber.SEVERITY_NUMBER_ERROR, "ERROR"),
    Verdict.WARNING.value: (SeverityNumber.SEVERITY_NUMBER_WARN, "WARN"),
}
_WELL: Final = (SeverityNumber.SEVERITY_NUMBER_INFO, "INFO")


def request(
    change: Change, result: Result | None, example: Example | None = None, incident: str = "", database: str = ""
) -> ExportLogsServiceRequest:
    """The request: the same change gives the same bytes, so that a receiver can tell when it comes again.

    Args:
        change: what is told.
        result: that changed it; None where it is told that nothing was measured.
        example: a prediction that it is about, whose span the event belongs to.
        incident: the id of the one whose finding it is; '' for none.
        database: where the results are.
    """
    made = ExportLogsServiceRequest()
    resource = made.resource_logs.add()
    resource.resource.attributes.add(key="service.name").value.string_value = "modelspan-analyzer"
    scope = resource.scope_logs.add()
    scope.scope.name = "modelspan.analyzer"
    explanation = result.reason if result is not None else "no window has said anything of it since"
    number, text = _SEVERITIES.get(change.verdict, _WELL)
    record = scope.log_records.add(
        event_name=NAME,
        time_unix_nano=_nanoseconds(change.at),
        observed_time_unix_nano=_nanoseconds(change.at),
        severity_number=number,
        severity_text=text,
        trace_id=_id(example.trace_id, 32) if example else b"",
        span_id=_id(example.span_id, 16) if example else b"",
    )
    about = " ".join(part for part in (change.model, *change.key[:-1]) if part)
    record.body.string_value = f"{about}: {explanation or change.verdict}"
    own = {
        "gen_ai.evaluation.explanation": explanation,
        "modelspan.incident": incident,
        PREDICTION_ID: example.prediction_id if example else "",
        "modelspan.database": "" if database == DEFAULT_DATABASE else database,
    }
    for key, value in (_texts(change) | own).items():
        if value:
            record.attributes.add(key=key).value.string_value = value
    if result is not None and change.verdict != NOT_MEASURED:
        _numbers(record, {"gen_ai.evaluation.score.value": result.value, "modelspan.threshold": result.threshold})
        record.attributes.add(key="modelspan.rows").value.int_value = result.n
    return made


def _texts(change: Change) -> dict[str, str]:
    """What names a change."""
    version, signal, metric, feature, segment, monitor = change.key
    return {
        "gen_ai.evaluation.name": f"{signal}.{metric}",
        "gen_ai.evaluation.score.label": change.verdict,
        MODEL_NAME: change.model,
        MODEL_VERSION: version,
        "modelspan.signal": signal,
        "modelspan.metric": metric,
        "modelspan.feature": feature,
        "modelspan.segment": segment,
        "modelspan.monitor": monitor,
        "modelspan.verdict.before": change.before,
        "modelspan.window.start": change.window.start.isoformat(),
        "modelspan.window.end": change.window.end.isoformat(),
    }


def _numbers(record: LogRecord, numbers: Mapping[str, float | None]) -> None:
    for key, number in numbers.items():
        if number is not None:
            record.attributes.add(key=key).value.double_value = number


def _id(digits: str, length: int) -> bytes:
    """An id as OTLP has it; nothing of one that is none, as of rows that people inserted."""
    return bytes.fromhex(digits) if len(digits) == length and not set(digits) - set(hexdigits) else b""


def _nanoseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000
