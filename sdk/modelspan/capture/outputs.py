"""What a predict function returned, as value, label and class scores.

| returned | becomes |
|---|---|
| number | value (label, where it is one of `classes`) |
| string, enum, bool | label |
| mapping, record | by its keys: `label`, `value`/`score`/`prediction`/…, `scores`; else class scores |
| `(label, score)` | label and value |
| vector as long as `classes` | class scores |

Of class scores alone, the label is the class with the highest, and the value of two classes the second's score.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from modelspan.capture import values

LABEL_KEYS = ("label", "class", "predicted_class", "category")
VALUE_KEYS = ("value", "score", "prediction", "probability", "result", "output")
SCORES_KEYS = ("scores", "probabilities", "class_scores", "proba", "probs")


class Output(NamedTuple):
    """One prediction: a number, a class, the score of each class; None what there is not."""

    value: float | None = None
    label: str | None = None
    scores: Mapping[str, float] | None = None


NOTHING = Output()


def read(result: Any, classes: Sequence[Any] | None = None) -> Output:
    """The output of one row; `NOTHING` where the result has no place for it."""
    if type(result) is float:
        return Output(value=result)
    if isinstance(result, Output):
        return result
    scalar = None if isinstance(result, (Mapping, list, tuple)) else _scalar(result)
    if scalar is not None:
        return _of_scalar(scalar, classes)
    row = result if isinstance(result, Mapping) else values.fields(result)
    if row is not None:
        return _of_mapping(row, classes)
    return _of_sequence(_elements(result), classes)


def _scalar(result: Any) -> bool | int | float | str | None:
    """A plain scalar out of Python's, NumPy's and Arrow's; None for all else."""
    frozen = values.freeze(result)
    if hasattr(frozen, "item"):
        frozen = frozen.item()
    if isinstance(frozen, (bool, int, float, str)):
        return frozen
    return float(frozen) if hasattr(frozen, "as_integer_ratio") else None  # Decimal


def _of_scalar(scalar: bool | int | float | str, classes: Sequence[Any] | None) -> Output:
    if isinstance(scalar, bool):
        return Output(label="true" if scalar else "false")
    if isinstance(scalar, str):
        return Output(label=scalar)
    if classes is not None and scalar in classes:
        return Output(label=str(scalar))
    return Output(value=float(scalar))


def _of_mapping(row: Mapping[Any, Any], classes: Sequence[Any] | None) -> Output:
    named = {str(key): value for key, value in row.items()}
    if classes is not None and set(named) == set(map(str, classes)):
        return of_scores(_named_scores(named, classes))
    label = next((named[key] for key in LABEL_KEYS if key in named), None)
    value = next((named[key] for key in VALUE_KEYS if key in named), None)
    scores = next((named[key] for key in SCORES_KEYS if key in named), None)
    if label is None and value is None and scores is None:
        scores = named
    told = of_scores(_named_scores(scores, classes))
    if label is not None:
        told = told._replace(label=str(text if (text := _scalar(label)) is not None else label))
    if value is not None:
        given = read(value, classes)
        told = told._replace(value=given.value, label=told.label or given.label)
    return told


def _of_sequence(elements: Sequence[Any], classes: Sequence[Any] | None) -> Output:
    if classes is not None and len(elements) == len(classes) and len(elements) > 1:
        return of_scores(_named_scores(elements, classes))
    if len(elements) == 1:
        return read(elements[0], classes)
    if len(elements) == 2 and isinstance(_scalar(elements[0]), str):
        return read(elements[0])._replace(value=read(elements[1]).value)
    return NOTHING


def _elements(result: Any) -> Sequence[Any]:
    """The elements of a list, tuple, vector or one-row matrix; nothing for all else."""
    if hasattr(result, "to_numpy"):  # Series and frames of any library
        result = result.to_numpy()
    if hasattr(result, "tolist"):
        result = result.tolist()
    while isinstance(result, (list, tuple)) and len(result) == 1 and isinstance(result[0], (list, tuple)):
        result = result[0]
    return result if isinstance(result, (list, tuple)) else ()


def _named_scores(scores: Any, classes: Sequence[Any] | None) -> Mapping[str, float] | None:
    if scores is None:
        return None
    if not isinstance(scores, Mapping):
        elements = _elements(scores)
        scores = dict(zip(classes if classes is not None else range(len(elements)), elements, strict=False))
    numbers = {str(name): _scalar(score) for name, score in scores.items()}
    return {name: float(score) for name, score in numbers.items() if isinstance(score, (int, float))}


def of_scores(scores: Mapping[str, float] | None) -> Output:
    """Value, label and scores that follow from the scores of the classes."""
    if not scores:
        return NOTHING
    if len(scores) == 1:
        return Output(value=next(iter(scores.values())))
    second = list(scores.values())[1] if len(scores) == 2 else None
    return Output(value=second, label=max(scores, key=lambda name: scores[name]), scores=scores)


def with_score(told: Output, score: Output) -> Output:
    """What a prediction says, and a score given beside it."""
    return Output(
        score.value if score.value is not None else told.value, told.label or score.label, score.scores or told.scores
    )
