"""What is fitted on a thread of its own stays on it."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController

P = ParamSpec("P")
R = TypeVar("R")


def on_one_thread(function: Callable[P, R]) -> Callable[P, R]:
    """A function whose models neither fit nor predict on more threads than the one that calls it.

    OpenMP's threads wait for each other, with the processor taken, at each of some thousand steps of a fit: where
    others have the cores (the collector, another model's window) a fit of a second took minutes, and six times the
    processor.
    """

    @wraps(function)
    def alone(*args: P.args, **kwargs: P.kwargs) -> R:
        with _libraries().limit(limits=1, user_api="openmp"):
            return function(*args, **kwargs)

    return alone


@cache
def _libraries() -> ThreadpoolController:
    """Looking for them takes a tenth of a second."""
    import sklearn  # noqa: F401 - loads the one that is looked for
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
