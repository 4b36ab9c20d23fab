"""Answers that are more than one number or class: several numbers, sets of labels, ranked items, detections.

All of them have one form, a small table: `items` are texts, `outputs` named columns of numbers. Where there are items,
a column of as many numbers has one for each.

| shape | items | outputs |
|---|---|---|
| `multioutput` | | a number each, or several: `price`, `value` of a vector without names |
| `multilabel` | the labels that apply | (scores by label are class scores) |
| `ranking` | ids, the best first | `score` |
| `quantile` | | a column a quantile, `0.1`, a number for each step of the horizon |
| `detection` | the class of each box | `score`, `x1`, `y1`, `x2`, `y2` |
| `segmentation` | classes | `share`, `score` |
| `untold` | texts | numbers, of what nothing says what they are |

The shape is that of `task=`. Without one it is told where the type of the result leaves no doubt (`_shape_of_mapping`);
all else is `untold`: it is kept, and nothing is measured of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from modelspan._failsafe import swallowed
from modelspan.capture import arrays, values
from modelspan.capture.names import (
    BOXES_KEYS,
    ITEM_KEYS,
    ITEMS_KEYS,
    LABEL_KEYS,
    LABELS_KEYS,
    SCORE_KEYS,
    SCORES_KEYS,
    first_of,
    plain_keys,
)
from modelspan.capture.scalars import class_name, is_number, scalar_of
from modelspan.conventions import DETECTION, MULTILABEL, MULTIOUTPUT, QUANTILE, RANKING, SEGMENTATION, UNTOLD

VECTOR: Final = "value"
"""The column of numbers that have no names."""
SCORE: Final = "score"
BOX: Final = ("x1", "y1", "x2", "y2")
MOST_NUMBERS: Final = 65_536
"""Items, or numbers, of one answer; of a longer one nothing is read."""
MOST_NAMED: Final = 256
"""Names of one answer's numbers; with more of them, the names are items."""
_LIKELY: Final = 0.5
"""From this score on, a label applies."""
_QUANTILE = re.compile(r"(?:[pq](\d{1,2}(?:\.\d+)?)|q?(0?\.\d+))")


class Answer(NamedTuple):
    """One answer: texts, and columns of numbers by their names."""

    shape: str
    items: tuple[str, ...] = ()
    outputs: Mapping[str, tuple[float, ...]] = {}


def answer_of(
    result: Any, task: str, classes: Sequence[Any] | None
) -> tuple[Answer, Mapping[str, float] | None] | None:
    """The answer that a result is, and scores by label where it has some; None where it has no place.

    Args:
        result: what was returned for one row, no scalar.
        task: the shape, as told; '' where nothing is.
        classes: of a vector's numbers, in their order.
    """
    row = result if isinstance(result, Mapping) else values.fields(result)
    if row is not None:
        found = _of_mapping(values.bounded(row, MOST_NUMBERS), task)
    elif isinstance(result, (set, frozenset)):
        found = Answer(task or MULTILABEL, tuple(sorted(map(class_name, result)))), None
    else:
        found = _of_sequence(result, task, classes)
    if found is None or _size(found[0]) > MOST_NUMBERS:
        return None
    return found


def _size(answer: Answer) -> int:
    return max(len(answer.items), sum(map(len, answer.outputs.values())))


Found = tuple[Answer, Mapping[str, float] | None] | None


