"""Every name that modelspan puts on the wire: attributes, events, metrics and record columns.

OpenTelemetry has no conventions for non-generative inference yet, so the names live under our own
prefix and in this one file: when a standard comes, they move here and nowhere else.
"""

from collections.abc import Sequence
from typing import Final

SCHEMA_VERSION: Final = "1"
"""Version of the record columns below, sent in the metadata of every Arrow stream."""

# --- Span attributes -------------------------------------------------------------------------

MODEL_NAME: Final = "modelspan.model.name"
MODEL_VERSION: Final = "modelspan.model.version"
MODEL_ROLE: Final = "modelspan.model.role"
MODEL_PROJECT: Final = "modelspan.model.project"
"""Attribute of the resource, and then tag of its predictions: what its models are part of, where no card says."""
PREDICTION_ID: Final = "modelspan.prediction.id"
PREDICTION_VALUE: Final = "modelspan.prediction.value"
"""Number: the score or regression value that the model returned."""
PREDICTION_LABEL: Final = "modelspan.prediction.label"
"""String: the class that the model returned."""
PREDICTION_SCORE_PREFIX: Final = "modelspan.prediction.score."
FEATURE_PREFIX: Final = "modelspan.feature."
TAG_PREFIX: Final = "modelspan.tag."
BATCH_SIZE: Final = "modelspan.batch.size"
SAMPLE_WEIGHT: Final = "modelspan.sample_weight"
RECORDED: Final = "modelspan.recorded"
"""True where prediction records account for the call (by itself, or by the weight of a sampled one), so that nothing is
counted twice."""
FLAGGED: Final = "modelspan.flagged"
"""True on a span of a prediction worth a look: a collector that samples what it sends on keeps the whole trace."""
ATTRIBUTES_LEFT_OUT: Final = "modelspan.attributes.left_out"
"""Int: attributes of the prediction that the span had no room for; its record carries all."""
ERROR_TYPE: Final = "error.type"

ROLE_PRIMARY: Final = "primary"
ROLE_SHADOW: Final = "shadow"
ROLES: Final = (ROLE_PRIMARY, ROLE_SHADOW)

SPAN_NAME_PREFIX: Final = "predict "

# --- Metrics (UCUM units) --------------------------------------------------------------------

METRIC_DURATION: Final = "modelspan.predict.duration"
METRIC_FIRST_ITEM: Final = "modelspan.predict.time_to_first_item"
METRIC_PREDICTIONS: Final = "modelspan.predictions"
METRIC_VALUE: Final = "modelspan.prediction.value"
METRIC_LABELS: Final = "modelspan.prediction.labels"
METRIC_SDK_RECORDS: Final = "modelspan.sdk.records"

# --- Events: OTLP log records whose body is one Arrow IPC stream --------------------------------

EVENT_PREFIX: Final = "modelspan."
EVENT_PREDICTIONS: Final = "modelspan.predictions"
EVENT_LABELS: Final = "modelspan.labels"
EVENT_MODEL: Final = "modelspan.model"

# --- Arrow schema metadata of a stream: what all its rows share ---------------------------------

META_SCHEMA: Final = "modelspan.schema"
META_MODEL: Final = MODEL_NAME
META_VERSION: Final = MODEL_VERSION
META_ROLE: Final = MODEL_ROLE
META_LEFT_OUT: Final = "modelspan.left_out"
"""JSON object: the features that have no place in the record, or some of whose values have none, and why."""

# --- Arrow columns of a `modelspan.predictions` stream ------------------------------------------

COL_TIMESTAMP: Final = "timestamp"
COL_PREDICTION_ID: Final = "prediction_id"
COL_TRACE_ID: Final = "trace_id"
COL_SPAN_ID: Final = "span_id"
COL_VALUE: Final = "value"
COL_LABEL: Final = "label"
COL_SHAPE: Final = "shape"
"""What the answer is where it is more than one number or class (`modelspan.capture.answers`)."""
COL_ITEMS: Final = "items"
"""The texts of such an answer: labels, ranked ids, the classes of boxes."""
COL_OUTPUT_PREFIX: Final = "output."
"""Its numbers by name, each a list."""
COL_OUTCOME: Final = "outcome"
"""Of `modelspan.labels`: what of the prediction became known; missing of the label itself, what the model predicts."""
OUTCOME_LABEL: Final = "label"
"""The name of the outcome that a model predicts."""
COL_DURATION: Final = "duration"
LONGEST_DURATION: Final = 31_536_000.0
"""Seconds in a year: no call takes longer, and none takes less than nothing; what says so is no time."""
COL_ERROR_TYPE: Final = "error_type"
COL_SAMPLE_WEIGHT: Final = "sample_weight"
COL_SCORE_PREFIX: Final = "score."
COL_FEATURE_PREFIX: Final = "feature."
COL_TAG_PREFIX: Final = "tag."
COL_ATTRIBUTION_PREFIX: Final = "attribution."

# --- Answers that are more than one number or class (`modelspan.capture.answers`) -----------------

MULTIOUTPUT: Final = "multioutput"
MULTILABEL: Final = "multilabel"
RANKING: Final = "ranking"
QUANTILE: Final = "quantile"
DETECTION: Final = "detection"
SEGMENTATION: Final = "segmentation"
SHAPES: Final = (MULTIOUTPUT, MULTILABEL, RANKING, QUANTILE, DETECTION, SEGMENTATION)
"""What a task may say that such answers are."""
UNTOLD: Final = "untold"
"""The shape of one of which nothing says what it is."""
MASK: Final = "***"
"""What the collector's masks leave in the place of a text."""
ANOMALY: Final = "anomaly"
"""A task whose numbers are the higher, the less usual a row is."""

# --- Classes --------------------------------------------------------------------------------------

POSITIVE_CLASSES: Final = ("1", "true", "True", "yes", "Yes", "y", "Y", "positive", "fraud", "bad")
"""Names by which a class of two is the positive one, the one to find, wherever it stands."""


def positive_of(classes: Sequence[str]) -> str:
    """The positive class: the one of such a name, else the last.

    >>> positive_of(["fraud", "legit"]), positive_of(["ham", "spam"])
    ('fraud', 'spam')
    """
    return next((name for name in POSITIVE_CLASSES if name in classes), classes[-1])
