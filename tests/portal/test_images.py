"""Pictures: behind the rights, drawn as asked, each look logged."""

from __future__ import annotations

import asyncio
from io import BytesIO
from typing import cast

import pytest
from django.http import StreamingHttpResponse
from django.test import AsyncClient, Client
from django.urls import reverse
from PIL import Image

from apps.accounts.models import User
from apps.audit.models import AuditEvent
from apps.studies.models import Instance
from apps.studies.objects import object_delete, object_open
from ml.contracts import Finding
from tests.portal.conftest import StudyMaker, diagnosis_of, instance_of, ramp


def grey_of(data: bytes) -> int:
    """Return the grey of a one-grey picture."""
    low, high = Image.open(BytesIO(data)).convert("L").getextrema()
    assert low == high
    return int(low)  # type: ignore[arg-type]  # one channel


def test_the_preview_that_the_worker_stored(reader: Client, make_study: StudyMaker) -> None:
    instance = instance_of(make_study(label=Finding.NORMAL))
    answer = reader.get(reverse("portal:picture", args=[instance.pk]))
    assert answer["Content-Type"] == "image/png"
    assert "no-store" in answer["Cache-Control"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert grey_of(answer.content) == 128
    event = AuditEvent.objects.get(action="viewed")
    assert (event.object_type, event.object_id) == ("instance", str(instance.pk))


def test_drawn_from_the_object_before_there_is_a_preview(reader: Client, make_study: StudyMaker) -> None:
    instance = instance_of(make_study(preview=False))
    with object_open(instance.storage_key) as file:
        stored = grey_of(file.read())
    drawn = reader.get(reverse("portal:picture", args=[instance.pk]))
    assert grey_of(drawn.content) == pytest.approx(stored, abs=1)


def test_window_and_inversion_are_drawn_by_the_server(reader: Client, make_study: StudyMaker) -> None:
    instance = instance_of(make_study(label=Finding.NORMAL, image=ramp()))
    address = reverse("portal:picture", args=[instance.pk])

    def drawn(**options: str) -> list[int]:
        picture = Image.open(BytesIO(reader.get(address, options).content))
        return [int(picture.getpixel((column, 100))) for column in (50, 100, 150)]  # type: ignore[arg-type]  # one channel

    assert drawn(window="100,50") == [0, 127, 255]
    assert drawn(window="100,50", invert="1") == [255, 128, 0]
    assert drawn(invert="1") == [205, 155, 105]


@pytest.mark.parametrize("window", ["1", "a,b", "nan,2", "1,inf", "1,0", "1,-5", "1,2,3"])
def test_an_impossible_window_is_refused(reader: Client, make_study: StudyMaker, window: str) -> None:
    instance = instance_of(make_study(label=Finding.NORMAL))
    answer = reader.get(reverse("portal:picture", args=[instance.pk]), {"window": window})
    assert answer.status_code == 400


def test_what_cannot_be_decoded_says_so(reader: Client, make_study: StudyMaker) -> None:
    instance = instance_of(make_study(rejections=[], preview=False))
    object_delete(instance.storage_key)
    answer = reader.get(reverse("portal:picture", args=[instance.pk]))
    assert answer.status_code == 422
    assert answer["Content-Type"].startswith("text/plain")


def test_overlays(reader: Client, make_study: StudyMaker) -> None:
    diagnosis = diagnosis_of(make_study(label=Finding.COVID19))
    finding = diagnosis.findings.get(label="covid19")
    assert grey_of(reader.get(reverse("portal:saliency", args=[finding.pk])).content) == 200
    assert reader.get(reverse("portal:lungs", args=[diagnosis.pk])).status_code == 200
    assert reader.get(reverse("portal:saliency", args=[finding.pk + 1000])).status_code == 404
    object_delete(finding.saliency_key)
    assert reader.get(reverse("portal:saliency", args=[finding.pk])).status_code == 404


def test_the_original_comes_as_an_attachment_without_a_telling_name(
    reader: Client, make_study: StudyMaker
) -> None:
    instance = instance_of(make_study(label=Finding.NORMAL, patient_name="Doe^Jane"))
    answer = reader.get(reverse("portal:original", args=[instance.pk]))
    assert answer["Content-Disposition"] == f'attachment; filename="instance-{instance.pk}.png"'
    with object_open(instance.storage_key) as file:
        assert b"".join(answer) == file.read()
    answer.close()
    assert AuditEvent.objects.filter(action="downloaded", object_id=str(instance.pk)).exists()


@pytest.mark.django_db(transaction=True)
def test_the_original_is_streamed_under_asgi(make_study: StudyMaker, reader: Client) -> None:
    instance = instance_of(make_study(label=Finding.NORMAL))

    async def download() -> bytes:
        client = AsyncClient()
        await client.aforce_login(await User.objects.aget(email="radiologist@example.org"))
        answer = cast(
            "StreamingHttpResponse", await client.get(reverse("portal:original", args=[instance.pk]))
        )
        return b"".join([block async for block in answer])

    with object_open(Instance.objects.get(pk=instance.pk).storage_key) as file:
        assert asyncio.run(download()) == file.read()
