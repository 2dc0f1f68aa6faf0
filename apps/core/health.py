"""Whether this process lives, and whether the platform can do its work."""

from __future__ import annotations

import logging
import shutil
import tempfile
from pathlib import Path

from django.conf import settings
from django.db import DatabaseError, connection

from apps.core.registries import readiness_checks

logger = logging.getLogger(__name__)


def readiness() -> dict[str, str]:
    """Run every check; return the sentences of those that failed, by the check's name."""
    failures = {}
    for entry in readiness_checks:
        try:
            reason = entry.check()
        except Exception:
            logger.exception("Readiness check %s failed", entry.name)
            reason = "The check itself failed; the web process's log says why."
        if reason:
            failures[entry.name] = reason
    return failures


def database_check() -> str | None:
    """Ask the database for one row."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return "The database does not answer: check DATABASE_URL and the database server."
    return None


def spool_check() -> str | None:
    """Write to the spool's folder and compare its free space with the reserve."""
    folder: Path = settings.SPOOL_DIR
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"probe")
            file.flush()
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return f"The spool cannot be written: {error.strerror}."
    if free < settings.SPOOL_RESERVE_BYTES:
        return (
            f"The spool has {free:,} bytes free, below CXR_SPOOL_RESERVE_BYTES "
            f"({settings.SPOOL_RESERVE_BYTES:,}): C-STORE answers A700."
        )
    return None
