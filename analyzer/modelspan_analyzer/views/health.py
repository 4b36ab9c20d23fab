"""How models are by their newest window: a verdict a signal, and one state in all, as `modelspan check` judges it.

A history ends somewhere within its last window. Where that has too few rows for what judged the window before, a model
is as it was then, and that is said; `modelspan check` lets nothing pass by a window before the newest.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from modelspan_analyzer.checking import ALWAYS, JUDGED, SKIPPED, WITHIN, not_checked
from modelspan_analyzer.incidents.incident import Incident
from modelspan_analyzer.instants import utc
from modelspan_analyzer.monitors.context import LEARNING
from modelspan_analyzer.monitors.quality.monitor import DATA_QUALITY
from modelspan_analyzer.monitors.quality.volume import VOLUME
from modelspan_analyzer.monitors.signal import Signals
from modelspan_analyzer.monitors.sliced import LEFT_OUT
from modelspan_analyzer.monitors.table import SIGNALS
from modelspan_analyzer.reading.relation import filled
from modelspan_analyzer.reading.unchanged import OF_MODELS, Name, UntilWritten
from modelspan_analyzer.results import Verdict
from modelspan_analyzer.views.query import Query
from modelspan_analyzer.views.veil import REDACTED
from modelspan_analyzer.views.veiled import Redactable
from modelspan_collector.store.connect import Store

_LOOKED_AT: Final = """
SELECT model, version, window_start, window_end FROM monitor_runs FINAL
WHERE monitor = '' AND outcome != 'running' AND {which}
ORDER BY window_end DESC LIMIT"""
_EVER: Final = filled(_LOOKED_AT, which=OF_MODELS)
_THEN: Final = filled(_LOOKED_AT, which=f"{OF_MODELS} AND window_end <= {{at:DateTime64(9, 'UTC')}}")
NEWEST_TWO: Final = f"{_EVER} 2 BY model, version"
_OF_WINDOWS: Final = """
WITH abs(value) / abs(threshold) AS times, segment != '' AS of_part,
     has({within:Array(String)}, toString(metric)) AS is_within, has({judged:Array(String)}, toString(verdict)) AS told,
     NOT told AND verdict != {skipped:String} AND metric != {left:String} AS is_open
SELECT model, version, signal, max(window_end) AS checked, max(n) AS looked_at,
       countIf(verdict = 'alarm') AS alarms, countIf(verdict = 'warning') AS warnings,
       countIf(verdict = 'error') AS errors,
       countIf(verdict != {skipped:String} AND (metric != {left:String} OR verdict = 'error')) AS said,
       countIf(n > 0 AND told AND NOT is_within) AS judged,
       anyIf(reason, startsWith(reason, {learning:String})) AS learning,
       anyIf(reason, metric = {volume:String} AND segment = '' AND n = 0 AND verdict = 'ok') AS awaited,
       argMaxIf((toString(metric), toString(feature), segment, toString(direction), n, reason),
                ifNull(if(isFinite(times), times, 0), 0), verdict = 'alarm') AS worst,
       argMinIf(reason, (is_within, of_part), is_open) AS lacking,
       argMinIf(toString(verdict), (is_within, of_part), is_open) AS unknown,
       argMinIf((segment, reason), of_part, verdict = 'error') AS failed,
       argMinIf((segment, reason), (NOT is_within, of_part), verdict = 'warning') AS warned
FROM monitor_results FINAL
WHERE {of_models} AND (model, version, window_start, window_end) IN ({windows})
GROUP BY model, version, signal
"""
_NEWEST, _ONE_BEFORE = "1 BY model, version", "1 OFFSET 1 BY model, version"
_HEALTH: Final = filled(_OF_WINDOWS, of_models=OF_MODELS, windows=f"{_EVER} {_NEWEST}")
_BEFORE: Final = filled(_OF_WINDOWS, of_models=OF_MODELS, windows=f"{_EVER} {_ONE_BEFORE}")
_HEALTH_THEN: Final = filled(_OF_WINDOWS, of_models=OF_MODELS, windows=f"{_THEN} {_NEWEST}")
_BEFORE_THEN: Final = filled(_OF_WINDOWS, of_models=OF_MODELS, windows=f"{_THEN} {_ONE_BEFORE}")
_FEW: Final = Verdict.NOT_ENOUGH_DATA.value
_WORDS: Final = {
    "judged": list(JUDGED),
    "within": list(WITHIN),
    "learning": LEARNING,
    "skipped": SKIPPED,
    "left": LEFT_OUT,
    "volume": VOLUME,
}


@dataclass(frozen=True, slots=True)
class Health(Redactable):
    """What the newest window says of one signal."""

    signal: str
    verdict: Verdict
    alarms: int
    warnings: int
    reason: str
    """Of the worst alarm, or why nothing could be judged."""
    about: str
    """The worst alarm in words: `missing values in age`; empty where there is none."""
    feature: str = ""
    """Of the worst alarm."""
    segment: str = ""
    """Of the worst alarm; of an error the slice, where it is one's alone."""
    warned: str = ""
    """The reason of a warning, and its slice, also where nothing else of it could be judged; empty without one."""

    def redacted(self) -> Health:
        """The counts alone."""
        return replace(self, feature="", segment="", about=REDACTED if self.about else "", reason=REDACTED, warned="")

    @property
    def judged(self) -> bool:
        """Whether anything of it was compared, or looked at in vain."""
        return self.verdict.value in JUDGED


