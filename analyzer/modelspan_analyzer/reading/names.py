"""The names of models, versions and services: one that does not exist is refused with those that do."""

from __future__ import annotations

import difflib
import shlex
from collections.abc import Iterable, Sequence
from typing import Final

from modelspan_collector.store.connect import Store

SHOWN: Final = 10
_LONGEST: Final = 100
"""Characters of a name that are shown, and compared."""
_MOST: Final = 1000
_TABLES: Final = ("predictions", "monitor_results", "baselines", "models", "incidents", "audit_log")
"""Where a model may be known from, the likeliest first."""


class UnknownNameError(ValueError):
    """Nothing has that name; the message names what is there, the closest first."""


def typed(*words: str) -> str:
    """A command of ours as a shell takes it, whatever the names in it are made of.

    >>> typed("stage", "fraud v2", "", "approve")
    "modelspan stage 'fraud v2' '' approve"
    """
    return shlex.join(("modelspan", *words))


def need_model(store: Store, model: str, nor: str = "") -> None:
    """Refuse a model of which the store has nothing, as a misspelt one.

    Raises:
        UnknownNameError: it has nothing.
    """
    if not _known(store, "model = {model:String}", {"model": model}):
        there, wanted = _distinct(store, "model", "model != ''", {}), brief(model)
        raise UnknownNameError(
            f"there is no model {wanted!r} in this store{nor}; it has {named(model, there, 'model')}"
        )


def need_version(store: Store, model: str, version: str) -> None:
    """Refuse a model or a version of it of which the store has nothing.

    Raises:
        UnknownNameError: it has nothing.
    """
    need_model(store, model)
    asked = {"model": model, "version": version}
    there_is = _known(store, "model = {model:String} AND version = {version:String}", asked)
    if not (there_is if version else has_version(store, model, "")):
        there = _distinct(store, "version", "model = {model:String} AND version != ''", {"model": model})
        known = named(version, there, "version")
        raise UnknownNameError(f"there is no version {brief(version)!r} of {brief(model)}; it has {known}")


def has_version(store: Store, model: str, version: str) -> bool:
    """Whether predictions of a model came in a version; '' is those that came without one."""
    where = "model = {model:String} AND version = {version:String}"
    return bool(
        store.scalar(
            f"SELECT count() FROM (SELECT 1 FROM feature_profile_days WHERE {where} LIMIT 1)",
            {"model": model, "version": version},
        )
    )


def need_service(store: Store, service: str) -> None:
    """Refuse a service of which the store has no span.

    Raises:
        UnknownNameError: it has none.
    """
    if not store.scalar(_SERVED, {"service": service}):
        there = [str(row["service"]) for row in store.rows(_SERVICES)]
        raise UnknownNameError(
            f"the store has no span of a service {brief(service)!r}; it has {named(service, there, 'service')}"
        )


def need_feature(store: Store, model: str, version: str, feature: str) -> None:
    """Refuse a feature, or an output, of which neither sketches nor results of a model's version have anything.

    Raises:
        UnknownNameError: there is none of that name.
    """
    asked = {"model": model, "version": version, "feature": feature}
    if not store.scalar(_FEATURED, asked):
        there = [str(row["feature"]) for row in store.rows(_FEATURES, asked)]
        of = f"{brief(model)} {brief(version)}".strip()
        raise UnknownNameError(
            f"there is no feature {brief(feature)!r} of {of}; it has {named(feature, there, 'feature')}"
        )


def need_segment(store: Store, model: str, version: str, segment: str) -> None:
    """Refuse a slice of which nothing was measured; '' is all rows.

    Raises:
        UnknownNameError: nothing was; the message names those of which something was.
    """
    asked = {"model": model, "version": version}
    there = [str(row["segment"]) for row in store.rows(_SLICES, asked)] if segment else []
    if segment not in ("", *there):
        of = f"{brief(model)} {brief(version)}".strip()
        known = named(segment, there, "segment (`segments:` in monitors.yaml says by what rows are sliced)")
        raise UnknownNameError(f"nothing was measured of a segment {brief(segment)!r} of {of}; it has {known}")


def named(wanted: str, there: Sequence[str], what: str, shown: int = SHOWN) -> str:
    """What there is instead of a name, the closest to it first.

    >>> named("chrun", ["fraud", "churn"], "model")
    'churn, fraud'
    >>> named("churn", [], "model")
    'none of any model yet'
    """
    if not there:
        return f"none of any {what} yet"
    ordered = [brief(name) for name in sorted(there, key=lambda name: -_likeness(wanted, name))]
    more = f" and {len(ordered) - shown} more" if len(ordered) > shown else ""
    return f"{', '.join(ordered[:shown])}{more}"


def _likeness(wanted: str, name: str) -> float:
    return difflib.SequenceMatcher(None, brief(wanted).lower(), brief(name).lower()).ratio()


def spoken(version: str | None) -> str:
    """A version in words.

    >>> [spoken("2"), spoken(""), spoken(None)]
    ['version 2', 'no version', 'every version']
    """
    return "every version" if version is None else f"version {version}" if version else "no version"


def brief(name: str) -> str:
    """A name as a sentence may hold it."""
    return name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…"


def _known(store: Store, where: str, asked: dict[str, str]) -> bool:
    parts = (f"(SELECT count() FROM (SELECT 1 FROM {table} WHERE {where} LIMIT 1))" for table in _TABLES)
    return bool(store.scalar(f"SELECT {' + '.join(parts)}", asked))


def _distinct(store: Store, column: str, where: str, asked: dict[str, str]) -> list[str]:
    parts = (f"SELECT DISTINCT toString({column}) AS name FROM {table} WHERE {where}" for table in _TABLES)
    sql = f"SELECT DISTINCT name FROM ({' UNION ALL '.join(parts)}) ORDER BY name LIMIT {_MOST}"
    return [str(row["name"]) for row in store.rows(sql, asked)]


_OF_FEATURE = "model = {model:String} AND version = {version:String} AND feature = {feature:String}"
_FEATURED = " + ".join(
    f"(SELECT count() FROM (SELECT 1 FROM {table} WHERE {_OF_FEATURE} LIMIT 1))"
    for table in ("feature_profile_days", "monitor_results")
).join(("SELECT ", ""))
_FEATURES = f"""
SELECT DISTINCT toString(feature) AS feature FROM feature_profile_days
WHERE model = {{model:String}} AND version = {{version:String}} AND source = 'feature' ORDER BY feature LIMIT {_MOST}
"""
_SLICES = f"""
SELECT DISTINCT toString(segment) AS segment FROM monitor_results
WHERE model = {{model:String}} AND version = {{version:String}} AND segment != '' LIMIT {10 * _MOST}
"""
_SERVED = "SELECT count() FROM (SELECT 1 FROM otel_traces WHERE ServiceName = {service:String} LIMIT 1)"
_SERVICES = f"SELECT DISTINCT toString(ServiceName) AS service FROM otel_traces ORDER BY service LIMIT {_MOST}"


def need_all(store: Store, models: Iterable[str], versions: Iterable[str | None]) -> None:
    """Refuse the first of these models, or versions of the first model, that does not exist.

    A model of '' is all of them, as a version of None is; a version of '' is predictions that came without one.

    Raises:
        UnknownNameError: one does not exist.
    """
    asked = [model for model in models if model]
    for model in asked:
        need_model(store, model)
    for version in versions if asked else ():
        if version is not None:
            need_version(store, asked[0], version)
