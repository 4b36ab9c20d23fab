"""The formats that are read, by the name that a user gives them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from modelspan_analyzer.captures.azureml import read_azureml
from modelspan_analyzer.captures.bentoml import read_bentoml
from modelspan_analyzer.captures.capture import Reader
from modelspan_analyzer.captures.cloudevents import read_cloudevents
from modelspan_analyzer.captures.exchanges import read_databricks, read_mlflow, read_vertex
from modelspan_analyzer.captures.sagemaker import read_sagemaker


@dataclass(frozen=True, slots=True)
class Format:
    """One way in which predictions are captured."""

    words: str
    """What it is, for a user who looks for the own one."""
    read: Reader


FORMATS: Final[dict[str, Format]] = {
    "sagemaker": Format("Amazon SageMaker's data capture, and its ground truth", read_sagemaker),
    "azureml": Format("Azure Machine Learning's data collector", read_azureml),
    "bentoml": Format("BentoML's monitor logs", read_bentoml),
    "databricks": Format("Databricks' inference tables", read_databricks),
    "kserve": Format("KServe's logger: Parquet or JSON lines", read_cloudevents),
    "seldon": Format("Seldon Core's logger: CloudEvents as JSON lines", read_cloudevents),
    "mlflow": Format("requests and responses of MLflow's servers, or of the Open Inference Protocol", read_mlflow),
    "vertex": Format("Vertex AI's request-response logs, as BigQuery exports them", read_vertex),
}
