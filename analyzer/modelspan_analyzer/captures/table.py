"""The formats that are read, by the name that a user gives them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from modelspan_analyzer.captures.azureml import read_azureml
from modelspan_analyzer.captures.capture import Reader
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
}
