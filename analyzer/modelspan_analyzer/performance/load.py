"""Loads labels from a file of plain columns."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.parquet as parquet

from modelspan_analyzer.governance import audit
from modelspan_analyzer.governance.notice import note_corrections
from modelspan_collector.store.connect import Store

_STAMP = pa.timestamp("ns", "UTC")


class LabelsError(ValueError):
    """A file of labels cannot be used; the message says why and what was expected."""


def load_labels(
    store: Store, path: Path, *, id_column: str = "prediction_id", label: str = "label", time: str = "", model: str = ""
) -> int:
    """Insert the labels of a CSV or Parquet file; numbers become values, everything else classes.

    Args:
        store: the store.
        path: the file.
        id_column: column of the prediction's id.
        label: column of what was true; rows without it are left out.
        time: column of when it became known; now if not given.
        model: name of the model, kept with the labels.

    Returns:
        How many labels were loaded.

    Raises:
        LabelsError: the file cannot be read, or a column is missing or of no use.
    """
    table = _read(path)
    for column in (id_column, label, *([time] if time else [])):
        if column not in table.column_names:
            raise LabelsError(f"{path} has no column {column!r}; it has {', '.join(table.column_names)}")
    table = table.filter(pc.is_valid(table[label]))
    rows = int(table.num_rows)
    given = table[label].combine_chunks()
    numeric = pa.types.is_floating(given.type)
    known = table[time].cast(_STAMP) if time else pa.array([datetime.now(timezone.utc)] * rows, _STAMP)
    store.insert(
        "labels",
        pa.table(
            {
                "prediction_id": table[id_column].cast(pa.string()),
                "model": pa.array([model] * rows, pa.string()),
                "timestamp": known,
                "value": given.cast(pa.float64()) if numeric else pa.nulls(rows, pa.float64()),
                "label": pa.array([""] * rows, pa.string()) if numeric else given.cast(pa.string()),
            }
        ),
    )
    audit.record(store, "labels loaded", model=model, details={"file": path.name, "rows": rows})
    note_corrections(store, datetime.now(timezone.utc), actor=audit.user())
    return rows


def _read(path: Path) -> pa.Table:
    try:
        return parquet.read_table(path) if path.suffix in (".parquet", ".pq") else csv.read_csv(path)
    except (OSError, pa.ArrowInvalid) as error:
        raise LabelsError(f"cannot read {path}: {error}; expected CSV or Parquet with a header") from error
