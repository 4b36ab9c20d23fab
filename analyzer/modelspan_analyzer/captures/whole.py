"""A capture as one table, for what needs all rows at once: replay, baselines and labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa

from modelspan_analyzer.captures.capture import ID, LABEL, PREDICTION, TIME, Batch, Options
from modelspan_analyzer.captures.class_scores import are_scores, with_class
from modelspan_analyzer.captures.misfits import Misfits
from modelspan_analyzer.captures.table import FORMATS
from modelspan_analyzer.files.roles import Roles
from modelspan_analyzer.files.rows import FileError, FileRows, Remarks


@dataclass(frozen=True, slots=True)
class Captured:
    """All rows of a capture, as `files/` gives those of a file."""

    rows: FileRows
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    labelled: bool
    """Whether a column `label` says what was true."""

    def roles(self, given: Roles) -> Roles:
        """What the columns are, where the user did not say."""
        told = told_roles(self.inputs, self.outputs, given, self.rows.remarks)
        told = replace(told, label=given.label or (LABEL if self.labelled else None))
        others = set(self.rows.table.column_names) - {*told.named()}
        return replace(told, not_features=tuple(sorted(others)))


def read_captured(name: str, paths: Sequence[Path], options: Options) -> Captured:
    """Read all of a capture; what was not understood is said in its remarks.

    Args:
        name: of the format, a key of `FORMATS`.
        paths: files and folders.
        options: what the user said of them.

    Raises:
        FileError: there is no row in it.
    """
    misfits = Misfits()
    batches = list(FORMATS[name].read(paths, options, misfits))
    remarks = misfits.told()
    filled = [batch for batch in batches if batch.rows.num_rows]
    if not filled:
        raise FileError(_nothing(paths, remarks, "prediction"))
    table = pa.concat_tables([batch.rows for batch in filled], promote_options="permissive")
    labels = _labels(batches)
    if labels is not None:
        table = _with_labels(table, labels, remarks)
    inputs, outputs = _names(filled)
    if are_scores(table, outputs):
        table, outputs = with_class(table, outputs, remarks), (PREDICTION,)
    return Captured(FileRows.of(table, remarks), inputs, outputs, labels is not None)


def read_labels(name: str, paths: Sequence[Path], options: Options) -> FileRows:
    """The labels of a capture, as `prediction_id`, `timestamp` and `label`.

    Raises:
        FileError: there is none in it.
    """
    misfits = Misfits()
    batches = list(FORMATS[name].read(paths, options, misfits))
    remarks, labels = misfits.told(), _labels(batches)
    if labels is None:
        raise FileError(_nothing(paths, remarks, "label"))
    return FileRows.of(labels, remarks)


def told_roles(inputs: Sequence[str], outputs: Sequence[str], given: Roles, remarks: Remarks) -> Roles:
    """The roles of a capture's columns: every input is a feature, and a lone output the prediction.

    Raises:
        FileError: there are several outputs, and nothing tells which is the prediction.
    """
    prediction, score = given.prediction, given.score
    if prediction is None and {"predicted_label", "score"} <= {*outputs}:
        prediction, score = "predicted_label", score or "score"
        remarks.assume("'predicted_label' is the prediction, and 'score' its score (--prediction says otherwise)")
    elif prediction is None and outputs:
        if len(outputs) > 1 and PREDICTION not in outputs:
            raise FileError(f"it has several outputs ({', '.join(outputs)}): name one with --prediction")
        prediction = PREDICTION if PREDICTION in outputs else outputs[0]
    taken = {prediction, score, given.label, *given.segments}
    features = given.features or tuple(name for name in inputs if name not in taken)
    told = replace(given, prediction=prediction, score=score, id=given.id or ID, time=given.time or TIME)
    return replace(told, features=features)


def _nothing(paths: Sequence[Path], remarks: Remarks, what: str) -> str:
    why = f": {'; '.join(remarks.left_out)}" if remarks.left_out else ""
    return f"{', '.join(map(str, paths))} holds no {what} in this format{why}"


def _names(batches: Sequence[Batch]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    inputs = dict.fromkeys(name for batch in batches for name in batch.inputs)
    return tuple(inputs), tuple(dict.fromkeys(name for batch in batches for name in batch.outputs))


def _labels(batches: Sequence[Batch]) -> pa.Table | None:
    found = [batch.labels for batch in batches if batch.labels is not None]
    return pa.concat_tables(found, promote_options="permissive") if found else None


def _with_labels(table: pa.Table, labels: pa.Table, remarks: Remarks) -> pa.Table:
    """Rows with what was true of them; of several labels of one row the newest counts."""
    if LABEL in table.column_names:
        remarks.leave_out(f"ground truth, as the capture has a column {LABEL!r} of its own")
        return table
    newest = labels.append_column("at", pa.array(range(labels.num_rows))).sort_by(
        [(TIME, "ascending"), ("at", "ascending")]
    )
    last = newest.group_by(ID, use_threads=False).aggregate([(LABEL, "last")]).rename_columns([ID, LABEL])
    order = table.append_column("at", pa.array(range(table.num_rows)))
    return order.join(last, ID, join_type="left outer").sort_by("at").drop_columns(["at"])
