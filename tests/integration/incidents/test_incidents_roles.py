"""Whose finding it is: versions and roles are named, a shadow's stay its own, and the model card knows the owner."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from modelspan_analyzer.config.incident_settings import IncidentSettings
from modelspan_analyzer.incidents import timeline, update
from modelspan_analyzer.incidents.as_json import incident_as_json
from modelspan_analyzer.incidents.incident import Incident, Severity
from modelspan_analyzer.results import Result, Verdict, Window
from modelspan_collector.store.connect import Store

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
STAMP = pa.timestamp("ns", "UTC")
MODEL = 'it\'s "churn"/ü 100%'


def window(hour: int) -> Window:
    """One hour."""
    return Window(NOON + timedelta(hours=hour), NOON + timedelta(hours=hour + 1))


def predict(store: Store, version: str, role: str, hour: int = 0) -> None:
    """A few predictions of a version in a role."""
    at = pa.array([window(hour).start + timedelta(minutes=one) for one in range(5)], STAMP)
    table = {"model": [MODEL] * 5, "version": [version] * 5, "role": [role] * 5, "timestamp": at}
    store.insert("predictions", pa.table({**table, "prediction_id": [f"{version}-{hour}-{one}" for one in range(5)]}))


def alarm(version: str, signal: str = "data_drift", hour: int = 0) -> Result:
    """An alarm of a version."""
    return Result(
        MODEL, version, window(hour), signal, "psi", 1.0, Verdict.ALARM, feature="age", threshold=0.1, reason="far off"
    )


def run(store: Store, *results: Result, hour: int = 0, owner: str = "") -> list[Incident]:
    """Bring incidents up to date, without reasons."""
    settings = IncidentSettings(explain=0, owner=owner)
    return update(store, results, window(hour).end, settings=lambda model, version: settings)


def test_a_shadows_findings_are_no_part_of_the_primarys_incident(store: Store) -> None:
    """They begin together and look alike, and yet are two incidents; both say which version, the shadow's its role."""
    predict(store, "3", "primary")
    predict(store, "4", "shadow")
    found = run(store, alarm("3"), alarm("4"), alarm("4", "performance"))
    primary, shadow = sorted(found, key=lambda one: one.version)
    assert (primary.title, shadow.title) == (
        f"{MODEL} 3: drift in age",
        f"{MODEL} 4 (shadow): worse psi in age",
    )
    assert {finding.version for finding in primary.findings} == {"3"}
    assert (incident_as_json(primary)["role"], incident_as_json(shadow)["role"]) == ("primary", "shadow")
    assert any("performance 4 (shadow): psi of age" in event.text for event in timeline(store, shadow.incident_id))
    assert any("data_drift 3: psi of age" in event.text for event in timeline(store, primary.incident_id))


def test_what_a_shadow_does_wrong_is_never_critical(store: Store) -> None:
    """However many of its predictions are hit: it answers nobody."""
    settings = IncidentSettings(explain=0, critical_value=0.0000001, value=1.0)
    predict(store, "4", "shadow")
    (shadow,) = update(store, [alarm("4")], NOON, settings=lambda model, version: settings)
    assert shadow.severity is not Severity.CRITICAL


def test_a_version_that_is_silent_has_the_role_that_it_had_last(store: Store) -> None:
    """What is found in a window without its predictions is still a shadow's."""
    predict(store, "4", "primary", hour=-3)
    predict(store, "4", "shadow", hour=-2)
    (shadow,) = run(store, alarm("4"))
    assert (shadow.role, shadow.title) == ("shadow", f"{MODEL} 4 (shadow): drift in age")


def test_a_shadow_that_is_promoted_opens_an_incident_of_its_own(store: Store) -> None:
    """The same finding, once the version answers, is news; the shadow's incident does not swallow it."""
    predict(store, "4", "shadow")
    (shadow,) = run(store, alarm("4"))
    predict(store, "4", "primary", hour=1)
    (primary,) = run(store, alarm("4", hour=1), hour=1)
    assert primary.incident_id != shadow.incident_id
    assert (shadow.role, primary.role) == ("shadow", "primary")


@pytest.mark.parametrize(
    ("cards", "settings", "owner"),
    [
        ({}, "", ""),
        ({"3": "ann"}, "", "ann"),
        ({"3": "ann", "2": "bob"}, "", "ann"),
        ({"2": "bob", "3": ""}, "", "bob"),
        ({"3": "ann"}, "risk-team", "risk-team"),
    ],
)
def test_the_owner_is_the_settings_else_the_model_cards(
    store: Store, cards: dict[str, str], settings: str, owner: str
) -> None:
    """The version's own card goes before another version's, and the settings before both."""
    for version, name in cards.items():
        card = {"model": [MODEL], "version": [version], "timestamp": pa.array([NOON], STAMP), "owner": [name]}
        store.insert("models", pa.table(card))
    (incident,) = run(store, alarm("3"), owner=settings)
    assert incident.owner == owner
