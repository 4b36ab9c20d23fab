"""Predictions where a decorator does not fit: a block of code, a loop, a history to be loaded."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from modelspan import _context, _runtime, conventions
from modelspan._failsafe import swallowed
from modelspan._labels import nanoseconds
from modelspan._observer import ALREADY_READ, Observer, Options
from modelspan.capture.batches import Outputs, Snapshot, snapshot
from modelspan.capture.outputs import Output, read
from modelspan.capture.tables import array_of
from modelspan.records.call import Call

_observers: dict[tuple[object, ...], Observer] = {}


class prediction:  # noqa: N801 - reads as a verb where it is used
    """Make the block a call of a model; fill in what is known of it.

    ```python
    with modelspan.prediction("churn", "1.4.0") as p:
        p.features = row
        p.value = score(row)
    ```

    `features` takes whatever `observe` does: a row, or a table; then `value`, `label` and each of `scores` is a column.
    An exception passes through, and marks the call as failed.
    """

    features: Any = None
    """A row (mapping, record) or a table."""
    value: Any = None
    """A number, or a column of numbers."""
    label: Any = None
    """A class, or a column of classes."""
    scores: Mapping[str, Any] | None = None
    """The score of each class, or a column of them."""
    attributions: Mapping[str, float] | None = None
    """What each feature of a row contributed (SHAP values and their like)."""
    tags: Mapping[str, object] | None = None
    """Segments and protected attributes that are no features."""
    timestamp: Any = None
    """When the prediction was made (a datetime, or a column of instants); now, where not given."""

    def __init__(
        self,
        model: str,
        version: str = "",
        *,
        role: str = conventions.ROLE_PRIMARY,
        classes: Sequence[Any] | None = None,
        feature_names: Sequence[str] | None = None,
        prediction_id: Any = None,
        timestamp: Any = None,
        tags: Mapping[str, object] | None = None,
    ) -> None:
        """Describe the call.

        Args:
            model: Name of the model.
            version: Its version.
            role: `"primary"` or `"shadow"`.
            classes: The classes, in the order of the scores.
            feature_names: Names of the columns of matrices and vectors.
            prediction_id: The caller's own id, or a column of ids.
            timestamp: As the attribute.
            tags: As the attribute.
        """
        self._model = (model, version, role, classes and tuple(classes), feature_names and tuple(feature_names))
        self._ids = prediction_id
        self.timestamp = timestamp
        self.tags = tags
        self._call: Call | None = None

    def __setattr__(self, name: str, value: Any) -> None:
        """Refuse what nobody would read: a name that is misspelt would be lost without a word."""
        if name not in _KNOWN and not name.startswith("_"):
            raise AttributeError(f"a prediction has no {name!r}; it has {', '.join(_KNOWN)}")
        object.__setattr__(self, name, value)

    @property
    def prediction_id(self) -> str | None:
        """The prediction's id: of a batch, the first row's; the caller may set its own, or a column of them."""
        if self._ids is not None and (isinstance(self._ids, str) or not hasattr(self._ids, "__len__")):
            return str(self._ids) if self._call is None else self._observer.redaction.cut(str(self._ids))
        return None if self._call is None else _context.prediction_id()

    @prediction_id.setter
    def prediction_id(self, ids: Any) -> None:
        self._ids = ids

    def __enter__(self) -> prediction:
        if not _runtime.disabled:
            try:
                self._observer = self._followed_by()
                self._call = self._observer.open()
                if self._call is not None:
                    self._observer.enter(self._call)
            except BaseException as error:
                swallowed("a prediction could not be followed", error)
        return self

    def _followed_by(self) -> Observer:
        known = _observers.get(self._model)
        if known is None:
            model, version, role, classes, feature_names = self._model
            known = Observer(Options(model, version, role, classes=classes, feature_names=feature_names))
            if len(_observers) < 1000:
                _observers[self._model] = known
        return known

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        call = self._call
        if call is None:
            return
        for fill in (self._fill_features, self._fill_ids, self._fill_time, self._fill_tags, self._fill_outputs):
            try:
                fill(call)
            except BaseException as failure:  # noqa: PERF203 - what one part cannot tell, another may
                part = fill.__name__.removeprefix("_fill_")
                swallowed(f"the {part} of a prediction of model {self._model[0]!r} could not be captured", failure)
        if error is not None:
            self._observer.fail(call, error)
        else:
            self._observer.end(call, ALREADY_READ)

    def _fill_features(self, call: Call) -> None:
        if self.features is not None:
            self._observer.set_features(call, self.features)

    def _fill_ids(self, call: Call) -> None:
        self._observer.set_ids(call, self._ids)

    def _fill_tags(self, call: Call) -> None:
        if self.tags is not None:
            call.tags = {**call.tags, **_context.as_tags(self.tags)}

    def _fill_outputs(self, call: Call) -> None:
        call.attributions = self.attributions
        if call.table is not None:
            call.outputs = self._columns(call.table.rows)
        else:
            told = Output(*read(self.value)[:2]) if self.value is not None else Output()
            label = read(self.label).label if self.label is not None else told.label
            call.result = Output(
                told.value, str(self.label) if label is None and self.label is not None else label, self.scores
            )

    def _fill_time(self, call: Call) -> None:
        if isinstance(self.timestamp, datetime.datetime):
            call.time_ns = nanoseconds(self.timestamp)
        elif self.timestamp is not None and call.table is not None:
            import pyarrow as pa

            times = array_of(self.timestamp)
            call.times = times.cast(pa.timestamp("ns")).cast(pa.timestamp("ns", "UTC"))

    def _columns(self, rows: int) -> Snapshot:
        def column(given: Any) -> Any:
            return None if given is None else array_of(given.copy() if hasattr(given, "copy") else given)

        value = column(self.value)
        label = None if self.label is None else snapshot(self.label, rows).columns()
        texts = (
            None if label is None else label.label if label.label is not None else array_of(label.value).cast("string")
        )
        scores = {str(name): column(given) for name, given in (self.scores or {}).items()}
        told = Outputs(None if value is None else value.cast("float64"), texts, scores)
        return Snapshot(rows, 64 * rows, lambda: told)


_KNOWN = ("features", "value", "label", "scores", "attributions", "tags", "timestamp", "prediction_id")
"""What may be filled in."""