@dataclass(frozen=True, slots=True)
class Checked:
    """A model's version by its newest window."""

    window_end: datetime
    signals: tuple[Health, ...]
    lacking: str
    """What keeps the window from passing though nothing stands against it; empty where it passes."""
    tail: str = ""
    """That the newest window has too few rows, so that this is the one before it; empty where this is the newest."""

    @property
    def alarms(self) -> int:
        """Of all signals."""
        return sum(health.alarms for health in self.signals)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What each signal warns of, by its name."""
        return tuple(f"{one.signal.replace('_', ' ')}: {one.warned}" for one in self.signals if one.warned)

    @property
    def judged(self) -> int:
        """How many signals were compared with something."""
        return sum(health.verdict in (Verdict.OK, Verdict.WARNING, Verdict.ALARM) for health in self.signals)


@dataclass(frozen=True, slots=True)
class State:
    """How a model is, in one word and one sentence."""

    name: str
    """alarm, critical, warning, info, error, not_checked, healthy."""
    words: str
    sentence: str

    tail: str = ""
    """That the newest window has too few rows to be told by; empty where it is told by that."""

    @property
    def line(self) -> str:
        """As a line of a terminal has it: with its sentence where that says what is lacking, and which window tells."""
        if self.name in ("not_checked", "error"):
            return f"{self.words}: {self.sentence}"
        return f"{self.words}; {self.tail}" if self.tail else self.words

    @property
    def rank(self) -> int:
        """0 for the gravest."""
        return STATES.index(self.name)


STATES: Final = ("critical", "alarm", "error", "warning", "info", "not_checked", "healthy")
"""How a model may be, the gravest first."""


def checked(store: Store, model: str = "", signals: Signals = SIGNALS) -> tuple[dict[Name, Checked], Query]:
    """Every model and version that was looked at, or those of one model, and the query behind it."""
    query = Query("Health of the newest window, by signal", _HEALTH, {"models": [model] if model else [], **_WORDS})
    return {name: _told(*rows, signals) for name, rows in _KEPT(store, model).items()}, query


def checked_then(
    store: Store, at: datetime, models: Sequence[str] = (), signals: Signals = SIGNALS
) -> dict[Name, Checked]:
    """Every version as `checked` would have told of it at a moment, by windows that had ended by then.

    Of some models, or of all where none is named.
    """
    rows = _two(store, _HEALTH_THEN, _BEFORE_THEN, models, at=at)
    return {name: _told(*both, signals) for name, both in rows.items()}


def then_query(at: datetime) -> Query:
    """What `checked_then` asks of all models."""
    return Query(f"Health at {at:%Y-%m-%d %H:%M} UTC, by signal", _HEALTH_THEN, {"models": [], "at": at, **_WORDS})


Rows = list[dict[str, Any]]
"""What one window says, by signal."""


def _by_signal(store: Store, models: Sequence[str], _: Hashable) -> dict[Name, tuple[Rows, Rows]]:
    return _two(store, _HEALTH, _BEFORE, models)


def _two(
    store: Store, health: str, earlier: str, models: Sequence[str], **asked: object
) -> dict[Name, tuple[Rows, Rows]]:
    """The newest window's, and those of the one before where that may tell what the newest cannot."""
    newest = _grouped(store, health, models, asked)
    few = {name for name, rows in newest.items() if any(row["unknown"] == _FEW for row in rows)}
    before = _grouped(store, earlier, sorted({model for model, _ in few}), asked) if few else {}
    return {name: (rows, before.get(name, []) if name in few else []) for name, rows in newest.items()}


def _grouped(store: Store, sql: str, models: Sequence[str], asked: Mapping[str, object]) -> dict[Name, Rows]:
    grouped: dict[Name, Rows] = {}
    for row in store.rows(sql, {"models": list(models), **asked, **_WORDS}):
        grouped.setdefault((row["model"], row["version"]), []).append(row)
    return grouped


_KEPT: Final = UntilWritten(_by_signal, "monitor_results", "monitor_runs")


