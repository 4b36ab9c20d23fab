"""CatBoost."""

from __future__ import annotations

from typing import Any

from modelspan._failsafe import attempt
from modelspan._observer import Options
from modelspan.follow.instrumentor import Instrumentor
from modelspan.follow.naming import named
from modelspan.follow.outermost import Reading, follow, quiet


def _features(_model: Any, data: Any, *_args: Any, **_kwargs: Any) -> Any:
    """The rows; of a `Pool`, which keeps them to itself, the numbers that it gives back."""
    if not callable(getattr(data, "num_row", None)):
        return data
    with attempt():  # one with categories gives nothing back
        import pyarrow as pa

        return pa.table(dict(zip(data.get_feature_names(), data.get_features().T, strict=True)))
    return data


def _flat(told: Any) -> Any:
    """Classes come as a matrix of one column."""
    return told[:, 0] if getattr(told, "ndim", 1) == 2 and told.shape[1] == 1 else told


def _options(model: Any) -> Options:
    classes = [each.item() if hasattr(each, "item") else each for each in model.classes_]
    task = "classification" if classes else ""
    return Options(
        **named(model),
        features=_features,
        prediction=_flat,
        feature_names=model.feature_names_,
        classes=classes or None,
        task=task,
    )


READING = Reading(_options, learner=lambda _model: None)
_NO_PREDICTIONS = ("fit", "score", "eval_metrics", "grid_search", "randomized_search", "select_features")


def _core(module: Any) -> None:
    quiet(module, ["train", "cv"])
    for name in ("CatBoost", "CatBoostClassifier", "CatBoostRegressor", "CatBoostRanker"):
        owner = getattr(module, name)
        follow(owner, ["predict", "predict_proba"], READING)
        quiet(owner, _NO_PREDICTIONS)


class CatBoostInstrumentor(Instrumentor):
    """Follows `predict` and `predict_proba`."""

    library = "CatBoost"
    changes = {"catboost.core": _core}  # noqa: RUF012 - is not changed
