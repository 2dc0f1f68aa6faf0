"""What `ml` and the apps tell each other: frozen values, enumerations and one protocol.

This is the only module of `ml` that every process may import, so it needs NumPy for types and
nothing heavier.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

FloatImage = NDArray[np.float32]

WORKING_LONG_SIDE = 1024
"""Long side, in pixels, of the image that decoding hands on: enough for every network here."""


class Finding(StrEnum):
    """The findings of the bundled model, in the order of its output vector."""

    NORMAL = "normal"
    COVID19 = "covid19"
    VIRAL_PNEUMONIA = "viral_pneumonia"
    BACTERIAL_PNEUMONIA = "bacterial_pneumonia"
    LUNG_OPACITY = "lung_opacity"


Classes = Mapping[str, Sequence[str]]
"""The findings that each label of a version gathers; a label that is not listed stands for itself."""

EACH_ITS_OWN: Classes = {}
"""The vocabulary in which every label is a finding."""


def findings_of(label: str, classes: Classes) -> frozenset[str]:
    """Return the findings that a label gathers: `{"covid19"}` for `positive=covid19`."""
    return frozenset(classes.get(label, (label,)))


INCONCLUSIVE = "inconclusive"
"""The decision when the prediction set does not hold exactly one finding."""


class RejectionCode(StrEnum):
    """Why an object gets no label."""

    UNREADABLE = "unreadable"
    UNSUPPORTED_OBJECT = "unsupported_object"
    NOT_RADIOGRAPH = "not_radiograph"
    NOT_CHEST = "not_chest"
    NOT_FRONTAL = "not_frontal"
    POOR_QUALITY = "poor_quality"
    FOR_PROCESSING = "for_processing"


@dataclass(frozen=True, slots=True)
class Rejection:
    """One typed reason; `detail` is a sentence for a person and holds no patient data."""

    code: RejectionCode
    detail: str


class RejectedInputError(Exception):
    """The object can be received but not classified; carries the typed reasons."""

    def __init__(self, *rejections: Rejection) -> None:
        self.rejections = rejections
        super().__init__("; ".join(f"{r.code}: {r.detail}" for r in rejections))


@dataclass(frozen=True, slots=True)
class RadiographFacts:
    """What the header (or the file format) states about an image; empty text where it is silent."""

    sop_class_uid: str = ""
    sop_instance_uid: str = ""
    transfer_syntax_uid: str = ""
    modality: str = ""
    body_part_examined: str = ""
    view_position: str = ""
    photometric_interpretation: str = ""
    rows: int = 0
    columns: int = 0
    bits_stored: int = 0
    file_format: str = "dicom"
    """`dicom`, `png` or `jpeg`."""


@dataclass(frozen=True, slots=True)
class Radiograph:
    """A decoded image, ready for any network.

    `pixels` is float32 of shape (height, width) in [0, 1], MONOCHROME2 sense (0 is black), after
    modality LUT, VOI LUT and one inversion where needed, reduced by area to a long side of at most
    `WORKING_LONG_SIDE` with its aspect ratio kept.
    """

    pixels: FloatImage
    facts: RadiographFacts
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """`model.json` of a model version's folder: all that serving needs besides the graph.

    The graph (`model.xml` and `model.bin`, OpenVINO IR) takes float32 [batch, input_size,
    input_size, 1] and returns `logits` [batch, K] and `class_maps` [batch, h, w, K], whose spatial
    mean plus the bias equals the logits. Probabilities are softmax(logits / temperature). A finding
    is in the prediction set when its probability is at least 1 - its conformal quantile.
    """

    name: str
    architecture: str
    labels: tuple[str, ...]
    input_size: int
    preprocessing_version: str
    temperature: float
    conformal_quantiles: Mapping[str, float]
    operating_points: Mapping[str, float]
    preprocessing: Mapping[str, Any] = field(default_factory=dict)
    """How pixels become the input, as `ml.preprocessing.Preprocessing` writes it."""
    classes: Classes = field(default_factory=dict)
    """The findings that each label gathers, as the training manifest named them."""
    fitness: Mapping[str, float] = field(default_factory=dict)
    """Thresholds of the fitness gate, by name."""
    golden: Mapping[str, Any] = field(default_factory=dict)
    """The file that holds a phantom, and the probabilities the graph gave for it when it was exported."""
    files: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 of every other file of the folder, by relative name."""


@dataclass(frozen=True, slots=True)
class Box:
    """Half-open pixel rectangle in the geometry of `Radiograph.pixels`."""

    top: int
    left: int
    bottom: int
    right: int


@dataclass(frozen=True, slots=True)
class Prediction:
    """What one model version says about one radiograph.

    `saliency` maps a finding to float32 (h, w) in [0, 1], the class map as the network made it;
    `box` is the region of the image that these maps cover.
    """

    label: str
    probabilities: Mapping[str, float]
    prediction_set: tuple[str, ...]
    operating_points: Mapping[str, float]
    abnormality: float
    covid19_status: str
    rejections: tuple[Rejection, ...] = ()
    warnings: tuple[str, ...] = ()
    saliency: Mapping[str, FloatImage] = field(default_factory=dict)
    box: Box | None = None
    lung_mask: NDArray[np.bool_] | None = None
    preprocessing_version: str = ""
    timing_ms: Mapping[str, float] = field(default_factory=dict)


class Classifier(Protocol):
    """A loaded model version."""

    spec: ModelSpec
    sha256: str

    def classify(self, radiograph: Radiograph) -> Prediction:
        """Check fitness, predict and explain one radiograph.

        Raises `RejectedInputError` when the image is not a usable frontal chest radiograph.
        """
