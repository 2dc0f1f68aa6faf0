"""What the header states, other formats, rendering, and the files of real hospitals."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import UID, ImplicitVRLittleEndian

from apps.studies.decoding.pixels import decode, render
from ml.contracts import RejectedInputError, RejectionCode
from tests.studies.decoding.objects import dataset, part10, picture

REAL_DATA = Path(__file__).parents[4] / "shared" / "data"


def rejected_codes(data: bytes) -> set[RejectionCode]:
    with pytest.raises(RejectedInputError) as caught:
        decode(data)
    return {rejection.code for rejection in caught.value.rejections}


def png(image: Image.Image, **options: object) -> bytes:
    stream = BytesIO()
    image.save(stream, "PNG", **options)
    return stream.getvalue()


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2"}, {RejectionCode.UNSUPPORTED_OBJECT}),
        (
            {"SOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "Modality": "CT"},
            {RejectionCode.UNSUPPORTED_OBJECT, RejectionCode.NOT_RADIOGRAPH},
        ),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.1.1.1"}, {RejectionCode.FOR_PROCESSING}),
        ({"PresentationIntentType": "FOR PROCESSING"}, {RejectionCode.FOR_PROCESSING}),
        ({"Modality": "MR"}, {RejectionCode.NOT_RADIOGRAPH}),
        ({"BodyPartExamined": "HAND"}, {RejectionCode.NOT_CHEST}),
        ({"ViewPosition": "LL"}, {RejectionCode.NOT_FRONTAL}),
        ({"ViewPosition": "LATERAL"}, {RejectionCode.NOT_FRONTAL}),
        ({"ViewPosition": "RAO"}, {RejectionCode.NOT_FRONTAL}),
    ],
)
def test_a_stated_kind_is_believed_when_it_rules_the_object_out(
    attributes: dict[str, str], expected: set[RejectionCode]
) -> None:
    ds = dataset(picture())
    for keyword, value in attributes.items():
        setattr(ds, keyword, UID(value) if keyword.endswith("UID") else value)
    assert rejected_codes(part10(ds)) == expected


@pytest.mark.parametrize("keyword", ["Modality", "BodyPartExamined", "ViewPosition"])
def test_a_silent_header_is_accepted(keyword: str) -> None:
    ds = dataset(picture())
    delattr(ds, keyword)
    assert decode(part10(ds)).pixels.shape == (300, 260)


@pytest.mark.parametrize(
    "attributes",
    [
        {"BodyPartExamined": "THORAX"},
        {"ViewPosition": "AP"},
        {"ViewPosition": "AP AXIAL"},
        {"Modality": "CR"},
    ],
)
def test_other_words_for_a_frontal_chest_are_accepted(attributes: dict[str, str]) -> None:
    ds = dataset(picture())
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    decode(part10(ds))


def test_an_anatomic_region_speaks_where_body_part_is_silent() -> None:
    ds = dataset(picture())
    del ds.BodyPartExamined
    region = Dataset()
    region.CodeValue, region.CodingSchemeDesignator, region.CodeMeaning = "85562004", "SCT", "Hand"
    ds.AnatomicRegionSequence = [region]
    assert rejected_codes(part10(ds)) == {RejectionCode.NOT_CHEST}


def test_facts_are_what_the_header_says() -> None:
    ds = dataset(picture(), transfer_syntax=ImplicitVRLittleEndian)
    facts = decode(part10(ds)).facts
    assert (facts.sop_instance_uid, facts.modality, facts.view_position) == (ds.SOPInstanceUID, "DX", "PA")
    assert (facts.rows, facts.columns, facts.bits_stored) == (300, 260, 12)
    assert facts.transfer_syntax_uid == ImplicitVRLittleEndian


def test_a_dataset_without_preamble_decodes() -> None:
    ds = dataset(picture())
    stream = BytesIO()
    del ds.file_meta
    ds.save_as(stream, implicit_vr=False, little_endian=True)
    np.testing.assert_array_equal(decode(stream.getvalue()).pixels, decode(part10(dataset(picture()))).pixels)


def test_bytes_and_paths_decode_alike(tmp_path: Path) -> None:
    data = part10(dataset(picture()))
    path = tmp_path / "object.dcm"
    path.write_bytes(data)
    np.testing.assert_array_equal(decode(path).pixels, decode(data).pixels)


@pytest.mark.parametrize("format_name", ["PNG", "JPEG"])
def test_eight_bit_files_are_taken_as_they_are(format_name: str) -> None:
    values = picture(bits=8)
    stream = BytesIO()
    Image.fromarray(values).save(stream, format_name, quality=95)
    decoded = decode(stream.getvalue())
    assert decoded.facts.file_format == format_name.lower()
    assert np.abs(decoded.pixels - values / 255).mean() < (0.001 if format_name == "PNG" else 0.02)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P"])
def test_grey_images_in_other_modes_decode_alike(mode: str) -> None:
    image = Image.fromarray(picture(bits=8))
    np.testing.assert_allclose(
        decode(png(image.convert(mode))).pixels, decode(png(image)).pixels, atol=1.5 / 255
    )


def test_sixteen_bit_png_is_stretched_to_its_range() -> None:
    pixels = decode(png(Image.fromarray(picture(bits=12)))).pixels
    assert pixels.max() == 1.0
    assert pixels.std() > 0.1


def test_a_photograph_in_colour_is_no_radiograph() -> None:
    colours = np.zeros((300, 300, 3), np.uint8)
    colours[..., 0] = picture(rows=300, columns=300, bits=8)
    assert rejected_codes(png(Image.fromarray(colours))) == {RejectionCode.NOT_RADIOGRAPH}


@pytest.mark.parametrize("planar", [0, 1])
def test_grey_secondary_capture_in_rgb_becomes_its_luminance(planar: int) -> None:
    values = picture(bits=8)
    rgb = np.repeat(values[..., np.newaxis], 3, axis=2)
    ds = dataset(rgb, bits=8)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = UID("1.2.840.10008.5.1.4.1.1.7")
    ds.PlanarConfiguration = planar
    ds.PixelData = (rgb if planar == 0 else np.moveaxis(rgb, -1, 0)).tobytes()
    np.testing.assert_allclose(decode(part10(ds)).pixels, values / 255, atol=1e-6)


def shown(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(BytesIO(data)))


def test_rendering_shows_what_cannot_be_classified() -> None:
    ds = dataset(picture())
    ds.ViewPosition = "LL"
    image = shown(render(part10(ds), long_side=150))
    assert image.shape == (150, 130)
    assert image.dtype == np.uint8


def test_rendering_takes_another_window_and_inverts() -> None:
    data = part10(dataset(picture()))
    narrow = shown(render(data, window=(2048, 200)))
    assert np.mean((narrow == 0) | (narrow == 255)) > 0.5
    np.testing.assert_array_equal(shown(render(data, invert=True)), 255 - shown(render(data)))


@pytest.mark.real_data
@pytest.mark.skipif(not REAL_DATA.is_dir(), reason="the real radiographs do not stand beside this checkout")
def test_real_files_decode() -> None:
    files = sorted((REAL_DATA / "dicom").glob("*.dcm"))
    assert files
    images = sorted((REAL_DATA / "cxr" / "images").iterdir())[::700]
    for path in [*files, *images]:
        pixels = decode(path).pixels
        assert pixels.std() > 0.05, path.name
