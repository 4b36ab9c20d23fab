"""Profiles merged from the hourly sketches of `feature_profiles`: the same cost however many predictions there were."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta, timezone
from typing import Any

import numpy as np

from modelspan_analyzer.distributions.from_rows import moments
from modelspan_analyzer.distributions.relation import window_relation
from modelspan_analyzer.distributions.vocabulary import Column, Floats, Numbers, Profile, Support, Texts
from modelspan_analyzer.moments import utc
from modelspan_analyzer.results import Window
from modelspan_collector.store.connect import Store

GRID = 400
"""Quantiles read from a sketch, at the middle of equal steps of rank."""
RANK_ERROR = 1 / 400 + 1 / (2 * GRID)
"""Of the distribution function that the grid stands for: the sketch's own error and half a step of the grid."""

_LEVELS = ", ".join(f"{(step + 0.5) / GRID:.6f}" for step in range(GRID))

_COLUMNS = """source, kind, feature, weight_class, rows, weight, nans, infinite, zero, negative, minimum, maximum,
           total, squares, newest, distinct, quantiles, top"""

# Whole days from the days' sketches, the hours before and after them from the hours'.
_MERGED = f"""
SELECT source, kind, toString(feature) AS name, weight_class, sum(rows) AS n, sum(weight) AS count, sum(nans) AS nans,
       sum(infinite) AS infinite, sum(zero) AS zero, sum(negative) AS negative, min(minimum) AS minimum,
       max(maximum) AS maximum, sum(total) AS total, sum(squares) AS squares, max(newest) AS newest,
       uniqHLL12Merge(distinct) AS distinct,
       if(kind = 'numeric', quantilesGKMerge(400, {_LEVELS})(quantiles), []) AS grid,
       approx_top_kMerge(64, 256)(top) AS top
FROM (
    SELECT {_COLUMNS} FROM feature_profiles
    WHERE model = {{model:String}} AND ({{version:String}} = '' OR version = {{version:String}})
      AND segment = {{segment:String}}
      AND toStartOfDay(hour) IN (toStartOfDay({{start:DateTime('UTC')}}), toStartOfDay({{end:DateTime('UTC')}}))
      AND (hour >= {{start:DateTime('UTC')}} AND hour < least({{first_day:DateTime('UTC')}}, {{end:DateTime('UTC')}})
           OR hour >= greatest({{first_day:DateTime('UTC')}}, {{last_day:DateTime('UTC')}})
              AND hour < {{end:DateTime('UTC')}})
    UNION ALL
    SELECT {_COLUMNS} FROM feature_profile_days
    WHERE model = {{model:String}} AND ({{version:String}} = '' OR version = {{version:String}})
      AND segment = {{segment:String}}
      AND day >= {{first_day:DateTime('UTC')}} AND day < {{last_day:DateTime('UTC')}}
)
GROUP BY source, kind, name, weight_class
"""


def covers(window: Window) -> bool:
    """True where the window begins and ends on the hour, as sketches do."""
    return all(moment.minute == moment.second == moment.microsecond == 0 for moment in (window.start, window.end))


def profile_sketches(store: Store, model: str, version: str, window: Window, segment: str = "") -> Profile:
    """The profile of a window that begins and ends on the hour.

    Raises:
        ValueError: the window does not begin and end on the hour.
    """
    if not covers(window):
        raise ValueError(f"sketches are kept by the hour, and {window.start} to {window.end} is not whole hours")
    midnight = {"hour": 0, "minute": 0, "second": 0, "microsecond": 0}
    start, end = (moment.astimezone(timezone.utc) for moment in (window.start, window.end))
    first_day = (start + timedelta(hours=23)).replace(**midnight)  # type: ignore[arg-type]
    last_day = end.replace(**midnight)  # type: ignore[arg-type]
    scope = {"model": model, "version": version, "segment": segment}
    times = {"start": start, "end": end, "first_day": first_day, "last_day": last_day}
    rows = store.rows(_MERGED, {**scope, **times})
    whole = next((row for row in rows if row["source"] == "model"), None)
    return Profile(
        rows=int(whole["n"]) if whole else 0,
        weight=float(whole["count"]) if whole else 0.0,
        errors=float(whole["zero"]) if whole else 0.0,
        distinct_ids=float(whole["distinct"]) if whole else 0.0,
        newest=utc(whole["newest"]) if whole else None,
        features=_columns([row for row in rows if row["source"] == "feature"]),
        outputs=_columns([row for row in rows if row["source"] == "prediction"]),
        relation=window_relation(model, version, window),
        sketched=True,
        segment=segment,
    )


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
    """The grids of the weight classes as one support, each weighing what its rows do."""
    if not classes:
        return None
    grids: list[Floats] = [np.asarray(row["grid"], np.float64) for row in classes]
    if len(grids) == 1:
        return Support(grids[0], None, RANK_ERROR)
    values = np.concatenate(grids)
    weights = np.repeat([float(row["count"]) / GRID for row in classes], GRID)
    order = np.argsort(values, kind="stable")
    return Support(values[order], weights[order], RANK_ERROR)


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
