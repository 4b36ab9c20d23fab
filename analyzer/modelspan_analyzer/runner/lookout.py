"""What a look has to know of all models and to keep in order, read again only where it may have changed."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.governance.notice import notice
from modelspan_analyzer.reading import baselines
from modelspan_analyzer.reading.baselines import Baseline
from modelspan_analyzer.reading.stages import VersionStage, stages
from modelspan_analyzer.reading.unchanged import Name, Standing
from modelspan_analyzer.runner.fleet import Version, labels, versions, with_labels
from modelspan_collector.store.connect import Store
from modelspan_collector.store.segments import keep_segments
from modelspan_collector.store.sketches import QUIET, TABLES, condense

log = logging.getLogger(__name__)

RESTS_ON: Final = ("predictions", "labels", "models", "audit_log", "baselines", "model_decisions", *TABLES)
"""All that decides what is due and what there is to keep in order."""


class Lookout:
    """Sees, look by look, what one store has by now; where nothing was written that takes a single small query."""

    def __init__(self, store: Store, config: MonitorsConfig) -> None:
        self._store = store
        self._config = config
        self._standing = Standing(store, *RESTS_ON)
        self._closed: datetime | None = None
        self.baselines: list[Baseline] = []
        """The newest first, as of the last look, and those that were learnt since."""
        self.labelled = True
        """Whether there was any label at the last look; windows that one comes for later are measured again."""
        self.told: Mapping[Name, VersionStage] = {}
        """The stages of all versions of which somebody told one, as of the last look."""

    def look(self, now: datetime) -> list[Version]:
        """Every version of every model; what nobody writes to the audit log is noticed, and sketches are kept."""
        store, once = self._store, self._standing.read
        self._standing.look(now)
        closed = now - self._config.defaults.schedule.delay
        every = once("versions", lambda: versions(store, closed, self._closed), "predictions")
        self._closed = closed
        self.baselines = list(once("baselines", lambda: baselines.listing(store), "baselines"))
        self.told = once("stages", lambda: stages(store), "model_decisions", "models")
        self._keep_house(now, [one.key for one in every])
        of = once("labels", lambda: labels(store), "labels")
        self.labelled = bool(of)
        return with_labels(every, of)

    def _keep_house(self, now: datetime, names: Sequence[tuple[str, str]]) -> None:
        store, config, once = self._store, self._config, self._standing.read
        try:
            notice(store, config, now, self._standing, names)
        except Exception:
            log.exception("changes could not be written to the audit log; the next look tries again")
        keys = {key for one in (config.defaults, *config.models) for key in one.segments}
        quiet = self._standing.still_for(*TABLES) >= QUIET
        try:
            once("segments", lambda: keep_segments(store, keys))
            once("sketches", lambda: condense(store, now), *TABLES, also=quiet)
        except Exception:
            log.exception("sketches could not be kept; they are read as they are, and the next look tries again")
