"""Predictions where a decorator does not fit: a block of code, a loop, a history to be loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

from modelspan import _context, _runtime, conventions
from modelspan._failsafe import swallowed
from modelspan._observer import ALREADY_READ, Observer, Options
from modelspan.capture import times
from modelspan.capture.batches import NOTHING, Outputs, Snapshot, snapshot
from modelspan.capture.output_columns import of_vector
from modelspan.capture.outputs import REGRESSION, Output, Told, label_of, named_scores, read
from modelspan.capture.scalars import class_name
from modelspan.capture.texts import id_of, texts_of
from modelspan.capture.values import UnfitError, is_plain
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
    """A number, an answer of several parts (labels, ranked items, quantiles, …), or a column of either."""
    label: Any = None
    """A class, or a column of classes."""
    scores: Mapping[str, Any] | None = None
    """The score of each class, or a column of them."""
    attributions: Mapping[str, float] | Sequence[float] | None = None
    """What each feature of a row contributed (SHAP values and their like), by name or in the order of the features."""
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
        task: str = "",
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
            classes: The classes, in the order of the scores; of two, the value is the score of the second.
            task: What answers are, where they alone do not tell, as of `observe`: `"ranking"`, `"multilabel"`, ….
            feature_names: Names of the columns of matrices and vectors.
            prediction_id: The caller's own id, or a column of ids.
            timestamp: As the attribute.
            tags: As the attribute.
        """
        self._model = (model, version, role, _tuple_of(classes), task, _tuple_of(feature_names))
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
        if self._ids is not None and (isinstance(self._ids, (str, bytes)) or not hasattr(self._ids, "__len__")):
            own = id_of(self._ids)
            return own if self._call is None or own is None else self._observer.redaction.cut(own)
        return None if self._call is None else self._call.prediction_id()

    @prediction_id.setter
    def prediction_id(self, ids: Any) -> None:
        self._ids = ids

    def __enter__(self) -> prediction:
        if not _runtime.disabled:
            try:
                try:
                    self._observer = self._followed_by()
                except ValueError as error:  # what it was told cannot mean anything, and the message says what
                    swallowed(f"a prediction of model {self._model[0]!r} is not followed: {error}")
                    return self
                self._call = self._observer.open()
                if self._call is not None:
                    self._observer.enter(self._call)
            except BaseException as error:
                swallowed("a prediction could not be followed", error)
        return self

    def _followed_by(self) -> Observer:
        known = _observers.get(self._model)
        if known is None:
            model, version, role, classes, task, names = self._model
            options = Options(model=model, version=version, role=role, classes=classes, task=task, feature_names=names)
            known = Observer(options)
            if len(_observers) < 1000:
                _observers[self._model] = known
        return known

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        call = self._call
        if call is None:
            return
        for fill in _FILLS:
            try:
                fill(self, call)
            except UnfitError as failure:
                swallowed(f"a part of a prediction of model {self._model[0]!r} is left out ({failure})")
            except BaseException as failure:
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

    def _fill_attributions(self, call: Call) -> None:
        """A mapping, or a number for each feature in their order, as explainers return them."""
        given = self.attributions
        if given is None or isinstance(given, Mapping):
            call.attributions = None if given is None else dict(given)
            return
        numbers = list(given)
        if call.table is not None or len(numbers) != len(call.names):
            raise UnfitError(f"attributions are {len(numbers)} numbers and the features {len(call.names)}")
        call.attributions = dict(zip(call.names, numbers, strict=True))

    def _fill_outputs(self, call: Call) -> None:
        if call.table is not None:
            call.outputs = self._columns(call.table.rows)
            return
        told = self._observer.told
        value = read(self.value, told) if self.value is not None else Output()
        label = value.label if self.label is None else label_of(self.label)
        if label is None and self.label is not None and self.label == self.label:
            swallowed(f"a label of type {type(self.label).__name__} is no class, and is left out")
        call.result = Output(
            value.value,
            label,
            named_scores(self.scores, told) if self.scores is not None else value.scores,
            value.answer,
        )

    def _fill_time(self, call: Call) -> None:
        if self.timestamp is None:
            return
        if call.table is not None and hasattr(self.timestamp, "__len__") and not isinstance(self.timestamp, str):
            found = times.or_now(times.instants(self.timestamp), "predictions")
            if len(found) != call.table.rows:
                raise ValueError(f"the table has {call.table.rows} rows and {len(found)} timestamps were given")
            call.times = found
            return
        when = times.instant(self.timestamp)
        if when is None:
            swallowed("instants of predictions that are missing, or that cannot be read, are taken as now")
        else:
            call.keep_ids()
            call.time_ns = when

    def _columns(self, rows: int) -> Snapshot:
        def column(given: Any) -> Any:
            if not hasattr(given, "__len__") or isinstance(given, (str, bytes)):
                return [given]
            return given.copy() if hasattr(given, "copy") else given

        told = self._observer.told
        value = NOTHING if self.value is None else _answers(column(self.value), rows, told)
        label = value.label if self.label is None else texts_of(column(self.label))
        scores = {
            class_name(name): of_vector(column(given), Told(task=REGRESSION)).value
            for name, given in (self.scores or {}).items()
        }
        known = {name: numbers for name, numbers in scores.items() if numbers is not None}
        return Snapshot(rows, 64 * rows, lambda: Outputs(value.value, label, known or value.scores, value.answers))


def _answers(column: Any, rows: int, told: Told) -> Outputs:
    """A column of numbers or classes, or of answers that are several of them each, as a function returns them."""
    listed = isinstance(column, (list, tuple)) and any(each is not None and not is_plain(each) for each in column)
    several = listed or getattr(column, "ndim", 1) > 1
    return snapshot(column, rows, told).columns() if several else of_vector(column, told)


def _tuple_of(given: Sequence[Any] | None) -> tuple[Any, ...] | None:
    """A sequence of any kind, also an array, whose truth nobody can tell."""
    return None if given is None else tuple(given)


_KNOWN = ("features", "value", "label", "scores", "attributions", "tags", "timestamp", "prediction_id")
"""What may be filled in."""

_FILLS = (
    prediction._fill_features,
    prediction._fill_ids,
    prediction._fill_time,
    prediction._fill_tags,
    prediction._fill_attributions,
    prediction._fill_outputs,
)
"""How; each costs no other."""
