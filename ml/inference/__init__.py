"""Serving a model version: checked files, one forward pass, a decision and its explanation."""

from ml.inference.engine import OpenVinoClassifier, load
from ml.inference.golden import GoldenPredictionError, golden_check, golden_prediction
from ml.inference.graphs import ModelLoadError

__all__ = [
    "GoldenPredictionError",
    "ModelLoadError",
    "OpenVinoClassifier",
    "golden_check",
    "golden_prediction",
    "load",
]
