"""A baseline weighted to look like a window, by what moved between them, and where no weights can do that."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from modelspan_analyzer.statistics.performance.counts import FloatArray

MOVED: Final = 3.0
"""Standard errors beyond which the mean of a term is taken to have moved."""
MOST_TERMS: Final = 20
MOST_BEYOND: Final = 0.05
"""Share of a window's rows that may lie where the baseline has none."""
_FARTHEST: Final = 4.0
_UNBALANCED: Final = 0.1
"""Standard deviations that a term's weighted mean may be off the window's."""


class Balanced(NamedTuple):
    """Weights of a baseline's rows."""

    weight: FloatArray
    """`(m,)`, of mean 1; all 1 where nothing moved."""
    effective: float
    """Kish's number of rows that count under these weights (1965)."""
    beyond: str
    """Which inputs left those of the baseline, so that no weights make it look like the window; '' where none did."""


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
    window_weight: FloatArray | None = None,
) -> Balanced:
    """Weights under which what moved has the same mean in the baseline as in the window.

    Of all weights that do, those nearest to equal ones (entropy balancing: Hainmueller 2012), which are a log-linear
    density ratio. The terms are mean and square of every number, the share of every category and of missing values, as
    far as they moved by more than `MOVED` standard errors: without drift all rows count alike, and chance adds nothing.

    Args:
        baseline: `(m, p)`, NaN where missing; categories as codes.
        window: `(n, p)`.
        is_categorical: `(p,)`.
        names: of the columns, for what is said.
        window_weight: `(n,)`.

    A window that is half a standard deviation higher:

    >>> z = np.linspace(-2.0, 2.0, 2001)[:, None]
    >>> found = balance(z, z + 0.5, np.array([False]))
    >>> round(float(np.average(z[:, 0], weights=found.weight)), 1), found.beyond[:41]
    (0.5, 'column 0 is beyond that of the baseline i')
    >>> balance(z, z, np.array([False])).effective
    2001.0
    """
    weight = np.ones(len(window)) if window_weight is None else window_weight
    beyond = _beyond(baseline, window, is_categorical, names, weight)
    noise = 1 / len(baseline) + 1 / len(window)
    terms = [
        term
        for at in range(baseline.shape[1])
        for term in _terms(at, baseline[:, at], window[:, at], categorical=bool(is_categorical[at]))
    ]
    gaps = [abs(float(np.average(term.window, weights=weight))) for term in terms]
    moved = [at for at in np.argsort(gaps)[::-1][:MOST_TERMS] if gaps[at] > MOVED * np.sqrt(noise)]
    if not moved:
        return Balanced(np.ones(len(baseline)), float(len(baseline)), beyond)
    matrix = np.column_stack([terms[at].baseline for at in moved])
    wanted = np.array([np.average(terms[at].window, weights=weight) for at in moved])
    found = _entropy_weights(matrix, wanted, noise)
    off = np.abs(found @ matrix / len(baseline) - wanted)
    if not beyond and off.max() > max(_UNBALANCED, MOVED * np.sqrt(noise)):
        name = _named(names, terms[moved[int(off.argmax())]].column)
        beyond = f"no rows of the baseline, however they are weighted, are like the window's in {name}"
    return Balanced(found, float(found.sum() ** 2 / (found**2).sum()), beyond)


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


def _entropy_weights(matrix: FloatArray, wanted: FloatArray, ridge: float) -> FloatArray:
    """`w ∝ exp(matrix·β)` of mean 1 with `matrix`'s weighted means near those wanted, by Newton's method.

    The ridge, as large as the variance that chance gives a mean, keeps β finite where no weights have these means.
    """
    rows, terms = matrix.shape
    beta = np.zeros(terms)

    def dual(at: FloatArray) -> tuple[float, FloatArray]:
        power = matrix @ at
        top = float(power.max())
        weight = np.exp(power - top)
        total = float(weight.sum())
        return float(np.log(total / rows) + top - wanted @ at + ridge / 2 * at @ at), weight / total

    value, weight = dual(beta)
    for _ in range(50):
        mean = weight @ matrix
        slope = mean - wanted + ridge * beta
        if np.abs(slope).max() < 1e-6:
            break
        curve = (matrix * weight[:, None]).T @ matrix - np.outer(mean, mean) + (ridge + 1e-9) * np.eye(terms)
        step, length = -np.linalg.solve(curve, slope), 1.0
        while (trial := dual(beta + length * step))[0] > value + 1e-4 * length * float(slope @ step) and length > 1e-4:
            length /= 2
        beta, (value, weight) = beta + length * step, trial
    return np.asarray(weight * rows)


def _beyond(
    baseline: FloatArray,
    window: FloatArray,
    is_categorical: npt.NDArray[np.bool_],
    names: tuple[str, ...],
    weight: FloatArray,
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
        shares[at] = np.average(outside, weights=weight)
    worst = int(shares.argmax())
    if shares[worst] <= MOST_BEYOND:
        return ""
    return (
        f"{_named(names, worst)} is beyond that of the baseline in {shares[worst]:.0%} of the rows: "
        "what errors are there no label has shown"
    )


def _named(names: tuple[str, ...], at: int) -> str:
    return names[at] if at < len(names) else f"column {at}"
