"""Learn the generative model of `ml.phantom` from radiographs: `python -m ml.training.phantom`.

Images of one family (adults, children, lateral views) are brought into one frame, first by an
affine map, then by a smooth flow, so that their mean is sharp and their principal components are
anatomy rather than position. What is kept is the mean of hundreds of images, the components in
eight bits, and a Gaussian over the coefficients of each finding: nothing of any single image.
The test fold is left out.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from ml.contracts import FloatImage
from ml.datasets.manifest import Manifest, ManifestRow, read_manifest
from ml.phantom import LATERAL, MODEL_PATH

SIDE = 160
TEST_FOLD = 0
IMAGES_PER_LABEL = 300
KEPT_SHARE = 0.75
"""Of the images, those that match the mean best: the others have catheters, rotation, cut edges."""

_REACH = 0.08
_SMOOTHNESS = 5.0


@dataclass(frozen=True, slots=True)
class FamilyPlan:
    """Which rows of the manifest form a family, and with how many components."""

    labels: Mapping[str, str]
    """Label in the manifest to the phantom's kind."""
    sources: tuple[str, ...]
    components: int
    mirrored: bool = False
    """Whether some images face the other way."""


FAMILIES = {
    "adult": FamilyPlan(
        {"normal": "normal", "covid19": "covid19", "lung_opacity": "lung_opacity"},
        ("radiography_db", "ozturk", "ieee8023"),
        components=64,
    ),
    "child": FamilyPlan(
        {"viral_pneumonia": "viral_pneumonia", "bacterial_pneumonia": "bacterial_pneumonia"},
        ("kermany",),
        components=40,
    ),
    "lateral_views": FamilyPlan({"ood_lateral": LATERAL}, ("ieee8023",), components=6, mirrored=True),
}


def build(manifest: Manifest, path: Path) -> None:
    """Learn every family and write the model as an `.npz` without pickles."""
    arrays: dict[str, Any] = {"families": np.array(list(FAMILIES))}
    labels: list[str] = []
    label_families: list[str] = []
    for name, plan in FAMILIES.items():
        rows = _chosen(manifest, plan)
        aligned, kinds = _aligned([_read(row.path) for row in rows], rows, plan)
        for key, value in _learned(aligned, kinds, plan.components).items():
            arrays[key if key.split(".")[0] in kinds else f"{name}.{key}"] = value
        labels += sorted(set(kinds))
        label_families += [name] * len(set(kinds))
    arrays |= {"labels": np.array(labels), "label_families": np.array(label_families)}
    np.savez_compressed(path, allow_pickle=False, **arrays)


def _chosen(manifest: Manifest, plan: FamilyPlan) -> list[ManifestRow]:
    rows = [
        row
        for row in manifest.rows
        if row.label in plan.labels and row.source in plan.sources and row.fold != TEST_FOLD
    ]
    random.Random(0).shuffle(rows)
    return [
        row for label in plan.labels for row in [row for row in rows if row.label == label][:IMAGES_PER_LABEL]
    ]


