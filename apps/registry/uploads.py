"""An uploaded archive as a file with a name, wherever Django put it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile


@contextmanager
def upload_on_disk(upload: UploadedFile[bytes]) -> Iterator[Path]:
    """Give an upload's path; a small one, which Django keeps in memory, is written to a passing file."""
    if isinstance(upload, TemporaryUploadedFile):
        yield Path(upload.temporary_file_path())
        return
    passing = Path(settings.DATA_DIR) / "tmp"
    passing.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.NamedTemporaryFile(dir=passing, prefix="upload-") as file:
        shutil.copyfileobj(upload, file)
        file.flush()
        yield Path(file.name)
