"""Columns of a table as profiles see them: what a window's columns are in the store, from memory."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelspan_analyzer.files.roles import Settled
from modelspan_analyzer.reading.profiles.from_rows import MOST_CATEGORIES
from modelspan_analyzer.reading.profiles.profile import Column, Texts
from modelspan_analyzer.reading.profiles.values import described


def comparable(settled: Settled) -> list[str]:
    """The features that have distributions; what is left out is said."""
    kept = []
    for name in settled.roles.features:
        if pa.types.is_nested(settled.rows.table.schema.field(name).type):
            settled.rows.remarks.leave_out(f"column {name!r}: vectors are not compared here")
        else:
            kept.append(name)
    return kept


def column(settled: Settled, name: str) -> Column:
    """One column, counted."""
    values = settled.rows.column(name)
    nulls = values.null_count
    held = values.drop_null()
    if pa.types.is_floating(held.type):
        numbers = described(np.asarray(held.to_numpy(zero_copy_only=False), np.float64))
        return Column(name, float(nulls), nulls, numbers=numbers)
    return Column(name, float(nulls), nulls, texts=_texts(held) if len(held) else None)


def _texts(held: pa.Array) -> Texts:
    counted = pc.value_counts(held)
    values, counts = counted.field("values"), np.asarray(counted.field("counts"))
    chosen = np.argsort(-counts, kind="stable")[:MOST_CATEGORIES]
    texts = values.take(pa.array(chosen)).cast(pa.string()).to_pylist()
    frequent = dict(zip(texts, counts[chosen].astype(float).tolist(), strict=True))
    return Texts(n=len(held), count=float(len(held)), distinct=float(len(values)), counts=frequent)
