"""OpenVINO graphs compiled for low latency on this CPU."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Literal

import numpy as np
import openvino

from ml.contracts import FloatImage

Precision = Literal["f32", "bf16", "int8"]

INT8_INSTRUCTIONS = {"avx512_vnni", "avx_vnni", "amx_int8"}
"""What makes 8-bit integers worth it, as Linux names it."""


class ModelLoadError(Exception):
    """The files are what they should be, but they do not make the graph that serving needs."""


def chosen_precision(wanted: str, *, int8_accepted: bool = False) -> Precision:
    """Return the precision to serve in.

    `auto` is int8 where the version has an accepted graph for it and the CPU instructions for it, else
    bf16 where the CPU computes in it, else f32. Nothing is timed: a version answers alike after every
    start on the same machine.

    Raises `ModelLoadError` when int8 is asked for without such a graph, `ValueError` for any word other
    than `auto`, `int8`, `bf16` and `f32`.
    """
    if wanted == "auto":
        if int8_accepted and has_int8_instructions():
            return "int8"
        capabilities = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        return "bf16" if "BF16" in capabilities else "f32"
    if wanted == "int8":
        if not int8_accepted:
            raise ModelLoadError(
                "The version has no INT8 graph that answers as its full one; set the inference precision to "
                "auto, bf16 or f32."
            )
        return "int8"
    if wanted == "bf16":
        return "bf16"
    if wanted == "f32":
        return "f32"
    raise ValueError(f"Inference precision is auto, int8, bf16 or f32, not {wanted!r}")


def has_int8_instructions() -> bool:
    """Tell whether this CPU multiplies 8-bit integers faster than floats; False where that is unknown."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return False
    flags = next((line for line in lines if line.startswith("flags")), "")
    return not INT8_INSTRUCTIONS.isdisjoint(flags.split())


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
            # What a graph does not do in integers, it does as without them.
            "INFERENCE_PRECISION_HINT": chosen_precision("auto") if precision == "int8" else precision,
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
