"""Tables of one call a row, its request beside its answer: Databricks, Vertex AI, and logs of MLflow's own servers.

`LAYOUTS` says for each which column is what, the newest name first: Databricks alone has had three schemas.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Final

import orjson

from modelspan_analyzer.captures.capture import Assembler, Batch, Event, Options
from modelspan_analyzer.captures.lines import files_of
from modelspan_analyzer.captures.misfits import Misfits
from modelspan_analyzer.captures.pages import pages
from modelspan_collector.cloudevents.payloads import MisfitError, Payload, decode, json_rows, version_of

_MILLISECONDS: Final = 1e11
"""Numbers beyond it count milliseconds since 1970: as seconds they were after the year 5000."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Which columns of a table hold what; of several the first that holds anything counts."""

    id: tuple[str, ...]
    time: tuple[str, ...]
    request: str = "request"
    answer: str = "response"
    version: tuple[str, ...] = ()
    milliseconds: tuple[str, ...] = ()
    """How long the call took."""
    model: tuple[str, ...] = ()
    """What names the model, beside `request_metadata`."""

    @property
    def columns(self) -> tuple[str, ...]:
        """All columns that are read."""
        one = (self.request, self.answer, "status_code", "sampling_fraction", "logging_error_codes", "request_metadata")
        return (*self.id, *self.time, *self.version, *self.milliseconds, *self.model, *one)


DATABRICKS: Final = Layout(
    id=("client_request_id", "databricks_request_id", "invocation_id"),
    time=("event_time", "request_time", "timestamp_ms"),
    version=("served_entity_id",),
    milliseconds=("latency_ms", "execution_duration_ms", "execution_time_ms"),
)
VERTEX: Final = Layout(
    id=("request_id",),
    time=("logging_time",),
    request="request_payload",
    answer="response_payload",
    version=("model_version", "deployed_model_id"),
    model=("endpoint", "model"),
)
MLFLOW: Final = Layout(
    id=("client_request_id", "request_id", "id"),
    time=("timestamp", "request_time", "time", "timestamp_ms"),
    version=("model_version", "version"),
    milliseconds=("duration_ms",),
)


def _read(layout: Layout, paths: Sequence[Path], options: Options, misfits: Misfits) -> Iterator[Batch]:
    assembler = Assembler(options, misfits)
    for file in files_of(paths):
        for records, size in pages(file, layout.columns, misfits):
            events: list[Event] = []
            for at, (record, place) in enumerate(records):
                try:
                    events.append(_event(layout, record, at))
                except MisfitError as error:
                    misfits.line(str(error), place)
            yield assembler.batch(events, [place for _, place in records].__getitem__, size)


read_databricks, read_vertex, read_mlflow = (partial(_read, layout) for layout in (DATABRICKS, VERTEX, MLFLOW))


def _event(layout: Layout, record: Mapping[str, Any], at: int) -> Event:
    if (key := _first(record, layout.id)) is None:
        raise MisfitError(f"rows without an id in {', '.join(layout.id)}")
    if (status := record.get("status_code")) is not None and not _is_ok(status):
        raise MisfitError(f"calls that failed, with status {str(status)[:20]}")
    if codes := record.get("logging_error_codes"):
        raise MisfitError(f"calls whose payload was not logged: {str(codes)[:80]}")
    metadata, answer = _metadata(record), record.get(layout.answer)
    return Event(
        str(key),
        _time(_first(record, layout.time)),
        at,
        _payload(record.get(layout.request)),
        _payload(answer),
        _text(_first(metadata, ("model_version",)), _first(record, layout.version)) or version_of(answer),
        _weight(record.get("sampling_fraction")),
        _seconds(_first(record, layout.milliseconds)),
        model=_text(_first(metadata, ("model_name",)), _first(record, layout.model)),
    )


def _text(*told: Any) -> str:
    """The first of some that is told."""
    return next((str(each) for each in told if each is not None), "")


def _is_ok(status: Any) -> bool:
    """Whether a call went well: 200, also as the 200.0 that a table makes of it whose column has gaps."""
    try:
        return float(status) == 200
    except (TypeError, ValueError):
        return False


def _first(record: Mapping[str, Any], names: Sequence[str]) -> Any:
    return next((value for name in names if (value := record.get(name)) is not None), None)


def _payload(value: Any) -> Payload | None:
    """A body as text or as JSON; a repeated field of texts has a row in each."""
    if value is None:
        return None
    if isinstance(value, list) and value and all(isinstance(each, str) for each in value):
        try:
            return list(chain.from_iterable(json_rows(_as_row(orjson.loads(each))) for each in value))
        except orjson.JSONDecodeError as error:
            raise MisfitError("payloads that are no JSON") from error
    return decode(value, "JSON" if isinstance(value, str) else None, "application/json")


def _as_row(value: Any) -> Any:
    return value if isinstance(value, dict) else [value]


def _time(value: Any) -> Any:
    """As a text; numbers, or texts of digits, count since 1970."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str) and value.isdigit():
        value = int(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        try:
            return datetime.fromtimestamp(value / (1000 if value > _MILLISECONDS else 1), UTC).isoformat()
        except (OverflowError, OSError, ValueError):
            return None
    return value


def _metadata(record: Mapping[str, Any]) -> dict[str, Any]:
    """The map `request_metadata`; nothing where it is none."""
    told = record.get("request_metadata")
    if isinstance(told, str):  # as CSV has a map
        try:
            told = orjson.loads(told)
        except orjson.JSONDecodeError:
            told = {}
    try:
        return dict(told or ())
    except (TypeError, ValueError):
        return {}


def _weight(fraction: Any) -> float:
    """How many calls a row stands for, of the fraction of them that was logged."""
    if fraction is None:
        return 1.0
    try:
        share = float(fraction)
    except (TypeError, ValueError) as error:
        raise MisfitError("rows whose sampling fraction is no number") from error
    if not 0 < share <= 1:
        raise MisfitError("rows whose sampling fraction is not between 0 and 1")
    return 1 / share


def _seconds(milliseconds: Any) -> float | None:
    try:
        return None if milliseconds is None else float(milliseconds) / 1000
    except (TypeError, ValueError):
        return None
