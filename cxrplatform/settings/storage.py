"""From `CXR_STORAGE_URL` to the `STORAGES` entry that keeps received objects."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from django.core.exceptions import ImproperlyConfigured


def objects_storage(url: str, *, data_dir: Path) -> dict[str, Any]:
    """Read where objects are kept; none means a folder in the data folder.

    Credentials come from each cloud's own environment (`AWS_…`, `AZURE_…`, `GOOGLE_…`), never from
    the address, which may be printed.
    """
    if not url:
        return {
            "BACKEND": "apps.studies.objects.DurableFileSystemStorage",
            "OPTIONS": {"location": str(data_dir / "objects")},
        }
    parts = urlsplit(url)
    prefix = parts.path.strip("/")
    query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if not parts.netloc:
        raise ImproperlyConfigured("CXR_STORAGE_URL: expected s3://BUCKET/PREFIX, azure://… or gs://….")
    if parts.scheme == "s3":
        return {
            "BACKEND": "storages.backends.s3.S3Storage",
            "OPTIONS": {
                "bucket_name": parts.netloc,
                "location": prefix,
                "file_overwrite": False,
                "default_acl": None,
                "querystring_auth": True,
                **query,
            },
        }
    if parts.scheme == "azure":
        return {
            "BACKEND": "storages.backends.azure_storage.AzureStorage",
            "OPTIONS": {
                "azure_container": parts.netloc,
                "location": prefix,
                "overwrite_files": False,
                **query,
            },
        }
    if parts.scheme == "gs":
        return {
            "BACKEND": "storages.backends.gcloud.GoogleCloudStorage",
            "OPTIONS": {"bucket_name": parts.netloc, "location": prefix, "file_overwrite": False, **query},
        }
    raise ImproperlyConfigured(f"CXR_STORAGE_URL: {parts.scheme}:// is unknown: expected s3, azure or gs.")
