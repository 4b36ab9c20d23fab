"""What a profile is: all columns of a stretch of time, each with its numbers and its texts, and the rows behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Kind(str, Enum):
    """What most values of a column are."""

    NUMERIC = "numeric"
    CATEGORICAL = "categorical"
    EMPTY = "empty"


@dataclass(frozen=True, slots=True)
class Support:
    """A distribution as points and what each weighs: rows, distinct values with counts, or a grid of quantiles."""

    values: Floats
    """Finite, ascending, shape (k,)."""
    weights: Floats | None = None
    """Shape (k,); None where all weigh the same."""
    rank_error: float = 0.0
    """Largest error of its distribution function: 0 where it is exact."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """The numeric values of a column; counts are weighted by `sample_weight`, `n` is not."""

    n: int
    count: float
    nan: float
    infinite: float
    zero: float
    negative: float
    minimum: float
    maximum: float
    mean: float
    std: float
    distinct: float
    """Estimate, within about 1.6 % (one standard error)."""
    support: Support | None = None
    """None where the profile was made from rows and leaves the values there until they are asked for."""


@dataclass(frozen=True, slots=True)
class Texts:
    """The text values of a column."""

    n: int
    count: float
    distinct: float
    counts: Mapping[str, float]
    """The most frequent values, weighted; all of them where `other` is 0."""

    @property
    def other(self) -> float:
        """The weight of the values that are not among `counts`."""
        return max(0.0, self.count - sum(self.counts.values()))


@dataclass(frozen=True, slots=True)
class Column:
    """A feature, or an output of the model, over a stretch of time."""

    name: str
    null: float = 0.0
    """Weight of the rows without a value: that name it as missing, or say nothing of it (see `among`)."""
    null_n: int = 0
    numbers: Numbers | None = None
    texts: Texts | None = None

    @property
    def kind(self) -> Kind:
        """What most of its values are; the others are type errors."""
        numeric = self.numbers.count if self.numbers else 0.0
        text = self.texts.count if self.texts else 0.0
        if numeric == text == 0:
            return Kind.EMPTY
        return Kind.NUMERIC if numeric >= text else Kind.CATEGORICAL

    @property
    def uncounted(self) -> bool:
        """Whether it has categories of which none was counted, so that nothing is known of how they are spread."""
        return self.kind is Kind.CATEGORICAL and self.texts is not None and not self.texts.counts

    @property
    def present(self) -> float:
        """Weight of the rows with a value of any kind."""
        return (self.numbers.count if self.numbers else 0.0) + (self.texts.count if self.texts else 0.0)

    @property
    def n(self) -> int:
        """Rows with a value of any kind, unweighted."""
        return (self.numbers.n if self.numbers else 0) + (self.texts.n if self.texts else 0)

    def among(self, rows: int, weight: float) -> Column:
        """The column of a feature among so many rows, of which those that say nothing of it lack its value too.

        A span has no attribute for a missing value, and a record names it only where another row beside it has one: how
        much is missing must not depend on who sent it, nor in what company. A column without any value stays as it is,
        since vectors are kept elsewhere.
        """
        if self.n == 0 or self.n + self.null_n >= rows:
            return self
        return replace(self, null=max(self.null, weight - self.present), null_n=rows - self.n)


@dataclass(frozen=True, slots=True)
class Relation:
    """The rows behind a profile: a table, a condition with bound parameters, and their values."""

    table: str
    condition: str
    parameters: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Profile:
    """All columns of a stretch of time."""

    rows: int
    weight: float
    """Sum of the sample weights: `rows` where nothing was sampled."""
    errors: float
    """Weight of the rows whose call failed."""
    distinct_ids: float
    """Exact of rows; an estimate where it was merged from sketches."""
    newest: datetime | None
    features: Mapping[str, Column]
    outputs: Mapping[str, Column]
    """`value`, `label`, and `score.<class>`."""
    relation: Relation
    sketched: bool = False
    """True where it was merged from sketches."""
    segment: str = ""
    embeddings: tuple[str, ...] = field(default=())
