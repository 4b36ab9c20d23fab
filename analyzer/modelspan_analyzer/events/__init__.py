"""Verdicts as OpenTelemetry events: which changes are told, what is said of each, and how it reaches an endpoint."""

from modelspan_analyzer.events.endpoint import endpoint
from modelspan_analyzer.events.teller import Teller

__all__ = ["Teller", "endpoint"]
