"""Pictures of one exposure are found again; radiographs of different people are not taken for one."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from ml.datasets.duplicates import fingerprint, joined, near_duplicates
from ml.phantom import phantom

Grey = NDArray[np.uint8]


@pytest.fixture(scope="module")
def people() -> list[Grey]:
    """Radiographs of twelve people who do not exist."""
    labels = ("normal", "covid19", "lung_opacity")
    drawn = [phantom(labels[seed % 3], seed=seed, size=(320, 300)) for seed in range(12)]
    return [(one >> 4).astype(np.uint8) for one in drawn]


def test_different_people_are_not_duplicates(people: list[Grey]) -> None:
    assert near_duplicates([fingerprint(one) for one in people]).tolist() == []


def _compressed(grey: Grey) -> Grey:
    return np.asarray(
        cv2.imdecode(cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], 0), np.uint8
    )


@pytest.mark.parametrize(
    "change",
    [
        _compressed,
        lambda grey: cv2.resize(grey, (150, 160), interpolation=cv2.INTER_AREA),
        lambda grey: cv2.resize(grey, (400, 400)),
        lambda grey: (255 * (grey / 255) ** 0.7).astype(np.uint8),
        lambda grey: np.clip((grey.astype(float) - 128) * 1.3 + 128, 0, 255).astype(np.uint8),
    ],
    ids=["jpeg", "smaller", "stretched", "gamma", "contrast"],
)
def test_another_version_of_an_exposure_is_found(people: list[Grey], change: Callable[[Grey], Grey]) -> None:
    changed = [fingerprint(change(one)) for one in people]
    pairs = near_duplicates([*(fingerprint(one) for one in people), *changed])
    assert pairs.tolist() == [[i, i + len(people)] for i in range(len(people))]


def test_blank_images_resemble_nothing() -> None:
    blank = fingerprint(np.full((64, 64), 90, np.uint8))
    assert near_duplicates([blank, blank]).tolist() == []


def test_pairs_join_into_groups() -> None:
    groups = joined(6, np.array([(0, 3), (3, 5), (1, 2)]))
    assert groups[0] == groups[3] == groups[5]
    assert groups[1] == groups[2]
    assert len(set(groups.tolist())) == 3
    assert len(set(joined(2, np.empty((0, 2), np.intp)).tolist())) == 2
