"""The Prometheus rule file: an alert for incidents, and for when modelspan itself cannot see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from modelspan_analyzer.alerts.alert import NAME
from modelspan_analyzer.alerts.exposition import ANNOTATIONS
from modelspan_analyzer.config.alert_settings import AlertSettings
from modelspan_analyzer.config.durations import format_duration

HEADER = "# Written by `modelspan alerts rules` from monitors.yaml; change that file, not this one.\n"
_NOT_HELD = "unless on (model) modelspan_maintenance == 1"


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
    return (*_of_models(settings), *_of_the_collector(settings), *_of_modelspan(settings))


def _of_models(settings: AlertSettings) -> tuple[Rule, ...]:
    """What is wrong with a model, and what keeps it from being watched."""
    hold = format_duration(settings.hold)
    silent, stalled = settings.silent_after.total_seconds(), settings.stalled_after.total_seconds()
    return (
        Rule(NAME, f"modelspan_incident == 1 {_NOT_HELD}", hold, "", {name: _looked_up(name) for name in ANNOTATIONS}),
        Rule(
            "ModelPredictionsAbsent",
            f"modelspan_prediction_age_seconds > {silent:g} {_NOT_HELD}",
            hold,
            "warning",
            {
                "summary": "{{ $labels.model }} has made no prediction for {{ $value | humanizeDuration }}",
                "description": "Either nobody asks it, or its telemetry is lost: look at the collector first.",
            },
        ),
        Rule(
            "ModelRunsFail",
            f"modelspan_runs_failed_last_hour > 0 {_NOT_HELD}",
            hold,
            "warning",
            {
                "summary": "{{ $value }} runs of the monitors of {{ $labels.model }} failed in the last hour",
                "description": "`modelspan status` and the table monitor_runs say why.",
            },
        ),
        Rule(
            "ModelRunsStalled",
            f"time() - modelspan_run_success_timestamp_seconds > {stalled:g} {_NOT_HELD}",
            hold,
            "warning",
            {
                "summary": "no monitors of {{ $labels.model }} have run through for {{ $value | humanizeDuration }}",
                "description": "No news of this model is no good news until they do.",
            },
        ),
    )


def _of_the_collector(settings: AlertSettings) -> tuple[Rule, ...]:
    """What does not get into the store."""
    return (
        Rule(
            "ModelspanCollectorLags",
            f"max by (signal) (modelspan_collector_lag_seconds) > {settings.lag.total_seconds():g}",
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


def _looked_up(name: str) -> str:
    """An annotation from the incident's info series, so that it may change without making a new alert."""
    series = 'printf `modelspan_incident_info{incident="%s"}` $labels.incident'
    return f'{{{{ with query ({series}) }}}}{{{{ . | first | label "{name}" }}}}{{{{ end }}}}'


def rule_file(settings: AlertSettings) -> str:
    """The text of the rule file."""
    return HEADER + _dump({"groups": [{"name": "modelspan", "rules": [rule.as_yaml() for rule in rules(settings)]}]})


def _dump(content: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(content), sort_keys=False, width=160, allow_unicode=True)
