"""What is due of a version: by what is known of it, and asked of the store only where that may have changed."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from modelspan_analyzer.config.settings import ModelSettings
from modelspan_analyzer.reading.baselines import Baseline
from modelspan_analyzer.reading.silence import Silence
from modelspan_analyzer.results import Window
from modelspan_analyzer.runner.choose import learnt_until
from modelspan_analyzer.runner.fleet import Known, Version
from modelspan_analyzer.runner.late import late_windows
from modelspan_analyzer.runner.windows import due_windows, windows_since
from modelspan_collector.store.connect import Store

IN_ORDER: Final = 3
"""Windows of a version that are looked at in their order; of more the newest is looked at first."""
STILL_FOR: Final = timedelta(days=1)
"""How long what was measured of an empty window is taken for what would be measured of the next ones."""


@dataclass(frozen=True, slots=True)
class Due:
    """The windows of one version that are to be looked at."""

    of: Version
    settings: ModelSettings
    late: tuple[Window, ...]
    """That grew since they were looked at."""
    new: tuple[Window, ...]
    """That were not looked at, the oldest first, but for those of a silence that is known."""
    newest: datetime
    """When the model predicted last, with whichever version."""
    silent: tuple[Window, ...] = ()
    """Of which nothing has to be measured but that, and for how long, nothing came."""

    @property
    def windows(self) -> tuple[Window, ...]:
        """Those that are to be measured, the oldest first."""
        return self.late + self.new

    def order(self, ahead: Collection[Window]) -> tuple[list[Window], list[Window]]:
        """What is measured first, out of its order, and then all of it, the oldest first.

        Of many windows the newest one goes first, and again in its turn, beside what came before it. So do those that
        went first at an earlier look, `ahead`, which was over before their turn came.
        """
        newest = max(self.windows, key=lambda window: window.end, default=None)
        is_news = newest is not None and all(newest.end > one.end for one in ahead)
        waiting = set(ahead).difference(self.windows)
        every = sorted((*self.new, *waiting), key=lambda window: window.end)
        return [newest] if newest and is_news and len(self.windows) > IN_ORDER else [], [*self.late, *every]

    def silence(self, window: Window) -> Silence | None:
        """Since when the version is silent, if it was so in all of a window; with its model if that was."""
        if window.start <= self.of.newest:
            return None
        return Silence(self.of.newest, self.newest if self.newest < window.start else None)


def find_due(
    store: Store,
    one: Version,
    every: Sequence[Version],
    settings: ModelSettings,
    known: Known,
    now: datetime,
    baselines: list[Baseline],
) -> Due:
    """What is due by now of a version, one of all of its model's; `baselines` are all there are, the newest first."""
    late: tuple[Window, ...] = ()
    if known.rows != one.rows and (known.closed is None or known.closed != one.rows_before(known.upto)):
        late = tuple(late_windows(store, *one.key, settings, now))
    new = _new(store, one, settings, known, now, baselines)
    still, newest = known.still, max(other.newest for other in every)
    if still is None or still.newest != one.newest or settings.baseline.moves(one.version):
        return Due(one, settings, late, tuple(new), newest)
    silent = tuple(window for window in new if window.start > one.newest and window.end - still.window.end <= STILL_FOR)
    return Due(one, settings, late, tuple(window for window in new if window not in silent), newest, silent)


def _new(
    store: Store, one: Version, settings: ModelSettings, known: Known, now: datetime, baselines: list[Baseline]
) -> list[Window]:
    closed, earliest = now - settings.schedule.delay, now - settings.schedule.catch_up
    if one.newest < earliest:
        return []  # silent for so long that it is over
    window = settings.window
    since = max(known.upto, earliest) if known.upto is not None and window.rows is None else None
    if since is not None:
        ended = windows_since(since, window.size, window.slide, closed)
        if not ended or (store.embedded and one.newest < since):  # nothing to learn, and nobody else looks
            return ended
    learnt = learnt_until(store, *one.key, settings, one.rows, baselines)
    first = max(one.first, learnt or one.first)
    if since is not None and store.embedded:
        return windows_since(max(since, first), window.size, window.slide, closed)
    return due_windows(store, *one.key, settings, first, now, known.upto)
