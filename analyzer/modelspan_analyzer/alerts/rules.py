"""The Prometheus rule file: an alert for incidents, and for when modelspan itself cannot see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from modelspan_analyzer.alerts.alert import ACKNOWLEDGED, ACKNOWLEDGEMENT_LABELS, ANNOTATIONS, LABELS, NAME
from modelspan_analyzer.config.alert_settings import AlertSettings
from modelspan_analyzer.config.durations import format_duration

HEADER = "# Written by `modelspan alerts rules` from monitors.yaml; change that file, not this one.\n"


@dataclass(frozen=True, slots=True)
class Rule:
    """One alerting rule."""

    alert: str
    expr: str
    hold: str
    severity: str
    """Empty where the series bring their own."""
    annotations: Mapping[str, str]

    def as_yaml(self) -> dict[str, Any]:
        """The rule in the names of a rule file."""
        labels = {"labels": {"severity": self.severity}} if self.severity else {}
        when = {"alert": self.alert, "expr": self.expr, "for": self.hold}
        return {**when, **labels, "annotations": dict(self.annotations)}


def rules(settings: AlertSettings) -> tuple[Rule, ...]:
    """Every rule, in the order of the file."""
    return (
        _of_incidents(settings),
        _of_acknowledgements(settings),
        _of_silence(settings),
        *_of_runs(settings),
        *_of_the_collector(settings),
        *_of_modelspan(settings),
    )


def _last(metric: str, by: Sequence[str], settings: AlertSettings) -> str:
    """What a gauge says, or said last.

    A missed scrape, a restart, or another process in its place neither ends an alert nor makes a second one: what is
    not answered now is remembered, and who answered is no part of what an alert is.
    """
    labels, remembered = ", ".join(by), f"{metric}[{format_duration(settings.remember)}]"
    return f"(max by ({labels}) ({metric}) or max by ({labels}) (last_over_time({remembered})))"


def _not_held(settings: AlertSettings) -> str:
    """All but the models whose alerts are held back."""
    return f"unless on (model) {_last('modelspan_maintenance', ('model',), settings)} == 1"


def _of_incidents(settings: AlertSettings) -> Rule:
    """What is wrong with a model."""
    expr = f"{_last('modelspan_incident', LABELS, settings)} == 1 {_not_held(settings)}"
    return Rule(
        NAME, expr, format_duration(settings.hold), "", {name: _looked_up(name, settings) for name in ANNOTATIONS}
    )


def _of_acknowledgements(settings: AlertSettings) -> Rule:
    """That somebody has an incident in hand: calls nobody, and inhibits the incident's alert."""
    return Rule(
        ACKNOWLEDGED,
        f"{_last('modelspan_incident_acknowledged', ACKNOWLEDGEMENT_LABELS, settings)} == 1",
        "0s",
        "none",
        {
            "summary": "incident {{ $labels.incident }} of {{ $labels.model }} is acknowledged",
            "description": "Calls nobody. `deploy/alertmanager` lets it inhibit the incident's alert, so that this "
            "calls no more until the incident is over, becomes graver or comes back.",
        },
    )


def _of_silence(settings: AlertSettings) -> Rule:
    """That a model makes no predictions any more, for longer than it ever paused."""
    age, limit = (_last(f"modelspan_prediction_{name}_seconds", ("model",), settings) for name in ("age", "age_limit"))
    return Rule(
        "ModelPredictionsAbsent",
        f"{age} > on (model) {limit} {_not_held(settings)}",
        format_duration(settings.hold),
        "warning",
        {
            "summary": "no version of {{ $labels.model }} has answered for {{ $value | humanizeDuration }}",
            "description": "Either nobody asks it, its job is late, or its telemetry is lost: look at the collector "
            "first. Shadows do not count.",
        },
    )


