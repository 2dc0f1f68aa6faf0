"""The stored values of a DICOM image, decoded from any transfer syntax."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from pydicom.encaps import encapsulate
from pydicom.pixels.decoders.base import get_decoder
from pydicom.uid import UID

from apps.studies.decoding.codestreams import check_frame, read_frame_header
from apps.studies.decoding.limits import check_size
from apps.studies.decoding.part10 import UNDEFINED_LENGTH, DicomObject
from apps.studies.decoding.raster import luminance
from apps.studies.decoding.rejection import unreadable
from apps.studies.decoding.transfer_syntaxes import (
    JPEG_2000,
    JPEG_2000_LOSSLESS,
    JPEG_BASELINE,
    JPEG_EXTENDED,
    JPEG_LOSSLESS,
    JPEG_LOSSLESS_SV1,
    JPEG_LS_LOSSLESS,
    JPEG_LS_NEAR_LOSSLESS,
    RLE_LOSSLESS,
)

_DECODING_PLUGINS = {
    JPEG_BASELINE: "pillow",
    JPEG_LOSSLESS: "gdcm",
    JPEG_LOSSLESS_SV1: "gdcm",
    JPEG_LS_LOSSLESS: "pyjpegls",
    JPEG_LS_NEAR_LOSSLESS: "pyjpegls",
    JPEG_2000_LOSSLESS: "pylibjpeg",
    JPEG_2000: "pylibjpeg",
    RLE_LOSSLESS: "pylibjpeg",
}
_MONOCHROME = ("MONOCHROME1", "MONOCHROME2")
_NATIVE_COLOUR = ("RGB", "YBR_FULL")
_ENCAPSULATED_COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")


@dataclass(frozen=True, slots=True)
class PixelFormat:
    """The Image Pixel module (PS3.3 C.7.6.3) of an image that can be decoded."""

    rows: int
    columns: int
    samples_per_pixel: int
    photometric_interpretation: str
    planar_configuration: int
    bits_allocated: int
    bits_stored: int
    high_bit: int
    signed: bool


def read_pixel_format(source: DicomObject) -> PixelFormat:
    """Read and check the Image Pixel module.

    Raises `RejectedInputError` naming the attribute that makes the pixels undecodable.
    """
    read = source.attributes
    frames = read.count("NumberOfFrames", 1)
    if frames != 1:
        raise unreadable(f"The object has {frames} frames, one is expected")
    rows, columns = read.integer("Rows"), read.integer("Columns")
    check_size(rows, columns)
    samples = read.integer("SamplesPerPixel", 1)
    photometric = read.text("PhotometricInterpretation")
    encapsulated = source.pixel_length == UNDEFINED_LENGTH
    colour = _ENCAPSULATED_COLOUR if encapsulated else _NATIVE_COLOUR
    if (samples == 1 and photometric not in _MONOCHROME) or (samples == 3 and photometric not in colour):
        raise unreadable(
            f"Photometric Interpretation {photometric[:16] or 'unstated'} is not supported "
            f"with {samples} samples per pixel"
        )
    allocated, stored = read.integer("BitsAllocated"), read.integer("BitsStored")
    high_bit = read.integer("HighBit", stored - 1)
    if samples not in (1, 3) or (samples == 3 and (allocated, stored) != (8, 8)):
        raise unreadable(f"{samples} samples of {allocated} bits per pixel are not supported")
    if allocated not in (8, 16) or not 2 <= stored <= allocated or not stored - 1 <= high_bit < allocated:
        raise unreadable(
            f"Bits Allocated {allocated}, Bits Stored {stored} and High Bit {high_bit} are not possible"
        )
    representation = read.integer("PixelRepresentation", 0)
    if representation not in (0, 1):
        raise unreadable(f"Pixel Representation {representation} does not exist")
    return PixelFormat(
        rows=rows,
        columns=columns,
        samples_per_pixel=samples,
        photometric_interpretation=photometric,
        planar_configuration=read.integer("PlanarConfiguration", 0),
        bits_allocated=allocated,
        bits_stored=stored,
        high_bit=high_bit,
        signed=representation == 1,
    )


def read_stored_values(source: DicomObject, pixel_format: PixelFormat) -> NDArray[Any]:
    """Return the stored values as (rows, columns) integers; colour becomes its luminance.

    Raises `RejectedInputError` (unreadable) when the pixel data are cut off or do not decode.
    """
    if source.pixel_length == UNDEFINED_LENGTH:
        values = _decompress(source, pixel_format)
    else:
        values = _native(source, pixel_format)
    if pixel_format.samples_per_pixel == 3:
        return _luminance(source, values, pixel_format)
    return _stored_bits(values, pixel_format)


def _native(source: DicomObject, pixel_format: PixelFormat) -> NDArray[Any]:
    """Look at the pixels where they lie: no copy of them is made."""
    count = pixel_format.rows * pixel_format.columns * pixel_format.samples_per_pixel
    expected = count * pixel_format.bits_allocated // 8
    available = min(source.pixel_length, len(source.data) - source.pixel_offset)
    if available < expected:
        raise unreadable(f"The pixel data are cut off: {available} bytes of {expected}")
    sign = "i" if pixel_format.signed else "u"
    dtype = np.dtype(f"<{sign}{pixel_format.bits_allocated // 8}")
    values = np.frombuffer(source.data, dtype, count=count, offset=source.pixel_offset)
    if pixel_format.samples_per_pixel == 1:
        return values.reshape(pixel_format.rows, pixel_format.columns)
    if pixel_format.planar_configuration == 1:
        planes = values.reshape(3, pixel_format.rows, pixel_format.columns)
        return np.ascontiguousarray(np.moveaxis(planes, 0, -1))
    return values.reshape(pixel_format.rows, pixel_format.columns, 3)


def _decompress(source: DicomObject, pixel_format: PixelFormat) -> NDArray[Any]:
    frame = source.encapsulated_frame()
    syntax = source.transfer_syntax_uid
    check_frame(
        frame,
        syntax,
        rows=pixel_format.rows,
        columns=pixel_format.columns,
        samples_per_pixel=pixel_format.samples_per_pixel,
        bits_allocated=pixel_format.bits_allocated,
    )
    try:
        if syntax == JPEG_EXTENDED:
            return _decode_extended(frame, pixel_format)
        return _decode_with_pydicom(frame, syntax, pixel_format, _DECODING_PLUGINS[syntax])
    except (MemoryError, OverflowError):
        raise unreadable("The pixel data need more memory to decode than is allowed") from None
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # noqa: BLE001 - a Rust codec's panic is no Exception
        raise unreadable(f"The pixel data do not decode ({type(error).__name__})") from None


def _decode_with_pydicom(frame: bytes, syntax: str, pixel_format: PixelFormat, plugin: str) -> NDArray[Any]:
    description: Any = {
        "rows": pixel_format.rows,
        "columns": pixel_format.columns,
        "samples_per_pixel": pixel_format.samples_per_pixel,
        "photometric_interpretation": pixel_format.photometric_interpretation,
        "planar_configuration": pixel_format.planar_configuration,
        "bits_allocated": pixel_format.bits_allocated,
        "bits_stored": pixel_format.bits_stored,
        "pixel_representation": int(pixel_format.signed),
        "number_of_frames": 1,
        "pixel_keyword": "PixelData",
    }
    values, properties = get_decoder(UID(syntax)).as_array(
        encapsulate([frame], has_bot=False),
        index=0,
        raw=pixel_format.samples_per_pixel == 1,
        decoding_plugin=plugin,
        **description,
    )
    if pixel_format.samples_per_pixel == 3 and properties["photometric_interpretation"] != "RGB":
        raise ValueError("not converted to RGB")
    return values


def _decode_extended(frame: bytes, pixel_format: PixelFormat) -> NDArray[Any]:
    """Decode JPEG Extended, whose samples have 8 or 12 bits.

    pydicom declines 12 bits; GDCM decodes them, and the tests hold it against dcmtk's decoder.
    """
    header = read_frame_header(frame, JPEG_EXTENDED)
    if header is None or header.precision <= 8:
        return _decode_with_pydicom(frame, JPEG_BASELINE, pixel_format, "pillow")
    import gdcm

    fragment = gdcm.Fragment()
    fragment.SetByteStringValue(frame)
    fragments = gdcm.SequenceOfFragments.New()
    fragments.AddFragment(fragment)
    element = gdcm.DataElement(gdcm.Tag(0x7FE0, 0x0010))
    element.SetValue(fragments.__ref__())
    image = gdcm.Image()
    image.SetNumberOfDimensions(2)
    image.SetDimensions((pixel_format.columns, pixel_format.rows, 1))
    image.SetDataElement(element)
    photometric = gdcm.PhotometricInterpretation.GetPIType(pixel_format.photometric_interpretation)
    image.SetPhotometricInterpretation(gdcm.PhotometricInterpretation(photometric))
    image.SetTransferSyntax(gdcm.TransferSyntax(gdcm.TransferSyntax.GetTSType(JPEG_EXTENDED)))
    image.SetPixelFormat(
        gdcm.PixelFormat(
            1,
            pixel_format.bits_allocated,
            header.precision,
            header.precision - 1,
            int(pixel_format.signed),
        )
    )
    decoded = image.GetBuffer().encode("utf-8", "surrogateescape")
    dtype = np.dtype("<i2" if pixel_format.signed else "<u2")
    return np.frombuffer(decoded, dtype).reshape(pixel_format.rows, pixel_format.columns)


def _luminance(source: DicomObject, values: NDArray[Any], pixel_format: PixelFormat) -> NDArray[np.uint8]:
    native = source.pixel_length != UNDEFINED_LENGTH
    if native and pixel_format.photometric_interpretation == "YBR_FULL":
        return np.ascontiguousarray(values[..., 0])
    return luminance(cast("NDArray[np.uint8]", values))


def _stored_bits(values: NDArray[Any], pixel_format: PixelFormat) -> NDArray[Any]:
    """Drop what is not part of the value: overlay bits above it, and bits below a higher High Bit."""
    unused = pixel_format.bits_allocated - pixel_format.bits_stored
    if unused == 0:
        return values
    if pixel_format.high_bit != pixel_format.bits_stored - 1:
        raised = pixel_format.bits_allocated - 1 - pixel_format.high_bit
        return (values << raised) >> unused
    limit = 1 << (pixel_format.bits_stored - int(pixel_format.signed))
    if int(values.max()) < limit and (not pixel_format.signed or int(values.min()) >= -limit):
        return values
    return (values << unused) >> unused
