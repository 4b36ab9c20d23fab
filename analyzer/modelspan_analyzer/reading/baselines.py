"""What a model is compared with: rows of its own table, or a window of what was predicted.

Every baseline keeps its provenance: of which kind, from which source, how many rows, since when. The newest that was
set for a model's version is the active one; one set for no version in particular stands for every version that was
given none. What was learnt stands in for both while there is neither.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from modelspan_analyzer.files.roles import Settled
from modelspan_analyzer.files.tag_columns import tag_maps
from modelspan_analyzer.instants import now, utc
from modelspan_analyzer.people import ANALYZER, user
from modelspan_analyzer.reading import abandoned
from modelspan_analyzer.reading import labels as truths
from modelspan_analyzer.reading.features import reference_parts
from modelspan_analyzer.reading.names import need_all, spoken
from modelspan_analyzer.reading.window import bound, within
from modelspan_analyzer.results import Window
from modelspan_collector.store.connect import Store

KIND_ROWS = "rows"
"""Rows of a file, a query or a table: training or validation data."""
KIND_WINDOW = "window"
"""A fixed past window of predictions."""
KIND_PROFILE = "profile"
"""Counts and quantiles of columns, as another tool's profile tells of them, and no rows."""
KIND_LEARNT = "learnt"
"""Nothing was given: the first predictions."""
KIND_SLIDING = "sliding"
"""The stretch of time just before each window."""
KIND_SAME_HOUR = "same_hour"
"""The same stretch of time a week (or another period) before."""
KIND_VERSION = "version"
"""The same window of another version: champion against challenger."""

_MICROSECONDS: Final = pa.timestamp("us", "UTC")

NO_ROWS: Final = "the baseline is a profile without rows, and this needs rows"

STORED_KINDS = (KIND_ROWS, KIND_WINDOW, KIND_LEARNT, KIND_PROFILE)
"""Kinds that are kept, and never change: rows in `reference_predictions`, columns without rows in `reference_profiles`;
the others are read from `predictions`."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a window is compared with, and where it came from."""

    baseline_id: str
    model: str
    version: str | None
    """None where it stands for every version; '' where for predictions that came without one."""
    kind: str
    source: str
    """File, query or window, in words that a person can check."""
    window: Window | None
    """The event time that it covers; None for rows without one."""
    rows: int
    created_at: datetime
    compared_version: str = ""
    """The version whose predictions are the baseline, where they are read from `predictions` with each window."""

    @property
    def stored(self) -> bool:
        """True where it is kept, and does not change from window to window."""
        return self.kind in STORED_KINDS

    @property
    def has_rows(self) -> bool:
        """False where only its columns are known, each by itself."""
        return self.kind != KIND_PROFILE

    @property
    def read_version(self) -> str | None:
        """Whose predictions it was copied from, or is read from; None is every version."""
        return self.version if self.stored else self.compared_version


def need_rows(baseline: Baseline) -> None:
    """Refuse a baseline of which only the columns are known.

    Raises:
        ValueError: it is one.
    """
    if not baseline.has_rows:
        raise ValueError(f"{NO_ROWS}: {baseline.source}")


_COPY_WINDOW = f"""
INSERT INTO reference_predictions
    (baseline_id, model, version, timestamp, prediction_id, value, label, scores, true_value, true_label,
     sample_weight, numeric_features, categorical_features, null_features, embeddings, attributions, tags,
     shape, items, outputs)
WITH chosen AS (
    SELECT * FROM predictions WHERE {within()}
)
SELECT {{baseline_id:String}}, chosen.model, {{version:String}}, chosen.timestamp, chosen.prediction_id, chosen.value,
       chosen.label, chosen.scores, {truths.value("chosen.", "truth.")},
       {truths.label("chosen.", "truth.")}, chosen.sample_weight, chosen.numeric_features,
       chosen.categorical_features, chosen.null_features, chosen.embeddings, chosen.attributions, chosen.tags,
       chosen.shape, chosen.items, chosen.outputs
FROM chosen
LEFT JOIN {truths.labels_of("SELECT prediction_id FROM chosen")} AS truth ON truth.prediction_id = chosen.prediction_id
"""

