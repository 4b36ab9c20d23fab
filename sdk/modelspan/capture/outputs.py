"""What a predict function returned, as value, label and class scores.

| returned | becomes |
|---|---|
| number | value (label, where it is one of `classes`, or an integer of a classification) |
| string, enum, bool | label |
| mapping, record | by its keys (see `modelspan.capture.names`); else class scores, where its numbers are from 0 to 1 |
| `(label, score)` | label and value |
| vector as long as `classes` | class scores |
| several numbers, labels or items | an answer (see `modelspan.capture.answers`) |

Of class scores alone, the label is the class with the highest, and the value of two classes the score of one of them,
the same for every row (`modelspan.capture.value_class`). What can be none of these for sure is `NOTHING`.
"""

from __future__ import annotations

import array
import numbers
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from modelspan._failsafe import swallowed
from modelspan.capture import arrays, values
from modelspan.capture.answers import Answer, answer_of, quantile_of
from modelspan.capture.names import (
    ANSWER_KEYS,
    BOXES_KEYS,
    ITEMS_KEYS,
    LABEL_KEYS,
    LABELS_KEYS,
    PROBABILITY_KEYS,
    SCORE_KEYS,
    SCORES_KEYS,
    first_of,
    has,
    plain_keys,
)
from modelspan.capture.scalars import class_name, scalar_of
from modelspan.capture.value_class import value_class
from modelspan.conventions import ANOMALY, MULTIOUTPUT, SHAPES

CLASSIFICATION, REGRESSION = "classification", "regression"
TASKS = (CLASSIFICATION, REGRESSION, ANOMALY, *SHAPES)
MOST_SCORES = 65_536
"""Scores of one prediction; of more, nothing is read."""


class Output(NamedTuple):
    """One prediction: a number, a class, the score of each class; None what there is not."""

    value: float | None = None
    label: str | None = None
    scores: Mapping[str, float] | None = None
    answer: Answer | None = None
    """What is more than one number or class."""


NOTHING = Output()


class Told(NamedTuple):
    """What the caller says of the outputs of a function."""

    classes: Sequence[Any] | None = None
    task: str = ""
    seen: set[str] | None = None
    """Classes that the function's answers have named; takes more of them."""

    @property
    def shape(self) -> str:
        """The shape of answers that are no single number or class, as told; '' where nothing is."""
        return self.task if self.task in SHAPES else MULTIOUTPUT if self.task == REGRESSION else ""

    def value_class(self, answered: Collection[str]) -> str | None:
        """The class, of those that an answer names, whose score is the value of every answer."""
        told = None if self.classes is None else list(map(class_name, self.classes))
        return value_class(answered, told, self.seen)


UNTOLD = Told()


def read(result: Any, told: Told = UNTOLD) -> Output:
    """The output of one row; `NOTHING` where the result has no place for it."""
    if type(result) is float:
        return Output(value=result)
    if isinstance(result, Output):
        return result
    scalar = None if isinstance(result, (Mapping, list, tuple)) else scalar_of(result)
    if scalar is not None:
        return _of_scalar(scalar, told)
    found = NOTHING if told.task in SHAPES else _read(result, told)
    return found if found is not NOTHING or result is None else answered(result, told)


def answered(result: Any, told: Told = UNTOLD) -> Output:
    """What is no single number or class, as an answer; `NOTHING` where it has no place there either."""
    found = answer_of(result, told.shape, told.classes)
    return NOTHING if found is None else Output(scores=found[1], answer=found[0])


def _read(result: Any, told: Told) -> Output:
    """What has a place as value, label and class scores."""
    row = result if isinstance(result, Mapping) else values.fields(result)
    if row is not None:
        return _of_mapping(row, told)
    return _of_sequence(result, _elements(result), told)


def label_of(value: Any) -> str | None:
    """A label as text; None where it is missing, or no scalar: the text of any other object is no class."""
    frozen = None if isinstance(value, (Mapping, list, tuple)) else values.freeze(value)
    missing = frozen is None or isinstance(frozen, (values.Uncapturable, array.array)) or frozen != frozen
    return None if missing else class_name(value)


def _of_scalar(scalar: bool | int | float | str, told: Told) -> Output:
    if isinstance(scalar, str):
        return Output(label=scalar)
    if isinstance(scalar, bool) and told.task == REGRESSION:
        return Output(value=float(scalar))
    if isinstance(scalar, bool) or (told.classes is not None and scalar in told.classes):
        return Output(label=class_name(scalar))
    if told.task == CLASSIFICATION and isinstance(scalar, int):
        return Output(label=class_name(scalar))
    return Output(value=float(scalar))


