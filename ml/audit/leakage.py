"""A10: did the version see these patients, or copies of these images, while it was made?"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ml.audit.checks import Check, NotAvailableError, Threshold
from ml.audit.intervals import proportion_interval
from ml.audit.subject import BATCH, Subject
from ml.contracts import FloatImage
from ml.datasets.crops import read_grey
from ml.datasets.manifest import ManifestRow

A10_LEAKED = Threshold(goal=0.0, limit=0.005)
"""Share of audited images with a near-duplicate on the other side; a shared patient fails in any case."""

HASH_DISTANCE = 8
"""Bits of 64 in which the perceptual hashes of two copies may differ."""

CORRELATION = 0.95
"""Least correlation of two copies' structure: greys without their slow shading.

Copies at three quarters of the size, JPEG quality 60 and lower contrast reach 0.98 and more; of 61,000 pairs
of different public radiographs none exceeded 0.77.
"""

THUMBNAIL = 64
SHADING_SIGMA = 2.0
EXAMPLES = 10


def leakage(subject: Subject) -> Check:
    """A10: look for groups (patients) and near-duplicates on both sides of training and audit."""
    if not subject.development:
        raise NotAvailableError(
            "These are not the manifests that the version was trained on, so its training images are unknown."
        )
    groups = {row.group for row in subject.development}
    shared = sorted({row.group for row in subject.rows if row.group in groups})
    pairs = _near_duplicates(subject)
    copied = {audited for audited, _ in pairs} | {
        i for i, row in enumerate(subject.rows) if row.group in groups
    }
    share = len(copied) / len(subject.rows)
    threshold = A10_LEAKED if not shared else Threshold(goal=0.0, limit=0.0)
    return Check(
        "A10",
        threshold.verdict(share),
        f"{len(shared)} patients stand on both sides, and {len({audited for audited, _ in pairs})} of "
        f"{len(subject.rows):,} images look like copies of one that the version was made with. An image "
        "that is known already is no test.",
        figure=share,
        interval=proportion_interval(len(copied), len(subject.rows)),
        threshold=threshold,
        details={
            "audited_images": len(subject.rows),
            "development_images": len(subject.development),
            "shared_groups": len(shared),
            "shared_group_examples": shared[:EXAMPLES],
            "near_duplicate_pairs": len(pairs),
            "near_duplicate_examples": [
                [subject.rows[i].image_id, subject.development[j].image_id] for i, j in pairs[:EXAMPLES]
            ],
        },
    )


def _near_duplicates(subject: Subject) -> list[tuple[int, int]]:
    """Give pairs (audited, development) that look like copies: near in hash, then alike in structure."""
    total = len(subject.rows) + len(subject.development)
    audited, audited_structure = _fingerprints(subject, subject.rows, 0, total)
    known, known_structure = _fingerprints(subject, subject.development, len(subject.rows), total)
    pairs = []
    for i, (own, structure) in enumerate(zip(audited, audited_structure, strict=True)):
        near = np.flatnonzero(np.bitwise_count(known ^ own) <= HASH_DISTANCE)
        likeness = known_structure[near].astype(np.float32) @ structure.astype(np.float32)
        pairs += [(i, int(j)) for j in near[likeness >= CORRELATION]]
    return pairs


def _fingerprints(
    subject: Subject, rows: Sequence[ManifestRow], done: int, total: int
) -> tuple[NDArray[np.uint64], NDArray[np.float16]]:
    hashes = np.empty(len(rows), np.uint64)
    structures = np.empty((len(rows), THUMBNAIL * THUMBNAIL), np.float16)
    for i, row in enumerate(rows):
        image = read_grey(row.path)
        hashes[i] = _hash(image)
        structures[i] = _structure(image)
        if i % BATCH == 0:
            subject.progress("looking for copies", done + i, total)
    return hashes, structures


def _hash(image: FloatImage) -> np.uint64:
    """Give the 64-bit perceptual hash (DCT of a small square)."""
    bits = imagehash.phash(Image.fromarray((image * 255 + 0.5).astype(np.uint8))).hash
    return np.uint64(int.from_bytes(np.packbits(bits.ravel()).tobytes(), "big"))


def _structure(image: FloatImage) -> NDArray[np.float16]:
    """Give a thumbnail without slow shading, of unit length, so that a product is a correlation."""
    small = cv2.resize(image, (THUMBNAIL, THUMBNAIL), interpolation=cv2.INTER_AREA)
    detail = small - cv2.GaussianBlur(small, (0, 0), SHADING_SIGMA)
    detail -= detail.mean()
    unit = detail / max(float(np.linalg.norm(detail)), 1e-6)
    return np.asarray(unit, np.float16).ravel()
