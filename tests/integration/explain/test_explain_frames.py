"""A supplied model gets rows as it was trained on them: its columns, their order and their types."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pytest
from support import need

from modelspan_analyzer.explain.frame import frame_for, read_signature
from modelspan_analyzer.explain.local import explain
from modelspan_analyzer.explain.supplied import SuppliedModel
from modelspan_analyzer.reading.samples.matrix import Encoding
from modelspan_collector.store.connect import Store

MODULE = """
import numpy as np, pandas as pd
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

r = np.random.default_rng(0)
n = 300
B = pd.DataFrame({"zeta": r.normal(size=n), "flag": r.random(n) < 0.5, "cnt": r.integers(0, 5, n)})
bools = RandomForestClassifier(5, random_state=0).fit(B, B.flag)
C = pd.DataFrame({"zeta": r.normal(size=n), "kind": pd.Categorical(r.choice(["u", "v", "w"], n))})
cats = HistGradientBoostingClassifier(max_iter=5, categorical_features="from_dtype").fit(C, (C.kind == "u").astype(int))


def naive(frame):
    assert list(frame.columns) == ["zeta", "flag", "cnt"], list(frame.columns)
    assert [kind.kind for kind in frame.dtypes] == ["f", "b", "i"], frame.dtypes
    return bools.predict_proba(frame)[:, 1]


def strict(frame):
    raise TypeError("no frame is good enough")


other = RandomForestClassifier(5, random_state=0).fit(B.rename(columns={"cnt": "count"}), B.flag)
"""


@pytest.fixture(scope="module")
def supplied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The name of a module of models on the path."""
    need("shap")
    folder = tmp_path_factory.mktemp("models")
    (folder / "frames_of_models.py").write_text(MODULE)
    sys.path.insert(0, str(folder))
    yield "frames_of_models"
    sys.path.remove(str(folder))


def insert(store: Store, model: str, categories: dict[str, list[str]], numbers: dict[str, list[float]]) -> None:
    """Predictions with categorical and numeric features."""
    rows = len(next(iter(numbers.values())))

    def maps(columns: dict[str, list[str]] | dict[str, list[float]], kind: pa.DataType) -> pa.Array:
        pairs = [[(name, values[row]) for name, values in columns.items()] for row in range(rows)]
        return pa.array(pairs, pa.map_(pa.string(), kind))

    stamps = pa.array([1_790_000_000 * 10**9 + row for row in range(rows)], pa.timestamp("ns", "UTC"))
    columns = {
        "model": [model] * rows,
        "version": ["1"] * rows,
        "timestamp": stamps,
        "prediction_id": [f"{model}-{row}" for row in range(rows)],
        "value": [0.5] * rows,
        "numeric_features": maps(numbers, pa.float64()),
        "categorical_features": maps(categories, pa.string()),
    }
    store.insert("predictions", pa.table(columns))


def sign(store: Store, model: str, features: dict[str, str]) -> None:
    """A card with a signature, as `modelspan.register` sends it."""
    stamp = pa.array([1_790_000_000 * 10**9], pa.timestamp("ns", "UTC"))
    signature = json.dumps({"features": features})
    store.insert("models", pa.table({"model": [model], "version": ["1"], "timestamp": stamp, "signature": [signature]}))


@pytest.fixture
def flags(store: Store) -> Store:
    """Predictions with a boolean, a whole and a fractional feature, whose names are not in the order of training."""
    generator = np.random.default_rng(1)
    truths = ["true" if flag else "false" for flag in generator.random(60) < 0.5]
    whole = [float(number) for number in generator.integers(0, 5, 60)]
    insert(store, "flags", {"flag": truths}, {"zeta": generator.normal(size=60).tolist(), "cnt": whole})
    return store


