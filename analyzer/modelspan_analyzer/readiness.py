"""Whether all that a model in operation needs is there: one line a need, for a pipeline before the first customer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final

from modelspan_analyzer.checking import JUDGED, Status
from modelspan_analyzer.files.outcomes import REGRESSION
from modelspan_analyzer.governance.lifecycle import Lifecycle, lifecycles
from modelspan_analyzer.governance.notice import noticed_settings
from modelspan_analyzer.monitors.attribution import monitor as attribution
from modelspan_analyzer.monitors.fairness import found as fairness
from modelspan_analyzer.reading import labels
from modelspan_analyzer.reading.baselines import KIND_LEARNT, active
from modelspan_analyzer.reading.cards import CARDS, told_task
from modelspan_analyzer.reading.names import typed
from modelspan_analyzer.reading.owners import owners
from modelspan_analyzer.reading.stages import REJECTED, RETIRED
from modelspan_analyzer.verdicts.lifecycle import card_changed, retired
from modelspan_collector.store.connect import Store

RECENT: Final = timedelta(days=30)
"""How far back is looked for labels and results."""
_CARD: Final = f"""
SELECT owner, task, classes, training_data FROM {CARDS}
WHERE version = {{version:String}} ORDER BY timestamp DESC LIMIT 1
"""
_RECENT: Final = (
    "model = {model:String} AND version = {version:String} AND timestamp > {since:DateTime64(3, 'UTC')}"
    " AND error_type = ''"
)
_LABELLED: Final = f"""
SELECT count() AS n, countIf({labels.labelled()}) AS labelled
FROM (SELECT prediction_id, tags FROM predictions WHERE {_RECENT}) AS p
ANY LEFT JOIN {labels.labels_of(f"SELECT prediction_id FROM predictions WHERE {_RECENT}")} AS l
    ON p.prediction_id = l.prediction_id
"""
_ANY: Final = """
SELECT count() FROM monitor_results
WHERE model = {model:String} AND version = {version:String} AND window_end > {since:DateTime64(3, 'UTC')}
"""
_SAID: Final = """
SELECT toString(verdict) AS verdict, count() AS n, argMax(reason, window_end) AS reason FROM monitor_results FINAL
WHERE model = {model:String} AND version = {version:String} AND signal = {signal:String}
  AND window_end > {since:DateTime64(3, 'UTC')} GROUP BY verdict
