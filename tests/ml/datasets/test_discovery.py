"""Class folders as the public collections have them, and what is said when a folder is not understood."""

from __future__ import annotations

from pathlib import Path

import pytest

from ml.datasets.discovery import find_images
from ml.datasets.labels import label_spelled
from ml.datasets.manifest import ManifestError


def tree(folder: Path, *names: str) -> Path:
    """Make empty files of these names; walking reads names only."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("COVID", "covid19"),
        ("COVID-19", "covid19"),
        ("Covid_19", "covid19"),
        ("NORMAL", "normal"),
        ("No_findings", "normal"),
        ("Viral Pneumonia", "viral_pneumonia"),
        ("BACTERIAL_PNEUMONIA", "bacterial_pneumonia"),
        ("Lung_Opacity", "lung_opacity"),
        ("ood_document", "ood_document"),
        ("Lateral", "ood_lateral"),
        ("Pneumonia", None),
        ("Tuberculosis", None),
    ],
)
def test_usual_spellings(name: str, label: str | None) -> None:
    assert label_spelled(name) == label


def test_the_radiography_database(tmp_path: Path) -> None:
    folder = tree(
        tmp_path / "COVID-19_Radiography_Dataset",
        *("COVID/images/COVID-1.png", "COVID/masks/COVID-1.png", "Viral Pneumonia/images/V-1.png"),
        *("README.md.txt", "COVID.metadata.xlsx"),
    )
    found = find_images(folder, labels={})
    assert [(image.path.name, image.label) for image in found.images] == [
        ("COVID-1.png", "covid19"),
        ("V-1.png", "viral_pneumonia"),
    ]
    assert found.left_aside == {"mask": 1, "not an image (.txt)": 1, "not an image (.xlsx)": 1}


def test_kermany_names_its_patients(tmp_path: Path) -> None:
    folder = tree(
        tmp_path / "chest_xray",
        *("train/PNEUMONIA/person12_virus_48.jpeg", "train/PNEUMONIA/person12_virus_49.jpeg"),
        *("test/PNEUMONIA/person80_bacteria_390.jpeg", "val/NORMAL/NORMAL2-IM-1427-0001.jpeg"),
        *("train/NORMAL/IM-0115-0001.jpeg", "train/NORMAL/IM-0115-0001-0002.jpeg"),
    )
    found = {image.path.name: image for image in find_images(folder, labels={}).images}
    assert {(image.label, image.split, image.patient) for image in found.values()} == {
        ("viral_pneumonia", "train", "person12"),
        ("bacterial_pneumonia", "test", "person80"),
        ("normal", "val", "normal2-im-1427"),
        ("normal", "train", "im-0115"),
    }


def test_the_innermost_folder_that_tells_counts(tmp_path: Path) -> None:
    folder = tree(tmp_path / "all", "COVID/patient 7/a.png", "COVID/Normal/b.png", "COVID/.hidden/c.png")
    labels = {image.path.name: image.label for image in find_images(folder, labels={}).images}
    assert labels == {"a.png": "covid19", "b.png": "normal"}


def test_a_collection_may_be_one_class(tmp_path: Path) -> None:
    assert find_images(tree(tmp_path / "COVID", "train/a.png"), labels={}).images[0].label == "covid19"


def test_an_unknown_folder_says_what_was_found_and_how_to_map_it(tmp_path: Path) -> None:
    folder = tree(tmp_path / "all", "NORMAL/a.png", "train/Tuberculosis/b.png", "train/Tuberculosis/c.png")
    with pytest.raises(ManifestError, match=r"'train/Tuberculosis' \(2 images\).*--label Tuberculosis="):
        find_images(folder, labels={})
    found = find_images(folder, labels={"tuberculosis": "skip"})
    assert [image.label for image in found.images] == ["normal"]
    assert found.left_aside == {"left out by --label": 2}
    found = find_images(folder, labels={"train/Tuberculosis": "lung_opacity"})
    assert [image.label for image in found.images] == ["normal", "lung_opacity", "lung_opacity"]
    with pytest.raises(ManifestError, match="did you mean 'lung_opacity'"):
        find_images(folder, labels={"Tuberculosis": "Lung Opacity"})


def test_a_folder_without_images_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ManifestError, match="holds no image"):
        find_images(tree(tmp_path / "empty", "notes.txt"), labels={})
