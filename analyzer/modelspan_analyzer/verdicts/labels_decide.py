"""When what labels say is judged instead of an estimate of it."""

from __future__ import annotations

from typing import Final

from modelspan_analyzer.results import Judged, Result, unjudged

_INSTEAD: Final = "judged_instead"


def left_to_labels(said: str, judged: Judged) -> Judged:
    """What is said of an estimate that steps back, and what it would have said: nothing judges it, whatever it is.

    Args:
        said: which labels are in.
        judged: what the estimate alone would be called.
    """
    reason = "; ".join(part for part in (f"{said}, which are judged instead", judged.reason) if part)
    return unjudged(reason, judged.p_value, {**judged.details, _INSTEAD: "labels"})


def is_left_to_labels(result: Result) -> bool:
    """Whether a result is of an estimate that stepped back, so that what it found before is over."""
    return _INSTEAD in result.details


def labels_decide(labelled: float, rows: float, learnt: float, least: float) -> bool:
    """Whether the realised value of a window is at least as sure as an estimate of it, so that it is judged instead.

    With a variance of `v` a row, a realised value has `v / labelled` and an estimate that was learnt from a baseline
    about `v / rows + v / learnt`: as many labels are enough as rows and baseline together are worth, half of their
    harmonic mean. That comes close to all rows where the baseline is long; but an estimate takes for granted that
    scores still mean what they meant there, which labels show, so that those of half of the rows are always enough.

    Args:
        labelled: rows of the window whose labels are in.
        rows: all rows of the window.
        learnt: labelled rows of the baseline.
        least: labelled rows below which nothing is judged by them.

    >>> [labels_decide(labelled, 1000, 20_000, 100) for labelled in (99, 499, 500)]
    [False, False, True]
    >>> labels_decide(250, 1000, 300, 100)
    True
    """
    if labelled < least or not rows:
        return False
    return labelled >= min(rows / 2, rows * learnt / max(rows + learnt, 1.0))
