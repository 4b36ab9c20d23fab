"""XGBoost: boosters; its estimators are scikit-learn's, and followed as such."""

from __future__ import annotations

from typing import Any

from modelspan._failsafe import attempt
from modelspan._observer import Options
from modelspan.follow.instrumentor import Instrumentor
from modelspan.follow.naming import named
from modelspan.follow.outermost import Reading, follow, quiet
from modelspan.follow.sklearn import follow_kinds_of

MOST_CELLS = 2**22
"""Cells of a `DMatrix` that are laid out as a table; of a larger one the rows are recorded without features."""


def _features(_booster: Any, data: Any, *_args: Any, **_kwargs: Any) -> Any:
    """The rows; of a `DMatrix`, which keeps them sparse, with NaN for what is missing."""
    if not callable(getattr(data, "num_row", None)) or data.num_row() * data.num_col() > MOST_CELLS:
        return data
    with attempt():  # a `QuantileDMatrix` keeps no values
        import pyarrow as pa

        columns = _dense(data.get_data())
        names = data.feature_names or [f"f{position}" for position in range(columns.shape[1])]
        return pa.table(dict(zip(names, columns.T, strict=True)))
    return data


def _dense(sparse: Any) -> Any:
    import numpy as np

    dense = np.full(sparse.shape, np.nan)
    rows = np.repeat(np.arange(sparse.shape[0]), np.diff(sparse.indptr))
    dense[rows, sparse.indices] = sparse.data
    return dense


def _options(booster: Any) -> Options:
    return Options(**named(booster), features=_features, feature_names=booster.feature_names)


READING = Reading(
    _options,
    other={
        "output_margin": False,
        "predict_type": "value",
        "pred_leaf": False,
        "pred_contribs": False,
        "approx_contribs": False,
        "pred_interactions": False,
    },
)


class XGBoostInstrumentor(Instrumentor):
    """Follows `predict` and `inplace_predict` of boosters, and the estimators."""

    library = "XGBoost"
    changes = {  # noqa: RUF012 - is not changed
        "xgboost.core": lambda module: follow(module.Booster, ["predict", "inplace_predict"], READING),
        "xgboost.training": lambda module: quiet(module, ["train", "cv"]),
        "xgboost.sklearn": lambda module: follow_kinds_of(module.XGBModel, module),
    }
