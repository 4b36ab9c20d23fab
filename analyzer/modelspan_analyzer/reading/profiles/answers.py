"""What is compared of answers of several parts, as SQL: numbers and texts of a row by name, arrays of one length.

| of | numbers | texts |
|---|---|---|
| numbers by name | `output.price`; `output.value[1]`, … of several; of more than 100 their mean | |
| items | `items.count`, and of each column of numbers its mean, `output.score` | `items.first` |
| sets of labels, and segmentations | the same | `items.set`, the labels together |
| detections and segmentations | `count.cat`, and the mean confidence `confidence.cat`, of the rows that have one | |

Each row says at most one thing of a name, so that rows are as independent as they were.
"""

from __future__ import annotations

from typing import Final

_MOST: Final = 100
"""Numbers of one name that are compared by their place."""
_OF_ITEMS: Final = "shape IN ('multilabel', 'ranking', 'detection', 'segmentation') OR notEmpty(items)"
_BY_CLASS: Final = "shape IN ('detection', 'segmentation')"
_CLASSES: Final = f"if({_BY_CLASS}, arrayDistinct(items), [])"
_SCORED: Final = f"if({_BY_CLASS} AND length(outputs['score']) = length(items), arrayDistinct(items), [])"


def _each(name: str, one: str, several: str, mean: str) -> str:
    """An array over the numbers of each name: one, by their places, or their mean."""
    chosen = (
        f"multiIf(empty({name}s), [], {_OF_ITEMS} OR length({name}s) > {_MOST}, [{mean}], "
        f"length({name}s) = 1, [{one}], {several})"
    )
    return f"arrayFlatten(arrayMap((key, {name}s) -> {chosen}, mapKeys(outputs), mapValues(outputs)))"


_NAME: Final = "concat('output.', key)"
_PLACED: Final = f"arrayMap(at -> concat({_NAME}, '[', toString(at), ']'), arrayEnumerate(numbers))"
NAMES: Final = f"""arrayConcat(
    {_each("number", _NAME, _PLACED, _NAME)},
    if({_OF_ITEMS}, ['items.count'], []),
    arrayMap(class -> concat('count.', class), {_CLASSES}),
    arrayMap(class -> concat('confidence.', class), {_SCORED}))"""
NUMBERS: Final = f"""arrayConcat(
    {_each("number", "numbers[1]", "numbers", "arrayAvg(numbers)")},
    if({_OF_ITEMS}, [toFloat64(length(items))], []),
    arrayMap(class -> toFloat64(countEqual(items, class)), {_CLASSES}),
    arrayMap(class -> arrayAvg(arrayFilter((score, item) -> item = class, outputs['score'], items)), {_SCORED}))"""
_KIND: Final = "multiIf(empty(items), [], shape IN ('multilabel', 'segmentation'), ['items.set'], ['items.first'])"
TEXT_NAMES: Final = f"arrayConcat(if(label = '', [], ['label']), {_KIND})"
TEXTS: Final = """arrayConcat(if(label = '', [], [toString(label)]),
    multiIf(empty(items), [], shape IN ('multilabel', 'segmentation'), [arrayStringConcat(arraySort(items), ', ')],
            [items[1]]))"""
