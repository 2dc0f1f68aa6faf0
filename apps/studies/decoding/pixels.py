"""One radiograph from its bytes: to a `Radiograph` for the networks, or to a PNG for the eye.

The functions are pure: bytes (or a path) in, a value or a `RejectedInputError` out. They run in
the disposable processes of `pool`; a command that already runs in one may call them directly.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from apps.studies.decoding.limits import MAX_FILE_BYTES
from apps.studies.decoding.luts import Presentation, Window, present
from apps.studies.decoding.part10 import Buffer, DicomObject, looks_like_dicom, read_dicom
from apps.studies.decoding.raster import JPEG_SIGNATURE, PNG_SIGNATURE, read_raster
from apps.studies.decoding.reduction import Levels, grey_levels
from apps.studies.decoding.rejection import unreadable
from apps.studies.decoding.stated import stated_body_part, stated_rejections, stated_view
from apps.studies.decoding.stored_values import PixelFormat, read_pixel_format, read_stored_values
from ml.contracts import WORKING_LONG_SIDE, Radiograph, RadiographFacts, RejectedInputError

Source = bytes | str | os.PathLike[str]
"""The bytes of an object, or the path of a file that holds them."""

Centre = float
Width = float


@contextmanager
def _silenced() -> Iterator[None]:
    """Keep the libraries' warnings about a stranger's header to ourselves: ours are typed."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@dataclass(frozen=True, slots=True)
class DecodedLevels:
    """A `Radiograph` as 16-bit levels, half the size: what travels from a decoding process."""

    levels: Levels
    facts: RadiographFacts
    warnings: tuple[str, ...]

    def radiograph(self) -> Radiograph:
        """Return it with float32 pixels in [0, 1]."""
        return Radiograph(self.levels * np.float32(1 / 65_535), self.facts, self.warnings)


def decode(source: Source) -> Radiograph:
    """Decode a DICOM object, PNG or JPEG to a `Radiograph`.

    Raises `RejectedInputError` with every reason the header gives not to classify it, or with the
    one that makes it unreadable.
    """
    return decode_levels(source).radiograph()


@_silenced()
def decode_levels(source: Source) -> DecodedLevels:
    """Decode as `decode` does, to 16-bit levels."""
    presentation, facts = _present(_read(source), classifiable=True)
    levels, notes = grey_levels(presentation, long_side=WORKING_LONG_SIDE)
    return DecodedLevels(levels, facts, notes)


@_silenced()
def render(
    source: Source,
    *,
    window: tuple[Centre, Width] | None = None,
    invert: bool = False,
    long_side: int = WORKING_LONG_SIDE,
) -> bytes:
    """Return an 8-bit grey PNG of any image we can decode, classifiable or not.

    `window` (in units after the modality LUT) replaces the object's own VOI LUT; `invert` shows the
    negative; the image is reduced to `long_side` pixels, never enlarged.
    """
    presentation, _ = _present(_read(source), classifiable=False, window=window)
    levels, _ = grey_levels(presentation, long_side=long_side)
    grey = (levels >> 8).astype(np.uint8)
    stream = BytesIO()
    Image.fromarray(255 - grey if invert else grey).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


@_silenced()
def sop_instance_uid(source: Source) -> str:
    """Return the UID that an object states, whether or not it can be classified; empty for PNG and JPEG."""
    data = _read(source)
    return read_dicom(data).attributes.text("SOPInstanceUID") if looks_like_dicom(data) else ""


def pixel_digest(source: Source) -> str:
    """Return the SHA-256 of the decoded stored values, the same in every lossless transfer syntax.

    Two objects with equal digests show the same image, however each is encoded.
    """
    data = _read(source)
    digest = hashlib.sha256()
    if looks_like_dicom(data):
        pixel_format, values = _stored(read_dicom(data))
        meaning = f"{pixel_format.photometric_interpretation} {pixel_format.bits_stored} {values.dtype.kind}"
    else:
        presentation, facts = read_raster(bytes(data))
        values, meaning = presentation.image, f"{facts.file_format} {facts.bits_stored}"
    digest.update(f"{meaning} {values.shape}".encode())
    digest.update(values.astype(f"<{values.dtype.kind}2").tobytes())
    return digest.hexdigest()


def _read(source: Source) -> Buffer:
    """Return the bytes; a file is mapped, so that only the pages that are read are loaded."""
    if isinstance(source, bytes):
        data: Buffer = source
    else:
        path = Path(source)
        try:
            size = path.stat().st_size
            if size == 0:
                raise unreadable("The file is empty")
            if size > MAX_FILE_BYTES:
                raise unreadable(f"The file has {size} bytes, at most {MAX_FILE_BYTES} are accepted")
            with path.open("rb") as file:
                flags = mmap.MAP_PRIVATE | getattr(mmap, "MAP_POPULATE", 0)
                data = mmap.mmap(file.fileno(), 0, flags=flags, prot=mmap.PROT_READ)
        except OSError as error:
            raise unreadable(f"The file cannot be read: {error.strerror}") from None
    if len(data) == 0:
        raise unreadable("The file is empty")
    if len(data) > MAX_FILE_BYTES:
        raise unreadable(f"The object has {len(data)} bytes, at most {MAX_FILE_BYTES} are accepted")
    return data


def _present(
    data: Buffer, *, classifiable: bool, window: tuple[Centre, Width] | None = None
) -> tuple[Presentation, RadiographFacts]:
    if looks_like_dicom(data):
        return _present_dicom(read_dicom(data), classifiable=classifiable, window=window)
    if not data[:8] == PNG_SIGNATURE and not data[:3] == JPEG_SIGNATURE:
        raise unreadable("The file is neither DICOM, PNG nor JPEG")
    presentation, facts = read_raster(bytes(data))
    if window is not None:
        centre, width = window
        half = max(width, 1.0) / 2
        presentation = replace(presentation, window=Window(centre - half, centre + half))
    return presentation, facts


def _present_dicom(
    source: DicomObject, *, classifiable: bool, window: tuple[Centre, Width] | None
) -> tuple[Presentation, RadiographFacts]:
    read = source.attributes
    rejections = stated_rejections(read) if classifiable else []
    if rejections:
        raise RejectedInputError(*rejections)
    pixel_format, values = _stored(source)
    colour = pixel_format.samples_per_pixel == 3
    presentation = present(
        values,
        read,
        bits_stored=pixel_format.bits_stored,
        signed=pixel_format.signed and not colour,
        window=window,
    )
    facts = RadiographFacts(
        sop_class_uid=read.text("SOPClassUID"),
        sop_instance_uid=read.text("SOPInstanceUID"),
        transfer_syntax_uid=source.transfer_syntax_uid,
        modality=read.text("Modality"),
        body_part_examined=stated_body_part(read),
        view_position=stated_view(read),
        photometric_interpretation=pixel_format.photometric_interpretation,
        rows=pixel_format.rows,
        columns=pixel_format.columns,
        bits_stored=pixel_format.bits_stored,
    )
    return presentation, facts


def _stored(source: DicomObject) -> tuple[PixelFormat, np.ndarray]:
    pixel_format = read_pixel_format(source)
    return pixel_format, read_stored_values(source, pixel_format)
