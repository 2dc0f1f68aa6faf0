"""The sealer's task."""

from __future__ import annotations

import logging

from apps.audit.services import BrokenChainError, events_seal
from apps.core.tasks import task

logger = logging.getLogger(__name__)


@task(name="audit.seal_events", queue="housekeeping", time_limit=60)
def seal_events() -> None:
    """Seal what was recorded since the last time; a broken chain is logged until somebody looks."""
    try:
        events_seal()
    except BrokenChainError as error:
        logger.error("%s", error)
