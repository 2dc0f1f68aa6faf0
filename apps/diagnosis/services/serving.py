"""Which version answers now: the champion, or an earlier one while the champion cannot be loaded."""

from __future__ import annotations

import logging
import time

from django.db import transaction
from django.db.models.functions import Now

from apps.audit.services import event_record
from apps.core.errors import RetriableError
from apps.diagnosis.mails import load_failed_mail
from apps.diagnosis.models import LoadFailure
from apps.diagnosis.models.loading import MENDED
from apps.registry.models import ModelVersion
from apps.registry.selectors import challenger, champion, former_champions, version_folder

logger = logging.getLogger(__name__)

WORKER = "worker"
AGAIN_SECONDS = 5.0
"""Where another version can stand in, one that could not be loaded is tried again after this only."""

_refused: dict[str, float] = {}


class NoModelError(RetriableError):
    """There is no champion yet."""


def version_to_serve() -> ModelVersion:
    """Return the champion, loaded; while it cannot be, the latest earlier champion that can.

    A failure raises the alarm once. Raises `NoModelError` before the first promotion and
    `ModelUnavailableError` when no version can be loaded: work waits then.
    """
    from apps.diagnosis.engine import ModelUnavailableError

    present = champion()
    if present is None:
        raise NoModelError("No model is champion yet; `manage.py up` registers the bundled one.")
    failure: ModelUnavailableError | None = None
    if not _refused_lately(present):
        try:
            _load(present)
        except ModelUnavailableError as error:
            failure = error
        else:
            return present
    for version in former_champions(present.model):
        try:
            _load(version)
        except ModelUnavailableError:
            continue
        if failure:
            load_failure_open(version=present, error=str(failure), served_instead=version)
        return version
    if failure is None:  # refused a moment ago, and nothing stands in: no reason to wait
        _load(present)
        return present
    load_failure_open(version=present, error=str(failure), served_instead=None)
    raise failure


def versions_warm() -> None:
    """Load champion and challenger where this process has not yet, and end the alarms of those that load.

    Called every second in each worker, so that a promotion finds its version loaded.
    """
    from apps.diagnosis.engine import ModelUnavailableError

    loaded = []
    try:
        loaded.append(version_to_serve())
    except RetriableError as error:
        logger.warning("No version can serve: %s", error)
    if contender := challenger():
        try:
            if not _refused_lately(contender):
                _load(contender)
                loaded.append(contender)
        except ModelUnavailableError as error:
            load_failure_open(version=contender, error=str(error), served_instead=None)
    for failure in LoadFailure.objects.filter(open=True, model_version__in=loaded):
        load_failure_close(failure=failure)


def load_failure_open(*, version: ModelVersion, error: str, served_instead: ModelVersion | None) -> None:
    """Raise the alarm that a version cannot be loaded, once for as long as it lasts.

    It is logged, recorded, mailed to administrators, and shown in `/metrics` and on the models' page.
    """
    with transaction.atomic():
        failure, new = LoadFailure.objects.get_or_create(
            model_version=version, open=True, defaults={"error": error, "served_instead": served_instead}
        )
        if not new:
            return
        event_record(
            action="model_load_failed",
            outcome="failure",
            actor=WORKER,
            object_type="model_version",
            object_id=str(version),
            detail={"error": error, "served_instead": str(served_instead or "")},
        )
        load_failed_mail(failure)
    logger.error("%s cannot be loaded (%s); %s answers", version, error, served_instead or "nothing")


def load_failure_close(*, failure: LoadFailure) -> None:
    """End the alarm of a version that loads again; nothing to do when another worker has."""
    with transaction.atomic():
        if LoadFailure.objects.filter(pk=failure.pk, open=True).update(open=MENDED, mended_at=Now()):
            event_record(
                action="model_load_mended",
                actor=WORKER,
                object_type="model_version",
                object_id=str(failure.model_version),
            )


def _load(version: ModelVersion) -> None:
    from apps.diagnosis import engine

    try:
        engine.version_load(folder=version_folder(version), sha256=version.sha256)
    except engine.ModelUnavailableError:
        _refused[version.sha256] = time.monotonic()
        raise
    _refused.pop(version.sha256, None)


def _refused_lately(version: ModelVersion) -> bool:
    return time.monotonic() - _refused.get(version.sha256, float("-inf")) < AGAIN_SECONDS
