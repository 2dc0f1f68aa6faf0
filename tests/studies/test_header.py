"""Headers of strangers: what is wanted is read, within bounds, and the rest is refused in words."""

from __future__ import annotations

import random
import time
import tracemalloc
from io import BytesIO

import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian, ImplicitVRLittleEndian

from apps.studies.header import (
    ObjectHeader,
    UnreadableObjectError,
    read_dicom_header,
    read_picture_size,
    sniff_format,
)
from tests.studies.decoding.objects import part10
from tests.studies.radiographs import (
    HOSTILE_TEXT,
    deep_sequences,
    many_elements,
    radiograph,
    radiograph_file,
    with_sequence,
)


def read(data: bytes) -> ObjectHeader:
    return read_dicom_header(BytesIO(data), size=len(data))


def refused(data: bytes) -> UnreadableObjectError:
    with pytest.raises(UnreadableObjectError) as caught:
        read(data)
    return caught.value


@pytest.mark.parametrize("implicit", [False, True])
def test_wanted_attributes_are_read_past_sequences(implicit: bool) -> None:
    ds = with_sequence(radiograph(StudyDescription="Thorax p.a."))
    if implicit:
        ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian

    header = read(part10(ds))

    assert header.uid("SOPInstanceUID") == ds.SOPInstanceUID
    assert header.uid("StudyInstanceUID") == ds.StudyInstanceUID
    assert header.text("StudyDescription", 64) == "Thorax p.a."
    assert header.code("Modality", 16) == "DX"
    assert (header.count("Rows"), header.count("Columns")) == (240, 200)
    assert header.transfer_syntax_uid == ds.file_meta.TransferSyntaxUID


@pytest.mark.parametrize(
    ("character_set", "name"),
    [
        ("ISO_IR 100", "Müller^Jörg"),
        ("ISO_IR 192", "Яковлев^Пётр"),
        ("GB18030", "王^小东"),
        ("ISO_IR 144", "Иванов"),
    ],
)
def test_names_are_decoded_by_their_character_set(character_set: str, name: str) -> None:
    header = read(radiograph_file(SpecificCharacterSet=character_set, PatientName=name))

    assert header.text("PatientName", 324) == name


def test_a_bogus_character_set_is_no_reason_to_refuse() -> None:
    data = radiograph_file(SpecificCharacterSet="ISO_IR 100", PatientName="Mül").replace(
        b"ISO_IR 100", b"BOGUS_CS_1"
    )

    assert read(data).text("PatientName", 324) == "Mül"


def test_hostile_text_loses_what_is_invisible_and_what_is_too_long() -> None:
    text = read(radiograph_file(PatientName=HOSTILE_TEXT)).text("PatientName", 324)

    assert len(text) <= 324
    assert text.startswith("Evil^<script>")
    assert not set(text) & set("\u202e\u2066\x1b\r\n")


def test_an_object_without_preamble_is_read() -> None:
    ds = radiograph()

    assert read(part10(ds)[132:]).uid("SOPInstanceUID") == ds.SOPInstanceUID


@pytest.mark.parametrize("uid", [DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian])
def test_what_the_workers_cannot_decode_is_not_taken(uid: str) -> None:
    data = radiograph_file().replace(b"1.2.840.10008.1.2.1\0", uid.encode().ljust(20, b"\0"))
    if uid == DeflatedExplicitVRLittleEndian:
        data = radiograph_file().replace(b"\x14\x001.2.840.10008.1.2.1\0", b"\x16\x00" + uid.encode())

    assert refused(data).code == "unsupported_transfer_syntax"


@pytest.mark.parametrize("share", [0.004, 0.01, 0.5, 0.999])
def test_truncated_objects_are_refused(share: float) -> None:
    data = radiograph_file()

    assert refused(data[: int(len(data) * share)]).code == "unreadable"


def test_nesting_is_bounded() -> None:
    assert "nested" in refused(deep_sequences(5000)).detail


def test_the_number_of_elements_is_bounded() -> None:
    started = time.monotonic()

    assert "more than" in refused(many_elements(500_000)).detail
    assert time.monotonic() - started < 2


def test_large_values_are_passed_over_not_read() -> None:
    data = radiograph_file(StrainDescription="x" * 10_000_000)
    tracemalloc.start()
    try:
        read(data)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 1_000_000


def test_a_wanted_attribute_twice_is_refused() -> None:
    data = radiograph_file(AccessionNumber="B-2")
    twice = b"\x08\x00\x50\x00SH\x04\x00B-2 "

    assert "twice" in refused(data.replace(twice, twice + twice)).detail


@pytest.mark.parametrize("seed", range(30))
def test_random_damage_never_raises_anything_else(seed: int) -> None:
    chaos = random.Random(seed)
    data = bytearray(radiograph_file())
    for _ in range(chaos.randint(1, 40)):
        data[chaos.randrange(132, 1200)] = chaos.randrange(256)

    try:
        header = read(bytes(data))
        header.text("PatientName", 324), header.code("StudyDate", 10), header.count("Rows")
    except UnreadableObjectError:
        pass


@pytest.mark.parametrize("data", [b"", b"MZ\x90", b"<html>", b"GIF89a" + b"\0" * 200, bytes(range(256))])
def test_other_formats_are_not_taken_for_images(data: bytes) -> None:
    assert sniff_format(data[:136]) == ""


def test_pictures_tell_their_size() -> None:
    from PIL import Image

    for kind in ("png", "jpeg"):
        stream = BytesIO()
        Image.new("L", (30, 20)).save(stream, kind)
        assert sniff_format(stream.getvalue()[:136]) == kind
        assert read_picture_size(stream, kind) == (20, 30)
        with pytest.raises(UnreadableObjectError):
            read_picture_size(BytesIO(stream.getvalue()[:15]), kind)
