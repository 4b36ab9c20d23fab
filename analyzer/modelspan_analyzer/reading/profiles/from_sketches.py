"""Profiles merged from the hourly sketches of `feature_profiles`: the same cost however many predictions there were."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from modelspan_analyzer.instants import utc
from modelspan_analyzer.reading.profiles.from_rows import moments
from modelspan_analyzer.reading.profiles.profile import Column, Numbers, Profile, Support, Texts
from modelspan_analyzer.reading.profiles.thinning import at_equal_steps
from modelspan_analyzer.reading.relation import filled, window_relation
from modelspan_analyzer.reading.window import WHOSE, whose
from modelspan_analyzer.results import Window
from modelspan_collector.store.connect import Store

MOST_POINTS = 1_000
"""Points of a column that are kept; of more, as many at equal steps of rank."""
RANK_ERROR = 1 / 250
"""Of a distribution function: 1/800 from inserts, 1/800 from `condense`, 1/2000 from `MOST_POINTS`; the
rest is for what was thinned while it grew."""

_COLUMNS = """source, kind, feature, weight_class, rows, weight, nans, infinite, zero, negative, minimum, maximum,
           total, squares, newest, distinct, points.value AS points, points.weight AS weights, top"""

_HOURS = f"""
    SELECT {_COLUMNS} FROM feature_profiles
    WHERE {WHOSE}
      AND segment = {{segment:String}}
      AND toStartOfDay(hour) IN (toStartOfDay({{start:DateTime('UTC')}}), toStartOfDay({{end:DateTime('UTC')}}))
      AND (hour >= {{start:DateTime('UTC')}} AND hour < least({{first_day:DateTime('UTC')}}, {{end:DateTime('UTC')}})
           OR hour >= greatest({{first_day:DateTime('UTC')}}, {{last_day:DateTime('UTC')}})
              AND hour < {{end:DateTime('UTC')}})
"""
_DAYS = f"""
    SELECT {_COLUMNS} FROM feature_profile_days
    WHERE {WHOSE}
      AND segment = {{segment:String}}
      AND day >= {{first_day:DateTime('UTC')}} AND day < {{last_day:DateTime('UTC')}}
"""
_MERGED = """
SELECT source, kind, toString(feature) AS name, weight_class, sum(rows) AS n, sum(weight) AS count,
       sum(nans) AS nans, sum(infinite) AS infinite, sum(zero) AS zero, sum(negative) AS negative,
       min(minimum) AS minimum, max(maximum) AS maximum, sum(total) AS total, sum(squares) AS squares,
       toDateTime64(max(newest), 6, 'UTC') AS newest, uniqHLL12Merge(distinct) AS distinct,
       groupArrayArray(points) AS points, groupArrayArray(weights) AS weights,
       approx_top_kMerge(64, 256)(top) AS top
