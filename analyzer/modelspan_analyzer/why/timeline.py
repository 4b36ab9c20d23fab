"""How many predictions there were over time, how many were flagged, and when that began."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

from modelspan_analyzer.results import Window
from modelspan_analyzer.why.onset import scan
from modelspan_analyzer.why.selection import Selection
from modelspan_collector.store.connect import Store

Floats = npt.NDArray[np.float64]
BUCKETS = 240


@dataclass(frozen=True, slots=True)
class Timeline:
    """How many predictions there were and how many were flagged, over time."""

    edges: Floats
    """Start of each bucket and the end of the last, seconds since 1970, shape (k + 1,)."""
    flagged: Floats
    marked: Floats
    """Predictions likelier flagged than not."""
    total: Floats
    onset: float | None
    """Seconds since 1970; None where the rate is steady or was high from the start."""
    end: float | None
    flagged_inside: float
    """Of the finding's own window, which may be shorter than a bucket."""
    total_inside: float

    @property
    def since(self) -> datetime | None:
        """The onset as a time."""
        return None if self.onset is None else datetime.fromtimestamp(self.onset, UTC)

    def affected(self, *, beyond_usual: bool) -> int:
        """Flagged predictions of the finding's window; where some always are, those beyond the share outside it."""
        outside = float(self.total.sum()) - self.total_inside
        share = (float(self.flagged.sum()) - self.flagged_inside) / outside if beyond_usual and outside > 0 else 0.0
        return round(max(0.0, self.flagged_inside - share * self.total_inside))


_TIMELINE = """
SELECT least(intDiv(toUnixTimestamp64Nano(p.timestamp) - {origin:Int64}, {width:Int64}), {last:Int64}) AS bucket,
       sum({weight}) AS flagged, countIf({weight} >= 0.5) AS marked, count() AS total,
       sumIf({weight}, p.timestamp >= {own_start:DateTime64(9, 'UTC')}
                       AND p.timestamp < {own_end:DateTime64(9, 'UTC')}) AS flagged_inside,
       countIf(p.timestamp >= {own_start:DateTime64(9, 'UTC')}
               AND p.timestamp < {own_end:DateTime64(9, 'UTC')}) AS total_inside
{source} AND p.timestamp >= {start:DateTime64(9, 'UTC')} AND p.timestamp < {end:DateTime64(9, 'UTC')}
GROUP BY bucket
"""


def timeline(store: Store, selection: Selection, context: Window, own: Window) -> Timeline:
    """Count predictions over the context and in the finding's own window, and find the stretch that it is about."""
    origin = int(context.start.timestamp() * 1e9)
    width = max(1, int((context.end - context.start).total_seconds() * 1e9) // BUCKETS)
    table = store.arrow(
        selection.fill(_TIMELINE),
        {
            **selection.during(context),
            "origin": origin,
            "width": width,
            "last": BUCKETS - 1,
            "own_start": own.start,
            "own_end": own.end,
        },
    )
    flagged, marked, total = (np.zeros(BUCKETS) for _ in range(3))
    at = table["bucket"].to_numpy()
    flagged[at], marked[at], total[at] = (table[name].to_numpy() for name in ("flagged", "marked", "total"))
    edges = origin / 1e9 + np.arange(BUCKETS + 1) * width / 1e9
    stretch = scan(flagged, total)
    seen = np.nonzero(total)[0]
    begun = stretch is not None and len(seen) > 0 and stretch.first > seen[0]
    over = stretch is not None and len(seen) > 0 and stretch.last <= seen[-1]
    return Timeline(
        edges,
        flagged,
        marked,
        total,
        onset=float(edges[stretch.first]) if begun and stretch else None,
        end=float(edges[stretch.last]) if over and stretch else None,
        flagged_inside=float(table["flagged_inside"].to_numpy().sum()),
        total_inside=float(table["total_inside"].to_numpy().sum()),
    )
