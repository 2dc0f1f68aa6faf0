"""Image objects, as they came and as pictures."""

from __future__ import annotations

from contextlib import closing
from io import BytesIO

import numpy as np
import pytest
from django.urls import reverse
from PIL import Image

from apps.accounts.roles import Role
from apps.audit.models import AuditEvent
from apps.diagnosis.models import Diagnosis, Finding
from apps.studies.models import Instance
from apps.studies.objects import object_put
from tests.api.conftest import ClientOf, png


def test_an_instance_is_described(session_of: ClientOf, instance: Instance) -> None:
    body = session_of(Role.CLINICIAN).get(reverse("api:instance", args=[instance.sop_instance_uid])).json()
    assert body["sop_instance_uid"] == instance.sop_instance_uid
    assert (body["file_format"], body["rows"], body["columns"]) == ("png", 320, 256)
    assert body["sha256"] == instance.sha256
    assert body["diagnosis"]["status"] == "queued"


def test_the_file_comes_back_byte_for_byte_as_an_attachment(session_of: ClientOf, instance: Instance) -> None:
    address = reverse("api:instance-file", args=[instance.sop_instance_uid])
    with closing(session_of(Role.CLINICIAN).get(address)) as response:
        assert response.getvalue() == png()
        assert response["Content-Disposition"].startswith("attachment")
        assert response["X-Content-Type-Options"] == "nosniff"
    assert AuditEvent.objects.get(action="downloaded").object_id == str(instance.pk)


def rendered(client_of: ClientOf, instance: Instance, **options: str) -> Image.Image:
    """Fetch a rendering."""
    address = reverse("api:instance-rendered", args=[instance.sop_instance_uid])
    response = client_of(Role.RADIOLOGIST).get(address, options)
    assert response.status_code == 200
    assert response["Content-Type"] == "image/png"
    return Image.open(BytesIO(response.content))


def test_a_rendering_is_inverted_on_request(session_of: ClientOf, instance: Instance) -> None:
    plain = rendered(session_of, instance).convert("L")
    inverted = rendered(session_of, instance, invert="1").convert("L")
    assert plain.size == (256, 320)
    difference = 255 - np.asarray(plain, np.int16) - np.asarray(inverted)
    assert np.abs(difference).max() <= 1


def test_a_window_changes_the_contrast(session_of: ClientOf, instance: Instance) -> None:
    original = np.asarray(Image.open(BytesIO(png())))
    windowed = np.asarray(rendered(session_of, instance, window="128,64").convert("L"))
    assert windowed[original < 95].max() == 0
    assert windowed[original > 160].min() == 255


def test_saliency_is_laid_over_the_image(session_of: ClientOf, diagnosis: Diagnosis) -> None:
    overlay = BytesIO()
    Image.new("RGBA", (256, 320), (255, 0, 0, 255)).save(overlay, "PNG")
    Finding.objects.filter(diagnosis=diagnosis, label="covid19").update(
        saliency_key=object_put(overlay.getvalue(), suffix=".png")
    )
    image = rendered(session_of, diagnosis.instance, saliency="covid19").convert("RGB")
    assert np.asarray(image)[5, 5].tolist() == [255, 0, 0]


def test_a_finding_without_saliency_is_404(session_of: ClientOf, diagnosis: Diagnosis) -> None:
    address = reverse("api:instance-rendered", args=[diagnosis.instance.sop_instance_uid])
    assert session_of(Role.RADIOLOGIST).get(address, {"saliency": "normal"}).status_code == 404


def test_a_technician_sees_the_image_but_no_saliency(session_of: ClientOf, diagnosis: Diagnosis) -> None:
    client = session_of(Role.TECHNICIAN)
    address = reverse("api:instance-rendered", args=[diagnosis.instance.sop_instance_uid])
    assert client.get(address).status_code == 200
    assert client.get(address, {"saliency": "covid19"}).status_code == 403


@pytest.mark.parametrize("window", ["1", "a,b", "nan,1", "1,0", "1,-5", "1,inf", "1,2,3"])
def test_a_window_that_makes_no_sense_is_400(session_of: ClientOf, instance: Instance, window: str) -> None:
    address = reverse("api:instance-rendered", args=[instance.sop_instance_uid])
    response = session_of(Role.CLINICIAN).get(address, {"window": window})
    assert response.status_code == 400
    assert "window" in response.json()["errors"]
