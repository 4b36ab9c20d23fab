"""Releases that came with a finding: versions first seen when it began."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from modelspan_analyzer.why.sample import Sample
from modelspan_analyzer.why.table import FactTable
from modelspan_analyzer.why.timeline import Timeline

TOLERANCE_BUCKETS = 3
"""How far, in buckets of the timeline, a release may be from the onset."""
MOST_BEFORE = 0.02


@dataclass(frozen=True, slots=True)
class Release:
    """A version of a service, or of the model, and when it was first seen."""

    service: str
    version: str
    first_seen: float
    """Seconds since 1970, to the spacing of the sample."""


def releases(table: FactTable, sample: Sample, line: Timeline) -> list[Release]:
    """Versions that began at the onset, the closest first; none where the finding has no onset."""
    if line.onset is None:
        return []
    width = float(line.edges[1] - line.edges[0]) * TOLERANCE_BUCKETS
    found = []
    for key, row in zip(table.keys, table.matrix, strict=True):
        if not (key.kind == "version" or (key.kind == "resource" and key.attribute == "service.version")):
            continue
        times = sample.time[row > 0]
        first = float(np.quantile(times, 0.002))
        if abs(first - line.onset) <= width and (times < line.onset - width).mean() <= MOST_BEFORE:
            found.append(Release(key.service or "model", key.value, first))
    return sorted(found, key=lambda release: abs(release.first_seen - line.onset))  # type: ignore[operator]
