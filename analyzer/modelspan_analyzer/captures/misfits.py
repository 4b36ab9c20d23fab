"""What of a capture was not understood: counted by reason, with the first places of each, by file and line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from modelspan_analyzer.files.rows import SHOWN, Remarks
from modelspan_collector.bounded import BoundedError

_MOST_REASONS: Final = 200
_MODELS_SHOWN: Final = 5
NO_ANSWER: Final = "an answer"
NO_REQUEST: Final = "a request"
_ABSENT: Final = {NO_ANSWER: "a prediction", NO_REQUEST: "features"}


@dataclass(slots=True)
class Misfits:
    """Lines and cells that were left out."""

    remarks: Remarks = field(default_factory=Remarks)
    """What was assumed of the rest."""
    lines: int = 0
    """Lines, and events that never came whole, of which nothing is imported."""
    files: int = 0
    """Files whose rest cannot be read, however many lines that is."""
    cells: int = 0
    """Cells that are missing in what is imported."""
    models: Counter[str] = field(default_factory=Counter)
    """Events by the model that the capture names, where it names one."""
    one_sided: Counter[str] = field(default_factory=Counter)
    """Events that are rows all the same, by what they are without: `an answer` or `a request`."""
    _found: dict[str, list[str]] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    def line(self, reason: str, place: str) -> None:
        """Leave a line out."""
        self.lines += 1
        self._add(reason, place, 1)

    def rest(self, error: Exception, place: str) -> None:
        """Leave out what of a file lies behind a place."""
        self.files += 1
        why = str(error) if isinstance(error, BoundedError) else type(error).__name__
        self._add(f"files, of which all that follows cannot be read ({why})", place, 1)

    def cell(self, reason: str, place: str, count: int = 1) -> None:
        """Leave some cells out, the first of them at a place."""
        self.cells += count
        self._add(reason, place, count)

    def _add(self, reason: str, place: str, count: int) -> None:
        if reason not in self._counts and len(self._counts) >= _MOST_REASONS:
            reason = "for reasons that are not listed, as there are too many"
        self._counts[reason] = self._counts.get(reason, 0) + count
        places = self._found.setdefault(reason, [])
        if len(places) < SHOWN:
            places.append(place)

    def __bool__(self) -> bool:
        return bool(self._counts)

    def told(self) -> Remarks:
        """All remarks, those of what was left out among them."""
        for absent, count in self.one_sided.items():
            self.remarks.assume(f"{count:,} events without {absent} are rows without {_ABSENT[absent]}")
        if len(self.models) > 1:
            listed = ", ".join(f"{name} ({count:,})" for name, count in self.models.most_common(_MODELS_SHOWN))
            more = f" and {len(self.models) - _MODELS_SHOWN:,} more" if len(self.models) > _MODELS_SHOWN else ""
            self.remarks.assume(
                f"events of {len(self.models)} models, {listed}{more}, are all of the one that --model names"
                " (import each from files of its own)"
            )
        for sentence in self.sentences():
            self.remarks.leave_out(sentence)
        return self.remarks

    def sentences(self) -> Iterator[str]:
        """One a reason, the most frequent first: `3 lines that are no JSON object: a.jsonl line 7, …`."""
        for reason, count in sorted(self._counts.items(), key=lambda each: -each[1]):
            more = count - len(self._found[reason])
            yield f"{count:,} {reason}: {', '.join(self._found[reason])}" + (f" and {more:,} more" if more else "")
