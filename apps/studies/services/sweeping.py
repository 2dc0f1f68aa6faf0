"""Registering what lies in the spool without a row: its process died, or the database was away."""

from __future__ import annotations

import logging

from apps.core.errors import RetriableError
from apps.studies.services.ingest import spooled_register
from apps.studies.services.spool import spool_claim, spool_leftovers

logger = logging.getLogger(__name__)


def spool_sweep() -> int:
    """Register what nobody works on any more and return how many objects that were.

    Some senders never repeat what they were told had failed, so that this is their only second chance.
    Stops at the first sign that database or storage are still away; skips what breaks for another
    reason, so that one object cannot hold up the others.
    """
    registered = 0
    for path in spool_leftovers():
        with spool_claim(path) as spooled:
            if spooled is None:
                continue
            try:
                result = spooled_register(spooled)
            except RetriableError as error:
                logger.warning("The spool waits: %s", error)
                break
            except Exception:
                logger.exception("Object %s in the spool could not be registered", spooled.name)
                continue
            registered += 1
            logger.info("Object %s from the spool: %s", spooled.name, result.outcome)
    return registered
