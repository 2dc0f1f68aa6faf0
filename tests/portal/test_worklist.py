"""The worklist: its cuts, search, pages, quiet refresh, and what it says when there is nothing."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.accounts.roles import Role
from apps.audit.models import AuditEvent
from apps.diagnosis.models import Diagnosis
from apps.portal.views.worklist import PAGE_SIZE
from apps.studies.models import Study
from ml.contracts import INCONCLUSIVE, Finding
from tests.portal.conftest import ClientOf, StudyMaker

HOSTILE = '<script>alert("x")</script>^{{7*7}}^{% now "Y" %}'


def listed(client: Client, **parameters: Any) -> list[int]:
    """Return the ids of the studies that a page of the worklist shows, in order."""
    answer = client.get(reverse("portal:worklist"), parameters)
    assert answer.status_code == 200
    return studies_in(answer.content.decode())


def studies_in(page: str) -> list[int]:
    return [int(found) for found in re.findall(r'id="study-(\d+)"', page)]


def test_most_urgent_first_then_longest_waiting(reader: Client, make_study: StudyMaker) -> None:
    now = timezone.now()
    normal = make_study(label=Finding.NORMAL, received_at=now - timedelta(hours=5))
    late = make_study(label=Finding.COVID19, received_at=now - timedelta(minutes=1))
    early = make_study(label=Finding.COVID19, received_at=now - timedelta(hours=1))
    assert listed(reader) == [early.pk, late.pk, normal.pk]


def test_each_view_holds_its_own(reader: Client, make_study: StudyMaker) -> None:
    urgent = make_study(label=Finding.COVID19)
    unsure = make_study(label=INCONCLUSIVE, kept=["viral_pneumonia", "lung_opacity"], probability=0.4)
    refused = make_study(rejections=[{"code": "not_frontal", "detail": "LL"}])
    failed = make_study(status="failed")
    running = make_study(status="running")
    waiting = make_study()
    assert set(listed(reader)) == {urgent.pk, unsure.pk}
    assert listed(reader, view="urgent") == [urgent.pk]
    assert listed(reader, view="inconclusive") == [unsure.pk]
    assert listed(reader, view="refused") == [refused.pk]
    assert listed(reader, view="failed") == [failed.pk]
    assert set(listed(reader, view="working")) == {running.pk, waiting.pk}
    assert len(listed(reader, view="all")) == 6
    assert listed(reader, view="no such view") == listed(reader)


def test_a_corrected_study_leaves_unread_and_joins_disagreements(
    reader: Client, make_study: StudyMaker
) -> None:
    study = make_study(label=Finding.NORMAL)
    diagnosis = Diagnosis.objects.get(instance__series__study=study)
    reader.post(
        reverse("portal:review", args=[diagnosis.pk]), {"verdict": "disagree", "label": "lung_opacity"}
    )
    assert listed(reader) == []
    assert listed(reader, view="disagreements") == [study.pk]


def test_rows_say_the_finding_in_words(reader: Client, make_study: StudyMaker) -> None:
    make_study(label=Finding.BACTERIAL_PNEUMONIA, probability=0.83, patient_name="Doe^Jane^Q")
    make_study(label=INCONCLUSIVE, kept=["viral_pneumonia", "lung_opacity"], probability=0.4)
    page = reader.get(reverse("portal:worklist")).content.decode()
    assert "Bacterial pneumonia" in page
    assert "83 %" in page
    assert 'aria-label="83 %, operating point 40 %"' in page
    assert "Doe, Jane Q" in page
    assert "Viral pneumonia or lung opacity" in page
    refused = make_study(rejections=[{"code": "not_frontal", "detail": "LL"}])
    page = reader.get(reverse("portal:worklist"), {"view": "refused"}).content.decode()
    assert studies_in(page) == [refused.pk]
    assert "This is not a frontal view." in page


@pytest.mark.parametrize("text", ["jane", "P77", "A-0001", "doe p77"])
def test_search_by_name_id_or_accession(reader: Client, make_study: StudyMaker, text: str) -> None:
    wanted = make_study(label=Finding.NORMAL, patient_name="Doe^Jane", patient_id="P77")
    make_study(label=Finding.NORMAL, patient_name="Roe^Rick")
    assert listed(reader, q=text) == [wanted.pk]


def test_dates_include_both_days(reader: Client, make_study: StudyMaker) -> None:
    today = timezone.localtime().replace(hour=12)
    study = make_study(label=Finding.NORMAL, received_at=today - timedelta(days=3))
    day = (today - timedelta(days=3)).date().isoformat()
    assert listed(reader, received_from=day, received_to=day) == [study.pk]
    assert listed(reader, received_from=today.date().isoformat()) == []
    page = reader.get(
        reverse("portal:worklist"), {"received_from": "2026-02-02", "received_to": "2026-02-01"}
    ).content.decode()
    assert "The last day lies before the first." in page


def test_pages_neither_repeat_nor_skip_while_studies_arrive(reader: Client, make_study: StudyMaker) -> None:
    now = timezone.now()
    before = [
        make_study(label=Finding.NORMAL, received_at=now - timedelta(minutes=60 - number))
        for number in range(PAGE_SIZE + 5)
    ]
    first = reader.get(reverse("portal:worklist")).content.decode()
    next_page = re.search(r'id="page-next"\s+href="([^"]+)"', first)
    assert next_page is not None
    make_study(label=Finding.COVID19)  # goes to the top of page one
    second = reader.get(reverse("portal:worklist") + next_page[1].replace("&amp;", "&")).content.decode()
    assert studies_in(first) + studies_in(second) == [study.pk for study in before]
    previous = re.search(r'id="page-previous"\s+href="([^"]+)"', second)
    assert previous is not None
    back = reader.get(reverse("portal:worklist") + previous[1].replace("&amp;", "&")).content.decode()
    assert studies_in(back) == studies_in(first)


def test_a_made_up_cursor_leads_to_the_first_page(reader: Client) -> None:
    answer = reader.get(reverse("portal:worklist"), {"cursor": "bm9uc2Vuc2U", "q": "doe"})
    assert answer.status_code == 302
    assert answer["Location"] == "/worklist/?view=unread&q=doe"


def test_the_poll_gets_the_list_alone_and_leaves_no_trace(reader: Client, make_study: StudyMaker) -> None:
    study = make_study(label=Finding.NORMAL)
    answer = reader.get(reverse("portal:worklist"), headers={"X-Live-Poll": "1", "HX-Request": "true"})
    page = answer.content.decode()
    assert studies_in(page) == [study.pk]
    assert "<html" not in page
    assert page.lstrip().startswith('<div id="live"')
    assert not AuditEvent.objects.filter(action="viewed").exists()


def test_the_number_of_queries_does_not_grow_with_the_list(
    reader: Client, make_study: StudyMaker, django_assert_max_num_queries: Any
) -> None:
    for _ in range(12):
        make_study(label=Finding.COVID19)
    with django_assert_max_num_queries(12):
        assert len(listed(reader)) == 12


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({}, "Everything has been read."),
        ({"view": "all"}, "Upload radiographs"),
        ({"view": "failed"}, "No study failed."),
        ({"q": "nobody"}, "Nothing matches"),
    ],
)
def test_an_empty_list_says_what_to_do(reader: Client, parameters: dict[str, str], sentence: str) -> None:
    assert sentence in reader.get(reverse("portal:worklist"), parameters).content.decode()


def test_hostile_names_are_text(reader: Client, make_study: StudyMaker) -> None:
    make_study(label=Finding.NORMAL, patient_name=HOSTILE, patient_id='"><img src=x onerror=alert(1)>')
    page = reader.get(reverse("portal:worklist"), {"q": "<script>"}).content.decode()
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(&quot;x&quot;)" in page
    assert "{{7*7}}" in page
    assert "<img src=x" not in page


def test_a_technician_sees_how_far_studies_are_and_no_result(
    client_of: ClientOf, make_study: StudyMaker
) -> None:
    make_study(label=Finding.COVID19, received_at=timezone.now() - timedelta(hours=2))
    newest = make_study(label=Finding.NORMAL)
    technician = client_of(Role.TECHNICIAN)
    page = technician.get(reverse("portal:worklist")).content.decode()
    assert studies_in(page)[0] == newest.pk  # by time: the order must not tell results either
    assert "Classified" in page
    for word in ("COVID", "Urgent", "Normal", "%", "Unread", "Inconclusive"):
        assert word not in page.split('<main id="content"')[1].split("hx-headers")[1], word
    assert studies_in(technician.get(reverse("portal:worklist"), {"view": "urgent"}).content.decode()) == [
        study.pk for study in Study.objects.order_by("-pk")
    ]