def test_an_estimator_gets_its_own_order_and_booleans(flags: Store, supplied: str) -> None:
    """`feature_names_in_` says the order; a category of true and false is a boolean."""
    told = explain(flags, "flags-3", model=f"{supplied}:bools")
    assert {reason.feature for reason in told.reasons} == {"zeta", "flag", "cnt"}
    assert told.reasons[0].feature == "flag"


def test_a_function_gets_the_order_and_types_of_the_signature(flags: Store, supplied: str) -> None:
    """Whole numbers are integers where the signature says so."""
    sign(flags, "flags", {"zeta": "double", "flag": "bool", "cnt": "int64"})
    told = explain(flags, "flags-3", model=f"{supplied}:naive")
    assert told.reasons[0].feature == "flag"


def test_a_model_of_categories_gets_categories(store: Store, supplied: str) -> None:
    """A model that refuses texts is asked with categories, whatever is known of them."""
    kinds = [["u", "v", "w"][row % 3] for row in range(60)]
    insert(store, "cats", {"kind": kinds}, {"zeta": [float(row % 7) for row in range(60)]})
    told = explain(store, "cats-3", model=f"{supplied}:cats")
    assert told.reasons[0].feature == "kind"


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (
            "strict",
            r"failed on rows with the columns cnt \(number\), zeta \(number\), flag \(boolean\): no frame",
        ),
        ("other", "was trained on count, which the predictions have not; they have cnt, zeta, flag"),
    ],
)
def test_a_model_that_cannot_be_asked_is_one_sentence(flags: Store, supplied: str, model: str, words: str) -> None:
    """It says how the rows were given, or which features are wanted."""
    with pytest.raises(ValueError, match=words):
        explain(flags, "flags-3", model=f"{supplied}:{model}")


def test_categories_of_numbers_are_numbers_again() -> None:
    """A pandas category over integers comes back as one; missing booleans and integers are numbers with NaN."""
    encoding = Encoding(("n",), ("code", "flag"), (("10", "7"), ("false", "true")))
    signature = {"code": "dictionary<values=int64, indices=int8, ordered=0>", "n": "int64", "flag": "bool"}
    frame = frame_for(len, encoding, signature)
    assert frame.order == ("code", "n", "flag")
    made = frame.make(np.array([[1.0, 1.0, 2.0], [2.0, np.nan, 1.0]]))
    assert made["code"].tolist()[0] == 10
    assert [made[name].dtype.kind for name in ("n", "flag")] == ["i", "b"]
    missing = frame.make(np.array([[np.nan, 2.0, np.nan]]))
    assert [missing[name].dtype.kind for name in ("n", "flag")] == ["f", "f"]


def test_attributions_are_those_of_their_features_whatever_the_order(store: Store) -> None:
    """An exact explanation of a forest names the feature that decides, though the model's order is another."""
    need("shap")
    from sklearn.ensemble import RandomForestRegressor

    from modelspan_analyzer.explain.shapley import attribute

    pandas = need("pandas")
    rows = np.random.default_rng(0).normal(size=(80, 3))
    trained = pandas.DataFrame({"c": rows[:, 2], "a": rows[:, 0]})
    forest = RandomForestRegressor(5, random_state=0).fit(trained, rows[:, 2])
    model = SuppliedModel(forest, Encoding(("a", "b", "c"), (), ()))
    found = attribute(model, rows[:5], rows, seconds=30, method="tree")
    strength = np.abs(found.values).mean(axis=0)
    assert strength[2] > 10 * strength[0]
    assert strength[1] == 0


@pytest.mark.parametrize("signature", ["", "[1]", "nonsense", '{"features": 5}'])
def test_a_signature_of_another_kind_is_none(store: Store, signature: str) -> None:
    """What a card says in other words is not guessed at."""
    stamp = pa.array([0], pa.timestamp("ns", "UTC"))
    store.insert("models", pa.table({"model": ["m"], "version": ["1"], "timestamp": stamp, "signature": [signature]}))
    assert read_signature(store, "m", "1") == {}