def _of_mapping(row: Mapping[Any, Any], task: str) -> Found:
    by_key = plain_keys({class_name(key): value for key, value in row.items()})
    boxes, items = first_of(by_key, BOXES_KEYS), first_of(by_key, ITEMS_KEYS)
    if boxes is not None:
        return _of_boxes(boxes, first_of(by_key, (*LABELS_KEYS, *LABEL_KEYS)), _scores_in(by_key), task or DETECTION)
    if items is not None and not isinstance(items, Mapping):
        texts, scores = _texts(items), _numbers(_scores_in(by_key))
        if texts is not None:
            return Answer(task or RANKING, texts, {SCORE: scores} if scores and len(scores) == len(texts) else {}), None
    labels = first_of(by_key, (*LABELS_KEYS, *LABEL_KEYS))
    if task == MULTILABEL and labels is not None and (texts := _texts(labels)) is not None:
        scores = first_of(by_key, SCORES_KEYS)
        return Answer(task, texts), _scores(scores) if isinstance(scores, Mapping) else None
    if not task and labels is not None and (texts := _texts(labels)) is not None:  # with scores that are not theirs
        numbers = _numbers(_scores_in(by_key))
        alike = numbers is not None and len(numbers) == len(texts)
        return Answer(UNTOLD, texts, {SCORE if alike else "scores": numbers} if numbers else {}), None
    named = {class_name(key): value for key, value in row.items()}
    if task == SEGMENTATION and named and all(isinstance(value, Mapping) for value in named.values()):
        return _of_parts(named, task), None
    return _of_named(named, task)


def _of_named(named: Mapping[str, Any], task: str) -> Found:
    """Names with a number, or several, each."""
    columns = {name: _numbers(value) for name, value in named.items()}
    known = {name: numbers for name, numbers in columns.items() if numbers is not None}
    if not known:
        return None
    if len(known) < len(columns):
        lost = ", ".join(sorted(set(columns) - set(known))[:5])[:120]
        swallowed(
            f"of an answer of several parts those that are no numbers are left out: {lost}; prediction= takes one"
        )
    single = all(len(numbers) == 1 for numbers in known.values())
    if task == MULTILABEL and single:
        scores = {name: numbers[0] for name, numbers in known.items()}
        return _of_label_scores(scores, task, all(isinstance(value, bool) for value in named.values()))
    if single and (task in (RANKING, SEGMENTATION) or len(known) > MOST_NAMED):
        ordered = sorted(known, key=lambda name: -known[name][0])
        column = "share" if task == SEGMENTATION else SCORE
        return Answer(task or UNTOLD, tuple(ordered), {column: tuple(known[name][0] for name in ordered)}), None
    quantiles = {name: level for name in known if (level := quantile_of(name))}
    if task == QUANTILE or (not task and len(known) > 1 and len(quantiles) == len(known)):
        return Answer(task or QUANTILE, (), {quantiles.get(name, name): known[name] for name in known}), None
    return Answer(task or MULTIOUTPUT, (), known), None


def _of_label_scores(scores: Mapping[str, float], task: str, flags: bool) -> Found:
    likely = tuple(name for name, score in scores.items() if score >= _LIKELY)
    return Answer(task, likely), None if flags else scores


def _of_parts(named: Mapping[str, Mapping[Any, Any]], task: str) -> Answer:
    """Classes, each with numbers by the same names, such as share and score."""
    rows = [{str(key): scalar_of(value) for key, value in part.items()} for part in named.values()]
    names = [
        key for key in dict.fromkeys(key for row in rows for key in row) if any(is_number(row.get(key)) for row in rows)
    ]
    return Answer(task, tuple(named), {name: tuple(_float(row.get(name)) for row in rows) for name in names})


def _float(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) else float("nan")


def _scores_in(by_key: Mapping[str, Any]) -> Any:
    return first_of(by_key, (*SCORES_KEYS, "confidences", *SCORE_KEYS))


def quantile_of(name: str) -> str:
    """The level that a name says, as `0.1` (of `p10`, `q0.1`, `.1`); '' where it says none.

    >>> quantile_of("p10"), quantile_of("0.975"), quantile_of("price")
    ('0.1', '0.975', '')
    """
    found = _QUANTILE.fullmatch(name.lower())
    if found is None:
        return ""
    level = float(found[1]) / 100 if found[1] else float(found[2])
    return f"{level:.10g}" if 0 < level < 1 else ""


# --- sequences ----------------------------------------------------------------------------------------


