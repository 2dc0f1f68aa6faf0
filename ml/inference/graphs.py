"""OpenVINO graphs compiled for low latency on this CPU."""

from __future__ import annotations

import threading
from typing import Any, Literal

import numpy as np
import openvino

from ml.contracts import FloatImage

Precision = Literal["f32", "bf16"]


class ModelLoadError(Exception):
    """The files are what they should be, but they do not make the graph that serving needs."""


def chosen_precision(wanted: str) -> Precision:
    """Return the precision to compile for: `auto` is bf16 where the CPU computes in it, else f32.

    Raises `ValueError` for any other word than `auto`, `bf16` and `f32`.
    """
    if wanted == "auto":
        capabilities = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        return "bf16" if "BF16" in capabilities else "f32"
    if wanted == "bf16":
        return "bf16"
    if wanted == "f32":
        return "f32"
    raise ValueError(f"Inference precision is auto, bf16 or f32, not {wanted!r}")


class CompiledGraph:
    """A graph with one input and named outputs; each thread that calls it gets its own request.

    Every output of `outputs` must be there; those of `optional` came later than the oldest versions.
    """

    def __init__(
        self,
        xml: bytes,
        weights: bytes,
        *,
        precision: Precision,
        threads: int,
        outputs: tuple[str, ...],
        optional: tuple[str, ...] = (),
    ) -> None:
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "NUM_STREAMS": "1",
            "INFERENCE_NUM_THREADS": str(threads),
            "ENABLE_CPU_PINNING": False,  # a pinned thread waits for its core while others idle
            "INFERENCE_PRECISION_HINT": precision,
        }
        core = openvino.Core()
        try:
            # From memory: exactly the bytes that were hashed, whatever happens to the files.
            graph = core.read_model(model=xml, weights=weights)
            self._compiled: Any = core.compile_model(graph, "CPU", settings)
            present = {name for port in self._compiled.outputs for name in port.get_names()}
            names = outputs + tuple(name for name in optional if name in present)
            self._ports = {name: self._compiled.output(name) for name in names}
        except RuntimeError as error:
            reason = str(error).strip().splitlines()
            raise ModelLoadError(
                f"The graph cannot be compiled or lacks an output of {', '.join(outputs)}: "
                f"{reason[-1] if reason else 'no reason given'}"
            ) from error
        self._requests = threading.local()

    def __call__(self, tensor: FloatImage) -> dict[str, FloatImage]:
        """Return the outputs by name for one input tensor; an optional one is left out if there is none."""
        request = getattr(self._requests, "request", None)
        if request is None:
            request = self._requests.request = self._compiled.create_infer_request()
        request.infer([np.ascontiguousarray(tensor, dtype=np.float32)], share_inputs=True)
        return {
            name: np.array(request.get_tensor(port).data, dtype=np.float32)
            for name, port in self._ports.items()
        }
