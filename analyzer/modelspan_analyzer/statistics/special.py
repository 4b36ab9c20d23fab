"""SciPy's special functions, each loaded with the first call of any: they take 16 MB, which a collector that waits for
its first prediction does without.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any


def _later(name: str) -> Callable[..., Any]:
    """A function of `scipy.special`, which documents it; it takes and returns what that does."""

    def function(*args: Any, **kwargs: Any) -> Any:
        return getattr(importlib.import_module("scipy.special"), name)(*args, **kwargs)

    function.__name__ = function.__qualname__ = name
    return function


betainc = _later("betainc")
chdtrc = _later("chdtrc")
chdtri = _later("chdtri")
digamma = _later("digamma")
expit = _later("expit")
fdtrc = _later("fdtrc")
gammaincc = _later("gammaincc")
gammaln = _later("gammaln")
kolmogorov = _later("kolmogorov")
kve = _later("kve")
logit = _later("logit")
ndtr = _later("ndtr")
ndtri = _later("ndtri")
rel_entr = _later("rel_entr")
stdtr = _later("stdtr")
stdtrit = _later("stdtrit")
xlogy = _later("xlogy")