ORDER BY verdict = 'not_enough_data' DESC, max(window_end) DESC, verdict
"""
"""What would be judged of more rows says more than what never is, and comes first."""
_NEWEST_VERSION: Final = """
SELECT version FROM (
    SELECT version, timestamp, 1 AS predicted FROM predictions WHERE model = {model:String}
    UNION ALL SELECT version, timestamp, 0 FROM models WHERE model = {model:String}
    UNION ALL SELECT version, toDateTime64(at, 9, 'UTC'), 0 FROM model_decisions WHERE model = {model:String}
) ORDER BY predicted DESC, timestamp DESC LIMIT 1
"""
"""The one that predicted last; of a model that never did, the one that was last registered or decided on."""
_NOTHING_SAID: Final = ("", "{}", "[]")
"""What a card has where it does not say a part."""


class State(str, Enum):
    """What is known of a need."""

    OK = "ok"
    MISSING = "missing"
    NOT_LOOKED_AT = "not looked at"


@dataclass(frozen=True, slots=True)
class Line:
    """One need."""

    need: str
    state: State
    said: str
    """What is there; or what is missing, and what to do."""


@dataclass(frozen=True, slots=True)
class Readiness:
    """The answer for one version."""

    model: str
    version: str
    lines: tuple[Line, ...]

    @property
    def status(self) -> Status:
        """Passed where all is ok; what is missing goes before what was not looked at."""
        states = {line.state for line in self.lines}
        if State.MISSING in states:
            return Status.ALARM
        return Status.NOT_CHECKED if State.NOT_LOOKED_AT in states else Status.PASSED

    @property
    def reason(self) -> str:
        """One sentence."""
        open_ = [line.need for line in self.lines if line.state is not State.OK]
        name = f"{self.model} {self.version}".strip()
        return f"{name} is not ready: {', '.join(open_)}" if open_ else f"{name} is ready"

    def as_json(self) -> dict[str, Any]:
        """One JSON object."""
        lines = [{**asdict(line), "state": line.state.value} for line in self.lines]
        return {**asdict(self), "lines": lines, "status": self.status.name.lower(), "reason": self.reason}


def readiness(store: Store, model: str, version: str | None, now: datetime) -> Readiness:
    """What a model's version has and lacks; of no version that is given, the one that predicted last.

    Of a model that never predicted, that is the one that was last registered or decided on.
    """
    chosen = version if version is not None else str(store.scalar(_NEWEST_VERSION, {"model": model}) or "")
    of = {"model": model, "version": chosen, "since": now - RECENT}
    told = lifecycles(store, now, model).get((model, chosen), Lifecycle(model, chosen))
    checks: Sequence[Callable[[], Line]] = (
        lambda: _owner(store, of),
        lambda: _card(store, of),
        lambda: _stage(told),
        lambda: _approval(told),
        lambda: _baseline(store, model, chosen),
        lambda: _labels(store, of),
        lambda: _judged(store, of, fairness.SIGNAL, "name the groups to compare, `fairness: {facets: [...]}`"),
        lambda: _judged(store, of, attribution.SIGNAL, "name the model to explain, `attribution: {model: ...}`"),
    )
    return Readiness(model, chosen, tuple(check() for check in checks))


def _owner(store: Store, of: dict[str, Any]) -> Line:
    settings = noticed_settings(store).get((of["model"], of["version"]), {})
    told = str(settings.get("incidents.owner", "")).strip()
    if owner := owners(store, of["model"]).of(of["model"], of["version"], told).strip():
        by = ", by the monitors.yaml that the analyzer last ran by" if told else ""
        return Line("owner", State.OK, f"{owner}{by}")
    tell = f'modelspan.register({of["model"]!r}, {of["version"]!r}, owner="...")'
    said = f"nobody answers for it: {tell}, or incidents: {{owner: ...}} in monitors.yaml"
    return Line("owner", State.MISSING, said)


def _card(store: Store, of: dict[str, Any]) -> Line:
    card = next(iter(store.rows(_CARD, of)), None)
    if card is None:
        return Line("card", State.MISSING, f"version {of['version']!r} has none: modelspan.register(...) makes it")
    wanted = ["task", "training_data"]
    wanted += [] if told_task(store, of["model"]) == REGRESSION else ["classes"]
    if lacking := [name for name in wanted if not card[name] or str(card[name]).strip() in _NOTHING_SAID]:
        return Line("card", State.MISSING, f"it says no {', '.join(lacking)}: give modelspan.register(...) these too")
    return Line("card", State.OK, f"says {', '.join(wanted)}")


def _stage(told: Lifecycle) -> Line:
    if not told.stage:
        return Line("stage", State.MISSING, f"no stage told: {_tell(told, 'candidate')} tells one")
    if told.stage == RETIRED:
        return Line("stage", State.MISSING, f"{retired(told)}: {_tell(told, 'production')} brings it back")
    if told.against_stage:
        to_do = f'send it with role="shadow", or {_tell(told, "production")} lets it answer'
        return Line("stage", State.MISSING, f"{told.against_stage}: {to_do}")
    return Line("stage", State.OK, f"{told.stage}, by {told.stage_by}: {told.stage_reason}")


def _tell(told: Lifecycle, decision: str) -> str:
    return f"`{typed('stage', told.model, told.version, decision, '--reason', '...')}`"


def _approval(told: Lifecycle) -> Line:
    to_do = _tell(told, "approve")
    if not told.approval:
        return Line("approval", State.MISSING, f"nobody approved it: {to_do}")
    said = f"{told.approved_by} {told.approval} it on {told.approval_at:%Y-%m-%d}: {told.approval_reason}"
    if told.approval == REJECTED:
        return Line("approval", State.MISSING, f"{said}; {to_do} approves it once that is settled")
    if changed := card_changed(told):
        return Line("approval", State.MISSING, f"{changed}; {to_do} approves it as it is now")
    return Line("approval", State.OK, said)


def _baseline(store: Store, model: str, version: str) -> Line:
    found = active(store, model, version)
    if found is None:
        said = f"nothing to compare with: `{typed('baseline', 'set', '--model', model, '--version', version, '...')}`"
        return Line("baseline", State.MISSING, said)
    learnt = ", which was learnt from the first predictions and approved by nobody" if found.kind == KIND_LEARNT else ""
    alone = "" if found.has_rows else f", {found.source}"
    return Line("baseline", State.OK, f"{found.baseline_id}{learnt}{alone}")


def _labels(store: Store, of: dict[str, Any]) -> Line:
    (counted,) = store.rows(_LABELLED, of)
    n, labelled = int(counted["n"]), int(counted["labelled"])
    if not n:
        return Line("labels", State.NOT_LOOKED_AT, f"no prediction in {RECENT.days} days that could have one")
    said = f"{labelled:,} of {n:,} predictions of {RECENT.days} days have one"
    if labelled:
        return Line("labels", State.OK, said)
    return Line("labels", State.MISSING, f"{said}: modelspan.label(...) or `modelspan labels FILE` tells what was true")


def _judged(store: Store, of: dict[str, Any], signal: str, to_do: str) -> Line:
    """Whether a signal judged anything; who looks at its verdicts is `modelspan check` itself."""
    need = {attribution.SIGNAL: "explanation"}.get(signal, signal)
    rows = store.rows(_SAID, {**of, "signal": signal})
    judged = sum(int(row["n"]) for row in rows if row["verdict"] in JUDGED and row["verdict"] != "error")
    if judged:
        return Line(need, State.OK, f"{judged:,} results of the last {RECENT.days} days were judged")
    if errors := [row["reason"] for row in rows if row["verdict"] == "error"]:
        return Line(need, State.MISSING, f"it fails: {errors[0]}")
    if rows:
        return Line(need, State.NOT_LOOKED_AT, f"nothing could be judged: {rows[0]['reason']}")
    if not store.scalar(_ANY, of):
        said = f"no window of {RECENT.days} days was looked at: modelspan analyzer run"
        return Line(need, State.NOT_LOOKED_AT, said)
    return Line(need, State.MISSING, f"no monitor looks: {to_do} in monitors.yaml")
