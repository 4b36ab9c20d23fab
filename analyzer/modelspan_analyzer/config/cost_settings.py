"""The `costs` section of `monitors.yaml`."""

from __future__ import annotations

from typing import Final

from pydantic import Field, field_validator

from modelspan_analyzer.config.base import Settings
from modelspan_analyzer.config.expression import paid

TOLD: Final = "tag.cost"
"""What a prediction cost, where no expression says it."""


class CostSettings(Settings):
    """Prices, from which the cost of a thousand predictions follows."""

    currency: str = Field("USD", description="unit of all prices")
    replica_hour: float = Field(0.0, ge=0, description="an hour of one serving replica")
    replicas: float | None = Field(
        None, gt=0, description="replicas, all of the time; if not given, each from its first span to its last"
    )
    call: dict[str, float] = Field({}, description="one call of a service: its name to its price")

    prediction: str = Field(
        "",
        description="SQL expression of what one prediction cost by itself; its tag `cost` if not given",
    )

    @field_validator("prediction")
    @classmethod
    def _of_one(cls, given: str) -> str:
        if given:
            paid(given)
        return given

    @property
    def known(self) -> bool:
        """Whether any price is: without one, a cost of 0 would be made up."""
        return self.replica_hour > 0 or bool(self.prediction) or any(price > 0 for price in self.call.values())
