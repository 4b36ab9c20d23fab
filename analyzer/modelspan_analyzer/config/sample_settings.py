"""Settings of what is measured on bounded samples of rows: multivariate drift, embeddings, hints of poisoning."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from modelspan_analyzer.config.base import Settings


class MultivariateSettings(Settings):
    """Drift of all features together: a change in how they hang together, which no single one shows."""

    enabled: bool = True
    max_rows: int = Field(2_000, ge=100, le=50_000, description="largest sample of each side")
    min_rows: int = Field(300, ge=30, description="fewer rows give 'not enough data'")
    alpha: float = Field(0.001, gt=0, le=1, description="false-alarm probability of one window, over all measures")
    min_change: float = Field(0.2, ge=0, description="smallest change of the reconstruction error, in its sd")
    min_auc: float = Field(0.6, ge=0.5, le=1, description="smallest AUC of the domain classifier that alarms")
    variance: float = Field(0.65, gt=0, lt=1, description="share of variance that the principal components keep")


class EmbeddingSettings(Settings):
    """Drift of features that are vectors, such as embeddings of text and images."""

    enabled: bool = True
    max_rows: int = Field(1_000, ge=100, le=20_000, description="largest sample of each side")
    min_rows: int = Field(100, ge=20, description="fewer vectors give 'not enough data'")
    alpha: float = Field(0.001, gt=0, le=1, description="false-alarm probability of one window, over all embeddings")
    min_mmd: float = Field(0.005, ge=0, description="smallest squared discrepancy beyond chance that alarms")
    min_auc: float = Field(0.65, ge=0.5, le=1, description="smallest AUC of the domain classifier that alarms")
    classifier: bool = Field(True, description="false: without the domain classifier, the slowest measure")


class PoisoningSettings(Settings):
    """Hints of poisoning and probing: outlying rows, bursts of near duplicates, flipped labels."""

    enabled: bool = True
    verdict: Literal["warning", "alarm"] = Field("warning", description="what a hint counts as")
    outliers: Literal["isolation_forest", "robust_distance"] = Field(
        "isolation_forest", description="how outlying rows are found; the robust distance takes numeric features only"
    )
    max_rows: int = Field(5_000, ge=100, le=50_000, description="largest sample of each side")
    min_rows: int = Field(300, ge=30, description="fewer rows give 'not enough data'")
    alpha: float = Field(0.001, gt=0, le=1, description="how improbable a share must be under the baseline's")
    min_change: float = Field(0.02, ge=0, description="smallest rise of a share that is a hint")
    tolerance: float = Field(0.01, gt=0, description="distance of near duplicates, in standard deviations")
    least: int = Field(5, ge=2, description="so many near-equal rows in one hundredth of the window are a burst")
    examples: int = Field(10, ge=0, description="prediction ids that a hint names")
