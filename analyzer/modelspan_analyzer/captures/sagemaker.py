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
from modelspan_analyzer.captures.plain import Plain, column, others, parsed, single_rows, together
from modelspan_analyzer.captures.truths import Truths
from modelspan_analyzer.files.places import place, written_at
from modelspan_collector.cloudevents.payloads import MisfitError, Payload, decode

_CAPTURE: Final = b'"captureData"'
_SIDE: Final = pa.struct({name: pa.string() for name in ("data", "encoding")})
_LINE: Final = pa.schema(
    {
        "captureData": pa.struct({"endpointInput": _SIDE, "endpointOutput": _SIDE}),
        "eventMetadata": pa.struct({name: pa.string() for name in ("eventId", "inferenceId", "inferenceTime")}),
    }
)
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
    """Events of one row of CSV each, which most captures hold alone."""
    found = []
    for at, table in parsed(lines, _LINE) if lines.has(_CAPTURE) else ():
        given = column(table, "eventMetadata", "inferenceId")
        ids = pc.if_else(pc.equal(given, ""), None, given).fill_null("")
        ids = pc.if_else(pc.equal(ids, ""), column(table, "eventMetadata", "eventId"), ids)
        fits = ids.is_valid()
        sides = []
        for side, header in (("endpointInput", assembler.inputs), ("endpointOutput", assembler.outputs)):
            csv = pc.equal(column(table, "captureData", side, "encoding"), "CSV")
            texts = column(table, "captureData", side, "data")
            rows, single = single_rows(pc.if_else(csv, texts, None), header)
            sides.append(rows)
            fits = pc.and_(fits, single)
        parts = [ids, column(table, "eventMetadata", "inferenceTime"), *sides]
        if not pc.all(fits).as_py():
            at, parts = at[fits.to_numpy(zero_copy_only=False)], [each.filter(fits) for each in parts]
        found.append(Plain(at, *parts))
    return together(found)


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
