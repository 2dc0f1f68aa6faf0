"""The reading page: the answer in words, its evidence and limits, and what a reader says."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.diagnosis.models import Diagnosis, WorklistEntry
from apps.diagnosis.models import Finding as DiagnosisFinding
from apps.registry.models import ModelVersion
from apps.studies.models import Study
from ml.contracts import INCONCLUSIVE, Finding, RejectionCode
from tests.portal.conftest import StudyMaker, diagnosis_of, instance_of


def page_of(client: Client, study: Study, **parameters: Any) -> str:
    """Return a study's page as one line of text."""
    answer = client.get(reverse("portal:reading", args=[study.pk]), parameters)
    assert answer.status_code == 200
    return " ".join(answer.content.decode().split())


def test_the_answer_comes_first(reader: Client, make_study: StudyMaker) -> None:
    study = make_study(label=Finding.COVID19, probability=0.91, warnings=["The exposure is low."])
    page = page_of(reader, study)
    assert "COVID-19 likely" in page
    assert "91 % calibrated probability, above this model&#x27;s operating point (40 %)." in page
    assert "The exposure is low." in page
    assert "On 1,240 images that it never saw" in page
    assert page.index("COVID-19 likely") < page.index("All findings") < page.index("Before you trust it")
    assert 'href="/models/cxr/1/"' in page


def test_a_normal_result_does_not_speak_of_likelihood(reader: Client, make_study: StudyMaker) -> None:
    assert "Looks normal" in page_of(reader, make_study(label=Finding.NORMAL))


def test_a_versions_own_vocabulary_is_put_into_words(
    reader: Client, make_study: StudyMaker, version: ModelVersion
) -> None:
    classes = {"healthy": ["normal"], "infection": ["covid19", "viral_pneumonia"]}
    ModelVersion.objects.filter(pk=version.pk).update(labels=list(classes), classes=classes)
    assert "Looks normal" in page_of(reader, make_study(label="healthy"))
    study = make_study(label="infection")
    DiagnosisFinding.objects.filter(diagnosis=diagnosis_of(study), label=Finding.COVID19).update(
        label="infection"
    )
    page = page_of(reader, study)
    assert "Infection likely" in page
    assert "Infection stands for COVID-19 or viral pneumonia." in page


@pytest.mark.parametrize(
    ("kept", "sentence"),
    [
        (
            ["viral_pneumonia", "lung_opacity"],
            "Viral pneumonia or lung opacity: the evidence does not single one out",
        ),
        ([], "No finding fits this image well enough."),
    ],
)
def test_inconclusive_says_why(
    reader: Client, make_study: StudyMaker, kept: list[str], sentence: str
) -> None:
    page = page_of(reader, make_study(label=INCONCLUSIVE, probability=0.4, kept=kept))
    assert sentence in page


@pytest.mark.parametrize("code", RejectionCode)
def test_every_refusal_says_what_and_what_to_do(
    reader: Client, make_study: StudyMaker, code: RejectionCode
) -> None:
    page = page_of(reader, make_study(rejections=[{"code": code.value, "detail": "Seen <b>there</b>."}]))
    assert "No result for this image" in page
    assert "Seen &lt;b&gt;there&lt;/b&gt;." in page
    assert f"<code>{code}</code>" in page
    assert "it is not a normal result" in page
    assert "Agree" not in page


def test_a_failed_study_can_be_tried_again(reader: Client, make_study: StudyMaker) -> None:
    study = make_study(status="failed")
    assert "It broke." in page_of(reader, study)
    failed = diagnosis_of(study)
    answer = reader.post(reverse("portal:retry", args=[failed.pk]))
    assert answer.status_code == 302
    assert diagnosis_of(study).pk != failed.pk
    assert diagnosis_of(study).status == Diagnosis.Status.QUEUED


def test_a_waiting_page_reloads_itself_when_the_answer_is_there(
    reader: Client, make_study: StudyMaker
) -> None:
    study = make_study()
    page = page_of(reader, study)
    assert "Waiting for its turn" in page
    poll = re.search(r'hx-get="([^"]+)"', page)
    assert poll is not None
    address = poll[1].replace("&amp;", "&")
    answer = reader.get(address, headers={"X-Live-Poll": "1"})
    assert answer.status_code == 204
    assert "HX-Refresh" not in answer
    Diagnosis.objects.filter(pk=diagnosis_of(study).pk).update(status="running")
    assert reader.get(address, headers={"X-Live-Poll": "1"})["HX-Refresh"] == "true"


def test_each_look_is_logged_once_and_polls_are_not(reader: Client, make_study: StudyMaker) -> None:
    study = make_study()
    page_of(reader, study)
    reader.get(reverse("portal:state", args=[study.pk]), {"seen": "x"}, headers={"X-Live-Poll": "1"})
    event = AuditEvent.objects.get(action="viewed")
    assert (event.object_type, event.object_id) == ("study", str(study.pk))
    assert event.actor == "radiologist@example.org"
    assert event.actor_role == "radiologist"


