"""Spellings of one class: `True`, `yes`, `1` and `1.0` are one where all answers are such or the opposite."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from modelspan_analyzer.files.cells import is_text, utf8
from modelspan_analyzer.files.rows import Remarks

_TRUTH: Final = dict.fromkeys(("true", "1", "1.0", "yes", "y", "t"), "true") | dict.fromkeys(
    ("false", "0", "0.0", "no", "n", "f"), "false"
)
MOST_SPELLINGS: Final = 10_000
"""With more different values a column holds no classes that could be spelt twice."""


def canonical(column: pa.Array) -> pa.Array:
    """Classes as texts: whole numbers without a fraction, truth values as `true` and `false`, texts trimmed.

    An empty text is no class.
    """
    if pa.types.is_boolean(column.type):
        return pc.if_else(column, "true", "false")
    if pa.types.is_floating(column.type):
        column = pc.if_else(pc.is_nan(column), pa.scalar(None, column.type), column)
        texts = column.cast(pa.string())
        return pc.replace_substring_regex(texts, r"^(-?\d+)\.0$", r"\1")
    texts = pc.utf8_trim_whitespace(utf8(column)) if is_text(column.type) else column.cast(pa.string())
    return pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)


def align(column: pa.Array, known: Iterable[str], name: str, remarks: Remarks) -> pa.Array:
    """Classes spelt as they are known, such as by the predictions; those that are not known stay as they are.

    Args:
        column: classes as texts.
        known: the spellings that hold; where there are none, the commonest in the column.
        name: of the column, for what is said.
        remarks: takes what was changed.
    """
    coded = column.dictionary_encode()
    spelt, holding = coded.dictionary.to_pylist(), list(known)
    if len(spelt) > MOST_SPELLINGS:
        return column
    counts = np.bincount(np.asarray(coded.indices.drop_null()), minlength=len(spelt))
    common = Counter(dict(zip(spelt, counts.tolist(), strict=True)))
    changed = _changes([text for text, _ in common.most_common()], holding)
    if not changed:
        return column
    pairs = ", ".join(f"{old!r} as {new!r}" for old, new in list(changed.items())[:5])
    remarks.assume(f"spellings of one class in {name!r}: {pairs}")
    return pa.DictionaryArray.from_arrays(coded.indices, pa.array([changed.get(text, text) for text in spelt])).cast(
        pa.string()
    )


def _changes(spelt: list[str], known: list[str]) -> dict[str, str]:
    """From each spelling to the one that holds, where they differ; the commonest come first."""
    truths = are_truths(known or spelt)
    holding: dict[str, str] = {}
    for text in known or (spelt if truths else []):
        holding.setdefault(meaning(text, truths), text)
    changed = {}
    for text in spelt:
        meant = holding.get(meaning(text, truths), text)
        if text not in known and meant != text:
            changed[text] = meant
    return changed


def are_truths(words: Iterable[str]) -> bool:
    """Whether each of some words is a spelling of true or of false."""
    return all(word.casefold() in _TRUTH for word in words)


def meaning(text: str, truths: bool) -> str:
    """What spellings of one class have in common: the word in small letters, a whole number without its fraction.

    Args:
        text: the class.
        truths: whether all classes are spellings of true or of false, which are then what they have in common.

    >>> meaning("Yes", True), meaning("1.0", True), meaning("Yes", False), meaning("1.0", False)
    ('true', 'true', 'yes', '1')
    """
    folded = text.casefold()
    whole, dot, zeros = folded.partition(".")
    if dot and zeros.strip("0") == "" and whole.lstrip("-").isdigit():
        folded = whole
    return _TRUTH[folded] if truths and folded in _TRUTH else folded
