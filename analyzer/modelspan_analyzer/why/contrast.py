"""How strongly each fact goes together with being flagged: shares, risk ratios, correlation and evidence.

All pure functions of weights (one a trace) and of a matrix (facts by traces).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from modelspan_analyzer.statistics.special import ndtr

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Weights:
    """What the traces stand for: flagged and other predictions, after the onset and before it; shapes (n,)."""

    flagged: Floats
    others: Floats
    usual_flagged: Floats
    """Flagged predictions before the onset: what is usual."""
    usual_others: Floats

    @classmethod
    def split(cls, flagged: Floats, others: Floats, after: Bools) -> Weights:
        """Weights of a sample, by an onset."""
        return cls(flagged * after, others * after, flagged * ~after, others * ~after)

    @property
    def probability(self) -> Floats:
        """Of being flagged, a trace; nought before the onset."""
        total = self.flagged + self.others
        return np.divide(self.flagged, total, out=np.zeros_like(total), where=total > 0)

    def only(self, traces: Bools) -> Weights:
        """The weights of some traces, and nought for the others."""
        return Weights(
            self.flagged * traces, self.others * traces, self.usual_flagged * traces, self.usual_others * traces
        )

    def whole(self) -> Weights:
        """The same without an onset: all flagged against all others."""
        zero = np.zeros_like(self.flagged)
        return Weights(self.flagged + self.usual_flagged, self.others + self.usual_others, zero, zero)


@dataclass(frozen=True, slots=True)
class Contrast:
    """One entry a fact, shapes (k,)."""

    flagged_share: Floats
    """Of the flagged predictions, as they are."""
    excess_share: Floats
    """Of the flagged predictions beyond what was usual before."""
    other_share: Floats
    risk_ratio: Floats
    lower: Floats
    upper: Floats
    phi: Floats
    """Correlation of the fact with the excess."""
    p_value: Floats
    support: Floats


def contrast(matrix: npt.NDArray[np.float32], weights: Weights) -> Contrast:
    """Compare flagged with other traces, fact by fact.

    The excess is what is flagged beyond the usual: flagged after the onset, less what the rate before it would have
    given to as many predictions. So a fact that always went together with being flagged, and does no more than
    before, has no share in it; nor has one that is merely new (the pods of a release) and no worse than all were. The
    p-value is that of the two-proportion z-test on effective sample sizes (Kish 1965); the interval of the risk ratio
    is Katz's (Biometrics 34, 1978).

    Args:
        matrix: 1 where a trace shows a fact, shape (k, n).
        weights: what the traces stand for.
    """
    columns = np.stack([weights.flagged, weights.others, weights.usual_flagged, weights.usual_others], axis=1)
    shown = (matrix @ columns.astype(np.float32)).astype(float)
    flagged, others, usual_flagged, usual_others = (float(total) for total in columns.sum(axis=0))
    usual = usual_flagged + usual_others
    scale = (flagged + others) / usual if usual > 0 else 0.0
    excess = max(flagged - scale * usual_flagged, 1e-9)
    rate = usual_flagged / usual if usual > 0 else 0.0
    expected = np.maximum(scale * shown[:, 2], rate * (shown[:, 0] + shown[:, 1]))
    shown_excess = np.clip(shown[:, 0] - expected, 0.0, excess)
    excess_share, other_share = shown_excess / excess, shown[:, 1] / max(others, 1e-9)
    sizes = effective_size(weights.flagged) * (excess / max(flagged, 1e-9)) ** 2, effective_size(weights.others)
    ratio, lower, upper = risk_ratio(shown[:, 0], shown[:, 1], flagged, others, sizes)
    return Contrast(
        flagged_share=np.clip(shown[:, 0] / max(flagged, 1e-9), 0, 1),
        excess_share=excess_share,
        other_share=np.clip(other_share, 0, 1),
        risk_ratio=ratio,
        lower=lower,
        upper=upper,
        phi=phi(shown_excess, shown[:, 1], excess, others),
        p_value=two_proportions(excess_share, other_share, *sizes),
        support=(matrix @ weights.probability.astype(np.float32)).astype(float),
    )


def phi(shown_flagged: Floats, shown_others: Floats, flagged: float, others: float) -> Floats:
    """Correlation of two yes/no properties from their table (Yule 1912): 1 when they are the same one."""
    total, shown = flagged + others, shown_flagged + shown_others
    spread = shown * (total - shown) * flagged * others
    return np.asarray(
        np.divide(
            total * shown_flagged - shown * flagged,
            np.sqrt(np.maximum(spread, 1e-300)),
            out=np.zeros_like(shown),
            where=spread > 1e-9,
        )
    )


def two_proportions(first: Floats, second: Floats, n_first: float, n_second: float) -> Floats:
    """One-sided p-value that the first share is not the larger one."""
    if n_first < 1 or n_second < 1:
        return np.ones_like(first)
    pooled = (first * n_first + second * n_second + 1.0) / (n_first + n_second + 2.0)
    error = np.sqrt(pooled * (1 - pooled) * (1 / n_first + 1 / n_second))
    return np.asarray(ndtr(-(first - second) / np.maximum(error, 1e-12)))


def risk_ratio(
    shown_flagged: Floats, shown_others: Floats, flagged: float, others: float, sizes: tuple[float, float]
) -> tuple[Floats, Floats, Floats]:
    """Risk of being flagged with the fact over without it, and its 95 % interval.

    `sizes` are the effective numbers of flagged and other traces: half a trace is added to each cell.
    """
    unit = [total / max(size, 1.0) / 2 or 0.5 for total, size in zip((flagged, others), sizes, strict=True)]
    a, b = shown_flagged + unit[0], shown_others + unit[1]
    c, d = flagged - shown_flagged + unit[0], others - shown_others + unit[1]
    ratio = (a / (a + b)) / (c / (c + d))
    counts = [
        np.maximum(cell / (2 * half), 0.5) for cell, half in ((a, unit[0]), (b, unit[1]), (c, unit[0]), (d, unit[1]))
    ]
    error = np.sqrt(
        counts[1] / (counts[0] * (counts[0] + counts[1])) + counts[3] / (counts[2] * (counts[2] + counts[3]))
    )
    return ratio, ratio * np.exp(-1.96 * error), ratio * np.exp(1.96 * error)


def effective_size(weights: Floats) -> float:
    """Kish's effective sample size."""
    squares = float((weights**2).sum())
    return float(weights.sum()) ** 2 / squares if squares > 0 else 0.0


def false_discovery(p_values: Floats) -> Floats:
    """Benjamini and Hochberg's adjusted p-values (1995), in the given order."""
    count = len(p_values)
    order = np.argsort(p_values)
    adjusted = np.minimum.accumulate((p_values[order] * count / np.arange(1, count + 1))[::-1])[::-1]
    result = np.empty(count)
    result[order] = np.minimum(adjusted, 1.0)
    return result
