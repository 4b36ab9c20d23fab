"""What a model predicts: its task, its classes and which of them is the positive one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import Final

from modelspan.conventions import ANOMALY, SHAPES, positive_of
from modelspan.conventions import MASK as MASK
from modelspan.conventions import MULTILABEL as MULTILABEL
from modelspan.conventions import MULTIOUTPUT as MULTIOUTPUT
from modelspan.conventions import QUANTILE as QUANTILE
from modelspan.conventions import RANKING as RANKING
from modelspan.conventions import UNTOLD as UNTOLD
from modelspan_analyzer.reading.cards import Card, card_for
from modelspan_analyzer.reading.outcomes import confidence
from modelspan_analyzer.reading.outcomes.seen import Seen
from modelspan_analyzer.reading.outcomes.spelling import find_spelling, is_number, no_class_in_common, shown, strange
from modelspan_analyzer.reading.rows import Rows
from modelspan_collector.store.connect import Store

BINARY: Final = "binary"
MULTICLASS: Final = "multiclass"
REGRESSION: Final = "regression"
MAX_CLASSES: Final = 100
MANY_NUMBERS: Final = 20
"""Whole numbers of which a model without a card has no more as classes."""

OUTLIER: Final = "-1"
"""What scikit-learn's detectors answer for what is unusual; for all else 1."""
_SOME_LABELS: Final = 20
"""Of which those of numbers are of more than two values."""
_OUTLIERS: Final = frozenset({OUTLIER, "1"})

_WHOLE = re.compile(r"-?[0-9]{1,18}")
_NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?")
_SETTLED = "`modelspan.register(..., task=...)`, or `performance: {task: ...}` in monitors.yaml, settles it"
_WHOLE_CLASSES = f"answers are whole numbers, and are taken for classes, not for numbers: {_SETTLED}"
_WHOLE_NUMBERS = f"all answers are whole numbers, and are taken for numbers, not for classes: {_SETTLED}"
_RESPELT = """
SELECT * REPLACE (
    transform(truth, {{words:Array(String)}}, {{classes:Array(String)}}, truth) AS truth,
    transform(toString(label), {{words:Array(String)}}, {{classes:Array(String)}}, toString(label)) AS label,
    mapFromArrays(arrayMap(name -> transform(toString(name), {{words:Array(String)}}, {{classes:Array(String)}},
                                             toString(name)), mapKeys(scores)), mapValues(scores)) AS scores)
FROM ({rows})
"""
_KNOWN = """
SELECT * REPLACE (if(has({{strange:Array(String)}}, truth), '', truth) AS truth) FROM ({rows})
"""
_HIGHEST = """
SELECT * REPLACE (multiIf(
    label != '', toString(label),
    notEmpty(scores), toString(arraySort((name, score) -> -score, mapKeys(scores), mapValues(scores))[1]),
    isNotNull(value) AND value = round(value), toString(value), '') AS label)
FROM ({rows})
"""
_OF_POSITIVE = """
SELECT * REPLACE (if(label = '' AND mapContains(scores, {{scored:String}}), scores[{{scored:String}}], value) AS value)
FROM ({rows})
"""
_OF_SIGNS = """
SELECT * REPLACE (if(label = '' AND isNotNull(value), toString(assumeNotNull(value)), toString(label)) AS label,
                  CAST(NULL, 'Nullable(Float64)') AS value)
FROM ({rows})
"""
_OF_VALUES = f"SELECT * REPLACE ({confidence.AS_POSITIVE}) FROM ({{rows}})"
_SIGNS = f"answers that are the numbers -1 and 1 are taken for classes: {_SETTLED}"
_DERIVED = {
    MULTICLASS: "answers that name no class are taken for the class of their highest score (or of their whole number)",
    BINARY: "answers that are class scores alone are taken for {positive} from `performance.threshold` on",
}


