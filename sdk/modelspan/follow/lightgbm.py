"""LightGBM: boosters; its estimators are scikit-learn's, and followed as such."""

from __future__ import annotations

from typing import Any

from modelspan._observer import Options
from modelspan.follow.instrumentor import Instrumentor
from modelspan.follow.naming import named
from modelspan.follow.outermost import Reading, follow, quiet
from modelspan.follow.sklearn import follow_kinds_of


def _options(booster: Any) -> Options:
    return Options(**named(booster), feature_names=booster.feature_name())


READING = Reading(_options, other={"raw_score": False, "pred_leaf": False, "pred_contrib": False})


class LightGBMInstrumentor(Instrumentor):
    """Follows `predict` of boosters, and the estimators."""

    library = "LightGBM"
    changes = {  # noqa: RUF012 - is not changed
        "lightgbm.basic": lambda module: follow(module.Booster, ["predict"], READING),
        "lightgbm.engine": lambda module: quiet(module, ["train", "cv"]),
        "lightgbm.sklearn": lambda module: follow_kinds_of(module.LGBMModel, module),
    }
