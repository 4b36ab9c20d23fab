"""What is compared of answers of several parts, as SQL: numbers and texts of a row by name, arrays of one length.

| of | numbers | texts |
|---|---|---|
| numbers by name | `output.price`; `output.value[1]`, … of several; of more than 100 their mean | |
| items | `items.count`, and of each column of numbers its mean, `output.score` | `items.first` |
| sets of labels, and segmentations | the same | `items.set`, the labels together |
| a class in a picture | its mean confidence, `confidence.cat`; of detections how many, `count.cat`; | |
| | of segmentations how much of the whole, `share.cat`; of the rows that have one | |
| every row | | `shape`: what the answer is, so that a change from numbers to lists is one |

Each row says at most one thing of a name, so that rows are as independent as they were.
"""

from __future__ import annotations

from typing import Final

_MOST: Final = 100
"""Numbers of one name that are compared by their place."""
_OF_ITEMS: Final = "shape IN ('multilabel', 'ranking', 'detection', 'segmentation') OR notEmpty(items)"
_BY_CLASS: Final = "shape IN ('detection', 'segmentation')"
_COUNTED: Final = "if(shape = 'detection', arrayDistinct(items), [])"
_SHARED: Final = "if(shape = 'segmentation' AND length(outputs['share']) = length(items), arrayDistinct(items), [])"
_SCORED: Final = f"if({_BY_CLASS} AND length(outputs['score']) = length(items), arrayDistinct(items), [])"


def _each(name: str, one: str, several: str, mean: str) -> str:
    """An array over the numbers of each name: one, by their places, or their mean."""
    chosen = (
        f"multiIf(empty({name}s) OR (shape = 'segmentation' AND key = 'share'), [], "
        f"{_OF_ITEMS} OR length({name}s) > {_MOST}, [{mean}], "
        f"length({name}s) = 1, [{one}], {several})"
    )
    return f"arrayFlatten(arrayMap((key, {name}s) -> {chosen}, mapKeys(outputs), mapValues(outputs)))"


def _of_class(function: str, column: str) -> str:
    """A function of a column's numbers that belong to a class."""
    return f"{function}(arrayFilter((number, item) -> item = class, outputs['{column}'], items))"


_NAME: Final = "concat('output.', key)"
_PLACED: Final = f"arrayMap(at -> concat({_NAME}, '[', toString(at), ']'), arrayEnumerate(numbers))"
NAMES: Final = f"""arrayConcat(
    {_each("number", _NAME, _PLACED, _NAME)},
    if({_OF_ITEMS}, ['items.count'], []),
    arrayMap(class -> concat('count.', class), {_COUNTED}),
    arrayMap(class -> concat('share.', class), {_SHARED}),
    arrayMap(class -> concat('confidence.', class), {_SCORED}))"""
NUMBERS: Final = f"""arrayConcat(
    {_each("number", "numbers[1]", "numbers", "arrayAvg(numbers)")},
    if({_OF_ITEMS}, [toFloat64(length(items))], []),
    arrayMap(class -> toFloat64(countEqual(items, class)), {_COUNTED}),
    arrayMap(class -> {_of_class("arraySum", "share")}, {_SHARED}),
    arrayMap(class -> {_of_class("arrayAvg", "score")}, {_SCORED}))"""
_KIND: Final = "multiIf(empty(items), [], shape IN ('multilabel', 'segmentation'), ['items.set'], ['items.first'])"
SHAPE: Final = "shape"
"""The column of what each answer is; it tells where some of a model's answers are of several parts."""
_SHAPE: Final = "multiIf(shape != '', toString(shape), label != '' OR notEmpty(scores), 'class', 'number')"
_SAID: Final = "shape != '' OR label != '' OR notEmpty(scores) OR isNotNull(value)"
TEXT_NAMES: Final = f"arrayConcat(if({_SAID}, ['{SHAPE}'], []), if(label = '', [], ['label']), {_KIND})"
TEXTS: Final = f"""arrayConcat(if({_SAID}, [{_SHAPE}], []), if(label = '', [], [toString(label)]),
    multiIf(empty(items), [], shape IN ('multilabel', 'segmentation'), [arrayStringConcat(arraySort(items), ', ')],
            [items[1]]))"""
