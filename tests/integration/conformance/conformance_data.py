"""The rows that every source sends, and what a store has to hold of them: the one truth that all cells are checked by.

Blocks of five rows are one request each: they share a trace, a region and a person. In every fourth block the feature
store upstream fails, and `amount` is missing. `zone` is a category of integers and `member` a boolean where a source
can say so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa

BLOCKS = 60
BLOCK_ROWS = 5
ROWS = BLOCKS * BLOCK_ROWS
REGIONS = ("north", "south", "east")
FAILING_EVERY = 4
"""Every fourth block's trace has a failed call of the feature store."""
FORGOTTEN = "person-07"
"""Whose rows are erased: one block."""

Texts = tuple[str | None, ...]


@dataclass(frozen=True)
class Rows:
    """Rows as they are seen at one place: by the caller, or in the store."""

    numeric: dict[str, npt.NDArray[np.float64]]
    """Numbers, NaN where missing."""
    categorical: dict[str, Texts]
    """Texts, None where missing."""
    score: npt.NDArray[np.float64]
    predicted: Texts
    truth: Texts
    """None where no label came."""
    tags: dict[str, tuple[str, ...]]
    unsaid: frozenset[str] = field(default_factory=frozenset)
    """Features whose missing values a source cannot name: they are absent."""

    @property
    def features(self) -> tuple[str, ...]:
        """All features by name."""
        return (*self.numeric, *self.categorical)

    def without(self, *names: str) -> Rows:
        """The rows without some features."""
        numeric = {name: column for name, column in self.numeric.items() if name not in names}
        return replace(self, numeric=numeric, categorical={n: c for n, c in self.categorical.items() if n not in names})

    def select(self, kept: Sequence[int] | npt.NDArray[np.intp]) -> Rows:
        """Some of the rows."""
        return replace(
            self,
            numeric={name: column[kept] for name, column in self.numeric.items()},
            categorical={name: tuple(column[at] for at in kept) for name, column in self.categorical.items()},
            score=self.score[kept],
            predicted=tuple(self.predicted[at] for at in kept),
            truth=tuple(self.truth[at] for at in kept),
            tags={name: tuple(column[at] for at in kept) for name, column in self.tags.items()},
        )

    def plain(self, row: int) -> dict[str, float | str | None]:
        """One row's features as a caller has them, None where missing."""
        numbers = {name: None if np.isnan(column[row]) else float(column[row]) for name, column in self.numeric.items()}
        return {**numbers, **{name: column[row] for name, column in self.categorical.items()}}

    def baseline_table(self) -> pa.Table:
        """The rows as a plain table, such as a file for `baseline set`."""
        columns: dict[str, pa.Array] = {
            name: pa.array(column, pa.float64(), from_pandas=True) for name, column in self.numeric.items()
        }
        columns |= {name: pa.array(column, pa.string()) for name, column in self.categorical.items()}
        outcome = {"score": pa.array(self.score), "predicted": pa.array(self.predicted), "truth": pa.array(self.truth)}
        return pa.table({**columns, **outcome, **{name: pa.array(column) for name, column in self.tags.items()}})


def draw(seed: int, shift: float = 0.0) -> Rows:
    """A population of rows; a shift moves `amount`."""
    rng = np.random.default_rng(seed)
    block = np.arange(ROWS) // BLOCK_ROWS
    amount = rng.gamma(2.0, 50.0, ROWS).round(2) + shift
    amount[block % FAILING_EVERY == FAILING_EVERY - 1] = np.nan if shift else amount.mean()
    plan = [str(name) for name in rng.choice(["free", "basic", "pro"], ROWS, p=[0.5, 0.3, 0.2])]
    score = rng.beta(2, 3, ROWS).round(4)
    truth = ["yes" if one else "no" for one in rng.random(ROWS) < score]
    return Rows(
        numeric={"amount": amount, "visits": rng.integers(0, 40, ROWS).astype(float)},
        categorical={
            "plan": tuple(None if gone else name for name, gone in zip(plan, rng.random(ROWS) < 0.06, strict=True)),
            "zone": tuple(str(one) for one in rng.choice([7, 12, 40], ROWS)),
            "member": tuple("true" if one else "false" for one in rng.random(ROWS) < 0.4),
            "contact": tuple(f"desk 555-0{one}" for one in rng.integers(100, 104, ROWS)),
        },
        score=score,
        predicted=tuple("yes" if one >= 0.5 else "no" for one in score),
        truth=tuple(None if gone else one for one, gone in zip(truth, rng.random(ROWS) < 0.1, strict=True)),
        tags={
            "region": tuple(REGIONS[one % 3] for one in block),
            "subject": tuple(f"person-{one:02d}" for one in block),
            "email": tuple(f"p{one}@example.org" for one in block),
        },
    )


LIVE = draw(1, shift=20.0)
BASELINE = draw(2)


def blocks() -> list[range]:
    """The row numbers of each request."""
    return [range(start, start + BLOCK_ROWS) for start in range(0, ROWS, BLOCK_ROWS)]


def fails(block: int) -> bool:
    """Whether the feature store failed in a request."""
    return block % FAILING_EVERY == FAILING_EVERY - 1


def trace_id(model: str, block: int) -> str:
    """The trace of a request, in hexadecimal."""
    return hashlib.md5(f"{model}/{block}".encode(), usedforsecurity=False).hexdigest()


def prediction_id(model: str, row: int) -> str:
    """The id of a row's prediction."""
    return f"{model}-{row:03d}"
