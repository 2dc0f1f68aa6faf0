"""A10: patients and copies on both sides."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from ml.audit.checks import NotAvailableError, Verdict
from ml.audit.leakage import leakage
from ml.audit.subject import Subject
from ml.contracts import FloatImage
from ml.datasets.manifest import ManifestRow
from tests.ml.audit.planted import films
from tests.ml.audit.situations import row, subject


def written(folder: Path, number: int, image: FloatImage, quality: int = 95, **columns: str) -> ManifestRow:
    path = folder / f"{number}.jpg"
    levels = (image * 255 + 0.5).astype(np.uint8)
    assert cv2.imwrite(str(path), levels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return row(number, "normal", path=path, **columns)


def audited(folder: Path, **changes: object) -> Subject:
    """Audit 10 phantoms of a version that was made with 20 others."""
    images = [film.image for film in films()]
    rows = [written(folder, n, images[n]) for n in range(10)]
    development = [written(folder, n, images[n]) for n in range(10, 30)]
    return subject(rows, development=development, development_targets=np.zeros(20, np.intp), **changes)  # type: ignore[arg-type]  # varied by name


def test_different_phantoms_are_no_copies(tmp_path: Path) -> None:
    check = leakage(audited(tmp_path))
    assert check.verdict == Verdict.PASS
    assert check.figure == 0
    assert check.interval is not None
    assert check.interval[1] > 0.1, "ten images cannot rule much out"


def test_a_copy_is_found_although_compressed_brightened_and_smaller(tmp_path: Path) -> None:
    made = audited(tmp_path)
    small = cv2.resize(films()[3].image, (120, 120), interpolation=cv2.INTER_AREA)
    copy = written(tmp_path, 99, np.asarray(0.8 * small + 0.1, np.float32), quality=60)
    made = subject(made.rows, development=[*made.development, copy])
    check = leakage(made)
    assert check.details["near_duplicate_examples"] == [["3", "99"]]
    assert check.verdict == Verdict.FAIL
    assert check.figure == pytest.approx(0.1)


def test_a_shared_patient_fails_at_once(tmp_path: Path) -> None:
    images = [film.image for film in films()]
    rows = [written(tmp_path, n, images[n], group=f"p{n}") for n in range(3)]
    development = [written(tmp_path, 50, images[20], group="p1")]
    check = leakage(subject(rows, development=development))
    assert check.details["shared_group_examples"] == ["p1"]
    assert check.verdict == Verdict.FAIL


def test_unknown_training_images_cannot_be_compared(tmp_path: Path) -> None:
    with pytest.raises(NotAvailableError, match="not the manifests"):
        leakage(subject(audited(tmp_path).rows))
