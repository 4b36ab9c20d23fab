"""The demo's model: a classifier trained on the breast cancer data that ships with scikit-learn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

FEATURES = 8
SEED = 7
BASELINE_ROWS = 4000
MEASUREMENT_ERROR = 0.03


@dataclass(frozen=True, slots=True)
class Trained:
    """A model, and the patients that it does not know yet."""

    classifier: Pipeline
    features: tuple[str, ...]
    patients: NDArray[np.float64]
    """Rows that the model was not trained on: those of the baseline, and those it will be asked about."""
    labels: NDArray[np.int64]

    def score(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Probability that each row's tumour is benign."""
        probabilities: NDArray[np.float64] = self.classifier.predict_proba(rows)[:, 1]
        return probabilities

    def examine(self, row: int, chance: np.random.Generator) -> NDArray[np.float64]:
        """A patient's measurements, as they come out on one day."""
        measured: NDArray[np.float64] = self.patients[row] * chance.normal(1.0, MEASUREMENT_ERROR, len(self.features))
        return measured

    def baseline(self, chance: np.random.Generator) -> pa.Table:
        """Validation rows with their scores: what production is compared with."""
        chosen = chance.integers(len(self.patients), size=BASELINE_ROWS)
        rows = np.stack([self.examine(int(row), chance) for row in chosen])
        score = self.score(rows)
        columns = {name: rows[:, index] for index, name in enumerate(self.features)}
        outcome = {"prediction": _names(score >= 0.5), "label": _names(self.labels[chosen] == 1)}
        return pa.table({**columns, "score": score, **outcome})


def train() -> Trained:
    """Train on a third of the data, and keep the rest for validation and production."""
    data = load_breast_cancer()
    rows, labels = data.data[:, :FEATURES], data.target
    fitted, held, fitted_labels, held_labels = train_test_split(rows, labels, train_size=1 / 3, random_state=SEED)
    classifier = make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()).fit(fitted, fitted_labels)
    names = tuple(str(name).replace(" ", "_") for name in data.feature_names[:FEATURES])
    return Trained(classifier, names, held, held_labels)


def class_name(benign: bool) -> str:
    """The class as a person would call it."""
    return "benign" if benign else "malignant"


def _names(benign: NDArray[np.bool_]) -> pa.Array:
    return pa.array([class_name(bool(flag)) for flag in benign])
