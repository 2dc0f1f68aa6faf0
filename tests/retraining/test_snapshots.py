"""Data sets: the same content has the same name, and they are whole or not there."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pydicom import dcmread

from apps.accounts.access import Actor
from apps.accounts.roles import Role
from apps.core.errors import NotPermittedError
from apps.retraining.models import DatasetSnapshot, SnapshotImage
from apps.retraining.progress import Step
from apps.retraining.selectors import snapshot_folder, snapshots_visible_to
from apps.retraining.services import (
    SnapshotRequestError,
    snapshot_build,
    snapshot_request,
)
from apps.retraining.services.snapshot_storage import snapshots_verify
from ml.phantom import phantom_dicom
from tests.retraining.data_sets import made, manifest_of, some_read
from tests.retraining.patients import (
    SIZE,
    account,
    actor_of,
    classified,
    radiograph,
    read,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("datasets_dir")]
Status = DatasetSnapshot.Status


def test_what_readers_said_becomes_a_manifest_that_training_reads(scientist: Actor) -> None:
    some_read()
    corrected = radiograph("normal", seed=7)
    read(corrected, "normal", seen="lung_opacity")
    classified(radiograph("normal", seed=8), "normal")
    snapshot = made(scientist)
    rows = manifest_of(snapshot).rows
    assert sorted(row.label for row in rows) == ["covid19", "covid19", "lung_opacity", "normal", "normal"]
    assert snapshot.image_count == 5
    assert snapshot.report["left_out"] == {"without a reading or a laboratory result": 1}
    assert {row.fold for row in rows} == {0, 1}
    image = SnapshotImage.objects.get(instance=corrected)
    assert (image.label, image.review is not None) == ("lung_opacity", True)
    by = snapshot.report["by"]
    assert set(by) == {"by_source", "by_sex", "by_age", "by_view"}
    assert by["by_age"]["65 and over"]["covid19"] == 2


def test_the_same_content_has_the_same_hash_and_one_folder(scientist: Actor, datasets_dir: Path) -> None:
    some_read()
    first, second = made(scientist), made(scientist)
    assert first.sha256 == second.sha256 != ""
    assert [path.name for path in datasets_dir.iterdir()] == [first.sha256]
    read(radiograph("normal", seed=9), "normal")
    assert made(scientist).sha256 != first.sha256
    manifest = snapshot_folder(first) / "manifest.csv"
    assert hashlib.sha256(manifest.read_bytes()).hexdigest() == first.sha256
    for row in manifest_of(first).rows:
        assert hashlib.sha256(row.path.read_bytes()).hexdigest() == row.sha256


def test_a_damaged_folder_is_made_whole_by_equal_content(scientist: Actor) -> None:
    some_read()
    first = made(scientist)
    damaged = manifest_of(first).rows[0].path
    damaged.write_bytes(b"not what it was")
    made(scientist)
    row = manifest_of(first).rows[0]
    assert hashlib.sha256(row.path.read_bytes()).hexdigest() == row.sha256


def test_no_patient_and_no_copy_stands_in_two_folds(
    scientist: Actor, make_manifest: Callable[..., Path]
) -> None:
    pixels = dcmread(BytesIO(phantom_dicom("normal", seed=0, size=SIZE))).pixel_array
    for patient in range(4):
        for seed in range(2):
            label = "normal" if patient % 2 else "covid19"
            read(radiograph(label, seed=10 * patient + seed, patient_id=f"MRN-{patient}"), label)
    twin = radiograph(
        "normal", seed=77, patient_id="MRN-other", PixelData=(pixels * 0.98).astype("<u2").tobytes()
    )
    read(twin, "normal")
    original = radiograph("normal", seed=0, patient_id="MRN-first")
    read(original, "normal")
    manifest = make_manifest(
        [{"label": label, "group": "A. Person", "source": "public"} for label in ("normal", "covid19")]
    )
    snapshot = made(scientist, manifests=[manifest])
    rows = manifest_of(snapshot).rows
    folds: dict[str, set[int | None]] = {}
    for row in rows:
        folds.setdefault(row.group, set()).add(row.fold)
    assert all(len(one) == 1 for one in folds.values())
    assert snapshot.report["groups_across_folds"] == 0
    assert len(rows) == 12
    by_instance = {image.instance_id: image.fold for image in snapshot.images.all()}
    assert by_instance[twin.pk] == by_instance[original.pk]
    assert snapshot.report["duplicates"]["near"]["pairs"] >= 1
    assert "A. Person" not in (snapshot_folder(snapshot) / "manifest.csv").read_text()
    assert snapshot.images.count() == 10


def test_verify_storage_names_the_file_that_changed(
    scientist: Actor,
) -> None:
    some_read(count=1)
    snapshot = made(scientist)
    assert list(snapshots_verify()) == [None]
    damaged = manifest_of(snapshot).rows[0].path
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"!")
    (problem,) = snapshots_verify()
    assert problem is not None
    assert damaged.name in problem
    (snapshot_folder(snapshot) / "manifest.csv").unlink()
    (problem,) = snapshots_verify()
    assert problem is not None
    assert "cannot be read" in problem


class PowerCut(BaseException):
    """Ends the work as a killed process does: nobody catches it."""


def test_a_trainer_that_dies_half_way_leaves_nothing_to_be_seen(scientist: Actor, datasets_dir: Path) -> None:
    some_read()
    snapshot = snapshot_request(name="spring", actor=scientist, folds=2)

    def die(step: Step | str) -> None:
        if isinstance(step, Step) and step.stage == "comparing" and step.done == step.total:
            raise PowerCut

    with pytest.raises(PowerCut):
        snapshot_build(snapshot_id=snapshot.pk, report=die)
    snapshot.refresh_from_db()
    assert (snapshot.status, snapshot.sha256, snapshot.images.count()) == (Status.RUNNING, "", 0)
    assert not [path for path in datasets_dir.iterdir() if not path.name.startswith(".")]

    snapshot_build(snapshot_id=snapshot.pk)
    snapshot.refresh_from_db()
    assert snapshot.status == Status.RUNNING  # the lease still holds
    left = datasets_dir / f".building-{snapshot.pk}-dead" / "images"
    left.mkdir(parents=True)  # as after kill -9, which cleans up nothing
    (left / "half.png").write_bytes(b"half")
    DatasetSnapshot.objects.update(lease_expires_at=timezone.now() - timedelta(seconds=1))
    snapshot_build(snapshot_id=snapshot.pk)
    snapshot.refresh_from_db()
    assert (snapshot.status, snapshot.attempts, snapshot.image_count) == (Status.COMPLETED, 2, 4)
    assert [path.name for path in datasets_dir.iterdir()] == [snapshot.sha256]


def test_a_faulty_manifest_fails_with_its_reason(scientist: Actor, tmp_path: Path) -> None:
    manifest = tmp_path / "faulty.csv"
    manifest.write_text("file,label\nmissing.png,normal\n")
    snapshot = made(scientist, manifests=[manifest])
    assert snapshot.status == Status.FAILED
    assert "missing.png" in snapshot.error


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"name": " "}, "1 to 100 characters"),
        ({"consent_scope": "world"}, "expected site or shared"),
        ({"folds": 1}, "expected 2 to 20"),
        ({"manifests": [Path("nowhere.csv")]}, "There is no manifest nowhere.csv"),
    ],
)
def test_what_cannot_be_made_says_why(scientist: Actor, wanted: dict[str, object], message: str) -> None:
    with pytest.raises(SnapshotRequestError, match=message):
        snapshot_request(actor=scientist, **{"name": "spring", **wanted})  # type: ignore[arg-type]  # faulty on purpose


@pytest.mark.parametrize("role", sorted(set(Role) - {Role.DATA_SCIENTIST}))
def test_only_data_scientists_make_and_see_data_sets(role: Role, scientist: Actor) -> None:
    some_read(count=1)
    made(scientist)
    with pytest.raises(NotPermittedError):
        snapshot_request(name="spring", actor=actor_of(role))
    assert not snapshots_visible_to(actor_of(role)).exists()
    assert snapshots_visible_to(scientist).count() == 1


def test_the_command_makes_one_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    some_read()
    email = account(Role.DATA_SCIENTIST).email
    call_command("make_snapshot", name="spring", by=email, folds=2)
    snapshot = DatasetSnapshot.objects.get()
    assert capsys.readouterr().out == f"{snapshot.sha256}\n"
    with (snapshot_folder(snapshot) / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4
    assert all(row["licence"] for row in rows), "a card says whose images they are"
    with pytest.raises(CommandError, match=r"nobody@example\.org"):
        call_command("make_snapshot", name="spring", by="nobody@example.org")


def test_the_command_says_why_there_is_nothing() -> None:
    email = account(Role.DATA_SCIENTIST).email
    with pytest.raises(CommandError, match="no image has a result yet"):
        call_command("make_snapshot", name="spring", by=email)
