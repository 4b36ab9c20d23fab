"""The demo's model: a classifier trained on the breast cancer data that ships with scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import train_test_split

FEATURES = 8
SEED = 7


@dataclass(frozen=True, slots=True)
class Trained:
    """A model with the rows it was validated on and those that it will be asked about."""

    classifier: HistGradientBoostingClassifier
    features: tuple[str, ...]
    validation: NDArray[np.float64]
    validation_labels: NDArray[np.int64]
    live: NDArray[np.float64]
    live_labels: NDArray[np.int64]

    def score(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probability that each row's tumour is benign."""
        probabilities: NDArray[np.float64] = self.classifier.predict_proba(rows)[:, 1]
        return probabilities

    def baseline(self) -> pa.Table:
        """The validation rows with their scores: what production is compared with."""
        score = self.score(self.validation)
        columns = {name: self.validation[:, index] for index, name in enumerate(self.features)}
        return pa.table(
            {
                **columns,
                "score": score,
                "prediction": _names(score >= 0.5),
                "label": _names(self.validation_labels == 1),
            }
        )


def train() -> Trained:
    """Train on a third of the data, keep a third for the baseline and a third for production."""
    data = load_breast_cancer()
    rows, labels = data.data[:, :FEATURES], data.target
    fitted, rest, fitted_labels, rest_labels = train_test_split(rows, labels, train_size=1 / 3, random_state=SEED)
    held, live, held_labels, live_labels = train_test_split(rest, rest_labels, train_size=0.5, random_state=SEED)
    classifier = HistGradientBoostingClassifier(max_iter=40, random_state=SEED).fit(fitted, fitted_labels)
    names = tuple(str(name).replace(" ", "_") for name in data.feature_names[:FEATURES])
    return Trained(classifier, names, held, held_labels, live, live_labels)


def class_name(benign: bool) -> str:
    """The class as a person would call it."""
    return "benign" if benign else "malignant"


def _names(benign: NDArray[np.bool_]) -> pa.Array:
    return pa.array([class_name(bool(flag)) for flag in benign])
