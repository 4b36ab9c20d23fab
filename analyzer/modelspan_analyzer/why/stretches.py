"""Which parts of a long or busy time are read: runs of the five minutes by which the store is ordered."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from modelspan_analyzer.why.timeline import Timeline

Floats = npt.NDArray[np.float64]
SLICE = 300
"""Seconds: the length of the buckets by which `predictions` and `otel_traces` are ordered."""
PAD = 60
"""Seconds at both ends of a run in which no predictions are drawn: spans of their traces may lie outside of it."""
RUNS = 6
"""However busy: what is read is spread over the time."""
ENOUGH, ENOUGH_FLAGGED = 24_000, 1500
"""Predictions, and flagged ones, among which traces are sampled."""


@dataclass(frozen=True, slots=True)
class Stretches:
    """What is read, and what it stands for."""

    slices: tuple[int, ...]
    """Starts of the slices of time, in order; empty where all of it is read."""
    thinning: tuple[float, float]
    """Predictions that each one in the stretches stands for, before and after the onset."""
    covered: Floats
    """Share of each bucket of the timeline in which predictions are drawn."""


def choose(line: Timeline) -> Stretches:
    """All of the time where it holds few predictions; else runs of it, half of them after the onset.

    Runs, not single slices: the store reads some thousand neighbouring rows or none.
    """
    starts = np.arange(line.edges[0] // SLICE, np.ceil(line.edges[-1] / SLICE)).astype(int) * SLICE
    share = max(ENOUGH / max(float(line.total.sum()), 1.0), ENOUGH_FLAGGED / max(float(line.flagged.sum()), 1.0))
    length = math.ceil(share * len(starts) / RUNS)
    if 2 * RUNS * length >= len(starts):
        return Stretches((), (1.0, 1.0), np.ones(len(line.total)))
    begin = line.edges[0] if line.onset is None else line.onset
    end = np.inf if line.end is None else line.end
    late = (starts + SLICE > begin) & (starts < end)
    groups = [starts[late]] if late.all() else [starts[~late], starts[late]]
    chosen = np.unique(np.concatenate([_runs(group, RUNS // len(groups), length) for group in groups]))
    covered = _covered(line, chosen)
    middle = (line.edges[1:] + line.edges[:-1]) / 2
    after = (middle >= begin) & (middle < end)
    before, since = (
        float(line.total[part].sum() / max((line.total * covered)[part].sum(), 1.0)) for part in (~after, after)
    )
    return Stretches(tuple(chosen.tolist()), (before, since), covered)


def _runs(starts: npt.NDArray[np.int_], count: int, length: int) -> npt.NDArray[np.int_]:
    """So many runs of slices, evenly spread, the first and the last among them."""
    first = np.linspace(0, max(0, len(starts) - length), count).astype(int)
    return starts[np.minimum(first[:, None] + np.arange(length), len(starts) - 1).ravel()]


def _covered(line: Timeline, slices: npt.NDArray[np.int_]) -> Floats:
    """Share of each bucket that lies in a run, without its ends."""
    lower = np.where(np.isin(slices - SLICE, slices), slices, slices + PAD)
    upper = np.where(np.isin(slices + SLICE, slices), slices + SLICE, slices + SLICE - PAD)
    overlap = np.minimum(line.edges[1:], upper[:, None]) - np.maximum(line.edges[:-1], lower[:, None])
    return np.asarray(np.clip(overlap, 0, None).sum(axis=0) / (line.edges[1] - line.edges[0]))
