"""Pictures of stored objects, drawn in the confined decode pool."""

from __future__ import annotations

from apps.core.errors import PermanentError
from apps.studies.decoding.pool import decode_pool
from apps.studies.models import Instance
from apps.studies.objects import object_as_path
from ml.contracts import RejectedInputError

_LONG_SIDE = 1024


class NotRenderableError(PermanentError):
    """The object is gone, or its pixels cannot be decoded."""


def instance_render(
    *, instance: Instance, window: tuple[float, float] | None = None, invert: bool = False
) -> bytes:
    """Draw an instance as an 8-bit grey PNG whose longer side has at most 1024 pixels.

    `window` is (centre, width) in units after the modality LUT and replaces the object's own. Blocks for
    the time of decoding, 5 to 500 ms. Raises `NotRenderableError`, and `DecodePoolError` when trying
    again may help.
    """
    try:
        with object_as_path(instance.storage_key) as path:
            return decode_pool(workers=1).render(path, window=window, invert=invert, long_side=_LONG_SIDE)
    except RejectedInputError as error:
        raise NotRenderableError("; ".join(rejection.detail for rejection in error.rejections)) from error
    except FileNotFoundError as error:
        raise NotRenderableError("The stored object is gone: restore it from a backup.") from error
