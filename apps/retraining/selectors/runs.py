"""Training runs: who sees them, what they wait for, how long they will take."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from django.conf import settings
from django.db.models import Q, QuerySet

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.core.errors import PermanentError
from apps.registry.models import ModelVersion
from apps.retraining.child import LOG_NAME
from apps.retraining.models import DatasetSnapshot, TrainingRun, TrainingSchedule
from apps.retraining.selectors.snapshots import snapshot_folder

WORK = "work"
"""The folder, in a run's own, where its candidate is made; the log lies beside it and stays."""
LOG_TAIL_BYTES = 16_384
MANIFEST_SUFFIX = ".csv"


class UnknownManifestError(PermanentError):
    """The site has no manifest of this name."""


def runs_visible_to(actor: Actor) -> QuerySet[TrainingRun]:
    """Return the runs that the actor may see: all of them, or none."""
    runs = TrainingRun.objects.select_related("snapshot", "schedule", "init_version__model", "version__model")
    return runs if actor.may(Right.VIEW_MODELS) or actor.may(Right.TRAIN) else runs.none()


def runs_ready() -> QuerySet[TrainingRun]:
    """Return the runs whose data is there: those that wait for no snapshot."""
    return TrainingRun.objects.filter(Q(snapshot=None) | Q(snapshot__status=DatasetSnapshot.Status.COMPLETED))


def training_folder() -> Path:
    """Return the folder of everything that trainings keep: a cache, and a folder for each run."""
    return Path(settings.DATA_DIR) / "training"


def run_folder(run: TrainingRun) -> Path:
    """Return the folder of a run's log, and of its work until that is done."""
    return training_folder() / str(run.pk)


def run_log(run: TrainingRun, *, actor: Actor) -> str:
    """Return the last lines of a run's log, empty before the first.

    Only for who trains: what a library writes may name the files of a manifest.
    """
    path = run_folder(run) / LOG_NAME
    if not actor.may(Right.TRAIN) or not path.is_file():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - LOG_TAIL_BYTES))
        whole = file.tell() == 0
        text = file.read().decode("utf-8", "replace")
    return text if whole else text.partition("\n")[2]


def snapshot_manifest(snapshot: DatasetSnapshot) -> Path:
    """Return the manifest of a completed snapshot."""
    return snapshot_folder(snapshot) / "manifest.csv"


def manifest_names() -> list[str]:
    """Return the names of the manifests that the operator put into `CXR_MANIFESTS_DIR`, in order."""
    folder = Path(settings.MANIFESTS_DIR)
    found = [*folder.glob(f"*{MANIFEST_SUFFIX}"), *folder.glob(f"*/*{MANIFEST_SUFFIX}")]
    return sorted(path.relative_to(folder).as_posix() for path in found if path.is_file())


def manifest_paths(names: Sequence[str]) -> list[Path]:
    """Return the manifests of these names. Raises `UnknownManifestError`, which lists what there is."""
    known = manifest_names()
    if unknown := [name for name in names if name not in known]:
        raise UnknownManifestError(
            f"No manifest {', '.join(unknown)}; known: {', '.join(known) or 'none'}. "
            "The operator adds manifests to the folder CXR_MANIFESTS_DIR."
        )
    return [Path(settings.MANIFESTS_DIR) / name for name in names]


def seconds_per_image(architecture: str) -> tuple[float, ModelVersion] | None:
    """Return what one image of one epoch took at a version's full size, and the newest version that tells.

    It was measured on the machine that trained it. None where no version of the architecture tells.
    """
    for version in ModelVersion.objects.filter(architecture=architecture).order_by("-created_at")[:20]:
        lineage = version.lineage
        while lineage.get("parent") and not lineage.get("history"):  # it was only calibrated anew
            lineage = lineage["parent"]["lineage"]
        size = lineage.get("settings", {}).get("input_size")
        images = lineage.get("sides", {}).get("training", {}).get("images", 0)
        seconds = [epoch["seconds"] for epoch in lineage.get("history", ()) if epoch.get("size") == size]
        if images and seconds:
            return sum(seconds) / len(seconds) / images, version
    return None


def schedules_visible_to(actor: Actor) -> QuerySet[TrainingSchedule]:
    """Return the standing orders to train that the actor may see: all of them, or none."""
    schedules = TrainingSchedule.objects.all()
    return schedules if actor.may(Right.VIEW_MODELS) else schedules.none()