def _told(newest: Rows, before: Rows, signals: Signals) -> Checked:
    """By the newest window; by the one before where nothing stands against a newest with too few rows to be judged."""
    found = _checked(newest, signals)
    against = found.alarms or any(one.verdict is Verdict.ERROR for one in found.signals)
    if not found.lacking or against or not before:
        return found
    unknown = {row["signal"]: row["unknown"] for row in newest if not row["judged"]}
    judged = [row["signal"] for row in before if row["judged"] and row["signal"] not in ALWAYS]
    rows, earlier = max(row["looked_at"] for row in newest), _checked(before, signals)
    if earlier.lacking or not rows or not all(unknown.get(signal) == _FEW for signal in judged):
        return found
    of = f"of the window until {earlier.window_end:%Y-%m-%d %H:%M} UTC"
    return replace(earlier, tail=f"{of}, as the newest, until {found.window_end:%H:%M}, has too few rows: {rows:,}")


def _checked(rows: Sequence[dict[str, Any]], signals: Signals) -> Checked:
    order = {name: place for place, name in enumerate(signals)}
    told = sorted((row for row in rows if row["said"]), key=lambda row: order.get(row["signal"], len(order)))
    judged = {row["signal"] for row in rows if row["judged"]}
    lacking = not_checked(max(row["looked_at"] for row in rows), judged, {row["signal"] for row in told})
    learning, awaited = (next((row[name] for row in rows if row[name]), "") for name in ("learning", "awaited"))
    health = tuple(_health(row, signals) for row in told)
    if lacking:
        health = tuple(_arrived(one) if one.signal == DATA_QUALITY.name else one for one in health)
    nothing_yet = f" ({awaited})" if awaited and not any(row["looked_at"] for row in rows) else ""
    return Checked(utc(rows[0]["checked"]), health, (learning or lacking + nothing_yet) if lacking else "")


def _arrived(one: Health) -> Health:
    """The quality of rows of which nothing but their arrival could be judged is not called ok."""
    if one.verdict is not Verdict.OK:
        return one
    return replace(one, verdict=Verdict.NOT_COMPARED, reason="nothing but the arrival of rows was looked at")


def _health(row: Mapping[str, Any], signals: Signals) -> Health:
    metric, feature, segment, direction, n, reason = row["worst"]
    signal = row["signal"]
    about = ""
    if row["alarms"]:
        verdict = Verdict.ALARM
        what = signals[signal].words_for(metric, direction, n)
        place = " of ".join(part for part in ("" if signals[signal].names_outputs else feature, segment) if part)
        about = f"{what} in {place}" if place and place != what else what
    elif row["errors"]:
        verdict, (segment, reason) = Verdict.ERROR, row["failed"]
    elif row["judged"]:
        verdict, reason = (Verdict.WARNING if row["warnings"] else Verdict.OK), ""
    else:
        verdict, reason = Verdict(row["unknown"] or Verdict.NOT_COMPARED), row["lacking"]
    feature = feature if row["alarms"] else ""
    segment = segment if row["alarms"] or row["errors"] else ""
    warned = ": ".join(part for part in row["warned"] if part)
    return Health(signal, verdict, row["alarms"], row["warnings"], reason, about, feature, segment, warned)


def state(found: Checked | None, incidents: Sequence[Incident], signals: Signals = SIGNALS) -> State:
    """How a model is: healthy only where something was compared, nothing stands against it and nothing is open."""
    told = _state(found, incidents, signals)
    if found is None or not found.tail or incidents:
        return told
    return replace(told, sentence=f"{told.sentence}; {found.tail}", tail=found.tail)


def _state(found: Checked | None, incidents: Sequence[Incident], signals: Signals) -> State:
    if incidents:
        worst = min(incidents, key=lambda one: (one.severity.rank, one.opened_at))
        more = f" ({len(incidents) - 1} more open)" if len(incidents) > 1 else ""
        return State(worst.severity.value, f"{worst.severity.value} incident", f"{worst.title}{more}")
    if found is None:
        return State("not_checked", "not checked", "no window of it was looked at yet")
    if found.alarms:
        return State("alarm", "alarm", _alarmed(found, signals))
    errors = sorted((one for one in found.signals if one.verdict is Verdict.ERROR), key=lambda one: one.segment != "")
    if errors:
        what = errors[0].segment or errors[0].signal.replace("_", " ")
        return State("error", "error", f"{what} could not be looked at: {errors[0].reason}")
    if found.lacking:
        return State("not_checked", "not checked", found.lacking)
    warned = [health.signal.replace("_", " ") for health in found.signals if health.verdict is Verdict.WARNING]
    beside = f"; a warning of {', '.join(warned)}" if warned else ""
    return State("healthy", "healthy", f"nothing stands against it by {found.judged} signals{beside}")


def _alarmed(found: Checked, signals: Signals) -> str:
    alarmed = sorted((one for one in found.signals if one.alarms), key=lambda one: signals[one.signal].gravity)
    named = ", ".join(one.about for one in alarmed[:2])
    left = found.alarms - min(2, len(alarmed))
    return f"{named}, and {left} more alarm{'s' if left > 1 else ''}" if left else named
