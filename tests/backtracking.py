"""How often a regular expression may read the same text over again, found from the expression and not from a clock.

Python's `re` tries every way to match before it gives up. A pattern is built into its automaton of positions;
where one text leads from a position back to itself in two ways, the ways double with each repetition (exponential), and
where one text keeps two loops going and leads from one to the other, they grow with its length (polynomial). `search`
and its kin begin anew at every character, which is a loop like any other before the pattern.
"""

from __future__ import annotations

import re
import sys
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product
from re import _constants as codes
from re import _parser as parser
from typing import Any

SAMPLE = "aAbBzZ_059 \t\n\r\v'\"`\\/*-+.,:;()[]{}<>=#$%&@!?^|~\0\x7f\xe9\u0663\u4e00"
"""Characters that stand for their kinds, beside those that a pattern names itself."""
ANYWHERE = frozenset({"search", "finditer", "findall", "sub", "subn", "split"})


class UnknownConstructError(ValueError):
    """A construct that is not regular, as a back reference."""


@dataclass
class Part:
    """A piece of a pattern: where it may begin and end, and whether it may be empty."""

    first: Counter[int] = field(default_factory=Counter)
    last: set[int] = field(default_factory=set)
    empty: bool = True
    anchored: bool = False
    """Whether something that takes no text, and may fail, stands at its end."""


