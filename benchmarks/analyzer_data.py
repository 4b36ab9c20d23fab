"""The data that every program of the analyzer benchmark compares: a reference and a current sample, drawn once."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet

NUMERIC, CATEGORICAL = 25, 5


def sample(rows: int, seed: int, shift: float) -> pa.Table:
    """25 numeric features (normal, heavy-tailed, skewed, uniform) and 5 categorical; the first of each is shifted."""
    rng = np.random.default_rng(seed)
    draws = (
        lambda: rng.normal(size=rows),
        lambda: rng.standard_t(3, rows),
        lambda: rng.lognormal(size=rows),
        lambda: rng.random(rows),
        lambda: rng.gamma(2, size=rows),
    )
    columns: dict[str, object] = {f"x{i:02}": draws[i % len(draws)]() for i in range(NUMERIC)}
    columns["x00"] = columns["x00"] + shift  # type: ignore[operator]
    for i in range(CATEGORICAL):
        shares = np.arange(1, 11, dtype=float)
        shares[0] += 5 * shift * (i == 0)
        names = np.array([f"category-{j}" for j in range(10)])
        columns[f"c{i}"] = pa.DictionaryArray.from_arrays(rng.choice(10, rows, p=shares / shares.sum()), names)
    return pa.table(columns)


def write(folder: Path, rows: int) -> None:
    """The two samples as Parquet."""
    parquet.write_table(sample(rows, 1, 0.0), folder / "reference.parquet")
    parquet.write_table(sample(rows, 2, 0.2), folder / "current.parquet")


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]))
