"""Choose the demo's phantoms: `python -m ml.training.demo_objects` prints `ml.phantom.DEMO` anew.

To be run when the bundled model or the phantoms change. For each finding it takes the seeds that
the model labels as that finding with the widest margin, in both precisions, and of the other kinds
the first that is refused.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ml.contracts import Finding, Radiograph, RadiographFacts, RejectedInputError, RejectionCode
from ml.inference import OpenVinoClassifier, load
from ml.phantom import BLANK, DOCUMENT, FULL_SCALE, HAND, LATERAL, image_of

PER_FINDING = 2
SIZE = (512, 512)


def outcome(classifier: OpenVinoClassifier, kind: str, seed: int) -> tuple[str, float]:
    """Return the label or rejection code of a phantom, and how probable its own finding is."""
    pixels = np.asarray(image_of(kind, seed=seed, size=SIZE) / FULL_SCALE, np.float32)
    try:
        prediction = classifier.classify(Radiograph(pixels, RadiographFacts()))
    except RejectedInputError as error:
        return error.rejections[0].code.value, 0.0
    return prediction.label, prediction.probabilities.get(kind, 0.0)


def chosen(classifiers: Sequence[OpenVinoClassifier], *, seeds: int) -> list[tuple[str, int]]:
    """Return (kind, seed) of the best phantoms; at most `seeds` of each finding are tried.

    Raises `ValueError` when a kind has too few.
    """
    objects: list[tuple[str, int]] = []
    for finding in Finding:
        found: list[tuple[float, int]] = []
        for seed in range(seeds):
            answers = [outcome(classifier, finding, seed) for classifier in classifiers]
            if all(label == finding for label, _ in answers):
                found.append((min(value for _, value in answers), seed))
        if len(found) < PER_FINDING:
            raise ValueError(f"Only {len(found)} of {seeds} phantoms of {finding} are labelled so")
        objects += [(finding.value, seed) for _, seed in sorted(found, reverse=True)[:PER_FINDING]]
    codes = {code.value for code in RejectionCode}
    for kind in (LATERAL, HAND, DOCUMENT, BLANK):
        refused = (s for s in range(seeds) if all(outcome(c, kind, s)[0] in codes for c in classifiers))
        objects.append((kind, next(refused)))
    return objects


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Choose the demo's phantoms for a model version")
    parser.add_argument("folder", type=Path, nargs="?", default=Path("ml/pretrained/cxr"))
    parser.add_argument("--seeds", type=int, default=60)
    arguments = parser.parse_args()
    versions = [load(arguments.folder, precision=precision) for precision in ("f32", "bf16")]
    for kind_and_seed in chosen(versions, seeds=arguments.seeds):
        sys.stdout.write(f"    {kind_and_seed},\n".replace("'", '"'))
