"""All signals, one record each: what it is called, how grave it is, and which question it asks of the predictions.

A signal's name is also that of its section in `monitors.yaml`. `monitors/table.py` says which monitors measure it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from modelspan_analyzer import kinds

LEAST_GRAVE: Final = 100


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric of a signal that says something else than the signal's other metrics."""

    words: str = ""
    """The signal's, where empty."""
    question: str = ""
    """One of `kinds.KINDS`; empty for what is about all predictions at once, or about those that never came."""


@dataclass(frozen=True, slots=True)
class Signal:
    """One thing that is watched."""

    name: str
    """The `signal` of its results, and its section of the settings."""
    words: str
    """What a finding is called; `{metric}` stands for its metric."""
    question: str = ""
    """What a finding asks about, one of `kinds.KINDS`; empty where it says nothing of single predictions."""
    gravity: int = LEAST_GRAVE
    """The lowest are explained and named first."""
    harm: bool = False
    """Whether it measures harm itself, not a sign of it: never below a warning."""
    reads_labels: bool = False
    """Whether windows are measured again when labels come in."""
    names_outputs: bool = False
    """Whether what its results call a feature is an output of the model, which goes without saying."""
    metrics: Mapping[str, Metric] = field(default_factory=dict)

    def words_for(self, metric: str) -> str:
        """What a finding of a metric is called."""
        words = self.metrics.get(metric, _PLAIN).words or self.words
        return words.format(metric=metric.replace("_", " "))

    def question_for(self, metric: str) -> str:
        """What a finding of a metric asks about; empty where it is about no single predictions."""
        return self.metrics[metric].question if metric in self.metrics else self.question


_PLAIN: Final = Metric()


class Signals(dict[str, Signal]):
    """Signals by name; one that is not in the table goes by its own name, and asks nothing."""

    @classmethod
    def of(cls, *signals: Signal) -> Signals:
        """The signals by name; the same one may come twice."""
        return cls((one.name, one) for one in signals)

    def __missing__(self, name: str) -> Signal:
        """What is known of a signal that no table holds."""
        return Signal(name, name.replace("_", " ").replace("{", "{{").replace("}", "}}"))


_MISSING: Final = Metric("missing values", kinds.MISSING)

PERFORMANCE: Final = Signal("performance", "worse {metric}", kinds.WRONG, gravity=0, harm=True, reads_labels=True)
FAIRNESS: Final = Signal(
    "fairness",
    "unfair {metric}",
    kinds.UNFAIR,
    gravity=1,
    harm=True,
    reads_labels=True,
    metrics={"facets": Metric()},
)
DATA_QUALITY: Final = Signal(
    "data_quality",
    "bad values",
    kinds.DRIFT,
    gravity=2,
    metrics={
        "null_rate": _MISSING,
        "missing_feature": _MISSING,
        "renamed_feature": _MISSING,
        "error_rate": Metric("failed predictions", kinds.ERRORS),
        "volume": Metric("unusual volume"),
        "freshness": Metric("stale data"),
        "duplicate_id_rate": Metric(),
        "new_feature": Metric(),
    },
)
PREDICTION_DRIFT: Final = Signal(
    "prediction_drift", "shifted predictions", kinds.PREDICTION_DRIFT, gravity=3, names_outputs=True
)
DATA_DRIFT: Final = Signal("data_drift", "drift", kinds.DRIFT, gravity=4)
ESTIMATION: Final = Signal("estimation", "worse estimated {metric}", kinds.PREDICTION_DRIFT)
CONCEPT: Final = Signal("concept", "changed outcomes", kinds.WRONG, reads_labels=True)
ATTRIBUTION: Final = Signal("attribution", "changed influence", kinds.DRIFT)
ROBUSTNESS: Final = Signal("robustness", "robustness", kinds.PREDICTION_DRIFT)
MULTIVARIATE: Final = Signal("multivariate", "a changed mix of features", kinds.DRIFT)
EMBEDDING: Final = Signal("embedding", "drift of embeddings", kinds.DRIFT, metrics={"null_rate": _MISSING})
POISONING: Final = Signal(
    "poisoning",
    "suspicious rows",
    kinds.PREDICTION_DRIFT,
    metrics={"label_flip_rate": Metric(question=kinds.WRONG)},
)
LATENCY: Final = Signal("latency", "slow predictions", kinds.SLOW)
"""No monitor measures it: it is asked about by name."""

SIGNALS: Final = Signals.of(
    PERFORMANCE,
    FAIRNESS,
    DATA_QUALITY,
    PREDICTION_DRIFT,
    DATA_DRIFT,
    ESTIMATION,
    CONCEPT,
    ATTRIBUTION,
    ROBUSTNESS,
    MULTIVARIATE,
    EMBEDDING,
    POISONING,
    LATENCY,
)
