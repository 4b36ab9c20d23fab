"""Who is to be forgotten: prediction ids, or a tag such as `subject=4711`."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Subject:
    """A person as named by the caller."""

    prediction_ids: frozenset[str] = frozenset()
    tag: str = ""
    value: str = ""
    tenant: str = ""
    """Whose it is, where several tenants use the name; of rows that name no tenant all go that name the subject, but
    predictions."""
    every_tenant: bool = False
    """Where several tenants use the name, all of them are meant."""

    def __post_init__(self) -> None:
        """Refuse a subject that names nobody, or everybody without the tag."""
        if not self.prediction_ids and not (self.tag and self.value):
            raise ValueError("name whom to forget: prediction ids, or a tag and its value such as subject=4711")
        if any(not isinstance(one, str) or not one for one in self.prediction_ids):
            raise ValueError("a prediction id is a text, and cannot be empty")
        if self.tenant and self.every_tenant:
            raise ValueError("name one tenant, or all of them")
        if any("\0" in one for one in (self.tag, self.value, self.tenant, *self.prediction_ids)):
            raise ValueError("a name cannot hold the character NUL")

    def may_be_of(self, tenant: str) -> bool:
        """Whether what a tenant sent can be the subject's; what nobody's name is on can."""
        return not (self.tenant and tenant) or tenant == self.tenant

    @property
    def digest(self) -> str:
        """What the audit log may keep: SHA-256 of the name, which proves the deletion to who knows the name."""
        name = f"{self.tag}={self.value}" if self.tag else ",".join(sorted(self.prediction_ids))
        name += f" of {self.tenant}" if self.tenant else ""
        return hashlib.sha256(name.encode()).hexdigest()
