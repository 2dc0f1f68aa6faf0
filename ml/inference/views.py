"""What kind of image is this? A small network looks at the whole image, 64 pixels wide.

That is enough to tell a frontal chest radiograph from anything else, and too little for its findings.
`ml.training.fitness` trains it, on images that are good and images made or drawn unfit.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

import cv2
import numpy as np

from ml.contracts import FloatImage, RejectedInputError, Rejection, RejectionCode

VIEW_GRAPH = "fitness"
"""Stem of the view network's files in a version's folder; versions made before it have none."""
VIEW_INPUT_SIZE = 64
FRONTAL_LIMIT = "frontal_probability_min"
"""Name, among a version's fitness limits, of the least probability of a frontal view that passes."""


class View(StrEnum):
    """What the view network tells apart; the order is that of its outputs."""

    FRONTAL = "frontal"
    LATERAL = "lateral"
    CROSS_SECTION = "cross_section"
    OTHER = "other"
    TURNED = "turned"
    INVERTED = "inverted"
    CUT = "cut"
    COMPOSITE = "composite"
    DEGRADED = "degraded"


VIEWS = tuple(View)

REFUSALS = {
    View.LATERAL: Rejection(
        RejectionCode.NOT_FRONTAL,
        "This looks like a lateral view; send the frontal one (PA or AP) of the study",
    ),
    View.CROSS_SECTION: Rejection(
        RejectionCode.NOT_RADIOGRAPH,
        "This looks like a CT, MR or ultrasound image; send a frontal chest radiograph",
    ),
    View.OTHER: Rejection(
        RejectionCode.NOT_CHEST,
        "This does not look like a chest radiograph: another body part, a photograph or a document",
    ),
    View.TURNED: Rejection(
        RejectionCode.POOR_QUALITY,
        "The chest seems to lie on its side or upside down; turn the image upright and send it again",
    ),
    View.INVERTED: Rejection(
        RejectionCode.POOR_QUALITY,
        "Black and white seem to be swapped; correct the Photometric Interpretation or the grey scale",
    ),
    View.CUT: Rejection(
        RejectionCode.POOR_QUALITY,
        "The image does not show both lungs whole; send the uncropped radiograph",
    ),
    View.COMPOSITE: Rejection(
        RejectionCode.NOT_RADIOGRAPH,
        "This looks like several images in one, a screenshot or a photograph of a screen; "
        "send the radiograph itself",
    ),
    View.DEGRADED: Rejection(
        RejectionCode.POOR_QUALITY,
        "The image is burnt out, blurred or noisy beyond use; correct the window or repeat the exposure",
    ),
}


def view_input(lung_tensor: FloatImage) -> FloatImage:
    """Reduce the lung network's input (1, h, w, 1) to the view network's, (1, 64, 64, 1) in [0, 1]."""
    size = (VIEW_INPUT_SIZE, VIEW_INPUT_SIZE)
    reduced = cv2.resize(lung_tensor[0, :, :, 0], size, interpolation=cv2.INTER_AREA)
    return np.asarray(reduced, np.float32)[np.newaxis, :, :, np.newaxis]


def check_view(probabilities: Sequence[float], frontal_min: float) -> None:
    """Refuse what is less probably frontal than the limit; the likeliest other view gives the reason.

    `probabilities` come in the order of `VIEWS`. Raises `RejectedInputError`.
    """
    values = dict(zip(VIEWS, probabilities, strict=True))
    if values.pop(View.FRONTAL) < frontal_min:
        raise RejectedInputError(REFUSALS[max(values, key=lambda view: values[view])])