class Automaton:
    """The positions of one pattern, the characters of each, and which may follow which in how many ways."""

    def __init__(self, pattern: str | bytes, flags: int, *, anywhere: bool, whole: bool) -> None:
        text = pattern.decode("latin-1") if isinstance(pattern, bytes) else pattern
        tree = parser.parse(text, flags)
        self._flags = tree.state.flags | flags
        self._alphabet = sorted({*SAMPLE, *_named(tree)})
        self.chars: list[frozenset[str]] = []
        self.follow: Counter[tuple[int, int]] = Counter()
        root = self._sequence(tree)
        self.accepting = set() if whole or root.anchored else root.last
        if anywhere and not _at_the_beginning(tree, self._flags):
            before = self._position(frozenset(self._alphabet))
            self._link({before}, Counter({before: 1}))
            self._link({before}, root.first)
        self.next: list[list[int]] = [[] for _ in self.chars]
        for (left, right), _ in self.follow.items():
            self.next[left].append(right)

    def _position(self, chars: frozenset[str]) -> int:
        self.chars.append(chars)
        return len(self.chars) - 1

    def _link(self, last: Iterable[int], first: Counter[int]) -> None:
        for left, (right, ways) in product(last, first.items()):
            self.follow[left, right] += ways

    def _sequence(self, items: Iterable[tuple[object, object]]) -> Part:
        whole = Part()
        for operation, argument in items:
            part = self._part(operation, argument)
            self._link(whole.last, part.first)
            if whole.empty:
                whole.first += part.first
            whole.last = part.last | whole.last if part.empty else part.last
            whole.anchored = part.anchored or (whole.anchored and part.empty)
            whole.empty = whole.empty and part.empty
        return whole

    def _part(self, operation: object, argument: object) -> Part:
        if operation in (codes.MAX_REPEAT, codes.MIN_REPEAT, getattr(codes, "POSSESSIVE_REPEAT", None)):
            return self._repeat(*argument)  # type: ignore[misc]
        if operation is codes.BRANCH:
            parts = [self._sequence(items) for items in argument[1]]  # type: ignore[index]
            first: Counter[int] = sum((part.first for part in parts), Counter())
            last = set().union(*(part.last for part in parts))
            return Part(first, last, any(part.empty for part in parts), any(part.anchored for part in parts))
        if operation is codes.SUBPATTERN:
            return self._sequence(argument[-1])  # type: ignore[index]
        if operation is getattr(codes, "ATOMIC_GROUP", None):
            return self._sequence(argument)  # type: ignore[arg-type]
        if operation in (codes.AT, codes.ASSERT, codes.ASSERT_NOT):
            return Part(anchored=argument not in (codes.AT_BEGINNING, codes.AT_BEGINNING_STRING))
        chars = frozenset(char for char in self._alphabet if self._takes(operation, argument, char))
        position = self._position(chars)
        return Part(Counter({position: 1}), {position}, empty=False)

    def _repeat(self, least: int, most: int, items: Iterable[tuple[object, object]]) -> Part:
        """A few copies as they are, and any more as a loop."""
        kept = list(items)
        few = most != codes.MAXREPEAT and most - least <= 3
        copies = [*[(codes.SUBPATTERN, (None, 0, 0, kept))] * min(least, 3)]
        whole = self._sequence(copies)
        for _ in range(most - least if few else 1):
            part = self._sequence(kept)
            if not few:
                self._link(part.last, part.first)
            self._link(whole.last, part.first)
            if whole.empty:
                whole.first += part.first
            whole.last |= part.last
            whole.anchored = whole.anchored or part.anchored
        whole.empty = least == 0 or whole.empty
        return whole

    def _takes(self, operation: object, argument: object, char: str) -> bool:
        if operation is codes.ANY:
            return char != "\n" or bool(self._flags & re.DOTALL)
        if operation is codes.IN:
            items = list(argument)  # type: ignore[call-overload]
            negated = items[0][0] is codes.NEGATE
            return negated != any(self._takes(*item, char) for item in items[negated:])
        if operation is codes.LITERAL:
            return self._same(chr(argument), char)  # type: ignore[arg-type]
        if operation is codes.NOT_LITERAL:
            return not self._same(chr(argument), char)  # type: ignore[arg-type]
        if operation is codes.RANGE:
            low, high = argument  # type: ignore[misc]
            return any(low <= ord(case) <= high for case in self._cases(char))
        if operation is codes.CATEGORY:
            escape = {"DIGIT": "d", "SPACE": "s", "WORD": "w"}[str(argument).rsplit("_", 1)[1]]
            return bool(re.match(f"\\{escape}", char)) != ("NOT" in str(argument))
        raise UnknownConstructError(str(operation))

    def _cases(self, char: str) -> set[str]:
        return {char, char.lower()[0], char.upper()[0]} if self._flags & re.IGNORECASE else {char}

    def _same(self, named: str, char: str) -> bool:
        return named in self._cases(char)

    def steps(self, pairs: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        """Where several copies of the automaton may go together, on one and the same character."""
        for to in product(*(self.next[position] for position in pairs)):
            if frozenset.intersection(*(self.chars[position] for position in to)):
                yield to

    def loops(self) -> list[set[int]]:
        """Positions that lead back to themselves, together with those on the way."""
        reach = [self._reachable(position) for position in range(len(self.chars))]
        found: list[set[int]] = []
        for position in range(len(self.chars)):
            if position in reach[position] and not any(position in loop for loop in found):
                found.append({other for other in reach[position] if position in reach[other]})
        return found

    def _reachable(self, start: int) -> set[int]:
        seen: set[int] = set()
        waiting = [start]
        while waiting:
            for to in self.next[waiting.pop()]:
                if to not in seen and self.chars[to]:
                    seen.add(to)
                    waiting.append(to)
        return seen


def _at_the_beginning(tree: Any, flags: int) -> bool:
    """Whether a pattern says by itself that it matches at the beginning of the text alone."""
    begins = list(tree)[:1]
    return begins == [(codes.AT, codes.AT_BEGINNING_STRING)] or (
        begins == [(codes.AT, codes.AT_BEGINNING)] and not flags & re.MULTILINE
    )


def _named(items: object) -> Iterator[str]:
    """Every character that a pattern names, and those beside its ranges."""
    if isinstance(items, tuple) and len(items) == 2 and items[0] in (codes.LITERAL, codes.NOT_LITERAL):
        yield chr(items[1])
    elif isinstance(items, tuple) and len(items) == 2 and items[0] is codes.RANGE:
        yield from (chr(min(max(code, 0), sys.maxunicode)) for end in items[1] for code in (end - 1, end, end + 1))
    elif isinstance(items, (tuple, list, parser.SubPattern)):
        for item in items:
            yield from _named(item)


def growth(pattern: str | bytes, flags: int = 0, use: str = "match") -> str:
    """`linear`, `polynomial` or `exponential`: how the steps of a failing match grow with the text at worst.

    Args:
        pattern: the expression.
        flags: those of `re`.
        use: the function of `re` that it is used with.
    """
    automaton = Automaton(pattern, flags, anywhere=use in ANYWHERE, whole=use == "fullmatch")
    loops = [loop for loop in automaton.loops() if not loop & automaton.accepting]
    if any(_doubles(automaton, loop) for loop in loops):
        return "exponential"
    every = automaton.loops()
    pairs = ((one, other) for one in every for other in loops if one != other)
    return "polynomial" if any(_grows(automaton, one, other) for one, other in pairs) else "linear"


def _doubles(automaton: Automaton, loop: set[int]) -> bool:
    """Whether one text leads from a position of the loop back to it in two ways."""
    if any(ways > 1 for (left, right), ways in automaton.follow.items() if left in loop and right in loop):
        return True
    ahead: dict[tuple[int, ...], set[tuple[int, ...]]] = {}
    for start in loop:
        for pair in _explore(automaton, (start, start), (loop, loop)):
            if pair[0] != pair[1]:
                if pair not in ahead:
                    ahead[pair] = set(_explore(automaton, pair, (loop, loop)))
                if (start, start) in ahead[pair]:
                    return True
    return False


def _grows(automaton: Automaton, one: set[int], other: set[int]) -> bool:
    """Whether one text goes round the one loop, from it into the other, and round the other."""
    within = (one, set(range(len(automaton.chars))), other)
    return any(
        (left, right, right) in set(_explore(automaton, (left, left, right), within))
        for left, right in product(one, other)
    )


def _explore(automaton: Automaton, start: tuple[int, ...], within: tuple[set[int], ...]) -> Iterator[tuple[int, ...]]:
    seen: set[tuple[int, ...]] = set()
    waiting = deque([start])
    while waiting:
        for to in automaton.steps(waiting.popleft()):
            if to not in seen and all(position in part for position, part in zip(to, within, strict=True)):
                seen.add(to)
                waiting.append(to)
                yield to
