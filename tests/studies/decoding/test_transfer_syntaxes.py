"""The same image in every transfer syntax that we negotiate, written by other people's encoders."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGLSLossless, RLELossless

from apps.studies.decoding.pixels import decode, pixel_digest
from apps.studies.decoding.transfer_syntaxes import (
    DECODABLE_TRANSFER_SYNTAXES,
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
from tests.studies.decoding.objects import dataset, part10, picture, recoded

LOSSLESS_ENCODERS = {
    JPEG_LOSSLESS: ["dcmcjpeg", "+el"],
    JPEG_LOSSLESS_SV1: ["dcmcjpeg", "+e1"],
    JPEG_LS_LOSSLESS: ["dcmcjpls", "+el"],
    JPEG_2000_LOSSLESS: ["gdcmconv", "--j2k"],
    RLE_LOSSLESS: ["dcmcrle"],
}
LOSSY_ENCODERS = {
    JPEG_BASELINE: (8, ["dcmcjpeg", "+eb", "+q", "95"]),
    JPEG_EXTENDED: (12, ["dcmcjpeg", "+ee", "+q", "95"]),
    JPEG_LS_NEAR_LOSSLESS: (12, ["dcmcjpls", "+en", "+md", "2"]),
    JPEG_2000: (12, ["gdcmconv", "--j2k", "--lossy"]),
}


def transfer_syntax(data: bytes, folder: Path) -> str:
    path = folder / "written.dcm"
    path.write_bytes(data)
    return str(dcmread(path, stop_before_pixels=True).file_meta.TransferSyntaxUID)


@pytest.mark.peer("dcmtk")
@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("uid", LOSSLESS_ENCODERS)
def test_lossless_syntaxes_give_the_identical_tensor(uid: str, bits: int, tmp_path: Path) -> None:
    native = part10(dataset(picture(bits=bits), bits=bits))

    encoded = recoded(native, LOSSLESS_ENCODERS[uid], tmp_path)

    assert transfer_syntax(encoded, tmp_path) == uid
    np.testing.assert_array_equal(decode(encoded).pixels, decode(native).pixels)
    assert pixel_digest(encoded) == pixel_digest(native)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("uid", [ImplicitVRLittleEndian, ExplicitVRLittleEndian, JPEGLSLossless, RLELossless])
def test_signed_and_unsigned_values_decode_alike(uid: UID, signed: bool) -> None:
    values = picture()
    stored = (values.astype(np.int32) - 2048).astype(np.int16) if signed else values
    reference = decode(part10(dataset(values))).pixels

    ds = dataset(stored)
    if uid in (JPEGLSLossless, RLELossless):
        ds.compress(uid, generate_instance_uid=False)
    else:
        ds.file_meta.TransferSyntaxUID = uid

    np.testing.assert_array_equal(decode(part10(ds)).pixels, reference)


@pytest.mark.peer("dcmtk")
@pytest.mark.parametrize("uid", LOSSY_ENCODERS)
def test_lossy_syntaxes_come_close(uid: str, tmp_path: Path) -> None:
    bits, command = LOSSY_ENCODERS[uid]
    native = part10(dataset(picture(bits=bits), bits=bits))

    encoded = recoded(native, command, tmp_path)

    assert transfer_syntax(encoded, tmp_path) == uid
    difference = np.abs(decode(encoded).pixels - decode(native).pixels)
    assert difference.mean() < 0.01


@pytest.mark.peer("dcmtk")
@pytest.mark.parametrize("bits", [8, 12])
def test_jpeg_extended_decodes_as_dcmtk_decodes_it(bits: int, tmp_path: Path) -> None:
    encoded = recoded(part10(dataset(picture(bits=bits), bits=bits)), ["dcmcjpeg", "+ee"], tmp_path)

    reference = recoded(encoded, ["dcmdjpeg"], tmp_path)

    difference = np.abs(decode(encoded).pixels - decode(reference).pixels)
    assert difference.max() <= 2 / ((1 << bits) - 1)


def test_every_negotiated_syntax_is_tried_above() -> None:
    tried = {*LOSSLESS_ENCODERS, *LOSSY_ENCODERS, ImplicitVRLittleEndian, ExplicitVRLittleEndian}
    assert set(DECODABLE_TRANSFER_SYNTAXES) == tried


def test_the_list_is_import_light() -> None:
    code = (
        "import sys, apps.studies.decoding.transfer_syntaxes;"
        "print([m for m in ('numpy', 'PIL', 'pydicom', 'django', 'gdcm') if m in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert printed.stdout.strip() == "[]"


def test_decoding_imports_no_framework_and_nothing_heavy() -> None:
    code = (
        "import sys, apps.studies.decoding.preload;"
        "heavy = ('django', 'celery', 'cv2', 'openvino', 'tensorflow', 'scipy');"
        "print([module for module in heavy if module in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert printed.stdout.strip() == "[]"
