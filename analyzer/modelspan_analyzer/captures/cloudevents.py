"""What the loggers of KServe and Seldon Core write: Parquet, or JSON lines, requests and answers by one id.

KServe's Parquet has `id`, `req_type`, `bytes` and `content_type`, and no time; its JSON has the same. A CloudEvent in
structured mode has `id` (Seldon's `requestid`), `type`, `time`, and `data` or `data_base64`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, Final

import orjson

from modelspan_analyzer.captures.capture import Assembler, Batch, Options
from modelspan_analyzer.captures.lines import files_of
from modelspan_analyzer.captures.misfits import Misfits
from modelspan_analyzer.captures.pages import pages
from modelspan_analyzer.captures.pairs import LOOKED_AT, Half, Pairs, one_sided
from modelspan_analyzer.files.places import written_at
from modelspan_collector.cloudevents.payloads import MisfitError, Payload, decode, version_of

_MODEL: Final = ("modelid", "inference_service", "inferenceservicename")
"""What names the model, the nearest first: Seldon's attribute, a column of KServe's Parquet, KServe's attribute."""
_CONTENT: Final = ("content_type", "datacontenttype", "content-type")
_PREFIX: Final = "ce-"
_COLUMNS: Final = ("id", "req_type", "bytes", "content_type", "endpoint", "inference_service")


def read_cloudevents(paths: Sequence[Path], options: Options, misfits: Misfits) -> Iterator[Batch]:
    """The rows of what a logger wrote, requests beside answers."""
    assembler, files = Assembler(options, misfits), files_of(paths)
    pairs = Pairs(_payload, misfits, alone=one_sided(map(_kinds, files)))
    for file in files:
        written = written_at(file)
        timed = True
        for events, size in pages(file, _COLUMNS, misfits):
            for written_so, place in events:
                try:
                    event = _attributes(written_so)
                    answer = _is_answer(event)
                    timed &= "time" in event
                    pairs.add(_id(event), _half(event, place, written), answer=answer)
                except MisfitError as error:
                    misfits.line(str(error), place)
            if not timed:
                misfits.remarks.assume("events without a time are as old as the file that they are in")
            yield assembler.batch(pairs.events, pairs.place, size, timed=timed)
            pairs.taken()
    pairs.close()


def _attributes(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """An event by the names of its attributes; sinks that keep headers write `Ce-Id` and the like for them."""
    return {name.lower().removeprefix(_PREFIX): value for name, value in event.items()} | dict(event)


def _is_answer(event: Mapping[str, Any]) -> bool:
    end = str(event.get("req_type") or event.get("type") or "").rpartition(".")[2]
    if end not in ("request", "response"):
        raise MisfitError("events that are neither an inference request nor a response")
    return end == "response"


def _id(event: Mapping[str, Any]) -> str:
    given = event.get("requestid") or event.get("id")
    if not given or not isinstance(given, str):
        raise MisfitError("events without an id")
    return given


def _half(event: Mapping[str, Any], place: str, written: str | None) -> Half:
    """One half, as bytes; of Parquet they are such already."""
    content = str(next((event[name] for name in _CONTENT if event.get(name)), "application/json"))
    endpoint = str(event.get("endpoint") or "")
    raw = event.get("bytes", event.get("data_base64"))
    if isinstance(raw, str):
        try:
            raw = base64.b64decode(raw, validate=True)
        except (binascii.Error, ValueError) as error:
            raise MisfitError("payloads that are no base64") from error
    elif raw is None:
        data = event.get("data")
        raw = data.encode() if isinstance(data, str) else orjson.dumps(data)
    version = "" if endpoint == "default" else endpoint
    if not version and _is_answer(event):
        version = version_of(raw)
    model = next((str(event[name]) for name in _MODEL if event.get(name)), "")
    return Half(raw, content, event.get("time", written), version, place, model)


def _payload(half: Half) -> Payload:
    try:
        return decode(half.raw.decode(), None, half.content)
    except UnicodeDecodeError as error:
        raise MisfitError("payloads that are no text (binary data)") from error


def _kinds(file: Path) -> Iterator[bool]:
    """Whether each of the first events of a file is an answer."""
    for event, _ in islice((each for events, _ in pages(file, _COLUMNS, Misfits()) for each in events), LOOKED_AT):
        with suppress(MisfitError):
            yield _is_answer(_attributes(event))
