"""Which of the sampled traces have arrived whole: each service sends its spans when it pleases."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from modelspan_analyzer.why.facts import Fact
from modelspan_analyzer.why.sample import Sample

PATIENCE = 60.0
"""Seconds that a service's spans may come later than the predictions; one that is silent for longer has stopped."""
USUAL = 0.2
"""Share of the traces that a service must be in to be waited for."""
LEAST = 10
"""Flagged traces that must be left, else all are kept: then what is missing may be what the finding is about."""


def arrived(facts: Iterable[Fact], sample: Sample) -> npt.NDArray[np.bool_]:
    """Traces of which spans are there, and that are no newer than the newest of every service that is usual in them.

    A trace that is half there would count as one without the cause (and its absent spans as a cause of their own).
    """
    shown = _by_service(facts, len(sample.hashes))
    if not shown:
        return np.ones(len(sample.hashes), bool)
    present = np.logical_or.reduce(list(shown.values()))
    newest = float(sample.time.max())
    last = [float(sample.time[shows].max()) for shows in shown.values() if shows.mean() >= USUAL * present.mean()]
    until = min((moment for moment in last if moment >= newest - PATIENCE), default=newest)
    whole = np.asarray(present & (sample.time <= until))
    return whole if (whole & (sample.risk >= 0.5)).sum() >= LEAST else np.ones_like(whole)


def _by_service(facts: Iterable[Fact], n: int) -> dict[str, npt.NDArray[np.bool_]]:
    """Which traces hold a span of each service."""
    shown: dict[str, npt.NDArray[np.bool_]] = {}
    for fact in facts:
        if fact.key.kind == "span":
            shown.setdefault(fact.key.service, np.zeros(n, bool))[fact.traces] = True
    return shown
