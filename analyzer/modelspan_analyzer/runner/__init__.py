"""When which window is looked at: schedule, catch-up, one run a window however many analyzers run."""

from modelspan_analyzer.runner.runner import Runner

__all__ = ["Runner"]