def _of_runs(settings: AlertSettings) -> tuple[Rule, ...]:
    """What keeps a model from being watched."""
    hold, stalled = format_duration(settings.hold), settings.stalled_after.total_seconds()
    failed = _last("modelspan_runs_failed_last_hour", ("model",), settings)
    succeeded = _last("modelspan_run_success_timestamp_seconds", ("model",), settings)
    behind = _last("modelspan_analysis_lag_seconds", ("model",), settings)
    return (
        Rule(
            "ModelRunsFail",
            f"{failed} > 0 {_not_held(settings)}",
            hold,
            "warning",
            {
                "summary": "{{ $value }} runs of the monitors of {{ $labels.model }} failed in the last hour",
                "description": "`modelspan status` and the table monitor_runs say why.",
            },
        ),
        Rule(
            "ModelRunsStalled",
            f"time() - {succeeded} > {stalled:g} {_not_held(settings)}",
            hold,
            "warning",
            {
                "summary": "no monitors of {{ $labels.model }} have run through for {{ $value | humanizeDuration }}",
                "description": "No news of this model is no good news until they do.",
            },
        ),
        Rule(
            "ModelAnalysisLags",
            f"{behind} > {settings.behind.total_seconds():g} {_not_held(settings)}",
            hold,
            "warning",
            {
                "summary": "windows of {{ $labels.model }} have been due for {{ $value | humanizeDuration }}",
                "description": "The analyzer is slow or stopped: `modelspan status` says how far each model is behind. "
                "Longer windows, fewer segments, more `workers` or another analyzer let it keep up.",
            },
        ),
    )


def _of_the_collector(settings: AlertSettings) -> tuple[Rule, ...]:
    """What does not get into the store."""
    return (
        Rule(
            "ModelspanCollectorLags",
            f"{_last('modelspan_collector_lag_seconds', ('signal',), settings)} > {settings.lag.total_seconds():g}",
            format_duration(settings.hold),
            "warning",
            {
                "summary": "{{ $labels.signal }} wait {{ $value | humanizeDuration }} for the store",
                "description": "Nothing is lost, it is in the collector's log; the store is slow or away.",
            },
        ),
        Rule(
            "ModelspanDeadLetters",
            "increase(modelspan_collector_dead_letters_total[1h]) > 0",
            "0s",
            "warning",
            {
                "summary": "the store refused {{ $value | humanize }} requests of {{ $labels.signal }} for good",
                "description": "They are kept in the collector's folder of dead letters.",
            },
        ),
    )


def _of_modelspan(settings: AlertSettings) -> tuple[Rule, ...]:
    """Whether anybody watches at all."""
    return (
        Rule(
            "ModelspanDown",
            "absent_over_time(modelspan_heartbeat_timestamp_seconds[2m])",
            format_duration(settings.hold),
            "critical",
            {
                "summary": "modelspan does not answer",
                "description": "No model is being watched. Look at the process of `modelspan up` and at its /readyz.",
            },
        ),
        Rule(
            "ModelspanHeartbeat",
            "modelspan_heartbeat_timestamp_seconds > 0",
            "0s",
            "none",
            {
                "summary": "modelspan is alive",
                "description": "Fires always. Route it to a dead man's switch, which alarms when it stops.",
            },
        ),
    )


def _looked_up(name: str, settings: AlertSettings) -> str:
    """An annotation from the incident's info series, so that it may change without making a new alert."""
    now = 'modelspan_incident_info{incident="%[1]s"}'
    series = f"{now} or on (incident) last_over_time({now}[{format_duration(settings.remember)}])"
    found = f"query (printf `{series}` $labels.incident)"
    return f'{{{{ with {found} }}}}{{{{ . | first | label "{name}" }}}}{{{{ end }}}}'


def rule_file(settings: AlertSettings) -> str:
    """The text of the rule file."""
    return HEADER + _dump({"groups": [{"name": "modelspan", "rules": [rule.as_yaml() for rule in rules(settings)]}]})


def _dump(content: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(content), sort_keys=False, width=160, allow_unicode=True)
