"""A bounded sample of one vector-valued feature, with the rows counted that have none or one of another width."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from modelspan_analyzer.reading.cache import kept
from modelspan_analyzer.reading.profiles.profile import Relation
from modelspan_analyzer.statistics.counts import Floats
from modelspan_collector.store.connect import Store

_NAMES = "SELECT groupUniqArrayArray(100)(mapKeys(embeddings)) FROM {table} WHERE {condition}"
_VECTORS = """
SELECT timestamp, embeddings[{{name:String}}] AS vector FROM {table} WHERE {condition}
ORDER BY cityHash64(prediction_id), prediction_id LIMIT {{limit:UInt64}}
"""


@dataclass(frozen=True, slots=True)
class Vectors:
    """The vectors of one width among some rows."""

    values: Floats
    """Shape (n, width); finite."""
    stamps: npt.NDArray[np.datetime64]
    rows: int
    """Rows looked at."""
    missing: int
    """Rows without a vector, or with NaN or infinity in it."""
    other_width: int
    """Rows with a vector of another width."""


def vector_names(store: Store, relation: Relation) -> set[str]:
    """The vector-valued features of some rows, at most a hundred."""
    read = _kept_names if relation.table == "reference_predictions" else _names
    return set(read(store, relation.table, relation.condition, dict(relation.parameters)))


def _names(store: Store, table: str, condition: str, parameters: dict[str, object]) -> tuple[str, ...]:
    return tuple(store.scalar(_NAMES.format(table=table, condition=condition), parameters))


_kept_names = kept(64)(_names)
"""Of stored rows, which never change."""


def read_vectors(store: Store, relation: Relation, name: str, limit: int, width: int | None = None) -> Vectors:
    """At most `limit` rows, chosen by hash of their id; the width is the most frequent one where none is given."""
    sql = _VECTORS.format(table=relation.table, condition=relation.condition)
    table = store.arrow(sql, {**relation.parameters, "name": name, "limit": limit})
    column = table["vector"].combine_chunks()
    widths = np.asarray(pc.list_value_length(column).to_numpy(zero_copy_only=False), dtype=np.int64)
    if width is None:
        width = int(np.bincount(widths[widths > 0]).argmax()) if np.any(widths > 0) else 0
    fitting = (widths == width) & (widths > 0)
    flat = np.asarray(column.filter(fitting).flatten().to_numpy(zero_copy_only=False), dtype=np.float64)
    values = flat.reshape(int(fitting.sum()), width)
    finite = np.isfinite(values).all(axis=1)
    return Vectors(
        values=values[finite],
        stamps=table["timestamp"].to_numpy().astype("datetime64[ns]")[fitting][finite],
        rows=widths.size,
        missing=int((widths == 0).sum() + (~finite).sum()),
        other_width=int(((widths > 0) & (widths != width)).sum()),
    )
