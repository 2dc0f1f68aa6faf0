"""One prepared image: our graph and saliency against Keras `predict` and Grad-CAM on the same weights."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.figures import Figure, percentile

MODEL = Path(__file__).resolve().parents[1] / "ml" / "pretrained" / "cxr"
ROUNDS = 40


def milliseconds(call: Callable[[], object]) -> float:
    """Return how long a call takes."""
    begun = time.perf_counter()
    call()
    return (time.perf_counter() - begun) * 1000


def measure() -> list[Figure]:
    """Time both in turns, so that the machine's moods meet both; OpenVINO on one thread, Keras on all."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    from ml.architectures import build
    from ml.explain.gradcam import GradCam
    from ml.explain.saliency import class_saliency
    from ml.inference.graphs import CompiledGraph, chosen_precision
    from ml.model_folder import check_folder

    spec = check_folder(MODEL)
    tensor = np.random.default_rng(7).random((1, spec.input_size, spec.input_size, 1), dtype=np.float32)
    graph = CompiledGraph(
        (MODEL / "model.xml").read_bytes(),
        (MODEL / "model.bin").read_bytes(),
        precision=chosen_precision("auto"),
        threads=1,
        outputs=("logits", "class_maps"),
    )
    network = build(spec.architecture, input_size=spec.input_size, classes=len(spec.labels))
    network.load_weights(MODEL / "model.weights.h5")
    explain = GradCam(network)

    def ours() -> int:
        answers = graph(tensor)
        class_saliency(answers["class_maps"][0], spec.labels)
        return int(answers["logits"].argmax())

    def keras() -> int:
        best = int(np.argmax(network.predict(tensor, verbose=0)))
        explain(tensor, best)
        return best

    assert ours() == keras(), "The two must be the same network."
    rounds = [(milliseconds(ours), milliseconds(keras)) for _ in range(ROUNDS)]
    our_p50, keras_p50 = (percentile(times, 50) for times in zip(*rounds, strict=True))
    return [
        Figure("OpenVINO, saliency of every finding, p50", our_p50, "ms"),
        Figure("Keras predict and Grad-CAM of one finding, p50", keras_p50, "ms"),
        Figure("ratio", keras_p50 / our_p50, "×", aim=10, at_least=True),
    ]
