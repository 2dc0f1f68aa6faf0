"""What a compressed frame says about its own size, read before any decoder sees it.

A decoder allocates by the codestream's header, not by Rows and Columns: one that claims
65,500 x 65,500 takes gigabytes. So the two must agree first.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import pairwise

from apps.studies.decoding.rejection import unreadable
from apps.studies.decoding.transfer_syntaxes import JPEG_2000_TRANSFER_SYNTAXES, JPEG_TRANSFER_SYNTAXES

_START_OF_FRAME = {0xC0, 0xC1, 0xC2, 0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF, 0xF7}
"""SOF0 to SOF15 of ISO/IEC 10918-1 table B.1, and SOF55 of JPEG-LS."""
_STANDALONE = {0x01, *range(0xD0, 0xD9)}
_JP2_SIGNATURE = b"\x00\x00\x00\x0cjP  "
_MAX_TILES = 65_535
_PACKBITS_MAX_EXPANSION = 64
"""Two bytes become at most 128: PS3.5 section G.3.1."""


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """Size and depth as the codestream states them."""

    rows: int
    columns: int
    precision: int
    components: int


def read_frame_header(frame: bytes, transfer_syntax_uid: str) -> FrameHeader | None:
    """Return the header of a JPEG, JPEG-LS or JPEG 2000 frame; None for RLE, which states no size.

    Raises `RejectedInputError` (unreadable) when there is none to find.
    """
    if transfer_syntax_uid in JPEG_TRANSFER_SYNTAXES:
        return _jpeg_header(frame)
    if transfer_syntax_uid in JPEG_2000_TRANSFER_SYNTAXES:
        return _jpeg_2000_header(frame)
    return None


def check_frame(
    frame: bytes,
    transfer_syntax_uid: str,
    *,
    rows: int,
    columns: int,
    samples_per_pixel: int,
    bits_allocated: int,
) -> None:
    """Refuse a frame whose codestream is not what the dataset describes.

    Raises `RejectedInputError` (unreadable) naming the difference.
    """
    header = read_frame_header(frame, transfer_syntax_uid)
    if header is None:
        _check_rle(frame, rows * columns, samples_per_pixel, bits_allocated)
        return
    if (header.rows, header.columns) != (rows, columns):
        raise unreadable(
            f"The codestream is {header.columns} x {header.rows} pixels, the header says {columns} x {rows}"
        )
    if header.components != samples_per_pixel:
        raise unreadable(
            f"The codestream has {header.components} components, the header says {samples_per_pixel}"
        )
    if not 1 <= header.precision <= bits_allocated:
        raise unreadable(
            f"The codestream has {header.precision} bits a sample, the header allocates {bits_allocated}"
        )


def _jpeg_header(frame: bytes) -> FrameHeader:
    if frame[:2] != b"\xff\xd8":
        raise unreadable("The frame is not a JPEG codestream")
    position = 2
    while position + 4 <= len(frame):
        if frame[position] != 0xFF:
            break
        marker = frame[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        if marker in _STANDALONE:
            position += 2
            continue
        (length,) = struct.unpack(">H", frame[position + 2 : position + 4])
        if marker in _START_OF_FRAME:
            fields = frame[position + 4 : position + 10]
            if len(fields) < 6:
                break
            precision, rows, columns, components = struct.unpack(">BHHB", fields)
            return FrameHeader(rows, columns, precision, components)
        if length < 2:
            break
        position += 2 + length
    raise unreadable("The JPEG codestream has no frame header")


def _jpeg_2000_header(frame: bytes) -> FrameHeader:
    """Read the SIZ segment, ISO/IEC 15444-1 section A.5.1; a JP2 box around it is tolerated."""
    start = frame.find(b"\xff\x4f\xff\x51", 0, 4096) if frame.startswith(_JP2_SIGNATURE) else 0
    if start < 0 or frame[start : start + 4] != b"\xff\x4f\xff\x51":
        raise unreadable("The frame is not a JPEG 2000 codestream")
    fields = frame[start + 8 : start + 8 + 34]
    if len(fields) < 34 or len(frame) < start + 45:
        raise unreadable("The JPEG 2000 codestream is cut off")
    right, bottom, left, top, tile_width, tile_height, tile_left, tile_top, components = struct.unpack(
        ">IIIIIIIIH", fields
    )
    precisions = set()
    for index in range(min(components, 4)):
        depth, x_step, y_step = frame[start + 42 + 3 * index : start + 45 + 3 * index]
        precisions.add((depth & 0x7F) + 1)
        if (x_step, y_step) != (1, 1):
            raise unreadable("Subsampled JPEG 2000 components are not supported")
    if not tile_width or not tile_height or right <= left or bottom <= top:
        raise unreadable("The JPEG 2000 codestream states an impossible size")
    tiles = -(-(right - tile_left) // tile_width) * -(-(bottom - tile_top) // tile_height)
    if not 1 <= tiles <= _MAX_TILES or tile_left > left or tile_top > top:
        raise unreadable("The JPEG 2000 codestream states an impossible tiling")
    return FrameHeader(bottom - top, right - left, max(precisions, default=0), components)


def _check_rle(frame: bytes, pixels: int, samples_per_pixel: int, bits_allocated: int) -> None:
    """Check the RLE header of PS3.5 section G.5: one segment for each byte of a pixel."""
    if len(frame) < 64:
        raise unreadable("The RLE frame is cut off")
    segments, *offsets = struct.unpack("<16I", frame[:64])
    expected = samples_per_pixel * bits_allocated // 8
    if segments != expected:
        raise unreadable(f"The RLE frame has {segments} segments, {expected} were expected")
    bounds = [*offsets[:segments], len(frame)]
    if bounds[0] != 64 or any(low >= high for low, high in pairwise(bounds)):
        raise unreadable("The RLE frame's segment offsets are false")
    for low, high in pairwise(bounds):
        if (high - low) * _PACKBITS_MAX_EXPANSION < pixels:
            raise unreadable("The RLE frame is too short for its rows and columns")
        if high - low > 2 * pixels + 2:
            raise unreadable("The RLE frame is too long for its rows and columns")
