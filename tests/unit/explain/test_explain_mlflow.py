"""MLflow models give what their originals give, with a signature and without; what they cannot give is said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from support import need

from modelspan_analyzer.explain.supplied import load_model
from modelspan_analyzer.reading.samples.matrix import Encoding

pytestmark = pytest.mark.filterwarnings("ignore")  # MLflow's own, on saving

GENERATOR = np.random.default_rng(0)
FRAME = pandas.DataFrame({"age": GENERATOR.integers(18, 80, 200), "income": GENERATOR.normal(size=200)})
ROWS = FRAME.to_numpy(float)
ENCODING = Encoding(("age", "income"), (), ())
RICH = FRAME["income"] > 0


@pytest.fixture(autouse=True, scope="module")
def mlflow() -> None:
    """It is there; looked for by the worker that runs these tests, as it takes two seconds to load."""
    need("mlflow")


def save(model: Any, folder: Path, **options: Any) -> str:
    """Write a scikit-learn model as MLflow does."""
    import mlflow.sklearn

    quick = {
        "serialization_format": "cloudpickle",
        "pip_requirements": ["scikit-learn"],
    }  # inferring them takes seconds
    mlflow.sklearn.save_model(model, folder, **quick, **options)
    return str(folder)


def test_a_regression(tmp_path: Path) -> None:
    """One number a row, by the model's folder."""
    linear = LinearRegression().fit(FRAME, FRAME["age"] * 2 - FRAME["income"])
    loaded = load_model(save(linear, tmp_path / "model"), ENCODING)
    np.testing.assert_allclose(loaded(ROWS), linear.predict(FRAME))


def test_a_signature_is_followed(tmp_path: Path) -> None:
    """A column that the model wants as whole numbers gets them, also where a replayed row lies between two."""
    from mlflow.models import infer_signature

    linear = LinearRegression().fit(FRAME, FRAME["age"] * 2.0)
    signature = infer_signature(FRAME, linear.predict(FRAME))
    loaded = load_model(save(linear, tmp_path / "model", signature=signature), ENCODING)
    np.testing.assert_allclose(loaded(ROWS), linear.predict(FRAME))
    np.testing.assert_allclose(loaded(np.array([[30.4, 0.0], [30.6, 0.0]])), [60.0, 62.0])


def test_a_classifier_gives_its_last_class(tmp_path: Path) -> None:
    """Probabilities where it was logged with them, else the class; texts are refused with how to log it."""
    model = LogisticRegression().fit(FRAME, RICH)
    proba = load_model(save(model, tmp_path / "proba", pyfunc_predict_fn="predict_proba"), ENCODING)
    np.testing.assert_allclose(proba(ROWS), model.predict_proba(FRAME)[:, 1])
    classes = load_model(save(model, tmp_path / "classes"), ENCODING)
    np.testing.assert_allclose(classes(ROWS), model.predict(FRAME))
    texts = LogisticRegression().fit(FRAME, np.where(RICH, "yes", "no"))
    with pytest.raises(ValueError, match="pyfunc_predict_fn='predict_proba'"):
        load_model(save(texts, tmp_path / "texts"), ENCODING)(ROWS)
