"""What an instrumentor is to `opentelemetry-instrument`: found by its entry point, and told to `instrument`.

A library is changed when the application imports it, and never imported before: a process that predicts nothing pays
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from modelspan import _context, _runtime
from modelspan._failsafe import guard

Change = Callable[[Any], None]


class Instrumentor:
    """Follows one library until the process ends. Each of its modules is changed once, on import."""

    library: ClassVar[str]
    """What it is called in messages."""
    changes: ClassVar[Mapping[str, Change]]
    """By the name of a module: what is done to it once it is imported."""
    _instrumented: ClassVar[set[type]] = set()

    def instrument(self, **_: Any) -> None:
        """Follow the library from its import on; at once where it is imported."""
        import wrapt  # comes with opentelemetry-instrumentation, which alone calls this

        if type(self) in self._instrumented:
            return
        self._instrumented.add(type(self))
        _context.followed = True
        for name, change in self.changes.items():
            wrapt.register_post_import_hook(self._guarded(change), name)

    def _guarded(self, change: Change) -> Change:
        def changed(module: Any) -> None:
            with guard(f"this version of {self.library} cannot be followed"):
                change(module)
            _runtime.watch_an_import()

        return changed
