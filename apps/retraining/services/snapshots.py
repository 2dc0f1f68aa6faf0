"""Data sets: asked for, made by the trainer, and found again when they were lost."""

from __future__ import annotations

import logging
import shutil
import time
import uuid
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from django.conf import settings
from django.db import DatabaseError, transaction
from django.db.models.functions import Now

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.audit.services import event_record
from apps.core.errors import PermanentError, RetriableError
from apps.core.leases import MAX_ATTEMPTS, Heartbeat, LeasedQuerySet, LeaseLostError
from apps.diagnosis.services.sweep import broker_backlog
from apps.retraining.deidentification import kept_facts
from apps.retraining.models import (
    DatasetSnapshot,
    ResearchConsent,
    SnapshotImage,
    TrainingRun,
)
from apps.retraining.progress import Report, Step
from apps.retraining.selectors.runs import runs_ready
from apps.retraining.selectors.snapshots import (
    Labelled,
    datasets_folder,
    images_to_learn_from,
    snapshot_folder,
)
from apps.retraining.services.execution import TrainerStoppedError, stopping
from apps.retraining.services.runs import QUEUE, SETTLED_SECONDS
from apps.retraining.signals import snapshot_queued
from apps.studies.decoding.pool import decode_pool
from apps.studies.header import UnreadableObjectError, read_dicom_header
from apps.studies.models import Instance
from apps.studies.objects import folder_make, folder_sync, object_as_path
from ml.contracts import RejectedInputError

if TYPE_CHECKING:
    from apps.retraining.freezing import Freezer, FrozenFolder

logger = logging.getLogger(__name__)

MOST_FOLDS = 20
ANNOTATED = "that say of themselves that they are annotated"
LETTERED = "with lettering in the pixels"
UNDECODABLE = "that can no longer be decoded"
_TOLD_SECONDS = 1.0


class SnapshotRequestError(PermanentError):
    """No data set can be made of what was asked for; says what to change."""


@transaction.atomic
def snapshot_request(
    *,
    name: str,
    actor: Actor,
    manifests: Sequence[Path] = (),
    consent_scope: str = ResearchConsent.Scope.SITE,
    folds: int = 5,
    seed: int = 20,
    enqueue: bool = True,
) -> DatasetSnapshot:
    """Queue a data set of the site's images, as they are when the trainer begins, and of manifests.

    Without `enqueue` the caller builds it at once. Raises `NotPermittedError` and `SnapshotRequestError`.
    """
    actor.require(Right.TRAIN)
    name = name.strip()
    if not name or len(name) > 100:
        raise SnapshotRequestError(f"A name of 1 to 100 characters is expected; got {len(name)}.")
    if consent_scope not in ResearchConsent.Scope.values:
        raise SnapshotRequestError(f"The scope {consent_scope!r} is unknown: expected site or shared.")
    if not 2 <= folds <= MOST_FOLDS:
        raise SnapshotRequestError(f"{folds} folds cannot be made; expected 2 to {MOST_FOLDS}.")
    if missing := [str(path) for path in manifests if not path.is_file()]:
        raise SnapshotRequestError(f"There is no manifest {', '.join(missing)}.")
    snapshot = DatasetSnapshot.objects.create(
        name=name,
        manifests=[str(path) for path in manifests],
        consent_scope=consent_scope,
        laboratory_days=settings.LABORATORY_DAYS,
        folds=folds,
        seed=seed,
        requested_by=actor.name,
    )
    event_record(
        action="snapshot_requested",
        actor=actor.name,
        actor_role=actor.role or "",
        source=actor.source,
        object_type="snapshot",
        object_id=str(snapshot.pk),
        detail={"scope": consent_scope, "manifests": len(manifests)},
    )
    if enqueue:
        snapshot_queued.send(sender=DatasetSnapshot, snapshot=snapshot)
    return snapshot


