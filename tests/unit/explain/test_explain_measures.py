"""Attribution drift, Shapley values and local surrogates on models whose reasons are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression
from sklearn.metrics import ndcg_score
from support import need

from modelspan_analyzer.explain.frame import frame_for
from modelspan_analyzer.explain.shapley import attribute, attribute_one
from modelspan_analyzer.explain.supplied import SuppliedModel, load_model
from modelspan_analyzer.explain.surrogate import explain_locally
from modelspan_analyzer.reading.samples.matrix import Encoding
from modelspan_analyzer.statistics.attribution.ranking import attribution_ndcg

NUMBERS = Encoding(("a", "b", "c"), (), ())
MIXED = Encoding(("a",), ("colour",), (("blue", "red"),))


def test_ndcg_equals_scikit_learn() -> None:
    """The measure is the NDCG of the current scores against the baseline's grades."""
    generator = np.random.default_rng(0)
    for _ in range(20):
        grades, scores = generator.random(8), generator.random(8)
        names = [f"f{i}" for i in range(8)]
        ours = attribution_ndcg(dict(zip(names, grades, strict=True)), dict(zip(names, scores, strict=True)))
        assert ours == pytest.approx(ndcg_score([grades], [scores]), abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.sampled_from("abcdef"), st.floats(0.01, 10), min_size=2))
def test_ndcg_laws(importance: dict[str, float]) -> None:
    """The same order gives 1 whatever the scale; any order stays in 0 to 1."""
    assert attribution_ndcg(importance, {name: 3 * value for name, value in importance.items()}) == pytest.approx(1.0)
    turned = {name: 1 / value for name, value in importance.items()}
    assert 0 < attribution_ndcg(importance, turned) <= 1
    assert np.isnan(attribution_ndcg({"a": 0.0}, importance))


def test_surrogate_recovers_a_linear_model_and_a_category() -> None:
    """Effects are the slopes times the spread; the row's category adds its own difference."""
    generator = np.random.default_rng(1)
    background = np.column_stack(
        [generator.normal(0, 2, 500), generator.normal(0, 1, 500), generator.integers(1, 4, 500)]
    )
    row = np.array([1.0, 0.0, 2.0])

    def predict(rows: np.ndarray) -> np.ndarray:
        return 3 * rows[:, 0] - rows[:, 1] + 4 * (rows[:, 2] == 2)

    found = explain_locally(predict, row, background, np.array([False, False, True]))
    np.testing.assert_allclose(found.effects, [3 * background[:, 0].std(), -1 * background[:, 1].std(), 4], rtol=0.05)
    assert found.fit > 0.99
    assert found.prediction == 7.0
    assert explain_locally(predict, row, background, np.array([False, False, True])).effects == pytest.approx(
        found.effects
    )


@pytest.mark.parametrize("method", ["auto", "permutation", "kernel"])
def test_shapley_values_of_a_linear_model(method: str) -> None:
    """Each feature adds its slope times its distance from the background's mean, and they add up to the prediction."""
    need("shap")
    generator = np.random.default_rng(2)
    background = generator.normal(size=(50, 3))
    fitted = LinearRegression().fit(frame_for(None, NUMBERS, {}).make(background), background @ [2.0, -1.0, 0.0])
    rows = generator.normal(size=(4, 3))
    found = attribute(SuppliedModel(fitted, NUMBERS), rows, background, seconds=30, method=method)
    np.testing.assert_allclose(found.values, (rows - background.mean(axis=0)) * [2.0, -1.0, 0.0], atol=1e-6)
    np.testing.assert_allclose(
        found.values.sum(axis=1) + found.base_value, fitted.predict(frame_for(None, NUMBERS, {}).make(rows)), atol=1e-6
    )
    assert found.method == ("linear" if method == "auto" else method)


def test_the_error_of_an_attribution_is_that_of_its_background() -> None:
    """Over many draws the effects lie about the true one as far as the errors say; more rows make them smaller."""
    need("shap")
    generator = np.random.default_rng(4)
    fitted = LinearRegression().fit(frame_for(None, NUMBERS, {}).make(np.eye(3)), [2.0, -1.0, 0.0])
    slopes, row, model = fitted.coef_, np.ones(3), SuppliedModel(fitted, NUMBERS)
    backgrounds = [generator.normal(size=(50, 3)) for _ in range(40)]
    draws = [attribute_one(model, row, each, seconds=30, method="linear") for each in backgrounds]
    permuted = attribute_one(model, row, backgrounds[0], seconds=30, method="permutation")
    np.testing.assert_allclose(permuted.errors, draws[0].errors, atol=1e-6)
    off = np.array([each.values - slopes for each in draws])
    told = np.sqrt(np.mean([each.errors**2 for each in draws], axis=0))
    np.testing.assert_allclose(np.sqrt((off**2).mean(axis=0)), told, rtol=0.5, atol=1e-9)
    np.testing.assert_allclose(told, np.abs(slopes) / np.sqrt(50), rtol=0.5, atol=1e-9)
    assert {each.background for each in draws} == {50}
    more = attribute_one(model, row, generator.normal(size=(5000, 3)), seconds=30, method="linear")
    assert (more.errors[:2] < told[:2] / 3).all()


def test_attribution_stops_at_its_budget() -> None:
    """With no time, one batch is explained and the rest is left."""
    need("shap")
    generator = np.random.default_rng(3)
    rows = generator.normal(size=(100, 3))
    model = SuppliedModel(lambda frame: frame["a"].to_numpy(), NUMBERS)
    assert len(attribute(model, rows, rows, seconds=0).values) == 10


def test_categories_reach_the_model_as_texts() -> None:
    """Codes are decoded; a missing value stays missing and one not seen before is ''."""
    frame = frame_for(None, MIXED, {}).make(np.array([[1.0, 2.0], [2.0, np.nan], [3.0, 0.0]]))
    assert frame["colour"].isna().tolist() == [False, True, False]
    assert frame["colour"].fillna("?").tolist() == ["red", "?", ""]


def test_bad_models_say_what_is_wrong(tmp_path: Path) -> None:
    """Neither a function nor a file, a missing file, a missing function, and one that gives the wrong shape."""
    with pytest.raises(ValueError, match="module:function"):
        load_model("nothing", NUMBERS)
    with pytest.raises(ValueError, match="no model file"):
        load_model(str(tmp_path / "gone.pkl"), NUMBERS)
    with pytest.raises(ValueError, match="PYTHONPATH"):
        load_model("json:no_such", NUMBERS)
    with pytest.raises(ValueError, match="one number a row"):
        SuppliedModel(lambda frame: np.zeros((len(frame), 2)), NUMBERS)(np.zeros((3, 3)))
