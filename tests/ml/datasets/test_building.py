"""A manifest of class folders: copies, near-duplicates and patients are joined before folds are made."""

from __future__ import annotations

import csv
import functools
import shutil
from collections import defaultdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from ml.datasets.building import COLUMNS, Collection, StatedFacts, build_manifest
from ml.datasets.images import UnreadableImageError
from ml.datasets.manifest import ManifestError, read_manifest
from ml.phantom import phantom

CLASSES = {"NORMAL": "normal", "COVID": "covid19"}
EACH = 6


@functools.cache
def person(label: str, seed: int) -> NDArray[np.uint8]:
    """Draw a phantom once."""
    return (phantom(label, seed=seed, size=(200, 180)) >> 4).astype(np.uint8)


def draw(path: Path, label: str, seed: int, *, quality: int = 95) -> Path:
    """Write a phantom as JPEG; the same label and seed show the same person."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), person(label, seed), [cv2.IMWRITE_JPEG_QUALITY, quality])
    return path


@pytest.fixture
def hospital(tmp_path: Path) -> Path:
    """A collection of two classes, twelve people."""
    folder = tmp_path / "hospital"
    for i in range(EACH):
        for name, label in CLASSES.items():
            draw(folder / ("test" if i == 0 else "train") / name / f"{i}.jpg", label, i)
    return folder


def built(folder: Path, *others: Path, **options: Any) -> tuple[dict[str, dict[str, str]], dict[str, Any]]:
    """Build the manifest of these folders; return its rows by file and the report."""
    out = folder.parent / "manifest.csv"
    collections = [Collection(one, one.name, "CC0", "Drawn, 2026") for one in (folder, *others)]
    report = build_manifest(collections, out, labels={}, **options)
    with out.open(newline="") as stream:
        return {row["file"]: row for row in csv.DictReader(stream)}, report


def test_a_manifest_that_training_reads(hospital: Path) -> None:
    rows, report = built(hospital, folds=3)
    row = rows["hospital/train/COVID/1.jpg"]
    assert tuple(row) == COLUMNS
    assert (row["label"], row["source"], row["split"]) == ("covid19", "hospital", "train")
    assert (row["licence"], row["citation"]) == ("CC0", "Drawn, 2026")
    assert (row["width"], row["height"], len(row["sha256"])) == ("180", "200", 64)
    manifest = read_manifest(hospital.parent / "manifest.csv")
    assert len(manifest.radiographs) == report["images"]["listed"] == 2 * EACH
    by_fold = defaultdict(set)
    for one in manifest.radiographs:
        by_fold[one.fold].add(one.label)
    assert by_fold == {fold: set(CLASSES.values()) for fold in range(3)}
    assert {(one["label"], one["split"], one["images"]) for one in report["counts"]} == {
        ("normal", "test", 1),
        ("normal", "train", 5),
        ("covid19", "test", 1),
        ("covid19", "train", 5),
    }
    assert report["diversity"]["width"]["median"] == 180
    assert report["diversity"]["age_unknown"] == 2 * EACH
    assert "covid19 has only 6 groups; expect wide intervals." in report["warnings"]


def test_the_same_seed_gives_the_same_manifest(hospital: Path) -> None:
    assert built(hospital, folds=3, seed=1) == built(hospital, folds=3, seed=1)
    again = built(hospital, folds=3, seed=2)[0]
    assert [row["fold"] for row in again.values()] != [
        row["fold"] for row in built(hospital, folds=3, seed=1)[0].values()
    ]


def test_copies_are_left_out_and_leakage_is_reported(hospital: Path) -> None:
    shutil.copyfile(hospital / "train/NORMAL/1.jpg", hospital / "train/NORMAL/copy.jpg")
    shutil.copyfile(hospital / "train/NORMAL/2.jpg", hospital / "test/NORMAL/leaked.jpg")
    rows, report = built(hospital, folds=3)
    exact = report["duplicates"]["exact"]
    assert (exact["pairs"], exact["within_labels"], exact["across_splits"]) == (2, 2, 1)
    assert report["duplicates"]["groups_across_splits"] == 1
    assert len(rows) == 2 * EACH
    assert any("more than one of the collection's own splits" in warning for warning in report["warnings"])


def test_near_duplicates_share_a_group_and_a_fold_across_sources(hospital: Path, tmp_path: Path) -> None:
    for i in range(EACH):
        draw(tmp_path / "clinic" / "COVID" / f"{i}.jpg", "covid19", i, quality=50)
        draw(tmp_path / "clinic" / "NORMAL" / f"{i}.jpg", "normal", 50 + i)
    rows, report = built(hospital, tmp_path / "clinic", folds=3)
    assert report["duplicates"]["near"]["across_sources"] == EACH
    assert report["duplicates"]["groups_across_sources"] == EACH
    for i in range(EACH):
        ours = rows[f"hospital/{'test' if i == 0 else 'train'}/COVID/{i}.jpg"]
        theirs = rows[f"clinic/COVID/{i}.jpg"]
        assert (ours["group"], ours["fold"]) == (theirs["group"], theirs["fold"])
    assert report["groups"] == 3 * EACH
    assert not any("Nearly all" in warning for warning in report["warnings"])


def test_a_class_of_one_source_is_warned_of(hospital: Path, tmp_path: Path) -> None:
    draw(tmp_path / "clinic" / "Lung_Opacity" / "0.jpg", "lung_opacity", 1)
    _, report = built(hospital, tmp_path / "clinic", folds=3)
    (warning,) = [one for one in report["warnings"] if "Nearly all" in one]
    assert "covid19 (hospital), lung_opacity (clinic), normal (hospital)" in warning


@pytest.mark.parametrize("quality", [95, 50], ids=["exact", "near"])
def test_one_image_under_two_labels_is_left_out(hospital: Path, quality: int) -> None:
    draw(hospital / "train" / "COVID" / "mislabelled.jpg", "normal", 3, quality=quality)
    rows, report = built(hospital, folds=3)
    assert "hospital/train/NORMAL/3.jpg" not in rows
    assert "hospital/train/COVID/mislabelled.jpg" not in rows
    assert report["duplicates"]["conflicts"] == [
        "hospital/train/COVID/mislabelled.jpg (covid19)",
        "hospital/train/NORMAL/3.jpg (normal)",
    ]
    kept, report = built(hospital, folds=3, keep_conflicts=True)
    assert (
        kept["hospital/train/NORMAL/3.jpg"]["group"] == kept["hospital/train/COVID/mislabelled.jpg"]["group"]
    )
    assert len(report["duplicates"]["conflicts"]) == 2


def test_unreadable_files_are_listed_unless_all_are(hospital: Path, tmp_path: Path) -> None:
    whole = (hospital / "train/COVID/1.jpg").read_bytes()
    (hospital / "train/COVID/1.jpg").write_bytes(whole[: len(whole) // 2])
    (hospital / "train/COVID/2.jpg").write_text("no image")
    rows, report = built(hospital, folds=3)
    assert set(report["unreadable"]) == {"hospital/train/COVID/1.jpg", "hospital/train/COVID/2.jpg"}
    assert len(rows) == 2 * EACH - 2
    bad = tmp_path / "bad" / "NORMAL" / "a.png"
    bad.parent.mkdir(parents=True)
    bad.write_text("no image")
    with pytest.raises(ManifestError, match="None of 1 images can be read"):
        built(tmp_path / "bad")


def test_what_a_dicom_header_states_is_kept(hospital: Path) -> None:
    for name in ("a", "b"):
        (hospital / "train" / "COVID" / f"{name}.dcm").write_bytes(name.encode())

    def convert(path: Path, png: Path) -> StatedFacts:
        draw(png, "covid19", 100 + ord(path.read_bytes()))
        return StatedFacts(sex="F", age="61", view="PA", patient="pseudonym")

    rows, report = built(hospital, folds=3, convert_dicom=convert)
    listed = [rows[f"manifest_dicom/hospital/train/COVID/{name}.png"] for name in ("a", "b")]
    assert {(row["sex"], row["age"], row["view"]) for row in listed} == {("F", "61", "PA")}
    assert listed[0]["group"] == listed[1]["group"]
    assert report["diversity"]["sex"] == {"unknown": 2 * EACH, "F": 2}

    def refuse(path: Path, png: Path) -> StatedFacts:
        raise UnreadableImageError("it is a CT slice")

    assert len(built(hospital, folds=3, convert_dicom=refuse)[1]["unreadable"]) == 2


def test_fewer_groups_than_folds_get_no_fold(hospital: Path) -> None:
    rows, report = built(hospital, folds=20)
    assert {row["fold"] for row in rows.values()} == {""}
    assert "There are fewer groups than folds: no fold was given." in report["warnings"]


def test_sources_need_names_of_their_own(hospital: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "hospital"
    shutil.copytree(hospital, other)
    with pytest.raises(ManifestError, match="same source name"):
        built(hospital, other)
