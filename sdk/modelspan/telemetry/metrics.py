"""Metrics of predictions, counted from all calls that have ended, those too whose records sampling leaves out.

They are counted in the background, before anything is encoded and without a word of the encoder: in the call itself it
would take longer than all else that a call costs.

Their label sets are bounded here: the number of models and versions, of exception types, and of predicted labels a
model; what comes beyond counts as `(other)`.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Histogram, Observation

from modelspan import conventions
from modelspan._failsafe import guard, swallowed
from modelspan._gentle import BATCHES_AT_ONCE, gently
from modelspan.capture.batches import Outputs
from modelspan.capture.outputs import Output
from modelspan.delivery.outbox import Tally
from modelspan.records.call import Call, Stream
from modelspan.records.groups import Group
from modelspan.records.unpacked import Rows
from modelspan.telemetry.histograms import (
    DURATION_BOUNDARIES,
    VALUE_BOUNDARIES,
    VALUES_OF_A_BATCH,
    Attributes,
    Buckets,
    Sink,
    Values,
)

OTHER = "(other)"
MOST_STREAMS = 200
MOST_LABELS = 100
MOST_ERROR_TYPES = 50

HISTOGRAMS = {
    conventions.METRIC_DURATION: ("s", "Duration of calls of the predict function.", DURATION_BOUNDARIES),
    conventions.METRIC_FIRST_ITEM: ("s", "Time to the first item of a streamed result.", DURATION_BOUNDARIES),
    conventions.METRIC_VALUE: ("1", "Predicted values.", VALUE_BOUNDARIES),
}
BOUNDARIES = {name: boundaries for name, (_, _, boundaries) in HISTOGRAMS.items()}


class Bounded:
    """Lets the first so many distinct values through, and calls the rest `(other)`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._seen: set[str] = set()

    def __call__(self, value: str) -> str:
        """The value, or `(other)`."""
        if value not in self._seen:
            if len(self._seen) >= self._most:
                return OTHER
            self._seen.add(value)
        return value


class Metrics:
    """Counts calls of one process."""

    def __init__(self, sink: Sink | None = None) -> None:
        """Count histograms into a sink, or (None) into instruments of the global meter provider."""
        self._sink = sink if sink is not None else _instruments()
        self._lock = threading.Lock()
        self.predictions: Counter[Attributes] = Counter()
        self.labels: Counter[Attributes] = Counter()
        self._streams: set[tuple[str, str]] = set()
        self._error_types = Bounded(MOST_ERROR_TYPES)
        self._label_texts: dict[Attributes, Bounded] = {}

    def observe(self, calls: Sequence[Call]) -> None:
        """Count calls of single rows."""
        groups: dict[tuple[Stream, str | None], list[Call]] = {}
        for call in calls:
            groups.setdefault((call.stream, call.error_type), []).append(call)
        for (stream, error_type), group in groups.items():
            with guard("calls could not be counted"):  # one group's failure is not another's
                self._count(self._attributes(stream), error_type, group)
                if error_type is None:
                    self._count_outputs(self._attributes(stream), [call.result for call in group])

    def observe_groups(self, groups: Sequence[Group]) -> None:
        """Count calls with tables."""
        for group in gently(groups, BATCHES_AT_ONCE):
            with guard("calls could not be counted"):
                attributes = self._attributes(group.first.stream)
                self._count(attributes, group.first.error_type, group.calls)
                if group.first.error_type is None:
                    self._count_columns(attributes, group.predicted, some=len(group.calls) == 1)

    def _attributes(self, stream: Stream) -> Attributes:
        key = (stream.model, stream.version)
        if key not in self._streams and len(self._streams) >= MOST_STREAMS:
            key = (OTHER, OTHER)
        self._streams.add(key)
        attributes = ((conventions.MODEL_NAME, key[0]), (conventions.MODEL_VERSION, key[1]))
        role = () if stream.role == conventions.ROLE_PRIMARY else ((conventions.MODEL_ROLE, stream.role),)
        return attributes + role

    def _count(self, attributes: Attributes, error_type: str | None, calls: Sequence[Call]) -> None:
        outcome = (
            attributes if error_type is None else (*attributes, (conventions.ERROR_TYPE, self._error_types(error_type)))
        )
        with self._lock:
            self.predictions[outcome] += sum(call.rows for call in calls)
        durations = [call.duration for call in calls if call.duration is not None]
        self._sink.record(conventions.METRIC_DURATION, durations, outcome)
        first_items = [call.first_item for call in calls if call.first_item is not None]
        self._sink.record(conventions.METRIC_FIRST_ITEM, first_items, outcome)

    def _count_outputs(self, attributes: Attributes, results: list[Any]) -> None:
        values = [result.value if isinstance(result, Output) else result for result in results]
        known = [value for value in values if value is not None and value == value]
        self._sink.record(conventions.METRIC_VALUE, known, attributes)
        labels = Counter(result.label for result in results if isinstance(result, Output) and result.label is not None)
        self._count_labels(attributes, labels)

    def observe_packed(self, rows: Rows) -> None:
        """Count packed calls."""
        with guard("calls could not be counted"):
            attributes = self._attributes(rows.layout.shape.stream)
            with self._lock:
                self.predictions[attributes] += rows.rows
            self._sink.record(conventions.METRIC_DURATION, rows.duration, attributes)
            self._count_columns(attributes, rows.outputs)

    def _count_columns(self, attributes: Attributes, told: Outputs, *, some: bool = False) -> None:
        import pyarrow.compute as pc

        if told.value is not None:
            values = told.value.drop_null().to_numpy(zero_copy_only=False)
            self._sink.record(conventions.METRIC_VALUE, values[values == values], attributes, some=some)
        if told.label is not None:
            counts = pc.value_counts(told.label.drop_null()).to_pylist()
            self._count_labels(attributes, {each["values"]: each["counts"] for each in counts})

    def _count_labels(self, attributes: Attributes, counts: dict[str, int]) -> None:
        bounded = self._label_texts.setdefault(attributes, Bounded(MOST_LABELS))
        with self._lock:
            for text, count in counts.items():
                series = (*attributes, (conventions.PREDICTION_LABEL, bounded(text)))
                self.labels[series] += count

    def read(self, counter: Counter[Attributes]) -> list[Observation]:
        """A counter as observations."""
        with self._lock:
            return [Observation(count, dict(attributes)) for attributes, count in counter.items()]