@dataclass(frozen=True, slots=True)
class Target:
    """The task, and its classes in the order of confusion matrices; a binary model's positive class is the last."""

    task: str
    classes: tuple[str, ...] = ()
    spelling: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Truths that are written otherwise than the classes, and the class that each is."""
    guess: str = field(default="", compare=False)
    """What was guessed and how it is settled; '' where the model's card says it."""
    derived: str = field(default="", compare=False)
    """How the class of answers that name none, and of which class values are, is told; '' where nothing is derived."""
    of_values: confidence.Classes = field(default=frozenset(), compare=False)
    """The classes whose scores values are, where they are to be turned round for the positive one."""
    doubt: str = field(default="", compare=False)
    """What may be wrong of the task, as answers, labels or `monitors.yaml` say else; '' where nothing does."""
    denied: bool = field(default=False, compare=False)
    """Whether the labels speak against the guess."""
    apart: str = field(default="", compare=False)
    """Why no answer can be right: labels and answers name no class in common; '' where they do."""
    strange: frozenset[str] = field(default=frozenset(), compare=False)
    """Labels that are neither of two classes: rows of these have no known truth."""
    shape: str = ""
    """What answers are that are no single number or class, one of the SDK's shapes; '' of all others."""
    anomaly: bool = False
    """Answers are anomaly scores: they put rows into an order, and are no probabilities."""
    signs: bool = False
    """Answers are the numbers -1 and 1, which are classes."""

    @property
    def taken(self) -> str:
        """What answers are taken for, where that was derived or is doubted; '' where nothing is to be said of it."""
        return "; ".join(filter(None, (self.derived, self.doubt)))

    @property
    def positive(self) -> str:
        """The positive class of a binary model; '' otherwise."""
        return self.classes[-1] if self.task == BINARY else ""

    @property
    def negative(self) -> str:
        """The other class of a binary model; '' otherwise."""
        return self.classes[0] if self.task == BINARY else ""


def target_of(
    store: Store, model: str, seen: Sequence[Seen], positive: str = "", windows: int = 1, *, task: str = ""
) -> Target:
    """What a model predicts, by its card and by what was seen in rows.

    Args:
        store: the store.
        model: the model's name.
        seen: in the rows of a window, or of each of several, and of baselines; the card is of the tenants whose rows
            they are.
        positive: the positive class; if not given it is the one of the usual names, else the card's or alphabet's last.
        windows: how many of the first are windows, whose labels do not say what the classes are where a card or
            baselines do, or where of several windows all have labels of two.
        task: what answers are where no card says it.
    """
    known = card_for(store, model, frozenset().union(*(one.tenants for one in seen)))
    card = known._replace(task=known.task or task)
    target = _by_what_was_seen(card, seen, positive, windows)
    target = _beside_labels(target, card.task, seen, windows) if target.task == REGRESSION else target
    return _told_otherwise(target, known.task, task)


def _by_what_was_seen(card: Card, seen: Sequence[Seen], positive: str, windows: int) -> Target:
    task, classes = card.task, list(card.classes)
    found = find_spelling([one.predicted for one in seen], [one.truths for one in seen])
    positive = positive or (OUTLIER if _of_anomalies(task) and _all_signs(seen) else "")
    if plain := _of_numbers(task, card.classes, seen) or _of_signs(task, seen, positive):
        return plain
    answers, truths = (
        [frozenset(found.get(word, word) for word in words) for words in side]
        for side in ([one.predicted for one in seen], [one.truths for one in seen])
    )
    apart = no_class_in_common(answers, truths)
    current, known = truths[:windows], truths[windows:]
    if windows > 1 and not any(known):
        known = [*known, frozenset.intersection(*current)]
    odd = strange(classes, answers, [frozenset().union(*current), *known])
    of_classes = (
        any(answers) or _classifies(task) or (all(one.bounded for one in seen) and _are_of_two((known or truths)[-1]))
    )
    if apart and truths[0].isdisjoint(frozenset().union(*answers)):
        odd = truths[0]
    elif not of_classes:  # numbers beside numbers
        odd = frozenset()
    classes = _named(task, classes, seen, answers, [*(each - odd for each in current), *truths[windows:]])
    if not task and _are_amounts(classes):
        guess = f"taken for numbers, as more than {MANY_NUMBERS} whole numbers were seen: {_SETTLED}"
        return Target(REGRESSION, guess=guess)
    target = classify(classes, positive)
    if not task and target.task == REGRESSION and any(one.numbers for one in seen) and all(one.whole for one in seen):
        return Target(REGRESSION, guess=_WHOLE_NUMBERS, derived=_WHOLE_NUMBERS)
    unnamed = any(one.scored_alone or (one.numbers and target.task == MULTICLASS) for one in seen)
    of_values = confidence.agreed([_respelt(one.of_values, found) for one in seen], target.classes)
    anomaly = _of_anomalies(task) and target.task != MULTICLASS
    of_values = frozenset() if anomaly or target.task != BINARY or of_values == {target.positive} else of_values
    said = [_DERIVED.get(target.task, "").format(positive=target.positive)] if unnamed else []
    said += [confidence.said(of_values, target.positive)] if of_values else []
    guess, derived = "" if task else _guess(target, found), "; ".join(filter(None, said))
    target = replace(target, spelling=found, guess=guess, derived=derived, apart=apart, strange=odd)
    whole = not task and target.task == MULTICLASS and all(_WHOLE.fullmatch(name) for name in target.classes)
    return replace(target, of_values=of_values, anomaly=anomaly, doubt=_WHOLE_CLASSES if whole else "")


