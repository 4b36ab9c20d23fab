"""Which instance of the service a process is.

Forked workers inherit the provider of their parent and its resource; without an id of their own, the counters of
several workers would pass for one.
"""

from __future__ import annotations

import os
import uuid

from opentelemetry.sdk.resources import Resource

ID = "service.instance.id"


class Instance:
    """Gives a resource, in another process than the one that made it, an instance id of its own."""

    def __init__(self) -> None:
        self._made_in = self._known_in = os.getpid()
        self._id = ""

    def of(self, resource: Resource) -> Resource:
        """The resource of this process."""
        pid = os.getpid()
        if pid == self._made_in:
            return resource
        if pid != self._known_in:
            self._known_in, self._id = pid, str(uuid.uuid4())
        return resource.merge(Resource({ID: self._id}))