FROM ({sketches})
GROUP BY source, kind, name, weight_class
"""


def covers(window: Window) -> bool:
    """True where the window begins and ends on the hour, as sketches do."""
    return all(moment.minute == moment.second == moment.microsecond == 0 for moment in (window.start, window.end))


def profile_sketches(store: Store, model: str, version: str | None, window: Window, segment: str = "") -> Profile:
    """The profile of a window that begins and ends on the hour.

    Raises:
        ValueError: the window does not begin and end on the hour.
    """
    if not covers(window):
        raise ValueError(f"sketches are kept by the hour, and {window.start} to {window.end} is not whole hours")
    midnight = {"hour": 0, "minute": 0, "second": 0, "microsecond": 0}
    start, end = (moment.astimezone(UTC) for moment in (window.start, window.end))
    first_day = (start + timedelta(hours=23)).replace(**midnight)  # type: ignore[arg-type]
    last_day = end.replace(**midnight)  # type: ignore[arg-type]
    scope = {**whose(model, version), "segment": segment}
    times = {"start": start, "end": end, "first_day": first_day, "last_day": last_day}
    days, hours = first_day < last_day, start < first_day or last_day < end
    rows = _rows(store.arrow(_merged(days=days, hours=hours or not days), {**scope, **times}))
    whole = next((row for row in rows if row["source"] == "model"), None)
    n, weight = (int(whole["n"]), float(whole["count"])) if whole else (0, 0.0)
    features = _columns([row for row in rows if row["source"] == "feature"])
    return Profile(
        rows=n,
        weight=weight,
        errors=float(whole["zero"]) if whole else 0.0,
        distinct_ids=float(whole["distinct"]) if whole else 0.0,
        newest=utc(whole["newest"]) if whole else None,
        features={name: column.among(n, weight) for name, column in features.items()},
        outputs=_columns([row for row in rows if row["source"] == "prediction"]),
        relation=window_relation(model, version, window),
        sketched=True,
        segment=segment,
    )


def _merged(*, days: bool, hours: bool) -> str:
    """SQL: whole days from the days' sketches, the hours before and after them from the hours'.

    A table that has nothing of the window is not asked, which would take a third of the time.
    """
    return filled(_MERGED, sketches=" UNION ALL ".join([_HOURS] * hours + [_DAYS] * days))


def _rows(merged: pa.Table) -> list[dict[str, Any]]:
    """One dictionary a row, its points and their weights as arrays that never were Python objects."""
    rows: list[dict[str, Any]] = merged.drop_columns(["points", "weights"]).to_pylist()
    for name in ("points", "weights"):
        column = merged[name].combine_chunks()
        parts = np.split(column.flatten().to_numpy(), column.offsets.to_numpy()[1:])[:-1]
        for row, part in zip(rows, parts, strict=True):
            row[name] = part
    return rows


def _columns(rows: Iterable[Mapping[str, Any]]) -> dict[str, Column]:
    found: dict[str, dict[str, list[Mapping[str, Any]]]] = {}
    for row in rows:
        found.setdefault(row["name"], {}).setdefault(row["kind"], []).append(row)
    return {
        name: Column(
            name,
            null=sum(float(row["count"]) for row in kinds.get("null", [])),
            null_n=sum(int(row["n"]) for row in kinds.get("null", [])),
            numbers=_numbers(kinds["numeric"]) if "numeric" in kinds else None,
            texts=_texts(kinds["categorical"]) if "categorical" in kinds else None,
        )
        for name, kinds in sorted(found.items())
    }


def _numbers(classes: list[Mapping[str, Any]]) -> Numbers:
    """One column from its weight classes, usually one."""
    sums = {
        name: sum(float(row[name]) for row in classes)
        for name in ("count", "nans", "infinite", "zero", "negative", "total", "squares")
    }
    mean, std = moments(sums["count"] - sums["nans"] - sums["infinite"], sums.pop("total"), sums.pop("squares"))
    return Numbers(
        n=sum(int(row["n"]) for row in classes),
        nan=sums.pop("nans"),
        minimum=min(float(row["minimum"]) for row in classes),
        maximum=max(float(row["maximum"]) for row in classes),
        mean=mean,
        std=std,
        distinct=max(float(row["distinct"]) for row in classes),
        support=_support([row for row in classes if row["count"] > row["nans"] + row["infinite"]]),
        **sums,
    )


def _support(classes: list[Mapping[str, Any]]) -> Support | None:
    """The points of all weight classes, in order."""
    if not classes:
        return None
    points, each = (np.concatenate([row[name] for row in classes]) for name in ("points", "weights"))
    order = np.argsort(points)
    values, weights = points[order], each[order]
    if values.size > MOST_POINTS:
        return Support(at_equal_steps(values, weights, MOST_POINTS), None, RANK_ERROR)
    return Support(values, None if (weights == weights[0]).all() else weights, RANK_ERROR)


def _texts(classes: list[Mapping[str, Any]]) -> Texts:
    counts: dict[str, float] = {}
    for row in classes:
        weight = float(row["count"]) / int(row["n"])
        for entry in row["top"]:
            counts[entry["item"]] = counts.get(entry["item"], 0.0) + weight * float(entry["count"] - entry["error"])
    return Texts(
        n=sum(int(row["n"]) for row in classes),
        count=sum(float(row["count"]) for row in classes),
        distinct=max(float(row["distinct"]) for row in classes),
        counts=counts,
    )