def test_agreeing_and_changing_ones_mind_keeps_both(reader: Client, make_study: StudyMaker) -> None:
    study = make_study(label=Finding.NORMAL)
    address = reverse("portal:review", args=[diagnosis_of(study).pk])
    answer = reader.post(f"{address}?view=all&q=doe", {"verdict": "agree"})
    assert answer.status_code == 302
    assert f"/studies/{study.pk}/?view=all&q=doe" in answer["Location"]
    assert "Your agreement is recorded." in page_of(reader, study)
    reader.post(address, {"verdict": "disagree", "label": "lung_opacity", "comment": "Left base <b>!"})
    page = page_of(reader, study)
    assert "Corrected to <strong>Lung opacity</strong>" in page
    assert "Agreed" in page
    assert "Left base &lt;b&gt;!" in page
    assert WorklistEntry.objects.get(study=study).verdict == "disagree"
    assert [review.label for review in diagnosis_of(study).reviews.all()] == ["lung_opacity", "normal"]


@pytest.mark.parametrize("label", ["", "normal", "tuberculosis"])
def test_a_correction_names_another_finding_of_the_vocabulary(
    reader: Client, make_study: StudyMaker, label: str
) -> None:
    study = make_study(label=Finding.NORMAL)
    reader.post(
        reverse("portal:review", args=[diagnosis_of(study).pk]), {"verdict": "disagree", "label": label}
    )
    assert not diagnosis_of(study).reviews.exists()
    assert "Choose the finding that you see." in page_of(reader, study)


def test_reviewing_what_has_no_result_says_so(reader: Client, make_study: StudyMaker) -> None:
    study = make_study()
    reader.post(reverse("portal:review", args=[diagnosis_of(study).pk]), {"verdict": "agree"})
    assert "Only a completed diagnosis has a result" in page_of(reader, study)


def test_next_and_previous_follow_the_list_one_came_from(reader: Client, make_study: StudyMaker) -> None:
    now = timezone.now()
    first, middle, last = (
        make_study(label=Finding.COVID19, received_at=now - timedelta(hours=hours)) for hours in (3, 2, 1)
    )
    make_study(label=Finding.NORMAL)
    page = page_of(reader, middle, view="urgent")
    assert f'href="/studies/{first.pk}/?view=urgent" data-key="p"' in page
    assert f'href="/studies/{last.pk}/?view=urgent" data-key="n"' in page
    assert 'data-key="n"' not in page_of(reader, last, view="urgent")
    # once read, it is no longer in the list, but its neighbours are still its neighbours
    reader.post(reverse("portal:review", args=[diagnosis_of(middle).pk]), {"verdict": "agree"})
    assert f'href="/studies/{last.pk}/?view=urgent" data-key="n"' in page_of(reader, middle, view="urgent")


def test_earlier_studies_of_the_patient(reader: Client, make_study: StudyMaker) -> None:
    now = timezone.now()
    old = make_study(label=Finding.NORMAL, received_at=now - timedelta(days=8))
    new = make_study(label=Finding.COVID19, patient=old.patient)
    other = make_study(label=Finding.COVID19)
    page = page_of(reader, new)
    assert "This patient over time" in page
    assert f'href="/studies/{old.pk}/"' in page
    assert "<polyline" in page
    assert "This patient over time" not in page_of(reader, other)


def test_another_image_of_the_study_can_be_chosen(reader: Client, make_study: StudyMaker) -> None:
    study = make_study(label=Finding.COVID19)
    second = make_study(rejections=[{"code": "not_frontal", "detail": "LL"}])
    lateral = instance_of(second)
    lateral.series.study = study
    lateral.series.save(update_fields=["study"])
    assert "COVID-19 likely" in page_of(reader, study)
    assert "This is not a frontal view." in page_of(reader, study, image=lateral.pk)
    assert reader.get(reverse("portal:reading", args=[study.pk]), {"image": "9999"}).status_code == 404


def test_unknown_studies_are_not_there(reader: Client, make_study: StudyMaker) -> None:
    assert reader.get(reverse("portal:reading", args=[404])).status_code == 404
    assert reader.get(reverse("portal:study_of_uid"), {"uid": "1.2.3"}).status_code == 404
    study = make_study()
    answer = reader.get(reverse("portal:study_of_uid"), {"uid": study.study_instance_uid})
    assert answer["Location"] == reverse("portal:reading", args=[study.pk])


def test_the_number_of_queries_is_bounded(
    reader: Client, make_study: StudyMaker, django_assert_max_num_queries: Any
) -> None:
    old = make_study(label=Finding.NORMAL)
    for _ in range(5):
        make_study(label=Finding.NORMAL, patient=old.patient)
    with django_assert_max_num_queries(22):
        page_of(reader, old)
