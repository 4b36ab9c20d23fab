"""Which label is a prediction's: the one rule, as SQL, by which everything that reads labels finds it.

Labels are kept by prediction id and tenant. A prediction's tenant is its tag `tenant`; its label is that of its own
tenant, else that of nobody: loaded from a file, sent with a token that names no tenant, or stored before tenants were
kept. Another tenant's label of the same id is never its label,
and another outcome of the prediction never is either.
"""

from __future__ import annotations

from modelspan.conventions import OUTCOME_LABEL

THE_LABEL = "outcome = ''"
"""SQL: which rows of `labels` are labels, what the model predicts; the others are outcomes of other names."""
OF_OUTCOME = "outcome = {outcome:String}"
"""SQL: the same of the outcome of a name that is bound."""
_ONE_TENANT = "(SELECT uniqExact(tenant) FROM labels) < 2"


def labels_of(ids: str, which: str = THE_LABEL) -> str:
    """The labels of the prediction ids that a query gives, one row an id, to be joined with the predictions as `l`:
    `known` holds one a tenant, nobody's last. Another outcome is the truth where `which` says so.

    Where all labels are one tenant's, as they mostly are, an id has one, and nothing needs to be grouped. The engine
    knows that before it reads, and leaves the other half out.
    """
    return f"""(
    SELECT prediction_id, [(tenant, value, label, received_at)] AS known
    FROM labels FINAL WHERE {which} AND {_ONE_TENANT} AND prediction_id IN ({ids})
    UNION ALL
    SELECT prediction_id, arrayReverseSort(groupArray((tenant, value, label, received_at))) AS known
    FROM labels FINAL WHERE {which} AND NOT {_ONE_TENANT} AND prediction_id IN ({ids}) GROUP BY prediction_id
)"""


def outcomes_of(ids: str) -> str:
    """All that became known of the prediction ids that a query gives, one row an id: `known` holds one a name and
    tenant, nobody's last; the label is called so."""
    told = f"(if({THE_LABEL}, '{OUTCOME_LABEL}', toString(outcome)), toString(tenant), value, toString(label))"
    return f"""(
    SELECT prediction_id, arrayReverseSort(one -> one.2, groupArray({told})) AS known
    FROM labels FINAL WHERE prediction_id IN ({ids}) GROUP BY prediction_id
)"""


def own(prediction: str = "p.", joined: str = "l.") -> str:
    """The label of a prediction among those joined with it, as (tenant, value, label, when it came); NULL, '' and 1970
    where there is none.

    Args:
        prediction: the alias of the predictions, with its point.
        joined: the alias of `labels_of`, with its point.
    """
    return f"arrayFirst(one -> one.1 IN ('', {prediction}tags['tenant']), {joined}known)"


def value(prediction: str = "p.", joined: str = "l.") -> str:
    """The number that was true of a prediction; NULL where a class was, or nothing is known."""
    return f"{own(prediction, joined)}.2"


def label(prediction: str = "p.", joined: str = "l.") -> str:
    """The class that was true of a prediction; '' where a number was, or nothing is known."""
    return f"toString({own(prediction, joined)}.3)"


def labelled(prediction: str = "p.", joined: str = "l.") -> str:
    """Whether a label of a prediction is known."""
    return f"arrayExists(one -> one.1 IN ('', {prediction}tags['tenant']), {joined}known)"
