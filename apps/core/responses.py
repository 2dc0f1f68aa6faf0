"""Answers that carry files."""

from __future__ import annotations

from collections.abc import AsyncIterator

from asgiref.sync import sync_to_async
from django.http import FileResponse


class StreamedFileResponse(FileResponse):
    """Django's `FileResponse`, read block by block under ASGI too.

    Django's own reads the whole file into memory there, and warns of it: with objects of up to
    `CXR_MAX_OBJECT_BYTES` a few downloads would outgrow the web process.
    """

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the file's blocks, each read in a thread."""
        blocks = iter(self)
        read = sync_to_async(lambda: next(blocks, None))
        while (block := await read()) is not None:
            yield block
