"""BentoML's monitor logs: `MONITOR/data/data.WORKER.log`, a JSON object a row, and `MONITOR/schema/schema.WORKER.log`.

The schema says which column is a feature, a prediction or a target. The rows of one request are in one file: the id of
the first is the request's, of the others with their position.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from modelspan_analyzer.captures.capture import Assembler, Batch, Event, Options
from modelspan_analyzer.captures.lines import files_of
from modelspan_analyzer.captures.misfits import Misfits
from modelspan_analyzer.captures.pages import pages
from modelspan_analyzer.captures.truths import Truths
from modelspan_analyzer.files.rows import FileError
from modelspan_collector.cloudevents.payloads import MisfitError

_SCHEMA: Final = "schema"
_FEATURE, _PREDICTION, _TARGET = "feature", "prediction", "target"
_LARGEST_TRACE: Final = 2**128
_NO_REQUEST: Final = "None"
"""What BentoML writes where nothing was asked over the network."""


@dataclass(slots=True)
class _Monitor:
    """What the schema of a monitor says."""

    roles: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    """The newest bento of each worker, by its number."""


def read_bentoml(paths: Sequence[Path], options: Options, misfits: Misfits) -> Iterator[Batch]:
    """The rows of the monitors below some folders.

    Raises:
        FileError: there is no schema, which tells inputs from outputs.
    """
    files = files_of(paths)
    monitors = _monitors(files, misfits)
    if not monitors:
        raise FileError("there is no schema of a monitor: name the monitor's folder, which has `schema` beside `data`")
    assembler, truths = Assembler(options, misfits), Truths(misfits)
    for file in files:
        monitor, seen = monitors.get(file.parent.parent), Counter[str]()
        if file.parent.name == _SCHEMA:
            continue
        for records, size in pages(file, (), misfits):
            events: list[Event] = []
            labels: list[Event] = []
            for at, (record, place) in enumerate(records):
                try:
                    event, truth = _event(record, monitor, seen, at, file)
                except MisfitError as error:
                    misfits.line(str(error), place)
                    continue
                events.append(event)
                labels += [truth] if truth else []
            where = [place for _, place in records].__getitem__
            yield assembler.batch(events, where, size, truths.table(labels, where))


def _monitors(files: Sequence[Path], misfits: Misfits) -> dict[Path, _Monitor]:
    """What the schemas say, by the folder of the monitor; of several bentos of a worker the last is the version."""
    found: dict[Path, _Monitor] = {}
    for file in files:
        if file.parent.name != _SCHEMA:
            continue
        for record, place in (each for records, _ in pages(file, (), misfits) for each in records):
            try:
                told = {str(column["name"]): str(column["role"]) for column in record["columns"]}
                version = str(record.get("meta_data", {}).get("bento_version") or "")
            except (KeyError, TypeError, AttributeError):
                misfits.line("lines that are no schema of a monitor", place)
                continue
            monitor = found.setdefault(file.parent.parent, _Monitor())
            monitor.roles |= told
            worker = _worker(file)
            if version and monitor.versions.get(worker, version) != version:
                misfits.remarks.assume(
                    f"all rows of worker {worker} of monitor {file.parent.parent.name!r} are of the bento {version},"
                    f" though {monitor.versions[worker]} wrote some (import the files of each by themselves)"
                )
            monitor.versions[worker] = version or monitor.versions.get(worker, "")
    return found


def _event(
    record: Mapping[str, Any], monitor: _Monitor | None, seen: Counter[str], at: int, file: Path
) -> tuple[Event, Event | None]:
    """A row as an event, and what was true of it, if the monitor was told."""
    if monitor is None:
        raise MisfitError("rows of a monitor without a schema")
    given = record.get("request_id")
    if given in (None, _NO_REQUEST) or isinstance(given, (dict, list, bool)):
        raise MisfitError("rows without a request_id")
    position, request = seen[str(given)], str(given)
    seen[request] += 1
    key = f"{request}_{position}" if position else request
    parts: dict[str, dict[str, Any]] = {_FEATURE: {}, _PREDICTION: {}, _TARGET: {}}
    for name, value in record.items():
        if (role := monitor.roles.get(name)) in parts:
            parts[role][name] = value
    asked, answered = ([parts[role]] if parts[role] else None for role in (_FEATURE, _PREDICTION))
    time = record.get("timestamp")
    truth = next((value for value in parts[_TARGET].values() if value is not None), None)
    trace, version = _trace(record.get("trace_id")), monitor.versions.get(_worker(file), "")
    return (
        Event(key, time, at, asked, answered, version, trace=trace, model=file.parent.parent.name),
        None if truth is None else Event(key, time, at, None, [truth]),
    )


def _worker(file: Path) -> str:
    """The number of the worker that wrote a file: `data.2.log`, `schema.2.log`, and `data.2.log.2026-02-01`."""
    return file.name.split(".")[1] if file.name.count(".") else ""


def _trace(decimal: Any) -> str:
    """A trace's id as OpenTelemetry writes it; BentoML writes the number."""
    try:
        number = int(decimal)
    except (TypeError, ValueError):
        return ""
    return f"{number:032x}" if 0 < number < _LARGEST_TRACE else ""
