"""The challenger answers for images that the champion has answered for, when nothing else is to do."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from typing import Any

from django.db import DatabaseError
from django.db.models.functions import Now

from apps.core.errors import RetriableError
from apps.core.leases import MAX_ATTEMPTS
from apps.diagnosis.models import Diagnosis, ShadowResult, ShadowResultQuerySet
from apps.diagnosis.pipeline import radiograph_classify
from apps.diagnosis.services.sources import verified_source
from apps.diagnosis.signals import shadow_queued
from apps.registry.models import Alias
from apps.registry.selectors import challenger, version_folder
from ml.contracts import RejectedInputError

logger = logging.getLogger(__name__)

RUN_SECONDS = 60.0
"""One task works for so long at most; the next one goes on."""

_at_work = threading.Lock()


def shadow_queue(*, diagnosis: Diagnosis) -> None:
    """Note that the challenger has still to answer for a finished diagnosis, in the same transaction.

    Nothing happens without a challenger, and for a diagnosis that failed.
    """
    answered = diagnosis.status in (Diagnosis.Status.COMPLETED, Diagnosis.Status.REJECTED)
    if not answered or diagnosis.model_version is None:
        return
    version = challenger(diagnosis.model_version.model.name)
    if version is None or version == diagnosis.model_version:
        return
    waiting = ShadowResult.objects.filter(status=Diagnosis.Status.QUEUED).exists()
    ShadowResult.objects.get_or_create(
        diagnosis=diagnosis, model_version=version, defaults={"instance": diagnosis.instance}
    )
    if not waiting:  # else somebody is at it, or the sweep will be
        shadow_queued.send(sender=ShadowResult)


def shadows_run() -> int:
    """Answer for waiting images, one after the other, until none is left or a diagnosis wants the worker.

    One thread of a worker does this at most, so that another is free for what readers wait for. Returns
    how many were carried out.
    """
    if not _at_work.acquire(blocking=False):
        return 0
    try:
        done, end = 0, time.monotonic() + RUN_SECONDS
        while time.monotonic() < end and not _readers_wait():
            shadow = _waiting().select_related("instance", "model_version__model").order_by("pk").first()
            if shadow is None or not _shadow_run(shadow):
                break
            done += 1
        return done
    finally:
        _at_work.release()


def shadows_sweep() -> None:
    """Have waiting shadows looked at, when no reader waits; give up on those that killed their workers."""
    spent = ShadowResult.objects.filter(
        status=Diagnosis.Status.RUNNING, lease_expires_at__lt=Now(), attempts__gte=MAX_ATTEMPTS
    )
    spent.update(
        status=Diagnosis.Status.FAILED,
        error=f"The worker died {MAX_ATTEMPTS} times on this image.",
        finished_at=Now(),
    )
    if _waiting().exists() and not _readers_wait():
        shadow_queued.send(sender=ShadowResult)


def _waiting() -> ShadowResultQuerySet:
    """What the present challenger has still to answer; what an earlier one left is left."""
    return ShadowResult.objects.claimable().filter(model_version__aliases__name=Alias.Name.CHALLENGER)


def _readers_wait() -> bool:
    return Diagnosis.objects.current().filter(status=Diagnosis.Status.QUEUED).exists()


def _shadow_run(shadow: ShadowResult) -> bool:
    """Carry one out; false when there is no sense in going on now."""
    token = ShadowResult.objects.claim(shadow.pk)
    if token is None:
        return True  # another worker has it: look for the next
    version = shadow.model_version
    fields: dict[str, Any]
    try:
        classification = radiograph_classify(
            verified_source(shadow.instance), folder=version_folder(version), sha256=version.sha256
        )
    except RejectedInputError as refusal:
        rejections = [{"code": str(r.code), "detail": r.detail} for r in refusal.rejections]
        status, fields = Diagnosis.Status.REJECTED, {"rejections": rejections}
    except DatabaseError:
        raise  # nothing can be stored now; the lease runs out
    except RetriableError as error:
        logger.warning("Shadow result %d waits: %s", shadow.pk, error)
        _try_again(shadow, token, str(error), spent=False)
        return False
    except Exception as error:  # noqa: BLE001 - a challenger's fault is kept with its result and stops nobody
        _try_again(shadow, token, f"{type(error).__name__}: {error}")
        return True
    else:
        prediction = classification.prediction
        status = Diagnosis.Status.COMPLETED
        fields = {
            "label": prediction.label,
            "probabilities": dict(prediction.probabilities),
            "prediction_set": list(prediction.prediction_set),
            "abnormality": prediction.abnormality,
            "timing_ms": classification.timing_ms,
        }
    ShadowResult.objects.finish(shadow.pk, token, status, finished_at=Now(), error="", **fields)
    return True


def _try_again(shadow: ShadowResult, token: uuid.UUID, reason: str, *, spent: bool = True) -> None:
    """Give the work back, or give it up when its attempts are used; `spent` false does not count this one."""
    given_up = spent and shadow.attempts + 1 >= MAX_ATTEMPTS  # read before this attempt was counted
    ShadowResult.objects.finish(
        shadow.pk,
        token,
        Diagnosis.Status.FAILED if given_up else Diagnosis.Status.QUEUED,
        error=reason,
        attempts=shadow.attempts + spent,
    )
