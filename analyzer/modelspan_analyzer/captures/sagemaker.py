"""SageMaker's data capture and ground truth: JSON lines with an event each, of any number of rows.

A capture has `captureData.endpointInput` and `endpointOutput`, each with `data`, `encoding` and `observedContentType`;
CSV has no header. The id of an event is its `inferenceId` where the caller gave one, else its `eventId`, which is what
ground truth names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from modelspan_analyzer.captures.capture import Assembler, Batch, Event, Options
from modelspan_analyzer.captures.lines import Lines, files_of, read_lines
from modelspan_analyzer.captures.misfits import Misfits
from modelspan_analyzer.captures.plain import Plain, column, csv_rows, others, parsed, together, unpacked
from modelspan_analyzer.captures.truths import Truths
from modelspan_analyzer.files.places import place, written_at
from modelspan_collector.cloudevents.payloads import MisfitError, Payload, decode

_CAPTURE: Final = b'"captureData"'
_PACKED: Final = b'"BASE64"'
_TEXT: Final = ("data", "encoding")
_CONTENT: Final = "observedContentType"
"""Tells what is in base64; else the encoding does."""


def _schema(*fields: str) -> pa.Schema:
    side = pa.struct({name: pa.string() for name in fields})
    metadata = pa.struct({name: pa.string() for name in ("eventId", "inferenceId", "inferenceTime")})
    captured = pa.struct({"endpointInput": side, "endpointOutput": side})
    return pa.schema({"captureData": captured, "eventMetadata": metadata})


_LINE: Final = _schema(*_TEXT)
_LINE_WITH_PACKED: Final = _schema(*_TEXT, _CONTENT)
_HOUR: Final = re.compile(r"(\d{4})/(\d\d)/(\d\d)/(\d\d)$")


def read_sagemaker(paths: Sequence[Path], options: Options, misfits: Misfits) -> Iterator[Batch]:
    """The rows of captures, and the labels of ground truth, whichever the files hold."""
    assembler, truths = Assembler(options, misfits), Truths(misfits)
    for lines in read_lines(files_of(paths), misfits):
        events: list[Event] = []
        labels: list[Event] = []
        plain = _plain(lines, assembler)
        for at, line in lines.parsed(misfits, others(plain, lines.count)):
            try:
                if "captureData" in line:
                    events.append(_captured(line, at))
                else:
                    labels.append(_true(line, at, lines, misfits))
            except (KeyError, TypeError, AttributeError):
                misfits.line("lines that are neither a capture nor ground truth", lines.place(at))
            except MisfitError as error:
                misfits.line(str(error), lines.place(at))
        yield assembler.batch(events, lines.place, lines.size, truths.table(labels, lines.place), plain=plain)


def _plain(lines: Lines, assembler: Assembler) -> Plain | None:
    """Events of CSV, which most captures hold alone."""
    found = []
    schema = _LINE_WITH_PACKED if lines.has(_PACKED) else _LINE
    for at, table in parsed(lines, schema) if lines.has(_CAPTURE) else ():
        given = column(table, "eventMetadata", "inferenceId")
        ids = pc.if_else(pc.equal(given, ""), None, given).fill_null("")
        ids = pc.if_else(pc.equal(ids, ""), column(table, "eventMetadata", "eventId"), ids)
        asked, counts = csv_rows(_csv(table, "endpointInput"), assembler.inputs)
        answered, answers = csv_rows(_csv(table, "endpointOutput"), assembler.outputs)
        fits = ids.is_valid().to_numpy(zero_copy_only=False) & (counts == answers) & (counts > 0)
        parts = [ids, column(table, "eventMetadata", "inferenceTime"), asked, answered]
        if not fits.all():
            at, counts, parts = at[fits], counts[fits], [each.filter(pa.array(fits)) for each in parts]
        found.append(Plain(at, counts, *parts))
    return together(found)


def _csv(table: pa.Table, side: str) -> pa.Array:
    """What was asked, or answered, of those lines in which it is CSV, as it is or in base64."""
    texts, encoding = (column(table, "captureData", side, name) for name in _TEXT)
    plain = pc.if_else(pc.equal(encoding, "CSV"), texts, None)
    if table.schema.equals(_LINE):
        return plain
    content = column(table, "captureData", side, _CONTENT)
    packed = pc.and_(pc.equal(encoding, "BASE64"), pc.match_substring(content, "csv")).fill_null(False)
    return pc.if_else(packed, unpacked(pc.if_else(packed, texts, None)), plain)


def _captured(line: dict[str, Any], at: int) -> Event:
    told, captured = line["eventMetadata"], line["captureData"]
    request, answer = _half(captured.get("endpointInput")), _half(captured.get("endpointOutput"))
    return Event(_id(told), told.get("inferenceTime"), at, request, answer)


def _true(line: dict[str, Any], at: int, lines: Lines, misfits: Misfits) -> Event:
    return Event(_id(line["eventMetadata"]), _collected(lines, at, misfits), at, None, _half(line["groundTruthData"]))


def _id(told: dict[str, Any]) -> str:
    given = told.get("inferenceId") or told["eventId"]
    if not isinstance(given, str):
        raise MisfitError("lines whose id is no text")
    return given


def _half(side: dict[str, Any] | None) -> Payload | None:
    """What was asked, or answered; None where it was not captured."""
    if side is None or (data := side.get("data")) is None:
        return None
    return decode(data, side.get("encoding"), side.get("observedContentType"))


def _collected(lines: Lines, at: int, misfits: Misfits) -> str | None:
    """When a label was collected: the hour of the folder that it lies in, else when its file was written."""
    name = lines.source(at)[0]
    if found := _HOUR.search(Path(name).parent.as_posix()):
        return "{}-{}-{}T{}:00:00Z".format(*found.groups())
    misfits.remarks.assume("labels outside of folders such as 2026/01/31/14 are as old as their file")
    return written_at(place(name))
