"""Where objects are kept: Django's storages, made durable for a local folder."""

from __future__ import annotations

from django.core.files.storage import FileSystemStorage


class DurableFileSystemStorage(FileSystemStorage):
    """A folder whose files survive a power cut."""
