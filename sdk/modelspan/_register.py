"""The model card at start-up."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from modelspan import _runtime, conventions
from modelspan._failsafe import guard
from modelspan._observer import model_name, version_name
from modelspan.capture import times
from modelspan.capture.scalars import class_name
from modelspan.records.call import Stream
from modelspan.records.card import Card


def register(
    model: str,
    version: str = "",
    *,
    role: str = conventions.ROLE_PRIMARY,
    owner: str = "",
    task: str = "",
    classes: Sequence[Any] = (),
    hyperparameters: Mapping[str, Any] | None = None,
    signature: Mapping[str, Any] | None = None,
    training_data: Mapping[str, Any] | None = None,
    deployed_at: datetime.datetime | None = None,
    project: str = "",
) -> None:
    """Say what a model is, once at start-up; it fills the table `models`.

    Args:
        model: Name of the model.
        version: Its version.
        role: `"primary"` or `"shadow"`.
        owner: Whom to call.
        task: Such as `"classification"` or `"regression"`.
        classes: The classes, in the order of the scores.
        hyperparameters: What it was trained with; anything that JSON can hold, and texts of the rest.
        signature: Its features and their types; learnt from its first predictions in this process, where not given.
        training_data: Where its data came from: path, period, rows.
        deployed_at: When this version began to serve.
        project: What it is part of, with other models: they are shown together.
    """
    if _runtime.disabled:
        return
    with guard(f"the card of model {model!r} could not be kept"):
        stream = Stream(model_name(model), version_name(version), role)
        deployed = times.instant(deployed_at)
        names = [class_name(each)[: _runtime.current().settings.max_string_length] for each in classes]
        card = Card(stream, owner, task, names, hyperparameters, signature, training_data, deployed, project)
        _runtime.current().pipeline.add_card(card)