_COUNT = "SELECT count() FROM reference_predictions WHERE model = {model:String} AND baseline_id = {baseline_id:String}"

_LISTING = """
SELECT baseline_id, model, kind, source, window_start, window_end, rows, created_at,
       if(version = '' AND kind != 'learnt' AND NOT JSONExtractBool(details, 'versionless'), NULL, version) AS version
FROM baselines FINAL
WHERE {model:String} = '' OR model = {model:String}
ORDER BY created_at DESC, baseline_id
"""


def set_from_window(store: Store, model: str, version: str | None, window: Window) -> Baseline:
    """Make a past window of predictions, with the labels known by now, the baseline; its rows are copied.

    Raises:
        ValueError: the window holds no prediction of this model and version.
    """
    need_all(store, [model], [version])
    source = f"predictions of {window.start:%Y-%m-%d %H:%M} to {window.end:%Y-%m-%d %H:%M} UTC"
    return _copy_window(store, model, version, window, KIND_WINDOW, source)


def set_learnt(store: Store, model: str, version: str, window: Window) -> Baseline:
    """Make the first predictions of a model, for which no baseline was given, its baseline.

    Raises:
        ValueError: the window holds no prediction of this model and version.
    """
    source = f"nothing was given: learnt from its first predictions, until {window.end:%Y-%m-%d %H:%M:%S} UTC"
    return _copy_window(store, model, version, window, KIND_LEARNT, source)


def set_from_table(
    store: Store,
    model: str,
    version: str | None,
    rows: pa.Table,
    *,
    prediction: str | None = None,
    score: str | None = None,
    label: str | None = None,
    ids: str | None = None,
    features: list[str] | None = None,
    tags: Sequence[str] = (),
    time: str | None = None,
    source: str,
) -> Baseline:
    """Make the rows of a table with plain columns, such as training data, the baseline.

    Args:
        rows: one row a prediction; the columns' Arrow types decide which features are numeric.
        prediction: column of the predicted class, or of the predicted number.
        score: column of the score (of the positive class).
        label: column of what was true.
        ids: column of the rows' own ids, by which they can be forgotten.
        features: columns of the features; all the others where none are named.
        tags: columns of the groups that rows belong to, by which slices and facets find their own baseline.
        time: column of UTC nanoseconds, when they were predicted: seasons are learnt from it.
        source: where the rows came from, in words that a person can check.

    Raises:
        ValueError: the table is empty, or a named column is not in it.
    """
    if rows.num_rows == 0:
        raise ValueError(f"the baseline of {model} from {source} has no rows")
    groups, done = tag_maps(rows, tags), 0
    if features is None:
        features = [name for name in rows.column_names if name not in {prediction, score, label, ids, time, *tags}]
    columns = {"prediction": prediction, "score": score, "label": label, "ids": ids, "time": time}
    parts = reference_parts(rows, features=features, **columns)
    window = _stretch(rows[time]) if time else None
    abandoned.clear(store)
    with abandoned.setting() as baseline_id:
        for part in parts:
            part = part.append_column("tags", groups.slice(done, part.num_rows))
            done += part.num_rows
            for name, value in (("version", version or ""), ("model", model), ("baseline_id", baseline_id)):
                part = part.add_column(0, name, pa.array([value] * part.num_rows, pa.string()))
            store.insert("reference_predictions", part)
        return record(store, Baseline(baseline_id, model, version, KIND_ROWS, source, window, rows.num_rows, now()))


def _stretch(times: pa.ChunkedArray) -> Window:
    """From the first to just after the last of some times."""
    ends = pc.min_max(times.cast(_MICROSECONDS, safe=False)).as_py()
    return Window(utc(ends["min"]), utc(ends["max"]) + timedelta(microseconds=1))


