"""What tests of the lifecycle set up alike: cards, predictions, and decisions at moments of a clock that is driven."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from modelspan_analyzer.governance.decisions import decide
from modelspan_analyzer.reading.stages import VersionStage
from modelspan_collector.store.connect import Store

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass
class World:
    """One model in a store; moments are hours after `START`."""

    store: Store
    model: str = "churn"

    def register(self, version: str, after: float = -24.0, **said: object) -> None:
        """A card, as `modelspan.register` brings it."""
        card = {"model": self.model, "version": version, "task": "classification", **said}
        columns = {name: pa.array([value]) for name, value in card.items()}
        at = pa.array([START + after * HOUR], pa.timestamp("ns", "UTC"))
        self.store.insert("models", pa.table({**columns, "timestamp": at}))

    def predict(self, version: str, after: float, rows: int = 40, role: str = "primary", hours: float = 1.0) -> None:
        """So many predictions, evenly over some hours."""
        stamps = int((START + after * HOUR).timestamp() * 1e9) + (np.arange(rows) * (hours * 3.6e12 / rows)).astype(int)
        columns = {"model": self.model, "version": version, "role": role}
        table = pa.table({name: [value] * rows for name, value in columns.items()})
        table = table.append_column("timestamp", pa.array(stamps).cast(pa.timestamp("ns", "UTC")))
        self.store.insert(
            "predictions", table.append_column("prediction_id", pa.array([f"{version}-{one}" for one in stamps]))
        )

    def tell(self, decision: str, version: str = "1", after: float = 0.0, **more: object) -> VersionStage:
        """What somebody decides; it is ann who does, and because of what she decides, where nothing else is said."""
        given = {"reason": f"because of {decision}", "actor": "ann", **more}
        return decide(self.store, self.model, version, decision, now=START + after * HOUR, **given)  # type: ignore[arg-type]
