"""A baseline weighted to look like a window, by what moved between them, and where no weights can do that."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from modelspan_analyzer.statistics.estimation.log_linear import tilt
from modelspan_analyzer.statistics.estimation.scarce import MOST_BEYOND
from modelspan_analyzer.statistics.performance.counts import FloatArray

MOVED: Final = 3.0
"""Standard errors beyond which the mean of a term is taken to have moved."""
MOST_TERMS: Final = 20
_FARTHEST: Final = 4.0
_STEEPEST: Final = 30.0
"""Logarithm of the largest ratio."""
_UNBALANCED: Final = 0.1
"""Standard deviations that a term's weighted mean may be off the window's."""


class Balanced(NamedTuple):
    """Weights of a baseline's rows."""

    weight: FloatArray
    """`(m,)`, of mean 1; all 1 where nothing moved."""
    ratio: FloatArray
    """`(n,)`: by the same rule, how much likelier each of the window's rows is there than in the baseline."""
    beyond: str
    """Which inputs left those of the baseline, so that no weights make it look like the window; '' where none did."""
    moved: tuple[FloatArray, FloatArray]
    """What moved, `(m, k)` and `(n, k)`: terms in standard deviations of the baseline."""


class _Term(NamedTuple):
    """A function of one column, on both sides, in standard deviations of the baseline."""

    column: int
    baseline: FloatArray
    window: FloatArray


def balance(
    baseline: FloatArray,
    window: FloatArray,
    is_categorical: npt.NDArray[np.bool_],
    names: tuple[str, ...] = (),
) -> Balanced:
    """Weights under which what moved has the same mean in the baseline as in the window.

    Of all weights that do, those nearest to equal ones (`tilt`), which are a log-linear density ratio. The terms are
    mean and square of every number, the share of every category and of missing values, of the columns of which one of
    them moved by more than `MOVED` standard errors: without drift all rows count alike, and chance adds nothing.

    Args:
        baseline: `(m, p)`, NaN where missing; categories as codes.
        window: `(n, p)`.
        is_categorical: `(p,)`.
        names: of the columns, for what is said.

    A window that is half a standard deviation higher:

    >>> z = np.linspace(-2.0, 2.0, 2001)[:, None]
    >>> found = balance(z, z + 0.5, np.array([False]))
    >>> round(float(np.average(z[:, 0], weights=found.weight)), 1), found.beyond[:41]
    (0.5, 'column 0 is beyond that of the baseline i')
    >>> float(balance(z, z, np.array([False])).ratio.max())
    1.0
    """
    beyond = _beyond(baseline, window, is_categorical, names)
    noise = 1 / len(baseline) + 1 / len(window)
    terms = [
        term
        for at in range(baseline.shape[1])
        for term in _terms(at, baseline[:, at], window[:, at], categorical=bool(is_categorical[at]))
    ]
    gaps = [abs(float(term.window.mean())) for term in terms]
    order = [int(at) for at in np.argsort(gaps)[::-1]]
    columns = {terms[at].column for at in order if gaps[at] > MOVED * np.sqrt(noise)}
    moved = [at for at in order if terms[at].column in columns][:MOST_TERMS]
    before = np.column_stack([np.zeros((len(baseline), 0)), *(terms[at].baseline for at in moved)])
    now = np.column_stack([np.zeros((len(window), 0)), *(terms[at].window for at in moved)])
    wanted = now.mean(axis=0)
    beta, offset = tilt(before, wanted, noise)
    found, ratio = (np.exp(np.minimum(side @ beta - offset, _STEEPEST)) for side in (before, now))
    off = np.abs(found @ before / len(baseline) - wanted)
    if moved and not beyond and off.max() > max(_UNBALANCED, MOVED * np.sqrt(noise)):
        name = _named(names, terms[moved[int(off.argmax())]].column)
        beyond = f"no rows of the baseline, however they are weighted, are like the window's in {name}"
    return Balanced(found, ratio, beyond, (before, now))


def _terms(at: int, baseline: FloatArray, window: FloatArray, *, categorical: bool) -> list[_Term]:
    """Of one column, each with the mean 0 and the standard deviation 1 in the baseline."""
    if categorical:
        codes, count = np.unique(baseline, return_counts=True, equal_nan=True)
        frequent = codes[np.argsort(count)[::-1][:MOST_TERMS]]
        pairs = [tuple(_is(side, code) for side in (baseline, window)) for code in frequent]
    else:
        missing = tuple(np.isnan(side).astype(float) for side in (baseline, window))
        known = baseline[np.isfinite(baseline)]
        if not known.size or known.std() == 0:
            pairs = [missing]
        else:
            middle, scale = known.mean(), known.std()
            own = [
                np.clip(np.nan_to_num((side - middle) / scale), -_FARTHEST, _FARTHEST) for side in (baseline, window)
            ]
            pairs = [missing, tuple(own), tuple(side**2 for side in own)]
    found = []
    for here, there in pairs:
        middle, scale = here.mean(), here.std()
        if scale > 0:
            found.append(_Term(at, (here - middle) / scale, (there - middle) / scale))
    return found


def _is(side: FloatArray, code: float) -> FloatArray:
    return (np.isnan(side) if np.isnan(code) else side == code).astype(float)


def _beyond(
    baseline: FloatArray,
    window: FloatArray,
    is_categorical: npt.NDArray[np.bool_],
    names: tuple[str, ...],
) -> str:
    """Which column's values lie, in more than `MOST_BEYOND` of the window, where the baseline has none."""
    shares = np.zeros(baseline.shape[1])
    for at in range(baseline.shape[1]):
        column, now = baseline[:, at], window[:, at]
        missing = np.isnan(now)
        known = column[~np.isnan(column)]
        if is_categorical[at]:
            outside = ~missing & ~np.isin(now, known)
        else:
            outside = ~missing & ((now < known.min()) | (now > known.max())) if known.size else ~missing
        if known.size == column.size:
            outside |= missing
        shares[at] = outside.mean()
    worst = int(shares.argmax())
    if shares[worst] <= MOST_BEYOND:
        return ""
    return (
        f"{_named(names, worst)} is beyond that of the baseline in {shares[worst]:.0%} of the rows: "
        "what errors are there no label has shown"
    )


def _named(names: tuple[str, ...], at: int) -> str:
    return names[at] if at < len(names) else f"column {at}"