def snapshot_build(*, snapshot_id: int, report: Report = lambda step: None) -> None:
    """Make one queued or abandoned data set, and store what came of it.

    Does nothing when another trainer holds it or it is finished. Nothing of it is to be seen before all of it
    is on disk under its hash and the row says so, so that a trainer may die at any moment.
    """
    token = DatasetSnapshot.objects.claim(snapshot_id)
    if token is None:
        return
    snapshot = DatasetSnapshot.objects.get(pk=snapshot_id)
    held = DatasetSnapshot.objects.leased(snapshot.pk, token)
    try:
        with Heartbeat(held) as heartbeat:
            _attempt(snapshot, held, _Progress(held, heartbeat, report), token)
    except LeaseLostError:
        logger.warning("%s was taken over by another trainer; this one stops", snapshot)


def snapshots_sweep() -> None:
    """Enqueue data sets that the broker forgot or whose trainer died; give up after the last attempt.

    What waits behind a long run is told again only while the broker holds fewer messages than there is work.
    """
    given_up = DatasetSnapshot.objects.abandoned().filter(attempts__gte=MAX_ATTEMPTS)
    for snapshot in given_up:
        given_up.filter(pk=snapshot.pk).finish(
            DatasetSnapshot.Status.FAILED,
            error=f"The trainer died {snapshot.attempts} times on this data set; its log says more.",
        )
    waiting = DatasetSnapshot.objects.claimable()
    if not waiting.exists():
        return
    work = waiting.count() + runs_ready().filter(status=TrainingRun.Status.QUEUED).count()
    if (messages := broker_backlog(QUEUE)) is None or messages >= work:
        return
    settled = Now() - timedelta(seconds=SETTLED_SECONDS)
    for snapshot in waiting.filter(enqueued_at__lt=settled).order_by("enqueued_at"):
        with transaction.atomic():
            DatasetSnapshot.objects.filter(pk=snapshot.pk).update(enqueued_at=Now())
            snapshot_queued.send(sender=DatasetSnapshot, snapshot=snapshot)


class _Progress:
    """Tells the row, at most once a second, and whoever waits how far the work is; ends with the lease."""

    def __init__(self, held: LeasedQuerySet[Any], heartbeat: Heartbeat, report: Report) -> None:
        self._held, self._heartbeat, self._report = held, heartbeat, report
        self._told = 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        if self._heartbeat.lost.is_set():
            raise LeaseLostError("The data set is no longer held by this trainer.")
        if stopping.is_set():
            raise TrainerStoppedError
        self._report(Step(stage, done, total))
        if time.monotonic() - self._told < _TOLD_SECONDS and done < total:
            return
        self._told = time.monotonic()
        if not self._held.renew(progress={"stage": stage, "done": done, "total": total}):
            raise LeaseLostError("The data set is no longer held by this trainer.")


def _attempt(
    snapshot: DatasetSnapshot, held: LeasedQuerySet[Any], progress: _Progress, token: uuid.UUID
) -> None:
    """Make the data set, and let each kind of failure have its consequence."""
    for left in datasets_folder().glob(f".building-{snapshot.pk}-*"):
        shutil.rmtree(left, ignore_errors=True)
    folder = datasets_folder() / f".building-{snapshot.pk}-{token.hex}"
    try:
        folder_make(folder)
        _carry_out(snapshot, held, progress, folder)
    except (LeaseLostError, DatabaseError):
        raise
    except TrainerStoppedError:
        held.requeue(error="", spent=False)
    except PermanentError as error:
        held.finish(DatasetSnapshot.Status.FAILED, error=str(error))
    except OSError as error:
        what = error.strerror or type(error).__name__
        held.finish(
            DatasetSnapshot.Status.FAILED,
            error=f"The data folder cannot be written ({what}); nothing was kept. Make room and ask again.",
        )
    except Exception as error:
        logger.exception("%s failed, attempt %d", snapshot, snapshot.attempts)
        if snapshot.attempts < MAX_ATTEMPTS and isinstance(error, RetriableError):
            held.requeue(error=str(error))
        else:
            held.finish(DatasetSnapshot.Status.FAILED, error=f"{type(error).__name__}: {error}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _carry_out(
    snapshot: DatasetSnapshot, held: LeasedQuerySet[Any], progress: _Progress, folder: Path
) -> None:
    from apps.retraining.freezing import Freezer

    freezer = Freezer(folder)
    choice = images_to_learn_from(
        consent_scope=snapshot.consent_scope, laboratory_days=snapshot.laboratory_days
    )
    left_out = choice.left_out
    files: dict[int, str] = {}
    for done, image in enumerate(choice.images):
        progress("de-identifying", done, len(choice.images))
        if file := _take(freezer, image, left_out):
            files[image.instance.pk] = file
    progress("de-identifying", len(choice.images), len(choice.images))
    unreadable = 0
    if snapshot.manifests:
        unreadable = freezer.add_manifests([Path(path) for path in snapshot.manifests], progress=progress)
    if not freezer.images:
        reasons = "; ".join(f"{count} {reason}" for reason, count in left_out.most_common())
        raise SnapshotRequestError(
            f"No image may be used. Left out: {reasons or 'nothing, for no image has a result yet'}."
        )
    frozen = freezer.finish(folds=snapshot.folds, seed=snapshot.seed, progress=progress)
    if frozen.report["groups_across_folds"]:
        across = frozen.report["groups_across_folds"]
        raise PermanentError(f"{across} patients stand in two folds; tell the makers of this platform.")
    used = [image for image in choice.images if files.get(image.instance.pk) in frozen.rows]
    left_out["that are copies or near-copies with another label"] += len(files) - len(used)
    frozen.report["left_out"] = dict(+left_out)
    frozen.report["unreadable_in_manifests"] = unreadable
    frozen.report["labelled_by"] = dict(
        Counter("laboratory" if image.laboratory_result else "reader" for image in used)
    )
    _publish(snapshot, held, frozen, folder, used, files)