def _of_sequence(result: Any, task: str, classes: Sequence[Any] | None) -> Found:
    shape = arrays.shape_of(result)
    if shape is not None and len(shape) > 1:
        return _of_matrix(result, shape, task, classes)
    elements = _elements(result)
    if elements is None or len(elements) > MOST_NUMBERS:
        return None
    if not elements:
        return Answer(task or UNTOLD), None
    if all(isinstance(each, Mapping) or values.fields(each) is not None for each in elements):
        return _of_rows(elements, task)
    if all(isinstance(each, (list, tuple)) and len(each) == 2 and is_number(scalar_of(each[1])) for each in elements):
        texts = _texts([each[0] for each in elements])
        if texts is not None:
            return Answer(task or UNTOLD, texts, {SCORE: tuple(_float(scalar_of(each[1])) for each in elements)}), None
    plain = [None if isinstance(each, (list, tuple)) else scalar_of(each) for each in elements]
    if all(is_number(each) or isinstance(each, bool) for each in plain):
        return _of_numbers(plain, task, classes)
    texts = _texts(elements)
    return None if texts is None else (Answer(task or UNTOLD, texts), None)


def _of_numbers(numbers: Sequence[Any], task: str, classes: Sequence[Any] | None) -> Found:
    if task in (RANKING, DETECTION):
        return Answer(task, tuple(map(class_name, numbers))), None
    names = list(map(class_name, classes)) if classes is not None and len(classes) == len(numbers) else None
    floats = tuple(map(float, numbers))
    if task == MULTILABEL:
        if names is None and all(type(each) is int for each in numbers) and not {*numbers} <= {0, 1}:
            return Answer(task, tuple(map(class_name, numbers))), None  # labels whose names are numbers
        if names is None:
            swallowed(
                "answers of labels that are numbers need classes= in the order of the numbers, to name the labels"
            )
        told = dict(zip(names or map(str, range(len(floats))), floats, strict=True))
        return _of_label_scores(told, task, all(type(each) in (bool, int) for each in numbers))
    if not task and any(isinstance(each, int) and abs(each) > values.LARGEST_EXACT for each in numbers):
        return Answer(UNTOLD, tuple(map(class_name, numbers))), None
    if names is not None and task:
        return Answer(task, (), {name: (number,) for name, number in zip(names, floats, strict=True)}), None
    return Answer(task or UNTOLD, (), {VECTOR: floats}), None


def _of_rows(rows: Sequence[Any], task: str) -> Found:
    """A list of mappings: boxes, or items each with its numbers."""
    each = [plain_keys(row if isinstance(row, Mapping) else values.fields(row) or {}) for row in rows]
    if all(first_of(row, BOXES_KEYS) is not None for row in each):
        labels = [first_of(row, LABEL_KEYS) for row in each]
        scores = [first_of(row, SCORE_KEYS) for row in each]
        return _of_boxes([first_of(row, BOXES_KEYS) for row in each], labels, scores, task or DETECTION)
    named = [first_of(row, (*ITEM_KEYS, *LABEL_KEYS)) for row in each]
    texts = None if any(name is None for name in named) else _texts(named)
    if texts is None:
        return None
    numbers = [{key: found for key, value in row.items() if is_number(found := _lenient(value))} for row in each]
    by_name = {
        key: tuple(_float(row.get(key)) for row in numbers) for key in dict.fromkeys(k for row in numbers for k in row)
    }
    outputs = {
        SCORE if name in SCORE_KEYS else name: column for name, column in by_name.items() if name not in ITEM_KEYS
    }
    has_items = any(first_of(row, ITEM_KEYS) is not None for row in each)
    return Answer(task or (RANKING if has_items else UNTOLD), texts, outputs), None


def _lenient(value: Any) -> Any:
    return None if isinstance(value, (Mapping, list, tuple)) else scalar_of(value)


def _of_boxes(boxes: Any, labels: Any, scores: Any, task: str) -> Found:
    if len(_numbers(boxes) or ()) == len(BOX):  # one box, by itself
        boxes, labels, scores = [boxes], None if labels is None else [labels], None if scores is None else [scores]
    found = [_numbers(box) for box in _plain(boxes)]
    if any(box is None or len(box) != len(BOX) for box in found):
        swallowed("boxes of an answer that are not four numbers each, x1, y1, x2, y2, are left out")
        return None
    classes = _texts(_plain(labels)) if labels is not None else ("",) * len(found)
    if classes is None or len(classes) != len(found):
        swallowed(f"{len(found)} boxes of an answer come with another number of classes, and are left out")
        return None
    columns = {name: tuple(box[at] for box in found if box is not None) for at, name in enumerate(BOX)}
    known = _numbers(scores)
    score = {SCORE: known} if known is not None and len(known) == len(found) else {}
    return Answer(task, classes, {**score, **columns}), None


