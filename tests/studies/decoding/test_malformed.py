"""Hostile and broken objects: each gives a typed rejection, none is believed."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import UID, JPEG2000Lossless, JPEGLSLossless, RLELossless

from apps.studies.decoding.pixels import decode
from apps.studies.decoding.transfer_syntaxes import JPEG_BASELINE
from ml.contracts import RejectedInputError, RejectionCode
from tests.studies.decoding.objects import dataset, part10, picture


def with_attribute(keyword: str, value: object) -> bytes:
    ds = dataset(picture())
    setattr(ds, keyword, value)
    return part10(ds)


def without_pixels() -> bytes:
    ds = dataset(picture())
    del ds.PixelData
    return part10(ds)


def patched(old: bytes, new: bytes) -> bytes:
    data = part10(dataset(picture()))
    assert data.count(old) == 1
    return data.replace(old, new)


def encapsulated(frame: bytes, uid: UID | str) -> bytes:
    ds = dataset(picture())
    ds.file_meta.TransferSyntaxUID = UID(uid)
    ds.PixelData = encapsulate([frame], has_bot=False)
    ds["PixelData"].is_undefined_length = True
    return part10(ds)


def compressed(uid: UID, change: Callable[[bytearray], None]) -> bytes:
    ds = dataset(picture())
    ds.compress(uid, generate_instance_uid=False)
    data = bytearray(part10(ds))
    change(data)
    return bytes(data)


def giant_j2k(data: bytearray) -> None:
    siz = data.index(b"\xff\x4f\xff\x51") + 8
    data[siz : siz + 8] = struct.pack(">II", 60_000, 60_000)


def many_tiles(data: bytearray) -> None:
    tile = data.index(b"\xff\x4f\xff\x51") + 8 + 16
    data[tile : tile + 8] = struct.pack(">II", 1, 1)


def giant_jpeg_ls(data: bytearray) -> None:
    frame = data.index(b"\xff\xf7")
    data[frame + 5 : frame + 9] = struct.pack(">HH", 65_500, 65_500)


def rle_bomb() -> bytes:
    """Two segments of runs that expand sixty-fourfold, far beyond Rows x Columns."""
    runs = b"\x81\xff" * 400_000
    header = struct.pack("<16I", 2, 64, 64 + len(runs), *([0] * 13))
    return encapsulated(header + runs + runs, RLELossless)


def truncated(share: float) -> bytes:
    data = part10(dataset(picture()))
    return data[: int(len(data) * share)]


def deep_sequences() -> bytes:
    """Five thousand sequences of undefined length inside each other, before the pixels."""
    data = part10(dataset(picture()))
    at = data.index(b"\x28\x00\x02\x00US")
    level = b"\x08\x00\x18\x22SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    return data[:at] + level * 5000 + data[at:]


def no_fragments() -> bytes:
    data = encapsulated(b"12", JPEG_BASELINE)
    return data.replace(b"\xfe\xff\x00\xe0\x02\0\0\x0012", b"")


def random_bytes(prefix: bytes = b"") -> bytes:
    return prefix + random.Random(7).randbytes(50_000)


ROWS = b"\x28\x00\x10\x00US\x02\x00" + struct.pack("<H", 300)
UNREADABLE: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "random": random_bytes,
    "random behind a preamble": lambda: random_bytes(b"\0" * 128 + b"DICM"),
    "html": lambda: b"<html><script>alert(1)</script></html>" * 20,
    "executable": lambda: b"\x7fELF" + bytes(500),
    "only a preamble": lambda: bytes(128) + b"DICM",
    "cut in the meta group": lambda: part10(dataset(picture()))[:180],
    "cut in the header": lambda: part10(dataset(picture()))[:600],
    "cut in the pixels": lambda: truncated(0.7),
    "no pixels": without_pixels,
    "deflated": lambda: patched(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99"[:20]),
    "unknown syntax": lambda: patched(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.9.9.9\0"),
    "zero rows": lambda: with_attribute("Rows", 0),
    "more rows than pixels": lambda: with_attribute("Rows", 60_000),
    "textual rows": lambda: patched(ROWS, b"\x28\x00\x10\x00LO\x02\x00ab"),
    "no rows": lambda: patched(ROWS, b"\x28\x00\x11\x10US\x02\x00\0\0"),
    "ten frames": lambda: with_attribute("NumberOfFrames", 10),
    "negative frames": lambda: with_attribute("NumberOfFrames", -1),
    "bits allocated 13": lambda: with_attribute("BitsAllocated", 13),
    "bits stored 0": lambda: with_attribute("BitsStored", 0),
    "bits stored 40": lambda: with_attribute("BitsStored", 40),
    "high bit 90": lambda: with_attribute("HighBit", 90),
    "pixel representation 7": lambda: with_attribute("PixelRepresentation", 7),
    "seven samples": lambda: with_attribute("SamplesPerPixel", 7),
    "bogus photometric": lambda: with_attribute("PhotometricInterpretation", "HOLOGRAM"),
    "deep sequences": deep_sequences,
    "RLE bomb": rle_bomb,
    "RLE without a header": lambda: encapsulated(b"\1\0\0\0", RLELossless),
    "RLE with false offsets": lambda: encapsulated(
        struct.pack("<16I", 2, 64, 2**31, *([0] * 13)) + bytes(200), RLELossless
    ),
    "J2K that claims 60,000 x 60,000": lambda: compressed(JPEG2000Lossless, giant_j2k),
    "J2K of single-pixel tiles": lambda: compressed(JPEG2000Lossless, many_tiles),
    "JPEG-LS that claims 65,500 x 65,500": lambda: compressed(JPEGLSLossless, giant_jpeg_ls),
    "JPEG that is none": lambda: encapsulated(random_bytes(), JPEG_BASELINE),
    "JPEG header only": lambda: encapsulated(
        b"\xff\xd8\xff\xc0\0\x0b\x08" + struct.pack(">HH", 300, 260) + b"\x01\x01\x11\0", JPEG_BASELINE
    ),
    "no fragments": no_fragments,
    "truncated PNG": lambda: b"\x89PNG\r\n\x1a\n" + random_bytes(),
    "truncated JPEG": lambda: b"\xff\xd8\xff\xe0" + random_bytes(),
}


@pytest.mark.parametrize("family", UNREADABLE)
def test_a_malformed_object_is_unreadable(family: str) -> None:
    with pytest.raises(RejectedInputError) as caught:
        decode(UNREADABLE[family]())
    (rejection,) = caught.value.rejections
    assert rejection.code == RejectionCode.UNREADABLE
    assert 10 < len(rejection.detail) < 200


def test_a_tiny_image_is_of_poor_quality() -> None:
    with pytest.raises(RejectedInputError) as caught:
        decode(part10(dataset(picture(rows=100, columns=100))))
    assert caught.value.rejections[0].code == RejectionCode.POOR_QUALITY


def test_a_huge_png_is_refused_before_it_is_decoded() -> None:
    from io import BytesIO

    from PIL import Image

    stream = BytesIO()
    Image.new("1", (20_000, 10_000)).save(stream, "PNG")
    with pytest.raises(RejectedInputError, match=r"DecompressionBomb|pixels"):
        decode(stream.getvalue())


def test_junk_behind_the_pixels_is_ignored() -> None:
    data = part10(dataset(picture()))
    np.testing.assert_array_equal(decode(data + random_bytes()).pixels, decode(data).pixels)


def test_an_executable_preamble_is_ignored() -> None:
    data = part10(dataset(picture()))
    disguised = b"MZ" + bytes(range(126)) + data[128:]
    np.testing.assert_array_equal(decode(disguised).pixels, decode(data).pixels)


def test_a_lying_offset_table_is_ignored() -> None:
    ds = dataset(picture())
    ds.compress(RLELossless, generate_instance_uid=False)
    ds.PixelData = encapsulate([_frame(ds.PixelData)], has_bot=True)
    data = bytearray(part10(ds))
    table = data.index(b"\xfe\xff\x00\xe0\x04\0\0\0") + 8
    data[table : table + 4] = struct.pack("<I", 0xFFFFFF)
    np.testing.assert_array_equal(decode(bytes(data)).pixels, decode(part10(dataset(picture()))).pixels)


def _frame(encapsulated_data: bytes) -> bytes:
    from pydicom.encaps import get_frame

    return get_frame(encapsulated_data, 0, number_of_frames=1)


def test_mutated_objects_never_raise_anything_else() -> None:
    """Three hundred random corruptions of each encoding: an image or a typed rejection."""
    chance = random.Random(20)
    for uid in (None, JPEG2000Lossless, JPEGLSLossless):
        ds = dataset(picture(rows=160, columns=140))
        if uid:
            ds.compress(uid, generate_instance_uid=False)
        original = part10(ds)
        for _ in range(100):
            data = bytearray(original)
            for _ in range(chance.randint(1, 12)):
                data[chance.randrange(128, min(len(data), 4000))] = chance.randrange(256)
            with suppress(RejectedInputError):
                decode(bytes(data))
