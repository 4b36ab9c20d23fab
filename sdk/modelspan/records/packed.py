"""Single rows, packed into bytes when their calls end.

A call of numbers and texts waits for the encoder as bytes of a fixed layout. The garbage collector has nothing to
visit, however many wait, and the encoder reads whole columns out of the joined bytes (`modelspan.records.unpacked`),
where going through objects would hold the interpreter's lock while calls wait for it. A call with anything else stays
an object.

A packed row has cells: the features, the prediction's value and label, its scores, and the tags. It consists of its
layout's number, time, number of the call, trace and span id, duration, a bit for each cell that is missing, the
doubles, the integers, the flags, the lengths of the texts, and the texts.
"""

from __future__ import annotations

import struct
import threading
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator
from operator import itemgetter
from typing import Any, NamedTuple

from modelspan._numbered import NUMBER, by_number
from modelspan.capture.outputs import Output
from modelspan.capture.values import clean
from modelspan.records.call import Call, Stream

MOST_LAYOUTS, MOST_OF_A_SHAPE, MOST_VARIANTS = 500, 8, 2000
"""Layouts of a process, and of one shape: calls beyond them stay objects. Variants are learnt again."""
CODES: dict[type, str] = {float: "d", int: "q", bool: "?", str: "I"}
"""How a cell is packed; of a text, its length."""

_HEAD = "=IqQ16s8sd"
_MISSING = type(None)
_KINDS = {*CODES, _MISSING}
_WIDER: dict[tuple[type, type], type] = {
    **{pair: kind for kind in _KINDS for pair in ((kind, kind), (kind, _MISSING), (_MISSING, kind))},
    (int, float): float,
    (float, int): float,
}
"""The type of a cell that holds values of two types."""


class Shape(NamedTuple):
    """What the packed calls of one layout share, beside the types of their cells."""

    observer: Any
    stream: Stream
    names: tuple[Any, ...]
    scores: tuple[str, ...]
    tags: tuple[str, ...]
    kept: bool
    traced: bool


