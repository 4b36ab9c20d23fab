"""ONNX models give what their originals give, whichever way they take features; what is missing is said."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pytest
from support import need

from modelspan_analyzer.explain.supplied import load_model
from modelspan_analyzer.reading.samples.matrix import Encoding

need("onnxruntime")
skl2onnx = need("skl2onnx")

NUMBERS = Encoding(("age", "income"), (), ())
GENERATOR = np.random.default_rng(0)
ROWS = GENERATOR.normal(size=(200, 2))


def convert(model: object, path: Path, inputs: list[tuple[str, object]], *, names: list[str] | None = None) -> str:
    """Write a scikit-learn model as ONNX."""
    made = skl2onnx.convert_sklearn(model, initial_types=inputs, target_opset=17)
    if names:
        entry = made.metadata_props.add()
        entry.key, entry.value = "feature_names", json.dumps(names)
    path.write_bytes(made.SerializeToString())
    return str(path)


def test_a_matrix_in_the_models_own_order(tmp_path: Path) -> None:
    """Columns follow the alphabet, or the names in the metadata; a width that does not fit names the rows' features."""
    from skl2onnx.common.data_types import FloatTensorType
    from sklearn.linear_model import LinearRegression

    linear = LinearRegression().fit(ROWS, ROWS @ [1.0, -3.0])
    matrix = [("rows", FloatTensorType([None, 2]))]
    plain = load_model(convert(linear, tmp_path / "plain.onnx", matrix), NUMBERS)
    named = load_model(convert(linear, tmp_path / "named.onnx", matrix, names=["income", "age"]), NUMBERS)
    np.testing.assert_allclose(plain(ROWS), ROWS @ [1.0, -3.0], atol=1e-5)
    np.testing.assert_allclose(named(ROWS), ROWS @ [-3.0, 1.0], atol=1e-5)
    wide = load_model(str(tmp_path / "plain.onnx"), Encoding(("age", "income", "rent"), (), ()))
    with pytest.raises(ValueError, match="takes 2 columns and the rows have 3: age, income, rent"):
        wide(np.zeros((1, 3)))


@pytest.mark.parametrize("zipped", [True, False])
def test_a_classifier_gives_its_last_class(tmp_path: Path, zipped: bool) -> None:
    """Probabilities as maps or as a matrix."""
    from skl2onnx.common.data_types import FloatTensorType
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit(ROWS, ROWS[:, 0] > 0)
    made = skl2onnx.convert_sklearn(
        model, initial_types=[("rows", FloatTensorType([None, 2]))], target_opset=17, options={"zipmap": zipped}
    )
    (tmp_path / "model.onnx").write_bytes(made.SerializeToString())
    loaded = load_model(str(tmp_path / "model.onnx"), NUMBERS)
    np.testing.assert_allclose(loaded(ROWS), model.predict_proba(ROWS)[:, 1], atol=1e-5)


def test_inputs_by_name(tmp_path: Path) -> None:
    """One input a feature, numbers and texts, in whatever order; a feature that is not there is named."""
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    pandas = need("pandas")
    cities = np.array(["Bern", "Oslo"])[GENERATOR.integers(0, 2, 200)]
    frame = pandas.DataFrame({"city": cities.astype(object), "age": ROWS[:, 0]})
    columns = ColumnTransformer([("city", OneHotEncoder(), ["city"])], remainder="passthrough")
    model = make_pipeline(columns, LinearRegression()).fit(frame, ROWS[:, 0] + 5 * (cities == "Oslo"))
    inputs = [("city", StringTensorType([None, 1])), ("age", FloatTensorType([None, 1]))]
    path = convert(model, tmp_path / "named.onnx", inputs)
    codes = np.column_stack([ROWS[:, 0], 1 + (cities == "Oslo")])
    loaded = load_model(path, Encoding(("age",), ("city",), (("Bern", "Oslo"),)))
    np.testing.assert_allclose(loaded(codes), model.predict(frame), atol=1e-4)
    with pytest.raises(ValueError, match="wants city"):
        load_model(path, NUMBERS)(ROWS)


def test_what_cannot_be_loaded_says_why(tmp_path: Path) -> None:
    """A file that is no ONNX model, one that is not there, and MLflow without its extra."""
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    with pytest.raises(ValueError, match="is not an ONNX model"):
        load_model(str(tmp_path / "broken.onnx"), NUMBERS)
    with pytest.raises(ValueError, match="there is no model file"):
        load_model(str(tmp_path / "gone.onnx"), NUMBERS)
    if importlib.util.find_spec("mlflow") is None:
        for reference in ("models:/churn/3", str(tmp_path)):
            (tmp_path / "MLmodel").touch()
            with pytest.raises(ModuleNotFoundError, match=r"modelspan\[mlflow\]"):
                load_model(reference, NUMBERS)
