"""From checked streams to rows of `predictions`, `labels` and `models`: one table in, one part of an insert out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelspan import conventions as names
from modelspan_collector.write import answers, cells, native
from modelspan_collector.write.complaints import Complaint
from modelspan_collector.write.predictions import Numbers, Part, Texts, Vectors
from modelspan_collector.write.stream import metadata

_ORIGINAL_TIMESTAMP: Final = "modelspan.original_timestamp"
"""Tag of a row whose clock was not believed: what it said, in the unit that it was sent in."""
_TENANT_TAG: Final = "tenant"
_ROUNDED: Final = "integers beyond 2^53 became the nearest number of 64 bits; send ids as text"
_UNWEIGHED: Final = "a weight that is negative or no finite number is taken as 1: send 1 / sampling rate"
Batch = TypeVar("Batch")


@dataclass(frozen=True, slots=True)
class Rows(Generic[Batch]):
    """What goes into one table, of one model, and what is to be said of it."""

    rows: Batch
    signal: str
    service: str
    model: str
    wild: Mapping[str, int] = field(default_factory=dict)
    """Rows whose timestamp was out of range and replaced by the time of arrival, by what is said of it."""
    rounded: Mapping[str, int] = field(default_factory=dict)
    """Integers that Float64 cannot hold exactly, by feature."""
    unweighed: int = 0
    """Rows whose weight is no finite number of 0 or more: it would spoil all sums, and each counts as one."""

    def complaints(self) -> dict[Complaint, int]:
        """What users are told of these rows."""
        told = {
            Complaint(
                self.signal, "rounded", self.service, _ROUNDED, self.model, names.COL_FEATURE_PREFIX + name
            ): count
            for name, count in self.rounded.items()
        }
        for reason, count in self.wild.items():
            told[Complaint(self.signal, "wild_timestamp", self.service, reason, self.model)] = count
        if self.unweighed:
            column = names.COL_SAMPLE_WEIGHT
            told[Complaint(self.signal, "wild_weight", self.service, _UNWEIGHED, self.model, column)] = self.unweighed
        return told


def predictions(stream: pa.Table, received: pa.Array, service: str, tenant: str, project: str = "") -> Rows[Part]:
    """Rows of `predictions`.

    Args:
        stream: a checked `modelspan.predictions` stream.
        received: when each row arrived, int64 nanoseconds since 1970; it stands in for clocks that cannot be right.
        service: `service.name` of the sender.
        tenant: whose it is; '' where tenants are not used.
        project: what the sender's resource says that its models are part of; '' where it says nothing.
    """
    count, model = stream.num_rows, metadata(stream, names.META_MODEL)
    timestamps, original, wild = cells.times(cells.column(stream, names.COL_TIMESTAMP), received)
    features, rounded = cells.placed(stream, names.COL_FEATURE_PREFIX)
    tags = cells.texts(stream, names.COL_TAG_PREFIX)
    if wild:
        tags[_ORIGINAL_TIMESTAMP] = original
    for tag, told in ((_TENANT_TAG, tenant), (names.MODEL_PROJECT, project)):
        if told:
            tags[tag] = pa.repeat(pa.scalar(told, pa.string()), count)
    weights = cells.number(stream, names.COL_SAMPLE_WEIGHT).fill_null(1.0).to_numpy()
    usable = np.isfinite(weights) & (weights >= 0)
    if not usable.all():
        weights = np.where(usable, weights, 1.0)
    part = Part(
        rows=count,
        model=model,
        version=metadata(stream, names.META_VERSION),
        role=metadata(stream, names.META_ROLE) or names.ROLE_PRIMARY,
        service=service,
        timestamp=timestamps.cast(pa.int64()).to_numpy(),
        received_at=cells.arrival(received).cast(pa.int64()).to_numpy(),
        prediction_id=cells.text(stream, names.COL_PREDICTION_ID),
        trace_id=native.hexadecimal(cells.column(stream, names.COL_TRACE_ID), 16),
        span_id=native.hexadecimal(cells.column(stream, names.COL_SPAN_ID), 8),
        value=cells.number(stream, names.COL_VALUE),
        duration=cells.number(stream, names.COL_DURATION),
        sample_weight=weights,
        label=Texts.of({"label": cells.words(stream, names.COL_LABEL)}, count),
        error_type=Texts.of({"error_type": cells.words(stream, names.COL_ERROR_TYPE)}, count),
        scores=Numbers(cells.placed(stream, names.COL_SCORE_PREFIX)[0].get("numeric", {}), count),
        attributions=Numbers(cells.placed(stream, names.COL_ATTRIBUTION_PREFIX)[0].get("numeric", {}), count),
        numeric=Numbers(features.get("numeric", {}), count),
        categorical=Texts.of(features.get("categorical", {}), count),
        embeddings=Vectors(features.get("embedding", {}), count),
        tags=Texts.of(tags, count),
        shape=Texts.of({"shape": cells.words(stream, names.COL_SHAPE)}, count),
        items=answers.items(stream),
        outputs=Vectors(answers.outputs(stream), count, pa.float64()),
    )
    return Rows(part, "predictions", service, model, wild, rounded, int((~usable).sum()))


def labels(stream: pa.Table, received: pa.Array, service: str, tenant: str) -> Rows[pa.Table]:
    """Rows of `labels`, from a checked `modelspan.labels` stream."""
    count = stream.num_rows
    timestamps, _, wild = cells.times(cells.column(stream, names.COL_TIMESTAMP), received)
    columns = {
        "prediction_id": cells.text(stream, names.COL_PREDICTION_ID),
        "model": _same(metadata(stream, names.META_MODEL), count),
        "timestamp": timestamps,
        "received_at": cells.arrival(received),
        "value": cells.number(stream, names.COL_VALUE),
        "label": cells.text(stream, names.COL_LABEL),
        "tenant": _same(tenant, count),
        "outcome": _outcome(cells.text(stream, names.COL_OUTCOME)),
        "shape": cells.text(stream, names.COL_SHAPE),
        "items": answers.items(stream),
        "outputs": answers.by_row(stream),
    }
    return Rows(pa.table(columns), "labels", service, metadata(stream, names.META_MODEL), wild)


def model_cards(stream: pa.Table, received: pa.Array, service: str, tenant: str) -> Rows[pa.Table]:
    """Rows of `models`, from a checked `modelspan.model` stream."""
    count = stream.num_rows
    timestamps, _, wild = cells.times(cells.column(stream, names.COL_TIMESTAMP), received)
    classes = cells.column(stream, "classes")
    empty = pa.array([[]] * count, pa.list_(pa.string()))
    columns = {
        "model": _same(metadata(stream, names.META_MODEL), count),
        "version": _same(metadata(stream, names.META_VERSION), count),
        "timestamp": timestamps,
        "owner": cells.text(stream, "owner"),
        "task": cells.text(stream, "task"),
        "classes": empty if pa.types.is_null(classes.type) else pc.coalesce(classes.cast(pa.list_(pa.string())), empty),
        "hyperparameters": cells.text(stream, "hyperparameters"),
        "signature": cells.text(stream, "signature"),
        "training_data": cells.text(stream, "training_data"),
        "deployed_at": cells.column(stream, "deployed_at").cast(pa.timestamp("ns", "UTC"), safe=False),
        "tenant": _same(tenant, count),
        "project": cells.text(stream, "project"),
    }
    return Rows(pa.table(columns), "models", service, metadata(stream, names.META_MODEL), wild)


def _outcome(named: pa.Array) -> pa.Array:
    """The names of outcomes as the store has them: none of the label."""
    return pc.if_else(pc.equal(named, names.OUTCOME_LABEL), "", named)


CONVERT = {names.EVENT_PREDICTIONS: predictions, names.EVENT_LABELS: labels, names.EVENT_MODEL: model_cards}
"""The conversion of each event."""


def _same(value: str, rows: int) -> pa.Array:
    """One value for all rows; its index tells as many models, versions and services apart as one insert holds."""
    return pa.DictionaryArray.from_arrays(pa.repeat(pa.scalar(0, pa.int32()), rows), pa.array([value]))