def _read(path: Path) -> FloatImage:
    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if image is None:
        raise ValueError(f"{path} is not an image")
    small = cv2.resize(image, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
    low, high = np.percentile(small, (1, 99))
    return np.asarray(np.clip((small - low) / max(float(high - low), 1.0), 0, 1), np.float32)


# ---------------------------------------------------------------------------------------- alignment


def _aligned(
    images: Sequence[FloatImage], rows: Sequence[ManifestRow], plan: FamilyPlan
) -> tuple[FloatImage, list[str]]:
    """Return images (n, side, side) in one frame, and their kinds; the worst matches are left out."""
    faced = list(images)
    if plan.mirrored:
        for _ in range(3):
            mean = np.mean(faced, axis=0)
            faced = [max(image, image[:, ::-1], key=lambda i: _likeness(i, mean)) for image in faced]
    mean = np.mean(faced, axis=0)
    moved = [_moved(image, mean) for image in faced]
    for _ in range(2):
        mean = _mean_of_best(moved, mean)
        moved = [_bent(image, mean) for image in moved]
    likeness = np.array([_likeness(image, mean) for image in moved])
    best = np.flatnonzero(likeness >= np.quantile(likeness, 1 - KEPT_SHARE))
    return np.stack([moved[i] for i in best]), [plan.labels[rows[int(i)].label] for i in best]


def _mean_of_best(images: Sequence[FloatImage], mean: FloatImage) -> FloatImage:
    likeness = np.array([_likeness(image, mean) for image in images])
    limit = np.median(likeness)
    best = [image for image, value in zip(images, likeness, strict=True) if value >= limit]
    return np.asarray(np.mean(best, axis=0), np.float32)


def _structure(image: FloatImage, blur: float = 3.0) -> FloatImage:
    """Return the image without its slow shading and its fine detail, in units of its own spread."""
    band = cv2.GaussianBlur(image, (0, 0), blur)
    band = band - cv2.GaussianBlur(band, (0, 0), SIDE / 6)
    return np.asarray(band / (float(band.std()) + 1e-6), np.float32)


def _likeness(image: FloatImage, mean: FloatImage) -> float:
    inner = slice(SIDE // 12, -SIDE // 12)
    a, b = (_structure(np.ascontiguousarray(i))[inner, inner].ravel() for i in (image, mean))
    return float(np.corrcoef(a, b)[0, 1])


def _moved(image: FloatImage, mean: FloatImage) -> FloatImage:
    """Move, scale and shear the image onto the mean (Evangelidis 2008), where that stays modest."""
    shrunk = (SIDE // 4, SIDE // 4)
    target, source = (cv2.resize(_structure(np.ascontiguousarray(i)), shrunk) for i in (mean, image))
    matrix = np.eye(2, 3, dtype=np.float32)
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 15, 1e-3)
    try:
        _, found = cv2.findTransformECC(target, source, matrix, cv2.MOTION_AFFINE, criteria, None, 1)
    except cv2.error:  # does not converge: the image is left out for its likeness
        return image
    matrix = np.asarray(found, np.float32).copy()
    matrix[:, 2] *= 4
    if abs(float(np.linalg.det(matrix[:, :2])) - 1) > 0.5 or float(np.abs(matrix[:, 2]).max()) > SIDE / 6:
        return image
    x, y = _grid()
    return _sampled(
        image,
        matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2],
        matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2],
    )


def _bent(image: FloatImage, mean: FloatImage) -> FloatImage:
    """Bend the image smoothly onto the mean by dense inverse search (Kroeger 2016)."""
    grey = [np.clip(128 + 40 * _structure(i, 2.0), 0, 255).astype(np.uint8) for i in (mean, image)]
    search: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow = search.calc(grey[0], grey[1], None)
    flow = np.clip(cv2.GaussianBlur(flow, (0, 0), _SMOOTHNESS), -_REACH * SIDE, _REACH * SIDE)
    x, y = _grid()
    return _sampled(image, x + flow[..., 0], y + flow[..., 1])


def _grid() -> tuple[FloatImage, FloatImage]:
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    return x, y


def _sampled(image: FloatImage, x: FloatImage, y: FloatImage) -> FloatImage:
    """Sample at (x, y); what lies outside continues the edge."""
    columns, rows = (np.clip(i, 0, SIDE - 1).astype(np.float32) for i in (x, y))
    sampled = cv2.remap(np.ascontiguousarray(image), columns, rows, cv2.INTER_LINEAR)
    return np.asarray(sampled, np.float32)


# ----------------------------------------------------------------------------------------- learning


def _learned(aligned: FloatImage, kinds: Sequence[str], count: int) -> dict[str, NDArray[Any]]:
    mean = aligned.mean(axis=0)
    centred = (aligned - mean).reshape(len(aligned), -1)
    variances, vectors = np.linalg.eigh(centred @ centred.T)
    order = np.argsort(variances)[::-1][:count]
    components = (vectors[:, order].T @ centred) / np.sqrt(variances[order])[:, np.newaxis]
    coefficients = centred @ components.T
    scales = np.abs(components).max(axis=1) / 127
    learned: dict[str, NDArray[Any]] = {
        "mean": mean.astype(np.float16),
        "components": np.round(components / scales[:, np.newaxis]).astype(np.int8).reshape(-1, SIDE, SIDE),
        "scales": scales.astype(np.float32),
    }
    centres = {kind: coefficients[np.array(kinds) == kind].mean(axis=0) for kind in set(kinds)}
    for kind, centre in centres.items():
        own = coefficients[np.array(kinds) == kind]
        covariance = np.cov(own.T) + 1e-4 * float(variances[order[0]]) / len(aligned) * np.eye(count)
        others = [value for other, value in centres.items() if other != kind] or [centre]
        learned |= {
            f"{kind}.mean": centre.astype(np.float32),
            f"{kind}.factor": np.linalg.cholesky(covariance).astype(np.float16),
            f"{kind}.direction": (centre - np.mean(others, axis=0)).astype(np.float32),
        }
    return learned


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Learn the generative model of synthetic radiographs")
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=MODEL_PATH)
    arguments = parser.parse_args()
    build(read_manifest(arguments.manifest), arguments.out)
