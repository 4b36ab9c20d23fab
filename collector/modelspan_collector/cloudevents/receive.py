"""From a request to events in the log: what is understood of it is kept, and the rest is said."""

from __future__ import annotations

from collections.abc import Callable

from modelspan_collector.access.rules import Redaction
from modelspan_collector.access.tokens import Tenant
from modelspan_collector.cloudevents.door import NAME, Door
from modelspan_collector.cloudevents.events import read
from modelspan_collector.cloudevents.half import Half, half
from modelspan_collector.cloudevents.payloads import MisfitError
from modelspan_collector.metrics import Metrics
from modelspan_collector.otlp.errors import BadRequestError
from modelspan_collector.receive.gate import NOT_QUOTED
from modelspan_collector.receive.http import Taken
from modelspan_collector.write.complaints import Complaint


class Events:
    """Takes the events of requests for a door."""

    def __init__(
        self, door: Door, rules: Redaction, metrics: Metrics, complain: Callable[[Complaint, int], None]
    ) -> None:
        self._door, self._rules, self._metrics, self._complain = door, rules, metrics, complain

    def __call__(self, headers: dict[str, str], content: bytes, sender: Tenant) -> Taken:
        """Keep the events of a request.

        Raises:
            BadRequestError: none of them is understood.
            BusyError: too much waits.
        """
        halves: list[Half] = []
        reasons: list[str] = []
        for event in read(headers, content):
            try:
                halves.append(half(event, self._rules, sender))
            except MisfitError as error:
                reasons.append(str(error))
                model = "" if self._rules.active else event.attributes.get("inferenceservicename", "")
                told = NOT_QUOTED if self._rules.active else str(error)
                self._complain(Complaint(NAME, "rejected", model, told, model, database=sender.database), 1)
        self._metrics.cloudevents.labels("unread").inc(len(reasons))
        if not halves:
            raise BadRequestError(reasons[0] if reasons else "the batch holds no event")
        said = f"{len(reasons)} of {len(reasons) + len(halves)} events were left out: {reasons[0]}\n" if reasons else ""
        return Taken(self._door.take(halves), said.encode())