def set_from_settled(store: Store, model: str, version: str | None, settled: Settled, source: str) -> Baseline:
    """Make rows whose columns are settled, such as those of a file, the baseline.

    Raises:
        ValueError: there are none.
    """
    roles = settled.roles
    return set_from_table(
        store,
        model,
        version,
        settled.rows.table,
        prediction=roles.prediction,
        score=roles.score,
        label=roles.label,
        ids=roles.id,
        features=list(roles.features),
        tags=roles.segments,
        time=roles.time,
        source=source,
    )


def active(store: Store, model: str, version: str | None) -> Baseline | None:
    """The baseline that a model's version is compared with: the newest that was set for it, else the newest that was
    set for every version, else the one that was learnt."""
    return active_among(listing(store, model), model, version)


def active_among(known: Sequence[Baseline], model: str, version: str | None) -> Baseline | None:
    """The same, of baselines that were read, the newest first."""
    found = [baseline for baseline in known if baseline.model == model and baseline.version in (version, None)]
    own = (baseline for baseline in found if baseline.version == version and baseline.kind != KIND_LEARNT)
    every = (baseline for baseline in found if baseline.version is None)
    return next(own, next(every, next(iter(found), None)))


def keeping_their_own(store: Store, model: str) -> list[str]:
    """The versions of a model that a baseline was set for, which a new one for all versions does not replace."""
    given = (baseline for baseline in listing(store, model) if baseline.kind != KIND_LEARNT)
    return sorted({baseline.version for baseline in given if baseline.version is not None})


def listing(store: Store, model: str | None = None) -> list[Baseline]:
    """All baselines, the newest first."""
    return [_from_row(row) for row in store.rows(_LISTING, {"model": model or ""})]


def _copy_window(store: Store, model: str, version: str | None, window: Window, kind: str, source: str) -> Baseline:
    abandoned.clear(store)
    with abandoned.setting() as baseline_id:
        store.command(_COPY_WINDOW, {**bound(model, version, window), "baseline_id": baseline_id})
        count = int(store.scalar(_COUNT, {"model": model, "baseline_id": baseline_id}))
        if count == 0:
            raise ValueError(
                f"{model} ({spoken(version)}) has no prediction between {window.start} and {window.end}; "
                "choose a window that has some (`modelspan status` shows the newest)"
            )
        return record(store, Baseline(baseline_id, model, version, kind, source, window, count, now()))


def record(store: Store, baseline: Baseline) -> Baseline:
    """Set a baseline whose rows or columns are there."""
    stamp = pa.timestamp("ns", "UTC")
    window = baseline.window
    row = {
        "baseline_id": [baseline.baseline_id],
        "model": [baseline.model],
        "version": [baseline.version or ""],
        "kind": [baseline.kind],
        "source": [baseline.source],
        "window_start": pa.array([window.start if window else None], stamp),
        "window_end": pa.array([window.end if window else None], stamp),
        "rows": pa.array([baseline.rows], pa.uint64()),
        "created_at": pa.array([baseline.created_at], pa.timestamp("ms", "UTC")),
        "details": [json.dumps({"versionless": True}) if baseline.version == "" else ""],
    }
    store.insert("baselines", pa.table(row))
    details = json.dumps({"baseline_id": baseline.baseline_id, "kind": baseline.kind, "source": baseline.source})
    actor = ANALYZER if baseline.kind == KIND_LEARNT else user()
    audit = {"actor": actor, "action": "baseline set", "model": baseline.model, "version": baseline.version or ""}
    store.insert("audit_log", pa.table({name: [value] for name, value in {**audit, "details": details}.items()}))
    return baseline


def _from_row(row: dict[str, Any]) -> Baseline:
    start, end = row["window_start"], row["window_end"]
    return Baseline(
        baseline_id=row["baseline_id"],
        model=row["model"],
        version=row["version"],
        kind=row["kind"],
        source=row["source"],
        window=Window(utc(start), utc(end)) if start is not None and end is not None else None,
        rows=int(row["rows"]),
        created_at=utc(row["created_at"]),
    )
