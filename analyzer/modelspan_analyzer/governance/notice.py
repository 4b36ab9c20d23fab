"""What nobody writes to the audit log by hand is noticed here: registered and promoted versions, settings, corrections.

Called on each look for due windows; all state is in the audit log itself, so a restart repeats nothing. Two analyzers
of one store that look at the same moment may both write an entry.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from modelspan.conventions import ROLE_PRIMARY
from modelspan_analyzer.config.settings import ModelEntry, ModelSettings, MonitorsConfig
from modelspan_analyzer.governance import audit
from modelspan_analyzer.people import ANALYZER
from modelspan_analyzer.reading.sharing import sentence, shared_models
from modelspan_analyzer.reading.unchanged import Name, Standing
from modelspan_collector.store.connect import Store

_LOGGER = logging.getLogger(__name__)
REGISTERED: Final = "model registered"
PROMOTED: Final = "model promoted"
SETTINGS_CHANGED: Final = "settings changed"
LABELS_CORRECTED: Final = "labels corrected"
TOGETHER: Final = "tenants measured together"
ACTOR: Final = f"unknown (noticed by the {ANALYZER})"
"""A card, a promotion and a changed file say what they are, and not whose."""
LOOK_BACK: Final = timedelta(days=1)
"""How old a correction, or a prediction of a promoted version, may be when it is first seen."""

SHARING_BACK: Final = timedelta(hours=1)
"""How long ago a prediction may have come that tells of a tenant: all of them are read on every look."""

_CARDS = """
SELECT model, version, tenant, owner, task, deployed_at, min(timestamp) AS at,
       lower(hex(sipHash128(owner, task, classes, hyperparameters, signature, training_data,
                            ifNull(toString(deployed_at), '')))) || if(tenant = '', '', '@' || tenant)
       || if(project = '', '', '#' || project) AS card
FROM models
GROUP BY model, version, tenant, owner, task, classes, hyperparameters, signature, training_data, deployed_at, project
HAVING (model, version, card) NOT IN (
    SELECT model, version, JSONExtractString(details, 'card') FROM audit_log WHERE action = {action:String}
)
ORDER BY at
"""
_PROMOTIONS = """
SELECT model, version, min(timestamp) AS at FROM predictions
WHERE role = {role:String} AND timestamp > {since:DateTime64(3, 'UTC')} AND (model, version) NOT IN (
    SELECT model, version FROM audit_log WHERE action = {action:String}
)
GROUP BY model, version ORDER BY at, model, version
"""
_NOTED = "SELECT DISTINCT model, version FROM audit_log WHERE action = {action:String}"
_LAST_PROMOTED = """
SELECT model, argMax(version, (timestamp, JSONExtractString(details, 'at'))) AS version
FROM audit_log WHERE action = {action:String} GROUP BY model
"""
_KNOWN_SETTINGS = """
SELECT model, version, argMax(details, timestamp) AS details FROM audit_log WHERE action = {action:String}
GROUP BY model, version
"""
_TOLD_TOGETHER = """
SELECT model, argMax(details, timestamp) AS details FROM audit_log WHERE action = {action:String} GROUP BY model
"""
_MODELS = "SELECT DISTINCT model, version FROM predictions ORDER BY model, version"
_CORRECTIONS = """
WITH (SELECT max(parseDateTime64BestEffortOrZero(JSONExtractString(details, 'until'), 3, 'UTC'))
      FROM audit_log WHERE action = {action:String}) AS told