def _of_matrix(result: Any, shape: tuple[int, ...], task: str, classes: Sequence[Any] | None) -> Found:
    """A mask of classes, or a table of numbers: a column a target or quantile, a row each step."""
    size = 1
    for length in shape:
        size *= length
    if len(shape) != 2 or (size > MOST_NUMBERS and task != SEGMENTATION):
        return None
    array = arrays.numpy_of(result)
    if array.dtype.kind not in "fiub":
        return None
    if task == SEGMENTATION:
        return (_of_mask(array, classes), None) if array.dtype.kind in "iub" else None
    whole = array.astype("float64")
    named = classes is not None and len(classes) == shape[1]
    names = list(map(class_name, classes or ())) if named else [f"{VECTOR}.{at}" for at in range(shape[1])]
    return _of_named({name: whole[:, at].tolist() for at, name in enumerate(names)}, task or UNTOLD)


def _of_mask(mask: Any, classes: Sequence[Any] | None) -> Answer:
    """The share of each class among the pixels of a mask; the pixels themselves are not kept."""
    import numpy as np

    found, counts = np.unique(mask, return_counts=True)
    names = list(map(class_name, classes or ()))
    texts = tuple(names[at] if 0 <= at < len(names) else class_name(at) for at in map(int, found))
    return Answer(SEGMENTATION, texts, {"share": tuple((counts / max(1, mask.size)).tolist())})


# --- parts --------------------------------------------------------------------------------------------


def _elements(result: Any) -> Sequence[Any] | None:
    """The elements of a list, tuple, vector or Series; None of all else."""
    if isinstance(result, (list, tuple)):
        return result
    if arrays.shape_of(result) is not None:
        return list(arrays.numpy_of(result).tolist())
    if hasattr(result, "to_numpy") and hasattr(result, "__len__") and len(result) <= MOST_NUMBERS:
        found = result.to_numpy()
        return list(found.tolist()) if found.ndim == 1 else None
    return None


def _plain(parts: Any) -> Sequence[Any]:
    """Parts of an answer in a list, whatever library they are of."""
    if arrays.shape_of(parts) is not None:
        return list(arrays.numpy_of(parts).tolist())
    return parts if isinstance(parts, (list, tuple)) else ()


def _texts(parts: Any) -> tuple[str, ...] | None:
    """Texts, or whole numbers as texts; None where some are neither."""
    every = _plain(parts) if not isinstance(parts, (set, frozenset)) else sorted(parts, key=class_name)
    plain = [None if isinstance(each, (Mapping, list, tuple)) else scalar_of(each) for each in every]
    known = all(
        isinstance(each, str) or (isinstance(each, (int, float)) and float(each).is_integer()) for each in plain
    )
    return tuple(class_name(each) for each in plain) if known else None


def _numbers(value: Any) -> tuple[float, ...] | None:
    """A number, or a vector of numbers, as numbers; None of all else."""
    if value is None or isinstance(value, (str, bytes, Mapping, set, frozenset)):
        return None
    several = _elements(value) if isinstance(value, (list, tuple)) or arrays.shape_of(value) not in (None, ()) else None
    plain: list[Any] = [scalar_of(value)] if several is None else [_lenient(each) for each in several]
    known: Callable[[Any], bool] = lambda each: each is None or isinstance(each, bool) or is_number(each)  # noqa: E731
    if not plain or all(each is None for each in plain) or not all(map(known, plain)):
        return None
    return tuple(float("nan") if each is None else float(each) for each in plain)


def _scores(scores: Mapping[Any, Any]) -> Mapping[str, float]:
    plain = {class_name(name): scalar_of(score) for name, score in scores.items()}
    return {name: float(score) for name, score in plain.items() if isinstance(score, (int, float))}
