"""Reports made on schedule, on a thread of their own: what fails is said, counted, tried again, and blocks nothing."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from modelspan_analyzer import instants
from modelspan_analyzer.config.report_settings import ReportSettings
from modelspan_analyzer.config.settings import MonitorsConfig
from modelspan_analyzer.governance import audit
from modelspan_analyzer.incidents.store import load_lasting
from modelspan_analyzer.people import ANALYZER
from modelspan_analyzer.reports.deliver import Files, file_name, to_folder, to_webhook
from modelspan_analyzer.reports.made import Made, of_model, of_team
from modelspan_analyzer.reports.owed import (
    DELIVERED,
    FAILED,
    FOLDER,
    Began,
    Owed,
    began,
    delivered,
    due_at,
    earliest,
    owed,
)
from modelspan_analyzer.reports.pdf import MissingPackageError
from modelspan_analyzer.results import Window
from modelspan_analyzer.runner.claims import claim, new_owner
from modelspan_analyzer.runner.fleet import versions
from modelspan_analyzer.views.digest import By, Facts, Team, Teams, collect, digest_of, span_of
from modelspan_analyzer.views.report import read
from modelspan_analyzer.views.veil import veil_over
from modelspan_analyzer.views.veiled import veiled
from modelspan_analyzer.views.view import NotThereError
from modelspan_analyzer.webhook import PostError
from modelspan_collector.access.rules import NO_RULES, Redaction
from modelspan_collector.background import Background
from modelspan_collector.store.connect import DEFAULT_DATABASE, Store

LOOK_SECONDS: Final = 30.0
AGAIN: Final = timedelta(hours=1)
"""After how long a delivery that failed is tried again."""
_SAID: Final = (OSError, ValueError, PostError, MissingPackageError, NotThereError)
"""Failures whose message says all."""

log = logging.getLogger(__name__)


class Reporter:
    """The reports of one store's models, and the digests of its teams.

    All state is in the audit log, so a restart repeats and forgets nothing.
    """

    def __init__(
        self,
        store: Store,
        config: MonitorsConfig,
        *,
        rules: Redaction = NO_RULES,
        clock: Callable[[], datetime] = instants.now,
    ) -> None:
        """`rules`: of redaction, which may be younger than what is stored."""
        self._store = store
        self._config = config
        self._rules = rules
        self._clock = clock
        self._owner = new_owner()
        self._done: dict[str, datetime] = {}
        self._background = Background("modelspan-reports", self._loop)

    def start(self) -> None:
        """Make what is due from now on, and what was missed, where any report is asked for."""
        if self._config.reports:
            self._background.start()

    def stop(self) -> None:
        """Stop after the report that is being made."""
        self._background.stop()

    def once(self, now: datetime | None = None) -> int:
        """Make and deliver what is owed; returns how many deliveries failed."""
        moment, failed = now or self._clock(), 0
        for settings in self._config.reports:
            due = due_at(settings, self._config.defaults.schedule, moment)
            if self._done.get(settings.name) == due:
                continue
            weeks: dict[Window, Facts] = {}
            outcomes = [
                self._deliver(settings, one, target, moment, weeks)
                for one in self._owed(settings, due)
                for target in one.targets
                if not self._background.stopping.is_set()
            ]
            if all(outcomes) and not self._background.stopping.is_set():
                self._done[settings.name] = due
            failed += outcomes.count(False)
        return failed

    def _owed(self, settings: ReportSettings, due: datetime) -> list[Owed]:
        told = delivered(self._store, settings)
        if not settings.digest:
            return owed(settings, due, began(versions(self._store), lambda one: one.model), told)
        return owed(settings, due, self._teams(settings.digest, earliest(settings, due, told), due), told)

    def _teams(self, by: By, since: datetime, until: datetime) -> Began:
        """When each team began to predict; a team of which nothing but an incident is kept has that to be told."""
        teams = Teams(self._store, self._config)
        found = dict(began(versions(self._store), lambda one: teams.of(by, *one.key)))
        for one in load_lasting(self._store, since, until):
            for version in one.versions:
                found.setdefault(teams.of(by, one.model, version), one.opened_at)
        return found

    def _loop(self, stopping: threading.Event) -> None:
        while not stopping.is_set():
            try:
                self.once()
            except Exception:
                log.exception("it could not be told which reports are due; tried again in %g s", LOOK_SECONDS)
            stopping.wait(LOOK_SECONDS)

    def _deliver(
        self, settings: ReportSettings, one: Owed, target: str, now: datetime, weeks: dict[Window, Facts]
    ) -> bool | None:
        """Make a report and bring it to its place; None where another analyzer does, or it failed a moment ago."""
        kind = f"digest of {settings.digest}" if settings.digest else "report"
        key = one.name, f"{kind} {settings.name} to {target}"
        if claim(self._store, *key, one.window, self._owner, now, AGAIN) is None:
            return None
        action, model, version = DELIVERED, "", ""
        try:
            made = self._team(settings.digest, one, now, weeks) if settings.digest else self._model(one, now)
            model, version = made.model, made.version
            outcome = self._bring(settings, made, one.window.end, target)
        except Exception as error:
            action, outcome = FAILED, str(error) if isinstance(error, _SAID) else f"{type(error).__name__}: {error}"
            told = settings.name, one.name or f"no {settings.digest}", target, outcome
            log.exception(
                "the report %r of %s did not reach its %s: %s; tried again in an hour", *told,
                exc_info=not isinstance(error, _SAID),
            )  # fmt: skip
        window = {"since": one.window.start.isoformat(), "due": one.window.end.isoformat()}
        of = {"digest": settings.digest, "team": one.name} if settings.digest else {"model": one.name}
        details = {"report": settings.name, **of, "to": target, **window, "outcome": outcome}
        known = model if version else ""  # an entry would make a model of a name that is none
        audit.record(self._store, action, model=known, version=version, actor=ANALYZER, details=details)
        return action == DELIVERED

    def _model(self, one: Owed, now: datetime) -> Made:
        times = {"since": one.window.start.isoformat(), "until": one.window.end.isoformat()}
        report = read(self._store, {"model": one.name, **times}, self._config, now)
        return of_model(veiled(report, veil_over(self._store, self._rules)), one.window.end)

    def _team(self, by: By, one: Owed, now: datetime, weeks: dict[Window, Facts]) -> Made:
        """One team's digest; what all teams' digests of a time are cut out of is read once."""
        facts = weeks.get(one.window)
        if facts is None:
            facts = weeks[one.window] = collect(self._store, self._config, span_of(one.window), now)
        return of_team(veiled(digest_of(facts, Team(by, one.name)), veil_over(self._store, self._rules)))

    def _bring(self, settings: ReportSettings, made: Made, due: datetime, target: str) -> str:
        endings = [f".{name}" for name in settings.formats]
        files: Files = {file_name(settings, made, due, ending): made.write(ending, settings) for ending in endings}
        if target != FOLDER:
            return to_webhook(settings, made, due, files)
        return to_folder(self._folder(settings), files)

    def _folder(self, settings: ReportSettings) -> Path:
        """A tenant's own database has a folder of its own below: its models may be called like another's."""
        folder = Path(settings.folder)
        if self._store.database == DEFAULT_DATABASE:
            return folder
        folder.mkdir(exist_ok=True)
        return folder / self._store.database
