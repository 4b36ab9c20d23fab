"""Runs the monitors over every window that is due, once, and makes up for the ones that were missed."""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

from modelspan_analyzer import instants
from modelspan_analyzer.config.settings import ModelSettings, MonitorsConfig
from modelspan_analyzer.governance.notice import notice
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.signal import Monitor, Signals
from modelspan_analyzer.monitors.table import SIGNALS
from modelspan_analyzer.results import Result, Verdict, Window, write_results
from modelspan_analyzer.retraining.hook import run_rules
from modelspan_analyzer.runner import runs
from modelspan_analyzer.runner.choose import choose_baseline, learnt_until
from modelspan_analyzer.runner.claims import claim, new_owner
from modelspan_analyzer.runner.late import late_windows
from modelspan_analyzer.runner.refresh import stale_windows
from modelspan_analyzer.runner.schedule import next_run
from modelspan_analyzer.runner.windows import due_windows
from modelspan_collector.background import Background
from modelspan_collector.store.connect import Store
from modelspan_collector.store.segments import keep_segments
from modelspan_collector.store.sketches import condense

log = logging.getLogger(__name__)

_MODELS = (
    "SELECT model, version, min(timestamp) AS first FROM predictions GROUP BY model, version ORDER BY model, version"
)


class Runner:
    """The monitors of one store: over one window on demand, over all that is due, or on a schedule."""

    def __init__(
        self,
        store: Store,
        config: MonitorsConfig | None = None,
        *,
        signals: Signals = SIGNALS,
        clock: Callable[[], datetime] = instants.now,
        respond: Callable[[list[Result], datetime, Signals], None] | None = None,
    ) -> None:
        self.store = store
        self.config = config or MonitorsConfig()
        self._signals = signals
        self._monitors = tuple(signals.monitors())
        self._clock = clock
        self._respond = respond
        self._owner = new_owner()
        self._background = Background("modelspan-analyzer", self._loop)

    def run_window(self, model: str, version: str, window: Window, *, partial: bool = False) -> list[Result]:
        """Run all monitors over a window, whether or not it was looked at before; results and runs are stored.

        Of a `partial` window, within which the data end, the volume is not judged.
        """
        settings = self.config.for_model(model, version)
        return self._run(model, version, window, settings, uuid.uuid4().hex, partial=partial)

    def once(self, now: datetime | None = None) -> list[Result]:
        """Run the monitors over every due window of every model, the missed ones included.

        A window that another analyzer holds is left to it. Returns the results of this run.
        """
        return self._look(now or self._clock(), None)

    def start(self) -> None:
        """Look for due windows on schedule, in a thread of its own."""
        self._background.start()

    def stop(self) -> None:
        """Stop after the monitor that runs now; what was not finished is taken up by the next start."""
        self._background.stop()

    def _loop(self, stopping: threading.Event) -> None:
        looked = self._clock() - timedelta(days=366)
        while not stopping.is_set():
            now = self._clock()
            try:
                self._look(now, looked)
            except Exception:
                log.exception("the analyzer could not look for due windows; it tries again on schedule")
            looked = now
            waits = (next_run(settings.schedule, now) for settings in self._settings())
            stopping.wait((min(waits) - self._clock()).total_seconds())

    def _settings(self) -> tuple[ModelSettings, ...]:
        return self.config.defaults, *self.config.models

    def _look(self, now: datetime, since: datetime | None) -> list[Result]:
        """Catch up with the models whose schedule came up since a moment; with all of them for None."""
        try:
            notice(self.store, self.config, now)
        except Exception:
            log.exception("changes could not be written to the audit log; the next look tries again")
        try:
            keep_segments(self.store, {key for one in self._settings() for key in one.segments})
            condense(self.store, now)
        except Exception:
            log.exception("sketches could not be kept; they are read as they are, and the next look tries again")
        results: list[Result] = []
        for row in self.store.rows(_MODELS):
            settings = self.config.for_model(row["model"], row["version"])
            if since is None or next_run(settings.schedule, since) <= now:
                try:
                    results += self._catch_up(row["model"], row["version"], settings, instants.utc(row["first"]), now)
                except Exception:
                    log.exception(
                        "%s %s could not be looked at; its window is tried again", row["model"], row["version"]
                    )
        return results

    def _catch_up(
        self, model: str, version: str, settings: ModelSettings, first: datetime, now: datetime
    ) -> list[Result]:
        learnt = learnt_until(self.store, model, version, settings)
        results: list[Result] = []
        due = due_windows(self.store, model, version, settings, max(first, learnt or first), now)
        for window in [*late_windows(self.store, model, version, settings, now), *due]:
            if self._background.stopping.is_set():
                break
            lease = settings.schedule.time_budget + timedelta(minutes=1)
            claimed = claim(self.store, model, version, window, self._owner, self._clock(), lease)
            if claimed is not None:
                results += self._run(model, version, window, settings, claimed.run_id)
        return results + self._refresh(model, version, settings)

    def _refresh(self, model: str, version: str, settings: ModelSettings) -> list[Result]:
        """Measure again what labels came in for: the same labels give the same results, whoever does it."""
        results: list[Result] = []
        for window in stale_windows(self.store, model, version, self._clock()):
            if self._background.stopping.is_set():
                break
            baseline = choose_baseline(self.store, model, version, window, settings)
            context = MonitorContext(self.store, model, version, window, baseline, settings)
            again = runs.Run(uuid.uuid4().hex, model, version, "", window, window.end, self._clock())
            deadline = again.started + settings.schedule.time_budget
            chosen = [monitor for monitor in self._monitors if monitor.signal.reads_labels]
            found = [result for monitor in chosen for result in self._run_monitor(monitor, context, again, deadline)[0]]
            write_results(self.store, found, again.run_id)
            if self._respond is not None:
                self._respond(found, self._clock(), self._signals)
            results += found
        return results

    def _run(
        self, model: str, version: str, window: Window, settings: ModelSettings, run_id: str, *, partial: bool = False
    ) -> list[Result]:
        whole = runs.Run(run_id, model, version, "", window, window.end + settings.schedule.delay, self._clock())
        runs.write(self.store, [whole.running()])
        deadline = whole.started + settings.schedule.time_budget
        baseline = choose_baseline(self.store, model, version, window, settings)
        context = MonitorContext(self.store, model, version, window, baseline, settings, partial)
        results: list[Result] = []
        finished: list[runs.Run] = []
        for monitor in self._monitors:
            found, run = self._run_monitor(monitor, context, whole, deadline)
            results += found
            finished += [run] if run else []
        write_results(self.store, results, run_id)
        if self._respond is not None:
            # before the run counts as done: a killed analyzer does it again
            self._respond(results, self._clock(), self._signals)
        run_rules(self.store, model, version, settings.retraining)  # incidents, which a call tells of, are up to date
        failed = [run for run in finished if run.outcome != runs.DONE]
        outcome = failed[0].outcome if failed else runs.DONE
        error = "; ".join(f"{run.monitor}: {run.error}" for run in failed)
        runs.write(self.store, [*finished, whole.ended(outcome, self._clock(), error)])
        return results

    def _run_monitor(
        self, monitor: Monitor, context: MonitorContext, whole: runs.Run, deadline: datetime
    ) -> tuple[list[Result], runs.Run | None]:
        """One monitor's results; a failure is a result too, and takes nothing else with it."""
        if not monitor.signal.enabled(context.settings):
            return [], None
        run = whole.of(monitor.name, self._clock())
        if run.started > deadline:
            reason = f"the time budget of {context.settings.schedule.time_budget} was used up before {monitor.name}"
            return [_failure(monitor, context, reason)], run.ended(runs.TIMEOUT, run.started, reason)
        try:
            return monitor.run(context), run.ended(runs.DONE, self._clock())
        except Exception as error:
            log.exception("monitor %s failed on %s %s", monitor.name, context.model, context.version)
            reason = f"{type(error).__name__}: {error}"
            return [_failure(monitor, context, reason)], run.ended(runs.FAILED, self._clock(), reason)


def _failure(monitor: Monitor, context: MonitorContext, reason: str) -> Result:
    return context.result(monitor.signal.name, "monitor", None, Verdict.ERROR, monitor=monitor.name, reason=reason)
