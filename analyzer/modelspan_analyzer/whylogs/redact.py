"""Profiles without what redaction keeps out of the store: columns by name, categories and whole numbers by masks."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

import numpy as np

from modelspan_analyzer.reading.profiles.profile import Column, Numbers, Support, Texts
from modelspan_analyzer.whylogs.columns import Told
from modelspan_collector.access.redact_text import redact_text
from modelspan_collector.access.rules import Redaction


def redacted(told: Told, rules: Redaction, structural: frozenset[str]) -> Told:
    """The same columns as rows of them would be redacted; what is taken out is told to who sent them.

    Args:
        told: the columns.
        rules: of the collector.
        structural: columns without which an answer has no place, whatever the rules say of their names.
    """
    kept: dict[str, Column] = {}
    for name, column in told.columns.items():
        action, shown = "keep" if name in structural else rules.action(name), rules.masked(name)
        if action == "drop" or shown in kept:
            told.remarks.leave_out(f"column {name!r}: redaction keeps it out of the store")
        elif action == "hash" and column.numbers is not None:
            told.remarks.leave_out(f"column {shown!r}: redaction hashes it, and the numbers of a profile have no hash")
        else:
            kept[shown] = replace(
                column,
                name=shown,
                texts=column.texts and _texts(column.texts, rules, hashed=action == "hash"),
                numbers=column.numbers and _numbers(column.numbers, rules, whole=name in told.whole),
            )
    return replace(told, columns=kept, whole=frozenset(map(rules.masked, told.whole)))


def _texts(texts: Texts, rules: Redaction, *, hashed: bool) -> Texts:
    counts: dict[str, float] = defaultdict(float)
    for text, count in texts.counts.items():
        shown = rules.digest(text) if hashed else redact_text(rules, text)[0]
        if shown is not None:
            counts[shown] += count
    return replace(texts, counts=dict(counts))


def _numbers(numbers: Numbers, rules: Redaction, *, whole: bool) -> Numbers:
    """Numbers without the whole ones whose digits a mask meets."""
    support = numbers.support
    if not (whole and rules.mask and support is not None and support.values.size):
        return numbers
    shown = np.array([rules.masked(text := str(int(value))) == text for value in support.values])
    extremes = {rules.masked(text := str(int(value))) == text for value in (numbers.minimum, numbers.maximum)}
    if shown.all() and extremes == {True}:
        return numbers
    values = support.values[shown]
    weights = None if support.weights is None else support.weights[shown]
    lowest, highest = (float(values[0]), float(values[-1])) if values.size else (float("inf"), float("-inf"))
    return replace(numbers, minimum=lowest, maximum=highest, support=Support(values, weights, support.rank_error))