SELECT model, count() AS predictions, max(received) AS until
FROM (
    SELECT argMax(model, timestamp) AS model, max(received_at) AS received,
           uniqExact(label, ifNull(toString(value), '')) AS said
    FROM labels
    WHERE (prediction_id, tenant) IN (
        SELECT prediction_id, tenant FROM labels
        WHERE received_at > greatest(told, {since:DateTime64(3, 'UTC')})
    )
    GROUP BY prediction_id, tenant, outcome
    HAVING said > 1 AND received > greatest(told, {since:DateTime64(3, 'UTC')})
)
GROUP BY model ORDER BY model
"""


def notice(
    store: Store,
    config: MonitorsConfig,
    now: datetime,
    standing: Standing | None = None,
    names: Sequence[Name] | None = None,
) -> None:
    """Write an entry for whatever changed since the last look.

    Args:
        store: the store.
        config: the settings of its models.
        now: the time.
        standing: what does not have to be read again; all is read where it is not given.
        names: every model's versions, where they are known.
    """
    once = (standing or Standing(store)).read
    once("cards", lambda: _registrations(store), "models", "audit_log")
    names = [(row["model"], row["version"]) for row in store.rows(_MODELS)] if names is None else names
    told = once("promoted", lambda: _promoted(store), "audit_log")
    if not told.issuperset(names):
        once("promotions", lambda: _promotions(store, now), "predictions", "audit_log")
    once("settings", lambda: _settings(store, config, names), "audit_log", also=tuple(names))
    once("corrections", lambda: note_corrections(store, now), "labels", "audit_log")
    once("sharing", lambda: _sharing(store, now), "predictions", "audit_log")


def _sharing(store: Store, now: datetime) -> None:
    """A model that several tenants have come to send predictions of, and again where another one does."""
    shared = shared_models(store, now - SHARING_BACK)
    before = store.rows(_TOLD_TOGETHER, {"action": TOGETHER}) if shared else []
    known = {row["model"]: set(json.loads(row["details"])["tenants"]) for row in before}
    for model, tenants in shared.items():
        if not known.get(model, set()) >= set(tenants):
            together = sorted(known.get(model, set()) | set(tenants))
            audit.record(store, TOGETHER, model=model, actor=ACTOR, details={"tenants": together})
            _LOGGER.warning("%s", sentence(model, together))


def _registrations(store: Store) -> None:
    """A card that says what no card of its version said before; the same card sent again is no news."""
    for row in store.rows(_CARDS, {"action": REGISTERED}):
        details = {name: row[name] for name in ("card", "owner", "task", "deployed_at", "at")}
        details |= {"tenant": row["tenant"]} if row["tenant"] else {}
        audit.record(store, REGISTERED, model=row["model"], version=row["version"], actor=ACTOR, details=details)


def _promotions(store: Store, now: datetime) -> None:
    """A version that answers as the primary one for the first time, with the version before it ('' for the first)."""
    before = {row["model"]: row["version"] for row in store.rows(_LAST_PROMOTED, {"action": PROMOTED})}
    names = {"role": ROLE_PRIMARY, "since": now - LOOK_BACK, "action": PROMOTED}
    for row in store.rows(_PROMOTIONS, names):
        model, version = row["model"], row["version"]
        details = {"before": before.get(model, ""), "at": row["at"]}
        audit.record(store, PROMOTED, model=model, version=version, actor=ACTOR, details=details)
        before[model] = version


def _promoted(store: Store) -> set[tuple[str, str]]:
    """The versions whose promotion is written down."""
    return {(row["model"], row["version"]) for row in store.rows(_NOTED, {"action": PROMOTED})}


def _settings(store: Store, config: MonitorsConfig, names: Sequence[Name]) -> None:
    """Settings of a model's version that differ from those it had: each with what it was and is (null: its default)."""
    told = noticed_settings(store)
    for key in names:
        before, now = told.get(key, {}), settings_of(config.for_model(*key))
        differ = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
        if differ:
            changed = {name: [before.get(name), now.get(name)] for name in differ}
            details = {"changed": changed, "settings": now, "sha256": _sha256(now)}
            audit.record(store, SETTINGS_CHANGED, model=key[0], version=key[1], actor=ACTOR, details=details)


def noticed_settings(store: Store) -> dict[tuple[str, str], dict[str, Any]]:
    """What `settings_of` said of each model's version when an analyzer last looked; a version of defaults is absent."""
    rows = store.rows(_KNOWN_SETTINGS, {"action": SETTINGS_CHANGED})
    return {(row["model"], row["version"]): json.loads(row["details"])["settings"] for row in rows}


def noticed_owners(store: Store) -> MonitorsConfig:
    """The owners that the analyzer's monitors.yaml named when it last looked, for who was not given the file."""
    told = {name: str(given.get("incidents.owner", "")) for name, given in noticed_settings(store).items()}
    entries = [
        ModelEntry.model_validate({"model": model, "version": version, "incidents": {"owner": owner}})
        for (model, version), owner in told.items()
        if owner.strip()
    ]
    return MonitorsConfig(models=tuple(entries))


def settings_of(settings: ModelSettings) -> dict[str, Any]:
    """The settings that are not the defaults, by their dotted name.

    Retraining rules, whose URLs and headers may hold secrets, are kept as the SHA-256 of what they say.
    """
    given = settings.model_dump(mode="json", exclude_defaults=True, exclude={"retraining"})
    rules = {f"retraining.{rule.name}": _sha256(rule.model_dump(mode="json")) for rule in settings.retraining}
    return dict(_flat(given)) | rules


def _flat(given: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in given.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _sha256(given: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()


def note_corrections(store: Store, now: datetime, actor: str = ACTOR) -> None:
    """Write an entry for predictions whose newest label says something else than an earlier one.

    The store drops the earlier label when it merges parts; corrections merged before a look are not seen.
    """
    found = store.rows(_CORRECTIONS, {"action": LABELS_CORRECTED, "since": now - LOOK_BACK})
    until = max((row["until"] for row in found), default=None)
    for row in found:
        details = {"predictions": int(row["predictions"]), "until": until}
        audit.record(store, LABELS_CORRECTED, model=row["model"], actor=actor, details=details)