def _of_mapping(row: Mapping[Any, Any], told: Told) -> Output:
    row = values.bounded(row, MOST_SCORES)
    if not row or len(row) > MOST_SCORES:
        return NOTHING
    named = {class_name(key): value for key, value in row.items()}
    if told.classes is not None and set(named) <= set(map(class_name, told.classes)) and len(named) > 1:
        return of_scores(named_scores(named, told), told)
    by_key = plain_keys(named)
    if not _OF_ANSWERS.isdisjoint(by_key):  # boxes in a picture, or ranked items, leave no doubt
        return NOTHING
    by_key = _side_by_side(by_key)
    label, answer = first_of(by_key, LABEL_KEYS), first_of(by_key, ANSWER_KEYS)
    score, scores = first_of(by_key, SCORE_KEYS), first_of(by_key, SCORES_KEYS)
    if scores is not None and scalar_of(scores) is not None:
        score, scores = scores if score is None else score, None
    if label is None and answer is None and score is None and scores is None:
        return _of_unknown(named, told)
    found = of_scores(named_scores(scores, told), told)
    if answer is not None:
        found = _with_answer(found, answer, has(by_key, PROBABILITY_KEYS), told)
    if label is not None:
        found = found._replace(label=label_of(label))
    if score is not None and (answer is None or found.value is None or found.label is not None):
        given = read(score, told._replace(classes=None, task=REGRESSION))
        found = found._replace(
            value=given.value if given.value is not None else found.value, label=found.label or given.label
        )
    return found


_OF_ANSWERS = frozenset((*BOXES_KEYS, *ITEMS_KEYS))


def _side_by_side(by_key: dict[str, Any]) -> dict[str, Any]:
    """The parts of a prediction, where its labels and scores are lists: as many of each are the scores of the classes.

    A label alone is the label. What else there is cannot be told, and is left out.
    """
    key = next((key for key in (*LABELS_KEYS, *LABEL_KEYS) if by_key.get(key) is not None), "")
    one = "prediction" if key == "predictions" else "label"
    labels = [by_key[key]] if key in LABELS_KEYS and _is_one(by_key[key]) else _elements(by_key.get(key))
    lists = {key: found for key in (*SCORES_KEYS, *SCORE_KEYS) if (found := _elements(by_key.get(key)))}
    others = {name: value for name, value in by_key.items() if name != key}
    has_label = first_of(others, (*LABEL_KEYS, *ANSWER_KEYS)) is not None
    if not labels:
        if not has_label:
            _say_texts(others, lists)
        return by_key
    if len(labels) == 1:
        return others if has_label else {**others, one: labels[0]}
    names = [class_name(each) for each in labels if isinstance(scalar_of(each), (str, int))]
    for scores in lists.values():
        if len(set(names)) == len(labels) == len(scores):
            rest = {each: value for each, value in others.items() if each not in lists}
            return {**rest, "scores": dict(zip(names, scores, strict=True))}
    if has_label and not lists:
        return others  # the classes that there are, beside the one that was predicted
    swallowed(
        f"{len(labels)} labels of one prediction that are not the classes of as many scores are no label and no class "
        "scores, nor is a list of scores beside them; prediction= takes the label from the result, score= the score"
    )
    return {name: value for name, value in others.items() if name not in lists}


def _say_texts(others: Mapping[str, Any], lists: Mapping[str, Sequence[Any]]) -> None:
    """Say that texts beside as many scores, whose name is none that is known, are not taken as their labels."""
    lengths = set(map(len, lists.values()))
    for value in others.values() if lists else ():
        texts = _elements(value)
        if len(texts) in lengths and all(isinstance(each, str) for each in texts):
            swallowed(
                "of a result with scores, a list of as many texts is left out: where they are the labels, name them "
                "'labels', or take the label with prediction= and the score with score="
            )


def _with_answer(found: Output, answer: Any, has_probability: bool, told: Told) -> Output:
    """What a mapping says that was predicted: with a probability beside it, it is a class."""
    given = read(answer, told)
    if given.value is not None and given.label is None and has_probability:
        return found._replace(label=class_name(answer))
    return Output(
        given.value if given.value is not None else found.value,
        given.label if given.label is not None else found.label,
        given.scores or found.scores,
    )


def _of_unknown(named: Mapping[str, Any], told: Told) -> Output:
    """A mapping of which no key is known: one thing is the prediction, numbers from 0 to 1 are class scores."""
    if len(named) == 1:
        return read(next(iter(named.values())), told) if _is_one(next(iter(named.values()))) else NOTHING
    scores = {name: scalar_of(score) for name, score in named.items()}
    if not all(isinstance(score, (int, float)) and not isinstance(score, bool) for score in scores.values()):
        return NOTHING
    told_apart = told.task == CLASSIFICATION or all(0 <= score <= 1 for score in scores.values())  # type: ignore[operator]
    if told.task == REGRESSION or not told_apart or (not told.task and all(map(quantile_of, named))):
        return NOTHING
    if told.task != CLASSIFICATION and sum(scores.values()) > 1 + _TOLERANCE:  # type: ignore[arg-type]
        swallowed(
            "a result of names with numbers from 0 to 1 that add up to more is taken for the scores of classes; "
            "task='multilabel' takes them for those of labels, task='multioutput' for several numbers"
        )
    return of_scores(named_scores(named, told), told)


