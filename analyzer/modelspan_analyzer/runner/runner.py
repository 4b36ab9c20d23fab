"""Runs the monitors over every window that is due, once, and makes up for the ones that were missed."""

from __future__ import annotations

import logging
import threading
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

from modelspan_analyzer import instants
from modelspan_analyzer.config.settings import ModelSettings, MonitorsConfig
from modelspan_analyzer.monitors.context import MonitorContext
from modelspan_analyzer.monitors.signal import Monitor, Signals
from modelspan_analyzer.monitors.table import SIGNALS
from modelspan_analyzer.reading.baselines import active_among
from modelspan_analyzer.reading.silence import Silence
from modelspan_analyzer.results import Result, Verdict, Window, write_results
from modelspan_analyzer.retraining.hook import run_rules
from modelspan_analyzer.runner import runs
from modelspan_analyzer.runner.choose import choose_baseline
from modelspan_analyzer.runner.claims import Claim, claim, new_owner
from modelspan_analyzer.runner.due import Due, find_due
from modelspan_analyzer.runner.fleet import Known, Still, Version
from modelspan_analyzer.runner.lookout import Lookout
from modelspan_analyzer.runner.refresh import stale_windows
from modelspan_analyzer.runner.schedule import next_run
from modelspan_analyzer.runner.silent import Silent
from modelspan_analyzer.runner.together import judge_together
from modelspan_analyzer.runner.turns import in_turn
from modelspan_analyzer.runner.withdrawn import FAILURE, withdrawn
from modelspan_collector.background import Background
from modelspan_collector.store.connect import Store

log = logging.getLogger(__name__)