def _beside_labels(target: Target, task: str, seen: Sequence[Seen], windows: int) -> Target:
    """The target of numbers beside labels, which may be no numbers, or of two classes where nobody says what it is."""
    if target.shape:
        return target
    labels = frozenset().union(*(one.truths for one in seen[:windows]))
    if labels and not any(map(is_number, labels)):
        why = f"answers are numbers, and labels none ({shown(labels)}): no answer can be compared with them"
        return replace(target, apart=why if task else f"{why}; {_SETTLED}")
    every = frozenset().union(*(one.truths for one in seen))
    if task or len(every) > 2 or sum(one.labelled for one in seen) < _SOME_LABELS:
        return target
    why = f"answers are taken for numbers, though labels are {shown(every)} alone, as of classes: {_SETTLED}"
    return replace(target, guess=why, derived="", doubt=why, denied=True)


def _told_otherwise(target: Target, card: str, task: str) -> Target:
    """The target of a model of which `monitors.yaml` says another task than its card does."""
    if not (card and task) or _plainly(card) == _plainly(task) or (_classifies(card) and _classifies(task)):
        return target
    why = f"the model's card says {card}, which counts, and `performance: {{task: {task}}}` in monitors.yaml does not"
    return replace(target, doubt="; ".join(filter(None, (target.doubt, why))))


def _named(
    task: str,
    classes: Sequence[str],
    seen: Sequence[Seen],
    answers: Sequence[Set[str]],
    truths: Sequence[Set[str]],
) -> list[str]:
    """The classes that the card, answers and labels name, in that order; numbers beside amounts name none."""
    found, bounded = dict.fromkeys(classes), True
    for one, named, labels in zip(seen, answers, truths, strict=True):
        bounded &= one.bounded
        if named or _classifies(task) or (bounded and _are_of_two(labels)):
            found |= dict.fromkeys([*sorted(named), *sorted(labels)])
    return list(found)


def read_as(rows: Rows, target: Target) -> Rows:
    """Rows as a target needs them: one spelling a class, a class of those that have scores alone, numbers as values."""
    if target.task == REGRESSION:
        sql = f"SELECT * REPLACE (coalesce(value, toFloat64OrNull(toString(label))) AS value) FROM ({rows.sql})"
        return replace(rows, sql=sql)
    if target.spelling:
        pair = {"words": list(target.spelling), "classes": list(target.spelling.values())}
        rows = replace(rows, sql=_RESPELT.format(rows=rows.sql), parameters={**rows.parameters, **pair})
    if target.strange:
        more = {**rows.parameters, "strange": sorted(target.strange)}
        rows = replace(rows, sql=_KNOWN.format(rows=rows.sql), parameters=more)
    if target.signs:
        return replace(rows, sql=_OF_SIGNS.format(rows=rows.sql))
    if not target.derived:
        return rows
    if target.task == BINARY:
        sql = _OF_VALUES.format(rows=rows.sql) if target.of_values else rows.sql
        whole = {"whole": len(target.of_values) == 1} if target.of_values else {}
        parameters = {**rows.parameters, "scored": target.positive, **whole}
        return replace(rows, sql=_OF_POSITIVE.format(rows=sql), parameters=parameters)
    return replace(rows, sql=_HIGHEST.format(rows=rows.sql))