_TOLERANCE = 0.05
"""How far the probabilities of classes may be from 1 together."""


def _is_one(value: Any) -> bool:
    return not isinstance(value, (Mapping, list, tuple)) and scalar_of(value) is not None


def _of_sequence(result: Any, elements: Sequence[Any], told: Told) -> Output:
    if len(elements) == 2 and isinstance(result, (list, tuple)) and _is_label(elements[0], result, told):
        score = read(elements[1], told._replace(task=REGRESSION))
        if elements[1] is not None and score.value is None and score.scores is None:
            return NOTHING  # two labels, or a label and what is none: which of them is the prediction, nobody knows
        label = read(elements[0], told).label or class_name(elements[0])
        return Output(score.value, label, score.scores)
    if len(elements) > 1 and all(isinstance(each, Mapping) for each in elements):
        return _of_labelled(elements, told)
    if told.classes is not None and len(elements) == len(told.classes) and len(elements) > 1:
        return of_scores(named_scores(elements, told), told)
    if len(elements) == 1:
        return NOTHING if isinstance(elements[0], (list, tuple)) else read(elements[0], told)
    return NOTHING


def _is_label(first: Any, pair: Any, told: Told) -> bool:
    """Whether the first of two is a label: a text, or in a tuple a class beside a number with a fraction or scores."""
    scalar = None if isinstance(first, (list, tuple, Mapping)) else scalar_of(first)
    if isinstance(scalar, (str, bool)) or scalar is None:
        return scalar is not None
    second = pair[1]
    fraction = isinstance(second, numbers.Real) and not isinstance(second, numbers.Integral)
    known = told.task == CLASSIFICATION or (told.classes is not None and scalar in told.classes)
    return isinstance(pair, tuple) and isinstance(scalar, int) and known and (fraction or hasattr(second, "__len__"))


def _of_labelled(elements: Sequence[Mapping[Any, Any]], told: Told) -> Output:
    """A list of classes, each with its score, as text classifiers return."""
    scores: dict[str, float] = {}
    for each in elements:
        keys = plain_keys(each)
        label, score = first_of(keys, LABEL_KEYS), scalar_of(first_of(keys, SCORE_KEYS))
        if label is None or not isinstance(score, (int, float)):
            return NOTHING
        scores[class_name(label)] = float(score)
    return of_scores(scores, told)


def _elements(result: Any) -> Sequence[Any]:
    """The elements of a list, tuple, vector or one-row matrix; nothing for all else, nor of very many."""
    shape = arrays.shape_of(result)
    if shape is None and hasattr(result, "to_numpy") and hasattr(result, "__len__"):  # Series and frames of any library
        if len(result) > MOST_SCORES:
            return ()
        result = result.to_numpy()
        shape = result.shape
    if shape is not None:
        if max(shape, default=0) > MOST_SCORES or sum(length > 1 for length in shape) > 1:
            return ()
        result = arrays.numpy_of(result).tolist()
    for _ in range(_MOST_DEPTH):
        if not isinstance(result, (list, tuple)) or len(result) != 1 or not isinstance(result[0], (list, tuple)):
            break
        result = result[0]
    return result if isinstance(result, (list, tuple)) and len(result) <= MOST_SCORES else ()


_MOST_DEPTH = 8


def named_scores(scores: Any, told: Told) -> Mapping[str, float] | None:
    """The score of each class, by its name; of a sequence, in the order of the classes."""
    if scores is None:
        return None
    if not isinstance(scores, Mapping):
        elements = _elements(scores)
        names = told.classes if told.classes is not None else range(len(elements))
        scores = dict(zip(names, elements, strict=False))
    found = {class_name(name): scalar_of(score) for name, score in scores.items()}
    return {name: float(score) for name, score in found.items() if isinstance(score, (int, float))}


def of_scores(scores: Mapping[str, float] | None, told: Told) -> Output:
    """Value, label and scores that follow from the scores of the classes; of those that are NaN, none."""
    if not scores or not any(score == score for score in scores.values()):
        return NOTHING
    if len(scores) == 1:
        return Output(value=next(iter(scores.values())))
    of_value = told.value_class(scores)
    return Output(
        value=None if of_value is None else scores[of_value],
        label=max(scores, key=lambda name: _rank(scores[name])),
        scores=scores,
    )


def _rank(score: float) -> float:
    return score if score == score else float("-inf")


def with_score(told: Output, score: Output) -> Output:
    """What a prediction says, and a score given beside it."""
    return Output(
        score.value if score.value is not None else told.value,
        told.label or score.label,
        score.scores or told.scores,
        told.answer,
    )
