"""Sends incidents straight to Alertmanager, for those without a Prometheus between."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from modelspan_analyzer.alerts.alert import ACKNOWLEDGED, Alert, acknowledgement_of, alerts_of
from modelspan_analyzer.alerts.maintenance import under_maintenance
from modelspan_analyzer.config.alert_settings import AlertSettings
from modelspan_analyzer.incidents import Incident
from modelspan_analyzer.incidents.incident import OPEN
from modelspan_analyzer.webhook import Answer, PostError, post
from modelspan_collector.store.connect import DEFAULT_DATABASE

log = logging.getLogger(__name__)

TIMEOUT_SECONDS = 5.0
_MOST_READ = 64 * 1024
LIVES = 4
"""An alert that is not sent again ends after so many resend intervals."""

Key = tuple[str, str]
"""An incident, and one of the severities that it has had, or that it is acknowledged."""


class PushError(Exception):
    """An Alertmanager did not take the alerts; the message says which and why."""


def push(url: str, alerts: Sequence[Alert]) -> None:
    """Post alerts to one Alertmanager, by its API version 2.

    Raises:
        PushError: it cannot be reached, refuses them, or does not answer as an Alertmanager does.
    """
    body = json.dumps([alert.as_json() for alert in alerts]).encode()
    what = f"did not take {len(alerts)} alerts" if alerts else "cannot be pushed to"
    try:
        answer = post(f"{url.rstrip('/')}/api/v2/alerts", body, headers={}, timeout=TIMEOUT_SECONDS, most=_MOST_READ)
    except PostError as error:
        raise PushError(f"Alertmanager {what}: {error}") from error
    if not _is_alertmanagers(answer):
        raise PushError(
            f"Alertmanager {what}: {answer.address} answered {answer.status} with {answer.kind or 'text'}, as a "
            "login page or another service does; an Alertmanager answers with nothing or JSON: check the address"
        )


def _is_alertmanagers(answer: Answer) -> bool:
    """Its API takes alerts with an empty body or, behind some gateways, with JSON."""
    if not answer.body.strip():
        return True
    try:
        json.loads(answer.body)
    except (ValueError, RecursionError):
        return False
    return True


@dataclass
class Pusher:
    """Sends what changed at once, and what is open again and again, so that no more is sent than needed."""

    settings: AlertSettings
    database: str = DEFAULT_DATABASE
    """Where the incidents are kept."""
    _sent: dict[Key, tuple[datetime, Alert]] = field(default_factory=dict)

    def send(self, incidents: Sequence[Incident], now: datetime) -> list[Alert]:
        """Tell every Alertmanager what it does not know yet.

        Args:
            incidents: all that are open, and those resolved lately.
            now: the time.

        Returns:
            The alerts that were due; an Alertmanager that fails gets them again next time.
        """
        due = [
            (key, alert)
            for one in incidents
            for key, alert in self._alerts(one, now).items()
            if self._heard_of(key, one, now) and self._due(key, alert, now)
        ]
        sending = [alert for _, alert in due]
        failed = [url for url in self.settings.alertmanagers if sending and not self._try(url, sending)]
        if not failed:
            self._sent |= {key: (now, alert) for key, alert in due}
        return sending

    def _heard_of(self, key: Key, incident: Incident, now: datetime) -> bool:
        """Whether an alert is to be sent: not while its model is under maintenance, unless it must be ended."""
        if key in self._sent:
            return True
        if incident.resolved_at is not None and incident.status != OPEN:  # a process before this one may have sent it
            return now - incident.resolved_at < LIVES * self.settings.resend
        held = now - incident.opened_at < self.settings.hold
        return not held and not under_maintenance(self.settings.maintenance, incident.model, now)

    def _alerts(self, incident: Incident, now: datetime) -> dict[Key, Alert]:
        """Every alert that an incident has, and the acknowledgement that it has or had."""
        silent = under_maintenance(self.settings.maintenance, incident.model, now)
        lives = incident.status == OPEN and not silent
        ends = now + LIVES * self.settings.resend if lives else now
        found = alerts_of(incident, self.settings, ends, self.database)
        if (incident.incident_id, ACKNOWLEDGED) in self._sent:  # not any more, perhaps: then it has to be ended
            found.setdefault(ACKNOWLEDGED, acknowledgement_of(incident, now))
        return {(incident.incident_id, name): alert for name, alert in found.items()}

    def _due(self, key: Key, alert: Alert, now: datetime) -> bool:
        if key not in self._sent:
            return True
        when, known = self._sent[key]
        ended, was_ended = alert.ends_at <= now, known.ends_at <= when
        if ended or was_ended:
            return ended != was_ended
        changed = (alert.labels, alert.annotations) != (known.labels, known.annotations)
        return changed or now - when >= self.settings.resend

    def _try(self, url: str, alerts: Sequence[Alert]) -> bool:
        try:
            push(url, alerts)
        except PushError as error:
            log.warning("%s", error)
            return False
        return True
