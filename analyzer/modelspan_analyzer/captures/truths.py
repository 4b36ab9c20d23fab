"""What was true, as captures of labels hold it: events whose answers are labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from modelspan_analyzer.captures.capture import ID, LABEL, TIME, Counts, Event, instants, row_ids, written
from modelspan_analyzer.captures.kinds import Kinds, Where
from modelspan_analyzer.captures.misfits import Misfits
from modelspan_analyzer.captures.payload import Header, columns, count_rows
from modelspan_collector.cloudevents.payloads import MisfitError


class Truths:
    """Labels of many batches, one type for all of them."""

    def __init__(self, misfits: Misfits) -> None:
        self._misfits, self._kinds, self._header = misfits, Kinds(misfits), Header((LABEL,), LABEL)

    def table(self, events: Sequence[Event], place: Where) -> pa.Table | None:
        """What the answers of some events say was true, as `prediction_id`, `timestamp` and `label`; None of none."""
        parts = []
        for form in (str, list):
            kept: list[Event] = []
            rows: list[int] = []
            for event in events:
                if isinstance(event.answer, form) and (count := self._count(event, place)):
                    kept.append(event)
                    rows.append(count)
            if kept:
                parts.append(self._part(kept, np.array(rows), place))
        return pa.concat_tables(parts, promote_options="permissive") if parts else None

    def _count(self, event: Event, place: Where) -> int:
        try:
            return count_rows(event.answer or [], self._header)
        except MisfitError as error:
            self._misfits.line(str(error), place(event.at))
            return 0

    def _part(self, events: list[Event], counts: Counts, place: Where) -> pa.Table:
        whose = np.repeat(np.arange(len(events)), counts)
        answers = [event.answer for event in events if event.answer is not None]
        values = columns(answers, self._header, self._kinds, "", lambda row: place(events[int(whose[row])].at))
        ids = row_ids([event.id for event in events], counts, always=False)
        known = instants(written(events), self._misfits, lambda event: place(events[event].at))
        return pa.table({ID: ids, TIME: known.take(whose), LABEL: values[LABEL]})