class Layout:
    """Where the cells of a shape are, each of one type."""

    def __init__(self, number: int, shape: Shape, kinds: tuple[type, ...]) -> None:
        self.number, self.shape, self.kinds = number, shape, kinds
        self.places = {code: [at for at, kind in enumerate(kinds) if CODES.get(kind) == code] for code in "dq?I"}
        self.place_of = {at: (code, place) for code, every in self.places.items() for place, at in enumerate(every)}
        self.mask_bytes = -(-len(kinds) // 8)
        self.size = struct.calcsize(self.format(()))

    def format(self, missing: Collection[int]) -> str:
        """The format of a row, but for its texts, in which cells at certain places are missing."""
        cells = (
            f"{struct.calcsize('=' + code)}x" if at in missing else code
            for code, places in self.places.items()
            for at in places
        )
        return f"{_HEAD}{self.mask_bytes}s{''.join(cells)}"

    def fits(self, kinds: tuple[type, ...]) -> bool:
        """Whether cells of certain types fit."""
        return _wider(self.kinds, kinds) == self.kinds


class Variant:
    """How to pack calls of a layout whose cells are missing at certain places."""

    def __init__(self, layout: Layout, kinds: tuple[type, ...]) -> None:
        missing = {at for at, kind in enumerate(kinds) if kind is _MISSING}
        present = {code: [at for at in places if at not in missing] for code, places in layout.places.items()}
        self._number = layout.number
        self._mask = sum(1 << at for at in missing).to_bytes(layout.mask_bytes, "little")
        self._numbers = _getter([at for code in "dq?" for at in present[code]])
        self._texts = present["I"]
        self._pack = struct.Struct(layout.format(missing)).pack

    def pack(self, call: Call, cells: tuple[Any, ...]) -> bytes:
        """A packed row.

        Raises:
            struct.error, OverflowError: A number is too large.
            UnicodeEncodeError: A text has characters that UTF-8 does not have.
        """
        trace = span = b""
        if (context := call.context) is not None:
            trace, span = context.trace_id.to_bytes(16, "big"), context.span_id.to_bytes(8, "big")
        head = (self._number, call.time_ns, call.number, trace, span, call.duration, self._mask)
        if not self._texts:
            return self._pack(*head, *self._numbers(cells))
        texts = [cells[at].encode() for at in self._texts]
        return self._pack(*head, *self._numbers(cells), *map(len, texts)) + b"".join(texts)


def _getter(places: list[int]) -> Callable[[tuple[Any, ...]], tuple[Any, ...]]:
    """Takes the cells at certain places."""
    if places == list(range(len(places))):
        return itemgetter(slice(len(places)))
    return itemgetter(*places) if len(places) > 1 else itemgetter(slice(places[0], places[0] + 1))


class Packer:
    """Packs the calls of one process."""

    def __init__(self) -> None:
        self._learning = threading.Lock()
        self._layouts: list[Layout] = []
        self._variants: dict[Hashable, Variant | None] = {}

    def pack(self, call: Call) -> Call | bytes:
        """The call as bytes; the call itself where something of it has no place there."""
        if call.duration is None or call.ids is not None or call.error_type is not None:
            return call
        if call.first_item is not None or call.attributions is not None or call.left_out:
            return call
        result, tags = call.result, call.tags
        traced = call.context is not None and call.context.is_valid
        scores: tuple[str, ...] = ()
        key: Hashable
        if call.floats and type(result) is float and not tags:  # the most frequent, and known without a look at cells
            cells = (*call.values, result, None)
            key = (call.observer, call.stream, call.names, call.kept, traced)
        else:
            told = result if isinstance(result, Output) else Output(result)
            if told.answer is not None:
                return call
            if told.scores:
                scores = tuple(told.scores)
            cells = (*call.values, told.value, told.label, *(told.scores or {}).values(), *tags.values())
            key = (call.observer, call.stream, call.names, call.kept, traced, scores, *tags, *map(type, cells))
        try:
            variant = self._variants[key]
        except KeyError:
            shape = Shape(call.observer, call.stream, call.names, scores, tuple(tags), call.kept, traced)
            variant = self._learn(key, shape, tuple(map(type, cells)))
        if variant is None:
            return call
        try:
            return variant.pack(call, cells)
        except (struct.error, OverflowError, UnicodeEncodeError):
            return call

    def _learn(self, key: Hashable, shape: Shape, kinds: tuple[type, ...]) -> Variant | None:
        """How to pack calls seen for the first time; None where they are not packed."""
        with self._learning:
            layout = self._layout(shape, kinds)
            if len(self._variants) >= MOST_VARIANTS:
                self._variants.clear()
            variant = self._variants[key] = None if layout is None else Variant(layout, kinds)
            return variant

    def _layout(self, shape: Shape, kinds: tuple[type, ...]) -> Layout | None:
        """The newest layout that the cells fit, or a new one that suits what came before, too."""
        if len(set(map(clean, map(str, shape.names)))) < len(shape.names):
            return None  # names that are one as texts: the record tells that one is left out
        known = [each for each in reversed(self._layouts) if each.shape == shape]
        for layout in known:
            if layout.fits(kinds):
                return layout
        if len(known) >= MOST_OF_A_SHAPE or len(self._layouts) >= MOST_LAYOUTS or not _KINDS.issuperset(kinds):
            return None
        wider = (_wider(layout.kinds, kinds) for layout in known)
        layout = Layout(len(self._layouts), shape, next((found for found in wider if found), kinds))
        self._layouts.append(layout)
        self._variants.clear()  # from now on, what went into narrower layouts goes here
        return layout

    def layout(self, row: bytes) -> Layout:
        """The layout of a packed call."""
        number: int = NUMBER.unpack_from(row)[0]
        return self._layouts[number]

    def groups(self, rows: Iterable[bytes]) -> Iterator[tuple[Layout, list[bytes]]]:
        """Packed calls by their layout."""
        return ((self.layout(number), group) for number, group in by_number(rows).items())


def _wider(left: tuple[type, ...], right: tuple[type, ...]) -> tuple[type, ...] | None:
    """The types of cells that hold both; None where there are none."""
    both = tuple(_WIDER.get((a, b)) for a, b in zip(left, right, strict=True))
    return None if None in both else both  # type: ignore[return-value]
