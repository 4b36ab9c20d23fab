"""The features of a window and of its baseline as matrices with the same columns, encoded as NannyML encodes them."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, replace

import numpy as np

from modelspan_analyzer.reading.baselines import Baseline
from modelspan_analyzer.reading.cache import kept
from modelspan_analyzer.reading.profiles.profile import Relation
from modelspan_analyzer.reading.relation import baseline_relation
from modelspan_analyzer.reading.samples.matrix import Encoding, Sample, find_encoding, sample
from modelspan_analyzer.reading.samples.thinned import rows_of, thinned
from modelspan_analyzer.statistics.counts import Floats
from modelspan_analyzer.statistics.pca_reconstruction import frequency_encoded
from modelspan_collector.store.connect import Store

LARGEST = 1e100
"""Larger numbers are cut to it, so that their squares are finite."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A sample of the baseline in two random halves: models are fitted on one, and windows compared with the other.

    A window is to a half that no model has seen what another draw of the baseline would be, so that chance alone
    decides how far they are apart. Categories are still codes of `encoding`.
    """

    encoding: Encoding
    learning: Sample
    held_out: Sample

    @property
    def timed(self) -> bool:
        """Whether the rows have times of their own, which training data has not."""
        stamps = self.held_out.timestamp
        return bool(stamps.size and stamps.max() > stamps.min())


@dataclass(frozen=True, slots=True)
class Matrices:
    """Numbers of shape (rows, columns) each, NaN where missing; a category is its share of the learning half."""

    names: tuple[str, ...]
    learning: Floats
    held_out: Floats
    window: Floats
    left_out: tuple[str, ...]
    """Features without any value on one side: there is nothing to compare."""


def read_reference(store: Store, baseline: Baseline, limit: int) -> Reference:
    """At most `2 · limit` rows of a baseline; those of stored rows, which never change, are kept in memory."""
    if baseline.stored:
        return _stored_reference(store, baseline, limit)
    return _read_reference(store, baseline_relation(baseline), limit)


def read_window(store: Store, relation: Relation, encoding: Encoding, limit: int, rows: int) -> Sample:
    """At most `limit` of the so many rows of a window, coded as the baseline's."""
    return sample(store, rows_of(thinned(store, relation, limit, rows)), encoding, limit)


def matrices(reference: Reference, window: Sample, without: Container[str] = ()) -> Matrices:
    """The columns that have a value in both halves of the baseline and in the window, but for some that are named."""
    sides = [finite(side.features) for side in (reference.learning, reference.held_out, window)]
    usable = np.all([np.any(~np.isnan(side), axis=0) for side in sides], axis=0)
    names = reference.encoding.names
    usable &= np.array([name not in without for name in names], bool)
    learning, held_out, current = (side[:, usable] for side in sides)
    for column in np.flatnonzero(reference.encoding.is_categorical[usable]):
        codes = learning[:, column][~np.isnan(learning[:, column])]
        for side in (held_out, current, learning):
            known = ~np.isnan(side[:, column])
            side[known, column] = frequency_encoded(codes, side[known, column])
    return Matrices(
        names=tuple(name for name, use in zip(names, usable, strict=True) if use),
        learning=learning,
        held_out=held_out,
        window=current,
        left_out=tuple(name for name, use in zip(names, usable, strict=True) if not use),
    )


@kept(16)
def _stored_reference(store: Store, baseline: Baseline, limit: int) -> Reference:
    return _read_reference(store, baseline_relation(baseline), limit)


def _read_reference(store: Store, relation: Relation, limit: int) -> Reference:
    drawn = thinned(store, relation, 2 * limit)
    halves = [rows_of(_half(drawn, parity)) for parity in (0, 1)]
    encoding = find_encoding(store, halves[0])
    learning, held_out = (sample(store, half, encoding, limit) for half in halves)
    return Reference(encoding, learning, held_out)


def _half(relation: Relation, parity: int) -> Relation:
    """The rows with an even or an odd hash."""
    condition = f"({relation.condition}) AND cityHash64(prediction_id) % 2 = {{parity:UInt8}}"
    return replace(relation, condition=condition, parameters={**relation.parameters, "parity": parity})


def finite(features: Floats) -> Floats:
    """A copy without infinities, which no mean survives."""
    return np.where(np.isfinite(features), np.clip(features, -LARGEST, LARGEST), np.nan)
