"""scikit-learn, and whatever else subclasses its `BaseEstimator`: XGBoost's and LightGBM's estimators, imblearn's."""

from __future__ import annotations

import functools
from typing import Any

from modelspan._instrument import PREDICTING
from modelspan._observer import Options
from modelspan.follow.instrumentor import Instrumentor
from modelspan.follow.naming import named
from modelspan.follow.outermost import Reading, follow, quiet, silence

NO_PREDICTIONS = ("fit", "partial_fit", "fit_predict", "fit_transform", "score")
"""Methods inside of which an estimator's own predictions answer nobody."""


def _options(estimator: Any) -> Options:
    return Options(**named(estimator, kind=_kind(estimator)))


def _kind(estimator: Any) -> str:
    """The class of what predicts at the end: of a pipeline the last step, of a search the estimator that it found."""
    for _ in range(10):
        steps = getattr(estimator, "steps", None)
        within = steps[-1][1] if steps else getattr(estimator, "best_estimator_", None)
        if within is None or isinstance(within, str):
            break
        estimator = within
    return type(estimator).__name__


_OTHER = {"output_margin": False, "raw_score": False, "pred_leaf": False, "pred_contrib": False}
"""Arguments of XGBoost's and LightGBM's estimators."""
READING = Reading(_options, other=_OTHER)


def follow_estimators(owner: type) -> None:
    """Follow a class of estimators, what it inherits included, and keep quiet inside of what is no prediction."""
    for base in owner.__mro__[:-1]:
        follow(base, PREDICTING, READING)
        quiet(base, NO_PREDICTIONS)


def follow_kinds_of(base: type, module: Any) -> None:
    """Follow the classes of a module that are estimators of a kind."""
    for each in vars(module).values():
        if isinstance(each, type) and issubclass(each, base):
            follow_estimators(each)


def _base(module: Any) -> None:
    """Follow every class of estimators when it is made: they all have this base."""
    follow_estimators(module.BaseEstimator)
    made = module.BaseEstimator.__init_subclass__.__func__

    def followed(cls: type, /, **kwargs: Any) -> None:
        made(cls, **kwargs)
        follow_estimators(cls)

    module.BaseEstimator.__init_subclass__ = classmethod(followed)


def _parallel(module: Any) -> None:
    """What scikit-learn itself hands to threads and processes is a part of something; they do not know of what."""
    own = module._FuncWrapper.__call__

    @functools.wraps(own)
    def called(self: Any, *args: Any, **kwargs: Any) -> Any:
        if not getattr(self.function, "__module__", "").startswith("sklearn."):
            return own(self, *args, **kwargs)
        with silence():
            return own(self, *args, **kwargs)

    module._FuncWrapper.__call__ = called


class SklearnInstrumentor(Instrumentor):
    """Follows `predict`, `predict_proba` and `decision_function`."""

    library = "scikit-learn"
    changes = {  # noqa: RUF012 - is not changed
        "sklearn.base": _base,
        "sklearn.utils.parallel": _parallel,
        "sklearn.metrics._scorer": lambda module: quiet(module._BaseScorer, ["__call__"]),
        "sklearn.inspection._partial_dependence": lambda module: quiet(module, ["partial_dependence"]),
        "sklearn.inspection._permutation_importance": lambda module: quiet(module, ["permutation_importance"]),
    }
