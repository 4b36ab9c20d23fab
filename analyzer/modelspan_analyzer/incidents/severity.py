"""How grave an incident is: by the predictions affected, their value, and who is hurt."""

from __future__ import annotations

from modelspan.conventions import ROLE_PRIMARY
from modelspan_analyzer.config.incident_settings import IncidentSettings
from modelspan_analyzer.incidents.incident import Severity


def severity(
    harmed: bool, affected: int, share: float, settings: IncidentSettings, role: str = ROLE_PRIMARY
) -> Severity:
    """Judge an impact.

    Args:
        harmed: whether it is no note only: a finding measures harm itself (what is right, what is fair, or what was
            promised), or a slice is hurt that is a small part of the window.
        affected: predictions that make the findings.
        share: of all predictions of the window, 0 to 1; nan where unknown.
        settings: the model's.
        role: of the version; what another than the primary one answers reaches nobody, and is never critical.
    """
    costly = settings.critical_value is not None and affected * settings.value >= settings.critical_value
    if costly or share >= settings.critical_share:
        return Severity.CRITICAL if role == ROLE_PRIMARY else Severity.WARNING
    if share < settings.info_share and not harmed:
        return Severity.INFO
    return Severity.WARNING
