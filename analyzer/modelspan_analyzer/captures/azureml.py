"""Azure Machine Learning's data collector: CloudEvents 1.0 as JSON lines, inputs and outputs in folders of their own.

They join by `correlationid` and by position: the id of a row is `CORRELATIONID_POSITION`, of a lone row too, as Azure's
own monitoring has it, and so what ground truth is joined by.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any, Final

import orjson

from modelspan_analyzer.captures.capture import Assembler, Batch, Options
from modelspan_analyzer.captures.lines import Lines, files_of, read_lines
from modelspan_analyzer.captures.misfits import Misfits
from modelspan_analyzer.captures.pairs import LOOKED_AT, Half, Pairs, one_sided
from modelspan_collector.cloudevents.payloads import MisfitError, Payload, decode

_ANSWER: Final = {
    **dict.fromkeys(("inputs", "model_inputs", "request"), False),
    **dict.fromkeys(("outputs", "model_outputs", "response"), True),
}
"""Whether a collection is of answers, by the end of its events' type."""
_HOUR: Final = re.compile(r"/(\d{4}/\d\d/\d\d/\d\d)/")
_ENDPOINT: Final = "/onlineEndpoints/"
_DEPLOYMENT: Final = "/deployments/"
_ID: Final = "correlationid"


def read_azureml(paths: Sequence[Path], options: Options, misfits: Misfits) -> Iterator[Batch]:
    """The rows of the collections below some folders, inputs beside outputs."""
    assembler = Assembler(options, misfits, position_always=True)
    files = sorted(files_of(paths), key=_hour)  # requests and answers of an hour follow each other, so few wait
    pairs = Pairs(lambda half: _rows(half, misfits), misfits, alone=one_sided(map(_kinds, files)))
    for lines in read_lines(files, misfits):
        for at, event in lines.parsed(misfits):
            try:
                _add(pairs, event, lines, at)
            except (KeyError, TypeError, AttributeError):
                misfits.line("lines that are no event of Azure's data collector", lines.place(at))
            except MisfitError as error:
                misfits.line(str(error), lines.place(at))
        yield assembler.batch(pairs.events, pairs.place, lines.size)
        pairs.taken()
    pairs.close()


def _hour(file: Path) -> tuple[str, str]:
    found = _HOUR.search(file.as_posix())
    return (found[1] if found else "", str(file))


def _add(pairs: Pairs, event: Any, lines: Lines, at: int) -> None:
    answer, key = _is_answer(event), event[_ID]
    if not isinstance(key, str):
        raise MisfitError("lines whose correlation id is no text")
    if "data" not in event or str(event.get("datainblob")).lower() == "true":
        raise MisfitError("lines whose data are in a blob of their own")
    model = str(event.get("source", "")).partition(_ENDPOINT)[2].partition("/")[0]
    half = Half(lines.texts[at], "", event.get("time"), _version(event), lines.place(at), model)
    pairs.add(key, half, answer=answer)


def _is_answer(event: dict[str, Any]) -> bool:
    name = event["type"].rpartition(".")[2]
    if name not in _ANSWER:
        raise MisfitError(f"lines of the collection {name[:60]!r}, which is neither inputs nor outputs")
    return _ANSWER[name]


def _version(event: dict[str, Any]) -> str:
    """The model's version, else the deployment, which is what a new version gets."""
    told = event.get("modelversion") or event.get("source", "").partition(_DEPLOYMENT)[2]
    return told if isinstance(told, str) else str(told)


def _rows(half: Half, misfits: Misfits) -> Payload:
    event = orjson.loads(half.raw)
    rows = decode(event["data"], None, event.get("datacontenttype"))
    if isinstance(rows, list) and any(isinstance(row, dict) and _ID in row for row in rows):
        misfits.remarks.assume(f"column {_ID!r} of the data names rows, so it is no feature")
        return [{k: v for k, v in row.items() if k != _ID} if isinstance(row, dict) else row for row in rows]
    return rows


def _kinds(file: Path) -> Iterator[bool]:
    """Whether each of the first lines of a file is of an answer."""
    for lines in islice(read_lines([file], Misfits(), size=1), 1):
        for _, event in islice(lines.parsed(Misfits()), LOOKED_AT):
            with suppress(MisfitError, KeyError, TypeError, AttributeError):
                yield _is_answer(event)
