"""What PSI and the Jensen-Shannon distance look like when nothing has drifted, for these bins and numbers of rows.

Both are asymptotically a chi-squared variable of bins - 1 degrees of freedom, scaled by 1/n + 1/m: PSI by that factor
(Yurdakul and Naranjo 2020, "Statistical properties of the population stability index", Journal of Risk Model
Validation 14(4)), the divergence under the square root of the Jensen-Shannon distance by an eighth of it (second-order
expansion of Lin's divergence).
"""

from __future__ import annotations

import numpy as np

from modelspan_analyzer.statistics.counts import Floats


def psi_scale(n_reference: Floats, n_current: Floats) -> Floats:
    """What a chi-squared variable is multiplied with to give PSI without drift: 1/n + 1/m; shapes (…)."""
    return 1.0 / n_reference + 1.0 / n_current


def jensen_shannon_scale(n_reference: Floats, n_current: Floats, base: float = 2.0) -> Floats:
    """What a chi-squared variable is multiplied with to give the squared Jensen-Shannon distance without drift."""
    return np.asarray(psi_scale(n_reference, n_current) / (8.0 * np.log(base)))
