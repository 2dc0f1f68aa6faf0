"""Run an exported graph over many images, as training and evaluation do; serving has its own, faster way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import openvino

from ml.contracts import FloatImage

BATCH_SIZE = 64


class Graph:
    """An OpenVINO graph on the CPU, without reduced precision unless `precision` says `bf16`."""

    def __init__(self, path: Path, *, precision: str = "f32") -> None:
        settings = {"INFERENCE_PRECISION_HINT": precision}
        self._compiled: Any = openvino.Core().compile_model(str(path), "CPU", settings)
        self._names = [port.get_any_name() for port in self._compiled.outputs]

    def __call__(self, batch: FloatImage) -> dict[str, FloatImage]:
        """Give the outputs by name for inputs (n, size, size, 1)."""
        parts = [
            [np.array(value) for value in self._compiled(batch[start : start + BATCH_SIZE]).values()]
            for start in range(0, len(batch), BATCH_SIZE)
        ]
        outputs = zip(*parts, strict=True)
        return {name: np.concatenate(values) for name, values in zip(self._names, outputs, strict=True)}
