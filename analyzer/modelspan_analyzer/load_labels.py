"""Stores labels that came as a file, spelt as the model's predictions spell their classes."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from modelspan.conventions import OUTCOME_LABEL
from modelspan_analyzer.files.classes import align
from modelspan_analyzer.files.labels import ID, LABEL, LabelRows
from modelspan_analyzer.files.rows import SHOWN, FileError
from modelspan_analyzer.governance import audit
from modelspan_analyzer.governance.notice import note_corrections
from modelspan_analyzer.people import user
from modelspan_analyzer.reading.confined import Confined, whole
from modelspan_collector.store.connect import Store

_LOOKED_AT = 1000
_OWN = "SELECT DISTINCT prediction_id FROM predictions WHERE prediction_id IN {ids:Array(String)}"
_KNOWN = """
SELECT label, uniqExact(prediction_id) AS ids FROM predictions
WHERE prediction_id IN {ids:Array(String)} AND ({model:String} = '' OR model = {model:String}) GROUP BY label
"""


def outcome_named(name: str = OUTCOME_LABEL) -> str:
    """The name of an outcome as somebody writes it, as the store has it: '' of the label.

    Raises:
        ValueError: it is no name.

    >>> outcome_named("label"), outcome_named(" revenue ")
    ('', 'revenue')
    """
    if not name.strip():
        raise ValueError(f"the name of an outcome is a text such as 'revenue', not {name!r}")
    return "" if name.strip() == OUTCOME_LABEL else name.strip()


def load_labels(
    store: Store, given: LabelRows, *, model: str = "", source: str = "", actor: str = "", outcome: str = ""
) -> int:
    """Insert labels; what is assumed of them is added to their remarks.

    Args:
        store: the store.
        given: labels of a file.
        model: name of the model, kept with the labels.
        source: where they came from, for the audit log.
        actor: who loads them.
        outcome: what of the predictions became known, such as `revenue`; the label, what the model predicts, where
            it is ''.

    Returns:
        How many labels were stored.

    Raises:
        FileError: the store is confined to projects, and no label is of a prediction of theirs.
    """
    table = _own(store, given)
    rows = int(table.num_rows)
    ids = table[ID].slice(0, _LOOKED_AT).to_pylist()
    known = store.rows(_KNOWN, {"ids": ids, "model": model})
    if not known:
        of = f" of {model}" if model else ""
        given.remarks.assume(
            f"the predictions{of} are still to come: none of the first {len(ids):,} ids is in the store"
        )
    classes = table[LABEL].combine_chunks()
    if not outcome:
        classes = align(classes, [row["label"] for row in known if row["label"]], LABEL, given.remarks)
        _say_if_none_fits(classes, {row["label"] for row in known} - {""}, given)
    table = table.set_column(table.column_names.index(LABEL), LABEL, classes)
    for name, same in (("model", model), ("outcome", outcome)):
        table = table.append_column(name, pa.array([same] * rows, pa.string()))
    store.insert("labels", table)
    details = {"file": source, "rows": rows, **({"outcome": outcome} if outcome else {})}
    audit.record(store, "labels loaded", actor=actor, model=model, details=details)
    note_corrections(whole(store), datetime.now(UTC), actor=actor or user())
    return rows


def _own(store: Store, given: LabelRows) -> pa.Table:
    """The labels of predictions that may be read: of others', or of some to come, it is not known whose they are.

    Raises:
        FileError: none is.
    """
    if not isinstance(store, Confined):
        return given.table
    ids = given.table[ID].combine_chunks()
    known = store.arrow(_OWN, {"ids": ids.unique().to_pylist()})["prediction_id"].combine_chunks()
    table = given.table.filter(pc.is_in(ids, known))
    if left := given.table.num_rows - table.num_rows:
        of = ", ".join(sorted(store.projects))
        said = f"{left:,} labels have an id that no prediction of {of} has: send them again once these have come"
        if not table.num_rows:
            raise FileError(said)
        given.remarks.leave_out(said)
    return table


def _say_if_none_fits(classes: pa.Array, predicted: set[str], given: LabelRows) -> None:
    """Labels that name none of the predicted classes make every prediction wrong, which is seldom meant."""
    named = set(classes.slice(0, _LOOKED_AT).unique().to_pylist()) - {"", None}
    if named and predicted and not named & predicted:
        labels, known = (", ".join(map(repr, sorted(each)[:SHOWN])) for each in (named, predicted))
        given.remarks.assume(
            f"no label ({labels}) is a class that the predictions name ({known}), so all of them count as wrong:"
            " if that is not so, load them again, spelt as the predictions are"
        )
