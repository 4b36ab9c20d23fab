"""Alerts of incidents: Prometheus rules and their tests, metrics for them, and Alertmanager."""

from modelspan_analyzer.alerts.alert import Alert, alert_of, alerts_of
from modelspan_analyzer.alerts.exposition import IncidentCollector
from modelspan_analyzer.alerts.push import Pusher, PushError, push
from modelspan_analyzer.alerts.rule_tests import Owned, PromtoolError, check, rule_tests
from modelspan_analyzer.alerts.rules import rule_file, rules
from modelspan_analyzer.config.alert_settings import AlertSettings, MaintenanceSettings

__all__ = [
    "Alert",
    "AlertSettings",
    "IncidentCollector",
    "MaintenanceSettings",
    "Owned",
    "PromtoolError",
    "PushError",
    "Pusher",
    "alert_of",
    "alerts_of",
    "check",
    "push",
    "rule_file",
    "rule_tests",
    "rules",
]
