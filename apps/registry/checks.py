"""Are the folders of model versions still what was registered?"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

from apps.registry.engine import ModelVersionError, folder_check
from apps.registry.models import ModelVersion
from apps.registry.selectors import champion, version_folder

REHASH_SECONDS = 60.0
"""An unchanged-looking folder is hashed again after this: a flipped bit leaves sizes and times alone."""

_Signature = tuple[str, tuple[tuple[str, int, int], ...]]
_lock = threading.Lock()
_intact: dict[_Signature, float] = {}


def champion_intact() -> str | None:
    """Return None when a champion is registered and every file of it has its SHA-256, else what is wrong."""
    version = champion()
    if version is None:
        return "No model is registered as champion; `manage.py up` registers the bundled one."
    folder = version_folder(version)
    try:
        signature = (version.sha256, _signature(folder))
        with _lock:
            if time.monotonic() - _intact.get(signature, float("-inf")) < REHASH_SECONDS:
                return None
        folder_check(folder, expected_sha256=version.sha256)
    except FileNotFoundError:
        return f"The folder of {version} is missing; restore it from a backup."
    except ModelVersionError as error:
        return str(error)
    with _lock:
        _intact.clear()
        _intact[signature] = time.monotonic()
    return None


def versions_count() -> int:
    """Return how many folders `versions_verify` looks at."""
    return ModelVersion.objects.count()


def versions_verify() -> Iterator[str | None]:
    """Hash every file of every version; yield None for a sound one and a sentence for any other."""
    for version in ModelVersion.objects.select_related("model").order_by("pk"):
        try:
            folder_check(version_folder(version), expected_sha256=version.sha256)
        except FileNotFoundError:
            yield f"{version}: its folder {version.folder} is gone; restore it from a backup."
        except ModelVersionError as error:
            yield f"{version}: {error}"
        else:
            yield None


def _signature(folder: Path) -> tuple[tuple[str, int, int], ...]:
    files = sorted((path.name, path.stat()) for path in folder.iterdir())
    return tuple((name, stat.st_size, stat.st_mtime_ns) for name, stat in files)
