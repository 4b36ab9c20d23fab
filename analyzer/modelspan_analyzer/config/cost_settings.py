"""The `costs` section of `monitors.yaml`."""

from __future__ import annotations

from pydantic import Field

from modelspan_analyzer.config.base import Settings


class CostSettings(Settings):
    """Prices, from which the cost of a thousand predictions follows."""

    currency: str = Field("USD", description="unit of all prices")
    replica_hour: float = Field(0.0, ge=0, description="an hour of one serving replica")
    replicas: float | None = Field(
        None, gt=0, description="replicas, all of the time; if not given, each from its first span to its last"
    )
    call: dict[str, float] = Field({}, description="one call of a service: its name to its price")

    @property
    def known(self) -> bool:
        """Whether any price is: without one, a cost of 0 would be made up."""
        return self.replica_hour > 0 or any(price > 0 for price in self.call.values())