def _take(freezer: Freezer, image: Labelled, left_out: Counter[str]) -> str:
    """Write one image of the site without its header; return its file, or count why it is left out."""
    from apps.retraining.freezing import BurnedInTextError

    try:
        with object_as_path(image.instance.storage_key) as path:
            if _says_annotated(image.instance, path):
                left_out[ANNOTATED] += 1
                return ""
            pixels = decode_pool().decode(path).pixels
        grey = (pixels * 255).round().astype(np.uint8)
        return freezer.add_site_image(grey, label=image.label, facts=kept_facts(image.instance))
    except BurnedInTextError:
        left_out[LETTERED] += 1
    except (RejectedInputError, UnreadableObjectError, FileNotFoundError):
        left_out[UNDECODABLE] += 1
    return ""


def _says_annotated(instance: Instance, path: Path) -> bool:
    """Tell whether the header names burned-in annotation or a recognisable face (PS3.3 C.7.6.1)."""
    if instance.file_format != Instance.FileFormat.DICOM:
        return False
    with path.open("rb") as file:
        header = read_dicom_header(file, size=path.stat().st_size)
    said = (header.code("BurnedInAnnotation", 3), header.code("RecognizableVisualFeatures", 3))
    return "YES" in (one.upper() for one in said)


def _publish(
    snapshot: DatasetSnapshot,
    held: LeasedQuerySet[Any],
    frozen: FrozenFolder,
    folder: Path,
    used: Sequence[Labelled],
    files: dict[int, str],
) -> None:
    """Give the folder its name, and then let the row say so; equal content already there is the same."""
    from apps.retraining.freezing import folder_matches

    snapshot.sha256 = frozen.sha256
    target = snapshot_folder(snapshot)
    if not folder_matches(target, frozen.sha256):
        shutil.rmtree(target, ignore_errors=True)  # damaged, and we hold the same content whole
        folder.rename(target)
        folder_sync(target.parent)
    with transaction.atomic():
        done = held.finish(
            DatasetSnapshot.Status.COMPLETED,
            sha256=frozen.sha256,
            image_count=len(frozen.rows),
            report=frozen.report,
            error="",
        )
        if not done:
            raise LeaseLostError("The data set is no longer held by this trainer.")
        SnapshotImage.objects.bulk_create(
            SnapshotImage(
                snapshot=snapshot,
                instance=image.instance,
                file=files[image.instance.pk],
                label=image.label,
                fold=frozen.rows[files[image.instance.pk]].fold,
                review=image.review,
                laboratory_result=image.laboratory_result,
            )
            for image in used
        )
        event_record(
            action="snapshot_completed",
            actor=snapshot.requested_by,
            object_type="snapshot",
            object_id=str(snapshot.pk),
            detail={"sha256": frozen.sha256, "images": len(frozen.rows), "of_this_site": len(used)},
        )
