"""A worker carries out one diagnosis: claim, verify, classify, and store the outcome exactly once."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import DatabaseError, transaction

from apps.core.errors import ConflictError, PermanentError, RetriableError
from apps.core.leases import MAX_ATTEMPTS, Heartbeat, LeaseLostError
from apps.diagnosis.models import Diagnosis, DiagnosisQuerySet, Finding
from apps.diagnosis.pipeline import Classification, radiograph_classify
from apps.diagnosis.services.serving import version_to_serve
from apps.diagnosis.services.sources import verified_source
from apps.diagnosis.services.worklist import worklist_refresh
from apps.diagnosis.signals import diagnosis_finished
from apps.registry.models import ModelVersion
from apps.registry.selectors import version_folder
from apps.studies.decoding.pool import DecodePoolError, decode_pool
from apps.studies.models import Instance
from apps.studies.objects import (
    object_delete,
    object_put,
)
from ml.contracts import RejectedInputError

logger = logging.getLogger(__name__)

SALIENCY_LONG_SIDE = 256
"""Of the stored maps: they have some ten cells a side, so that more pixels would show nothing more."""
OUTLINE_LONG_SIDE = 512


def diagnosis_run(*, diagnosis_id: int) -> None:
    """Classify one queued or abandoned diagnosis and store what came of it.

    Does nothing when another worker holds it or it is finished, so that a message may arrive twice.
    What is wrong with the image is a rejection; what is wrong around us gives the attempt back and
    waits for the sweep; anything unexpected is tried again until the attempts are used up.
    """
    with transaction.atomic():
        token = Diagnosis.objects.claim(diagnosis_id)
        if token is None:
            return
        diagnosis = Diagnosis.objects.select_related("instance__series__study", "model_version__model").get(
            pk=diagnosis_id
        )
        worklist_refresh(study=diagnosis.instance.series.study)
    held = Diagnosis.objects.leased(diagnosis.pk, token)
    try:
        with Heartbeat(held, at_most=settings.CELERY_TASK_TIME_LIMIT):
            _attempt(diagnosis, held)
    except LeaseLostError:
        logger.warning("Diagnosis %d was taken over by another worker; this result is dropped", diagnosis.pk)


def diagnosis_fail(*, diagnosis: Diagnosis, error: str) -> None:
    """Give up on a diagnosis whose workers all died; raises `ConflictError` when it is held again."""
    given_up = Diagnosis.objects.abandoned().filter(pk=diagnosis.pk, attempts__gte=MAX_ATTEMPTS)
    try:
        _conclude(diagnosis, given_up, Diagnosis.Status.FAILED, error=error)
    except LeaseLostError as lost:
        raise ConflictError(str(lost)) from lost


def _attempt(diagnosis: Diagnosis, held: DiagnosisQuerySet) -> None:
    """Carry the diagnosis out, and let each kind of error have its consequence."""
    try:
        _carry_out(diagnosis, held)
    except (LeaseLostError, DatabaseError):
        raise  # nothing can be stored now; a lease that runs out is handed on by the sweep
    except PermanentError as error:
        _conclude(diagnosis, held, Diagnosis.Status.FAILED, error=str(error))
    except DecodePoolError as error:  # perhaps by this very image
        _try_again(diagnosis, held, str(error))
    except RetriableError as error:
        logger.warning("Diagnosis %d waits: %s", diagnosis.pk, error)
        _give_back(diagnosis, held, error=str(error), spent=False)
    except Exception as error:
        logger.exception("Diagnosis %d failed, attempt %d", diagnosis.pk, diagnosis.attempts)
        _try_again(diagnosis, held, f"{type(error).__name__}: {error}")


def _try_again(diagnosis: Diagnosis, held: DiagnosisQuerySet, reason: str) -> None:
    """Use the next attempt, or set the image aside when there is none left."""
    if diagnosis.attempts < MAX_ATTEMPTS:
        _give_back(diagnosis, held, error=reason, spent=True)
    else:
        _conclude(diagnosis, held, Diagnosis.Status.FAILED, error=f"Tried {MAX_ATTEMPTS} times: {reason}")


def _carry_out(diagnosis: Diagnosis, held: DiagnosisQuerySet) -> None:
    instance = diagnosis.instance
    version = _version_choose(diagnosis, held)
    source = verified_source(instance)
    try:
        classification = radiograph_classify(source, folder=version_folder(version), sha256=version.sha256)
    except RejectedInputError as refusal:
        rejections = [{"code": str(r.code), "detail": r.detail} for r in refusal.rejections]
        preview = b"" if instance.preview_key else _preview_of_rejected(source)
        with _StoredObjects() as stored:
            preview_key = stored.put(preview)
            _conclude(
                diagnosis, held, Diagnosis.Status.REJECTED, preview_key=preview_key, rejections=rejections
            )
        return
    _store_result(diagnosis, held, classification)


def _version_choose(diagnosis: Diagnosis, held: DiagnosisQuerySet) -> ModelVersion:
    """Choose the version that serves at this moment, not at that of queueing, and record it.

    So a promotion holds for every image that is begun after it, however long the queue is.
    """
    version = version_to_serve()
    if diagnosis.model_version_id != version.pk and not held.update(model_version=version):
        raise LeaseLostError("The lease ran out before a version was chosen.")
    return version


def _preview_of_rejected(source: bytes | Path) -> bytes:
    """Draw what can be drawn of an image that is not classified, so that a reader sees why."""
    try:
        return decode_pool().render(source)
    except (RejectedInputError, RetriableError):
        return b""


class _StoredObjects:
    """Objects stored for an outcome; taken back unless the outcome is committed."""

    def __init__(self) -> None:
        self._keys: list[str] = []

    def put(self, png: bytes | None) -> str:
        """Store an image and return its key; nothing gives an empty key."""
        if not png:
            return ""
        self._keys.append(object_put(png, suffix=".png"))
        return self._keys[-1]

    def __enter__(self) -> _StoredObjects:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            for key in self._keys:
                object_delete(key)


def _store_result(diagnosis: Diagnosis, held: DiagnosisQuerySet, classification: Classification) -> None:
    from apps.diagnosis import engine

    prediction, size = classification.prediction, classification.radiograph.pixels.shape
    outline = engine.outline_png(prediction, size=size, long_side=OUTLINE_LONG_SIDE)
    with _StoredObjects() as stored:
        preview_key = ""
        if not diagnosis.instance.preview_key:
            preview_key = stored.put(engine.preview_png(classification.radiograph))
        drawn = engine.saliency_pngs(prediction, size=size, long_side=SALIENCY_LONG_SIDE)
        saliency_keys = {finding: stored.put(png) for finding, png in drawn.items()}
        findings = [
            Finding(
                diagnosis_id=diagnosis.pk,
                label=label,
                probability=probability,
                operating_point=prediction.operating_points.get(label),
                saliency_key=saliency_keys.get(label, ""),
            )
            for label, probability in prediction.probabilities.items()
        ]
        _conclude(
            diagnosis,
            held,
            Diagnosis.Status.COMPLETED,
            findings=findings,
            preview_key=preview_key,
            label=prediction.label,
            covid19_status=prediction.covid19_status,
            prediction_set=list(prediction.prediction_set),
            abnormality=prediction.abnormality,
            triage=classification.triage,
            warnings=list(prediction.warnings),
            timing_ms=classification.timing_ms,
            preprocessing_version=prediction.preprocessing_version,
            lung_outline_key=stored.put(outline),
        )


@transaction.atomic
def _conclude(
    diagnosis: Diagnosis,
    held: DiagnosisQuerySet,
    status: Diagnosis.Status,
    *,
    findings: Sequence[Finding] = (),
    preview_key: str = "",
    error: str = "",
    **fields: Any,
) -> None:
    """Store an outcome with all that follows from it, or nothing: raises `LeaseLostError`."""
    if not held.finish(status, error=error, **fields):
        raise LeaseLostError(f"{diagnosis} is no longer held by this worker.")
    Finding.objects.bulk_create(findings)
    if preview_key:
        Instance.objects.filter(pk=diagnosis.instance_id).update(preview_key=preview_key)
    worklist_refresh(study=diagnosis.instance.series.study)
    diagnosis.refresh_from_db()
    diagnosis_finished.send(sender=Diagnosis, diagnosis=diagnosis)


@transaction.atomic
def _give_back(diagnosis: Diagnosis, held: DiagnosisQuerySet, *, error: str, spent: bool) -> None:
    """Let the sweep hand the work out again, after a pause; nothing to do when the lease is lost."""
    if held.requeue(error=error, spent=spent):
        worklist_refresh(study=diagnosis.instance.series.study)
