"""The keys, in mappings, records and tables, by which a prediction says what it is; in small letters, without signs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LABEL_KEYS = ("label", "class", "predictedclass", "predictedlabel", "predictionlabel", "classname", "category")
"""A class."""
LABELS_KEYS = ("labels", "classes", "predictions", "predictedclasses", "predictedlabels", "classnames", "categories")
"""Classes, one for each score beside them."""
ANSWER_KEYS = ("prediction", "predicted", "pred", "ypred", "yhat", "result", "output", "decision", "answer")
"""What was predicted: a class or a number."""
PROBABILITY_KEYS = ("probability", "prob", "proba", "likelihood")
"""The probability of what was predicted, which is then a class."""
SCORE_KEYS = ("value", "score", "predictionscore", *PROBABILITY_KEYS, "confidence")
"""A number."""
SCORES_KEYS = ("scores", "probabilities", "classscores", "proba", "probs")
"""A number for each class."""
ITEMS_KEYS = ("items", "itemids", "recommendations", "recommended", "ranking", "ranked")
"""Ranked items, the best first."""
ITEM_KEYS = ("item", "itemid", "id")
"""One of them."""
BOXES_KEYS = ("boxes", "box", "bbox", "bboxes", "boundingbox", "boundingboxes")
"""Where something was found in a picture."""


def plain_keys(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A mapping by its keys as they are looked up: `predictedLabel` and `predicted_label` are one."""
    found: dict[str, Any] = {}
    for key, value in row.items():
        found.setdefault(str(key).lower().replace("_", "").replace("-", "").replace(" ", ""), value)
    return found


def first_of(by_key: Mapping[str, Any], keys: tuple[str, ...]) -> Any:
    """The value of the first key that there is; None where there is none."""
    return next((by_key[key] for key in keys if by_key.get(key) is not None), None)


def has(by_key: Mapping[str, Any], keys: tuple[str, ...]) -> bool:
    """Whether there is any of the keys."""
    return any(key in by_key for key in keys)