def _instruments() -> Sink:
    """The instruments; counts that nobody reads where the application's provider makes none."""
    with guard("histograms could not be made"):
        return _Instruments()
    return Buckets(BOUNDARIES)


class _Instruments:
    """Histograms of the application's meter provider."""

    def __init__(self) -> None:
        meter = metrics.get_meter("modelspan")
        self._histograms: dict[str, Histogram] = {
            name: meter.create_histogram(name, unit, description, explicit_bucket_boundaries_advisory=boundaries)
            for name, (unit, description, boundaries) in HISTOGRAMS.items()
        }

    def record(self, name: str, values: Values, attributes: Attributes, *, some: bool = False) -> None:
        histogram, told = self._histograms[name], dict(attributes)
        step = max(1, -(-len(values) // VALUES_OF_A_BATCH)) if some else 1
        spaced = values[::step]
        for value in spaced:
            if value >= 0:
                histogram.record(float(value), told)
            else:  # which OpenTelemetry would warn of, each time
                swallowed("predicted values below 0 are in no metric, as OpenTelemetry's histograms take none")


def observe_counters(current: Callable[[], tuple[Metrics, Tally] | None]) -> None:
    """Create the counters, which read what the process has counted whenever they are exported.

    `current` tells the counts of this process, since a forked child starts with its own.
    """

    def reader(read: Callable[[Metrics, Tally], list[Observation]]) -> Callable[[CallbackOptions], list[Observation]]:
        def callback(_options: CallbackOptions) -> list[Observation]:
            found = current()
            return read(*found) if found is not None else []

        return callback

    meter = metrics.get_meter("modelspan")
    for name, unit, description, read in _COUNTERS:
        meter.create_observable_counter(name, [reader(read)], unit, description)


def _read_predictions(counted: Metrics, _tally: Tally) -> list[Observation]:
    return counted.read(counted.predictions)


def _read_labels(counted: Metrics, _tally: Tally) -> list[Observation]:
    return counted.read(counted.labels)


def _read_records(_counted: Metrics, tally: Tally) -> list[Observation]:
    return [Observation(rows, {"outcome": outcome}) for outcome, rows in tally.read().items()]


_COUNTERS = (
    (conventions.METRIC_PREDICTIONS, "{prediction}", "Predictions made.", _read_predictions),
    (conventions.METRIC_LABELS, "{prediction}", "Predictions by label.", _read_labels),
    (conventions.METRIC_SDK_RECORDS, "{record}", "Rows of records by what became of them.", _read_records),
)
