"""An incident as Alertmanager takes it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from modelspan_analyzer.config.alert_settings import AlertSettings
from modelspan_analyzer.incidents import Incident, Severity, describe
from modelspan_collector.store.connect import DEFAULT_DATABASE

NAME = "ModelIncident"
ACKNOWLEDGED = "ModelIncidentAcknowledged"
"""Fires while somebody has an incident in hand, so that Alertmanager can keep its alert from calling again."""
ANNOTATIONS = (
    "summary", "found", "affected", "since", "why", "work", "command", "runbook_url", "page", "dashboard", "trace",
    "sql",
)  # fmt: skip
ACKNOWLEDGEMENT_LABELS = ("incident", "model")
LABELS = ("model", "version", "role", "signal", "severity", "owner", "incident")


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert of the Alertmanager API, version 2."""

    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: datetime
    ends_at: datetime
    link: str

    def as_json(self) -> dict[str, Any]:
        """The alert in the API's own names."""
        return {
            "labels": dict(self.labels),
            "annotations": dict(self.annotations),
            "startsAt": self.starts_at.isoformat(),
            "endsAt": self.ends_at.isoformat(),
            **({"generatorURL": self.link} if self.link else {}),
        }


def labels_of(incident: Incident, severity: Severity) -> dict[str, str]:
    """What routes and groups the alert of one of the severities that an incident has had.

    None of it changes while the incident is open, so that its alert is one: a rise in severity adds an alert beside
    the milder one, which goes on until the incident is over.
    """
    return {
        "model": incident.model,
        "version": incident.version,
        "role": incident.role,
        "signal": incident.signal,
        "severity": severity.value,
        "owner": incident.owner,
        "incident": incident.incident_id,
    }


def annotations_of(incident: Incident, settings: AlertSettings, database: str = DEFAULT_DATABASE) -> dict[str, str]:
    """What a person reads, of `ANNOTATIONS`: what is wrong, in numbers, why, what to do and where to look.

    `database` is where the incident is kept: command and query ask there.
    """
    elsewhere = "" if database == DEFAULT_DATABASE else f" --database {shlex.quote(database)}"
    links = {
        **describe.facts(incident),
        "command": f"modelspan incidents {incident.incident_id}{elsewhere}",
        "runbook_url": incident.runbook,
        "page": _page(incident, settings),
        "dashboard": dashboard_of(incident, settings),
        "trace": settings.trace.format(trace_id=incident.traces[0]) if settings.trace and incident.traces else "",
        "sql": sql_of(incident, database),
    }
    return {name: text for name, text in links.items() if text}


def dashboard_of(incident: Incident, settings: AlertSettings) -> str:
    """The address of the configured dashboard; '' where none is."""
    return settings.dashboard.format(model=quote(incident.model, safe=""), incident=incident.incident_id)


def sql_of(incident: Incident, database: str = DEFAULT_DATABASE) -> str:
    """The query that shows what was found."""
    place = "" if database == DEFAULT_DATABASE else f"`{database}`."
    return (
        f"SELECT window_end, signal, metric, feature, value, threshold, reason FROM {place}monitor_results FINAL "
        f"WHERE model = '{_escaped(incident.model)}' AND verdict = 'alarm' "
        f"AND window_end >= '{incident.began_at:%Y-%m-%d %H:%M:%S}' ORDER BY window_end"
    )


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'")


def alert_of(
    incident: Incident,
    severity: Severity,
    settings: AlertSettings,
    ends_at: datetime,
    database: str = DEFAULT_DATABASE,
) -> Alert:
    """The alert of one severity of an incident, which holds until `ends_at` unless it is sent again."""
    return Alert(
        labels={"alertname": NAME, **{name: text for name, text in labels_of(incident, severity).items() if text}},
        annotations=annotations_of(incident, settings, database),
        starts_at=incident.opened_at,
        ends_at=ends_at,
        link=_page(incident, settings),
    )


def alerts_of(
    incident: Incident, settings: AlertSettings, ends_at: datetime, database: str = DEFAULT_DATABASE
) -> dict[str, Alert]:
    """Every alert of an incident: one of each severity that it has had, and of its acknowledgement, if there is one."""
    alerts = {one.value: alert_of(incident, one, settings, ends_at, database) for one in incident.severities}
    known = incident.acknowledged_at is not None
    return alerts | ({ACKNOWLEDGED: acknowledgement_of(incident, ends_at)} if known else {})


def acknowledgement_of(incident: Incident, ends_at: datetime) -> Alert:
    """The alert by which Alertmanager's rule of inhibition knows that somebody has an incident in hand."""
    return Alert(
        labels={"alertname": ACKNOWLEDGED, **acknowledgement_labels(incident), "severity": "none"},
        annotations={"summary": describe.work(incident)},
        starts_at=incident.acknowledged_at or incident.updated_at,
        ends_at=ends_at,
        link="",
    )


def acknowledgement_labels(incident: Incident) -> dict[str, str]:
    """What names an acknowledgement, in the order of `ACKNOWLEDGEMENT_LABELS`."""
    return {"incident": incident.incident_id, "model": incident.model}


def _page(incident: Incident, settings: AlertSettings) -> str:
    """Where the incident is shown, if anything is."""
    return f"{settings.web.rstrip('/')}/incidents/{incident.incident_id}" if settings.web else ""
