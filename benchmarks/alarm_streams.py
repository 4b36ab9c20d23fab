"""Streams of 30 features without drift, for `alarms.py`: two real data sets, resampled, and two synthetic ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

FEATURES = 30
POOL_ROWS = 100_000
SHARED_DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


@dataclass(frozen=True, slots=True)
class Pool:
    """Rows that windows are drawn from with replacement, so that no window drifts; shape (rows, 30).

    Categories are whole numbers, ordered by name; `numeric` says which columns are numbers.
    """

    values: NDArray[np.float64]
    numeric: NDArray[np.bool_]


def gaussian(generator: np.random.Generator) -> Pool:
    """Standard normal columns, every two neighbours correlated by 0.5."""
    own = generator.normal(size=(POOL_ROWS, FEATURES))
    values = np.column_stack([own[:, 0], (own[:, 1:] + own[:, :-1]) / np.sqrt(2.0)])
    return Pool(values, np.ones(FEATURES, dtype=np.bool_))


def heavy_tailed(generator: np.random.Generator) -> Pool:
    """Student's t of 3 degrees of freedom, log-normal, Pareto of index 3, and zero for nine rows of ten, in turn."""
    shape = (POOL_ROWS, FEATURES // 4 + 1)
    families = [
        generator.standard_t(3, size=shape),
        generator.lognormal(sigma=1.5, size=shape),
        generator.pareto(3.0, size=shape),
        generator.lognormal(size=shape) * (generator.random(shape) < 0.1),
    ]
    values = np.stack(families, axis=2).reshape(POOL_ROWS, -1)[:, :FEATURES]
    return Pool(values, np.ones(FEATURES, dtype=np.bool_))


def adult(generator: np.random.Generator) -> Pool:
    """The columns of the census data, twice, the second time in another order of rows."""
    return _repeated(pd.read_csv(SHARED_DATA / "adult.csv"), generator)


def elec2(generator: np.random.Generator) -> Pool:
    """The columns of the electricity stream, rows shuffled so that its drift is gone, repeated in other orders."""
    return _repeated(pd.read_csv(SHARED_DATA / "elec2.csv"), generator)


STREAMS: Mapping[str, Callable[[np.random.Generator], Pool]] = {
    "gaussian": gaussian,
    "heavy-tailed": heavy_tailed,
    "adult": adult,
    "elec2": elec2,
}


def _repeated(frame: pd.DataFrame, generator: np.random.Generator) -> Pool:
    numeric = np.array([pd.api.types.is_numeric_dtype(frame[column]) for column in frame])
    values = np.column_stack(
        [
            frame[column].to_numpy(dtype=float) if is_number else pd.Categorical(frame[column]).codes.astype(float)
            for column, is_number in zip(frame, numeric, strict=True)
        ]
    )
    copies = -(-FEATURES // values.shape[1])
    wide = np.concatenate([values[generator.permutation(values.shape[0])] for _ in range(copies)], axis=1)
    return Pool(wide[:, :FEATURES], np.tile(numeric, copies)[:FEATURES])
