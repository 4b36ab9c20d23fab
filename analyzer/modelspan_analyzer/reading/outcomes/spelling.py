"""One class in several spellings, and labels of classes that a model does not have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence, Set
from typing import Final

from modelspan_analyzer.files.classes import are_truths, meaning

_PAIRS: Final = (
    ("0", "1"),
    ("false", "true"),
    ("False", "True"),
    ("FALSE", "TRUE"),
    ("0.0", "1.0"),
    ("no", "yes"),
    ("No", "Yes"),
    ("NO", "YES"),
)
_SHOWN: Final = 5


def find_spelling(answers: Sequence[Set[str]], truths: Sequence[Set[str]]) -> dict[str, str]:
    """The words that mean what answers spell otherwise, each with the spelling of the answers.

    Answers settle what the classes are: words of theirs that mean the same are different classes, and nothing is
    respelt; labels may come in several spellings at once. What no answer names is spelt as the first labels do.

    Args:
        answers: predicted classes, of each source of rows.
        truths: labels, of each source of rows.

    >>> find_spelling([{"True", "False"}], [{"0", "1"}])
    {'0': 'False', '1': 'True'}
    >>> find_spelling([{"True"}], [{"0"}])
    {'0': 'False'}
    >>> find_spelling([{"yes", "no"}], [{"1", "no", "False"}])
    {'1': 'yes', 'False': 'no'}
    >>> find_spelling([{"Spam", "Ham"}], [{"spam", "1"}])
    {'spam': 'Spam'}
    >>> find_spelling([{"1", "True"}], [{"0"}])
    {}
    """
    every = sorted(frozenset().union(*answers, *truths))
    truth = are_truths(frozenset().union(*answers) or every)
    if any(len({meaning(word, truth) for word in words}) < len(words) for words in answers):
        return {}
    chosen: dict[str, str] = {}
    for words, settles in [*((words, True) for words in answers), *((words, False) for words in truths)]:
        meant = Counter(meaning(word, truth) for word in words)
        usual = {meaning(word, truth): word for word in words if settles or meant[meaning(word, truth)] == 1}
        if usual and truth:
            usual = {meaning(word, True): word for word in next((p for p in _PAIRS if words & set(p)), ())} | usual
        chosen = {**usual, **chosen}
    pairs = {word: chosen.get(meaning(word, truth), word) for word in every}
    return {word: known for word, known in pairs.items() if known != word}


def strange(classes: Sequence[str], answers: Sequence[Set[str]], truths: Sequence[Set[str]]) -> frozenset[str]:
    """Labels of the first source that are neither of two classes: one such word makes no model one of three classes.

    Two classes are known by the model's card, or by what all sources answer and the others have labels of.

    >>> sorted(strange([], [{"no", "yes"}, {"no", "yes"}], [{"no", "maybe"}, {"no", "yes"}]))
    ['maybe']
    >>> sorted(strange([], [{"no", "yes"}], [{"no", "maybe"}])), sorted(strange(["a", "b"], [{"a"}], [{"c"}]))
    ([], ['c'])
    """
    known = frozenset(classes).union(*answers, *truths[1:])
    taught = len(classes) == 2 or any(truths[1:])
    return frozenset(truths[0]) - known if taught and len(known) == 2 else frozenset()


def no_class_in_common(answers: Sequence[Set[str]], truths: Sequence[Set[str]]) -> str:
    """What is said of labels, of the first source or of all, none of which is a class that answers name, or else ''.

    A single answer beside a single other truth is only wrong.
    """
    named, labels = frozenset().union(*answers), frozenset().union(*truths)
    now = truths[0] if truths[0] and not truths[0] & (named | frozenset().union(*truths[1:])) else labels
    if not named or not now or named & now or len(named) + len(now) == 2:
        return ""
    said = f"answers say {shown(named)}, and labels {shown(now)}"
    return f"{said}: no answer can be right; send both in one spelling"


def shown(words: Set[str]) -> str:
    """The first of some words in order, for a reader."""
    return ", ".join(sorted(words)[:_SHOWN]) + (", …" if len(words) > _SHOWN else "")


def is_number(text: str) -> bool:
    """Whether a text is a number's."""
    try:
        float(text)
    except ValueError:
        return False
    return True