MOST_AT_ONCE: Final = 20_000
"""Results that are written together."""


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
        self._known: dict[tuple[str, str], Known] = {}
        self._lookout = Lookout(store, self.config)
        self._silent = Silent(store)

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
                self._look(now, looked, self._over_since(now))
            except Exception:
                log.exception("the analyzer could not look for due windows; it tries again on schedule")
            looked = now
            waits = (next_run(settings.schedule, now) for settings in self._settings())
            stopping.wait((min(waits) - self._clock()).total_seconds())

    def _over_since(self, began: datetime) -> Callable[[], bool]:
        """Whether the look after the one that began then is due."""
        following = min(next_run(settings.schedule, began) for settings in self._settings())
        return lambda: self._clock() >= following

    def _settings(self) -> tuple[ModelSettings, ...]:
        return self.config.defaults, *self.config.models

    def _look(self, now: datetime, since: datetime | None, enough: Callable[[], bool] = lambda: False) -> list[Result]:
        """Catch up with the models whose schedule came up since a moment; with all of them for None.

        Models are looked at side by side and in turn, and one after the other a model's windows. What is left when it
        is `enough` is due again at the next look.
        """
        chosen = [
            one
            for one in self._lookout.look(now)
            if since is None or next_run(self.config.for_model(*one.key).schedule, since) <= now
        ]
        silent: list[Due] = []
        lanes = [self._lane(list(every), now, silent) for _, every in groupby(chosen, key=lambda one: one.model)]
        steps, left = in_turn(lanes, self.config.workers, lambda: self._background.stopping.is_set() or enough())
        if left:
            log.warning("%d models have windows left to look at; the newest ones come first", left)
        return [result for step in steps for result in step] + self._pass_over(silent)

    def _lane(self, every: Sequence[Version], now: datetime, silent: list[Due]) -> Iterator[list[Result]]:
        """The windows of one model, a step each: its versions take turns. What is silent is put aside."""
        turns = deque((one, self._catch_up(one, every, now, silent)) for one in every)
        while turns:
            one, windows = turns.popleft()
            try:
                yield next(windows)
            except StopIteration:
                continue
            except Exception:
                log.exception("%s %s could not be looked at; its window is tried again", *one.key)
                self._known[one.key] = Known()
            else:
                turns.append((one, windows))

    def _catch_up(
        self, one: Version, every: Sequence[Version], now: datetime, silent: list[Due]
    ) -> Iterator[list[Result]]:
        """What is due of a version: of many windows the newest first, and again when those before it are done."""
        if self._background.stopping.is_set():
            return
        known, settings = self._known.setdefault(one.key, Known()), self.config.for_model(*one.key)
        due = find_due(self.store, one, every, settings, known, now, self._lookout.baselines)
        untouched = set(due.new) if self.store.embedded and known.upto is not None else set()
        known.upto, known.rows, known.closed = None, -1, None  # until all is done
        first, rest = due.order(known.ahead)
        waiting = set(rest).difference(due.windows)  # looked at before, whoever does it: no claim is needed
        known.ahead.update(first)
        claims: dict[Window, Claim | None] = {}
        for turn, window in enumerate((*first, *rest)):
            if window not in claims and window not in waiting:
                claims[window] = self._claim(one, window, settings, first=window in untouched)
            claimed = claims.get(window)
            if turn >= len(first):
                known.ahead.discard(window)
            if claimed or window in waiting:
                silence, seen, fresh = due.silence(window), self._lookout, window in untouched
                run_id = claimed.run_id if claimed else uuid.uuid4().hex
                found = self._run(*one.key, window, settings, run_id, silence=silence, seen=seen, fresh=fresh)
                untouched.discard(window)
                yield [] if turn < len(first) else found
        if known.labels != one.labels:
            known.labels = ()
            yield from self._refresh(one, settings)
            known.labels = one.labels
        if None not in claims.values():
            known.rows, known.upto = one.rows, now - settings.schedule.delay
            known.closed = one.rows_before(known.upto)
        if due.silent:
            silent.append(due)

    def _claim(self, one: Version, window: Window, settings: ModelSettings, *, first: bool = False) -> Claim | None:
        lease = settings.schedule.time_budget + timedelta(minutes=1)
        return claim(self.store, *one.key, window, self._owner, self._clock(), lease, first=first)

    def _pass_over(self, silent: Sequence[Due]) -> list[Result]:
        """Record the windows of versions that are silent still, all of them together."""
        known, run_id = self._lookout.baselines, uuid.uuid4().hex
        results: list[Result] = []
        finished: list[runs.Run] = []
        for due in silent:
            baseline, still = active_among(known, *due.of.key), self._known[due.of.key].still
            if still is None or still.baseline_id != (baseline.baseline_id if baseline else ""):
                self._known[due.of.key] = Known()  # the next look measures all of it
                continue
            try:
                for window in due.silent:
                    if not self.store.embedded and self._claim(due.of, window, due.settings) is None:
                        continue  # another analyzer of this server has it
                    began, scheduled = self._clock(), window.end + due.settings.schedule.delay
                    results += self._silent.measured_again(due, still, window, baseline, self._lookout.told)
                    run = runs.Run(run_id, *due.of.key, "", window, scheduled, began)
                    finished.append(run.ended(runs.DONE, self._clock()))
            except Exception:
                log.exception("%s %s could not be looked at; its window is tried again", *due.of.key)
                self._known[due.of.key] = Known()
        for begin in range(0, len(results), MOST_AT_ONCE):
            write_results(self.store, results[begin : begin + MOST_AT_ONCE], run_id)
        if self._respond is not None and results:
            self._respond(results, self._clock(), self._signals)
        for due in silent:
            run_rules(self.store, *due.of.key, due.settings.retraining)
        if finished:
            runs.write(self.store, finished)
        return results

    def _refresh(self, one: Version, settings: ModelSettings) -> Iterator[list[Result]]:
        """Measure again what labels came in for: the same labels give the same results, whoever does it."""
        for window in stale_windows(self.store, *one.key, self._clock()):
            baseline = choose_baseline(self.store, *one.key, window, settings, self._lookout.baselines)
            context = MonitorContext(self.store, *one.key, window, baseline, settings)
            again = runs.Run(uuid.uuid4().hex, *one.key, "", window, window.end, self._clock())
            deadline = again.started + settings.schedule.time_budget
            chosen = [monitor for monitor in self._monitors if monitor.signal.reads_labels]
            found = [result for monitor in chosen for result in self._run_monitor(monitor, context, again, deadline)[0]]
            found = judge_together(self.store, found, settings)
            gone = withdrawn(self.store, *one.key, window, found, {monitor.signal.name for monitor in chosen})
            self._silent.forget(one.model)
            write_results(self.store, [*found, *gone], again.run_id, self._clock())
            if self._respond is not None:
                self._respond(found, self._clock(), self._signals)
            yield found

    def _run(
        self,
        model: str,
        version: str,
        window: Window,
        settings: ModelSettings,
        run_id: str,
        *,
        partial: bool = False,
        silence: Silence | None = None,
        seen: Lookout | None = None,
        fresh: bool = False,
    ) -> list[Result]:
        """Measure a window; one that is `fresh` is known never to have been measured."""
        whole = runs.Run(run_id, model, version, "", window, window.end + settings.schedule.delay, self._clock())
        runs.write(self.store, [whole.running()])
        deadline = whole.started + settings.schedule.time_budget
        known, labelled, told = (seen.baselines, seen.labelled, seen.told) if seen else (None, True, None)
        baseline = choose_baseline(self.store, model, version, window, settings, known)
        of = (self.store, model, version, window, baseline, settings)
        context = MonitorContext(*of, partial, silence, labelled, told=told)
        results: list[Result] = []
        finished: list[runs.Run] = []
        for monitor in self._monitors:
            found, run = self._run_monitor(monitor, context, whole, deadline)
            results += found
            finished += [run] if run else []
        results = judge_together(self.store, results, settings)
        gone = [] if fresh else withdrawn(self.store, model, version, window, results, set(self._signals))
        self._silent.forget(model)
        write_results(self.store, [*results, *gone], run_id, self._clock())
        if self._respond is not None:
            # before the run counts as done: a killed analyzer does it again
            self._respond(results, self._clock(), self._signals)
        run_rules(self.store, model, version, settings.retraining)  # incidents, which a call tells of, are up to date
        failed = [run for run in finished if run.outcome != runs.DONE]
        outcome = failed[0].outcome if failed else runs.DONE
        error = "; ".join(f"{run.monitor}: {run.error}" for run in failed)
        runs.write(self.store, [*finished, whole.ended(outcome, self._clock(), error)])
        if silence is not None and not failed:
            still = Still(window, silence.since, baseline.baseline_id if baseline else "", tuple(results))
            self._known.setdefault((model, version), Known()).still = still
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
            if monitor.signal.plain_answers and (context.target.shape or context.target.anomaly):
                return [_of_another_shape(monitor, context)], run.ended(runs.DONE, self._clock())
            return monitor.run(context), run.ended(runs.DONE, self._clock())
        except Exception as error:
            log.exception("monitor %s failed on %s %s", monitor.name, context.model, context.version)
            reason = f"{type(error).__name__}: {error}"
            return [_failure(monitor, context, reason)], run.ended(runs.FAILED, self._clock(), reason)


def _of_another_shape(monitor: Monitor, context: MonitorContext) -> Result:
    name = monitor.signal.name
    reason = (
        f"{name} takes answers that are one number or class, and these are of the shape {context.target.shape}: "
        "a SELECT among `metrics` can read their `items` and `outputs`"
        if context.target.shape
        else f"{name} takes answers that are amounts, classes or probabilities, and these are anomaly scores"
    )
    return context.result(name, "answers", None, Verdict.SKIPPED, monitor=monitor.name, reason=reason)


def _failure(monitor: Monitor, context: MonitorContext, reason: str) -> Result:
    return context.result(monitor.signal.name, FAILURE, None, Verdict.ERROR, monitor=monitor.name, reason=reason)