def _of_numbers(task: str, classes: Sequence[str], seen: Sequence[Seen]) -> Target | None:
    """The target of answers of several parts, and of numbers, where a card says that they are; None of all others."""
    shape = _shape(task, seen)
    guess = "" if _plainly(task) == shape else f"taken for {shape} by what was seen: {_SETTLED}"
    guess = f"nothing says what answers of several parts are: {_SETTLED}" if shape == UNTOLD else guess
    if shape:
        named = tuple(classes) if shape == MULTILABEL else ()
        return Target(REGRESSION, named, shape=shape, guess=guess, derived=guess)
    return Target(REGRESSION) if task == REGRESSION else None


def _of_signs(task: str, seen: Sequence[Seen], positive: str) -> Target | None:
    """The target of answers that are -1 and 1, where labels say nothing else; None of all others."""
    if not (any(one.signs for one in seen) and all(one.signs or not one.numbers for one in seen) and _all_signs(seen)):
        return None
    return replace(classify(sorted(_OUTLIERS), positive), signs=True, derived=_SIGNS, guess="" if task else _SIGNS)


def _shape(task: str, seen: Sequence[Seen]) -> str:
    """What answers of several parts are: as the card says, else as they do; '' where all are one number or class."""
    shapes = frozenset().union(*(one.shapes for one in seen))
    if _plainly(task) in SHAPES:
        return _plainly(task)
    told = shapes - {UNTOLD}
    if len(told) == 1:
        return next(iter(told))
    return "" if not shapes else MULTIOUTPUT if "regress" in task.lower() else UNTOLD


def _plainly(task: str) -> str:
    """A task without the signs that people put between its words."""
    return re.sub(r"[^a-z]", "", task.lower())


def _respelt(classes: confidence.Classes | None, spelling: Mapping[str, str]) -> confidence.Classes | None:
    return None if classes is None else frozenset(spelling.get(name, name) for name in classes)


def _all_signs(seen: Sequence[Seen]) -> bool:
    """Whether nothing but -1 and 1 was said, or true, of classes."""
    return all(one.predicted | one.truths <= _OUTLIERS for one in seen) and any(
        OUTLIER in one.predicted | one.truths or one.signs for one in seen
    )


def _are_of_two(truths: Set[str]) -> bool:
    """Whether labels are of a score from 0 to 1: truth values, or two words, of which neither is a number."""
    return truths <= {"0", "1", "true", "false"} or (
        len(truths) == 2 and not any(_NUMBER.fullmatch(name) for name in truths)
    )


def _are_amounts(classes: Sequence[str]) -> bool:
    """More different whole numbers than a model has classes that are numbers, such as digits."""
    return len(classes) > MANY_NUMBERS and all(_WHOLE.fullmatch(name) for name in classes)


def _guess(target: Target, spelling: Mapping[str, str]) -> str:
    same = ", ".join(f"{truth} is {known}" for truth, known in spelling.items())
    return f"taken for {target.task} by what was seen{', where ' + same if same else ''}: {_SETTLED}"


def _classifies(task: str) -> bool:
    return "class" in task.lower() or task.lower() == BINARY or _of_anomalies(task)


def _of_anomalies(task: str) -> bool:
    return ANOMALY in task.lower()


def classify(classes: Sequence[str], positive: str = "") -> Target:
    """The target of these classes; none, or more than `MAX_CLASSES`, is a regression.

    Raises:
        ValueError: the positive class is not one of two.
    """
    if not classes or len(classes) > MAX_CLASSES:
        return Target(REGRESSION)
    if len(classes) > 2:
        return Target(MULTICLASS, tuple(classes))
    if len(classes) == 1:
        classes = [_opposite(classes[0]), classes[0]]
    chosen = positive or positive_of(classes)
    if chosen not in classes:
        raise ValueError(f"the positive class {chosen!r} is not one of {', '.join(classes)}; correct `positive_class`")
    return Target(BINARY, (next(name for name in classes if name != chosen), chosen))


def _opposite(only: str) -> str:
    return {"1": "0", "0": "1", "true": "false", "false": "true"}.get(only, f"not {only}")
