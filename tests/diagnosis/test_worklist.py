"""A study's headline, and who may see what of it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from apps.accounts.roles import Role
from apps.diagnosis.models import Diagnosis, Finding, Triage, WorklistEntry
from apps.diagnosis.selectors import (
    diagnoses_visible_to,
    diagnosis_result,
    worklist,
    worklist_counts,
    worklist_entry,
    worklist_item,
    worklist_keyset,
)
from apps.diagnosis.services import diagnosis_queue, worklist_refresh
from apps.registry.models import ModelVersion
from tests.diagnosis.conftest import ActorMaker, InstanceMaker

pytestmark = pytest.mark.django_db
Status = Diagnosis.Status
MakeQueued = Callable[..., Diagnosis]


def settle(diagnosis: Diagnosis, status: Diagnosis.Status, **fields: Any) -> Diagnosis:
    """Bring a queued diagnosis to an outcome as a worker does."""
    token = Diagnosis.objects.claim(diagnosis.pk)
    assert token is not None
    if status != Status.RUNNING:
        assert Diagnosis.objects.leased(diagnosis.pk, token).finish(status, **fields)
    if label := fields.get("label"):
        Finding.objects.create(diagnosis=diagnosis, label=label, probability=0.8, operating_point=0.4)
    worklist_refresh(study=diagnosis.instance.series.study)
    diagnosis.refresh_from_db()
    return diagnosis


def covid(diagnosis: Diagnosis) -> Diagnosis:
    return settle(
        diagnosis,
        Status.COMPLETED,
        label="covid19",
        triage=Triage.URGENT,
        abnormality=0.9,
        covid19_status="positive",
    )


def normal(diagnosis: Diagnosis) -> Diagnosis:
    return settle(diagnosis, Status.COMPLETED, label="normal", triage=Triage.ROUTINE, abnormality=0.1)


def entry_of(diagnosis: Diagnosis) -> WorklistEntry:
    return WorklistEntry.objects.get(study=diagnosis.instance.series.study)


def test_a_queued_study_is_on_the_worklist(make_queued: MakeQueued) -> None:
    diagnosis = make_queued()

    entry = entry_of(diagnosis)

    assert (entry.status, entry.triage) == (WorklistEntry.Status.RECEIVED, Triage.NONE)
    assert entry.received_at == diagnosis.instance.series.study.received_at


def test_the_most_urgent_image_speaks_for_the_study(make_queued: MakeQueued) -> None:
    first = make_queued()
    study = first.instance.series.study
    second, third = make_queued(study=study), make_queued(study=study)

    normal(first)
    assert entry_of(first).status == WorklistEntry.Status.RUNNING
    covid(second)
    settle(third, Status.REJECTED, rejections=[{"code": "not_frontal", "detail": "Lateral view"}])

    entry = entry_of(first)
    assert (entry.status, entry.label, entry.triage) == ("completed", "covid19", Triage.URGENT)
    assert entry.headline == second
    assert entry.probability == pytest.approx(0.8)


def test_rejected_only_if_all_are(make_queued: MakeQueued) -> None:
    first = make_queued()
    second = make_queued(study=first.instance.series.study)

    settle(first, Status.REJECTED)
    assert entry_of(first).status == WorklistEntry.Status.RUNNING
    settle(second, Status.REJECTED)
    assert entry_of(first).status == WorklistEntry.Status.REJECTED
    assert entry_of(first).headline == first


def test_a_failure_shows_before_a_rejection(make_queued: MakeQueued) -> None:
    first = make_queued()
    second = make_queued(study=first.instance.series.study)

    settle(first, Status.REJECTED)
    settle(second, Status.FAILED, error="Tried 3 times")

    assert entry_of(first).status == WorklistEntry.Status.FAILED
    assert entry_of(first).headline == second


def test_another_image_opens_a_finished_study(make_queued: MakeQueued, make_instance: InstanceMaker) -> None:
    first = normal(make_queued())

    diagnosis_queue(instance=make_instance(study=first.instance.series.study))

    assert (entry_of(first).status, entry_of(first).label) == (WorklistEntry.Status.RUNNING, "normal")


def test_orderings_and_filters(make_queued: MakeQueued, actor_of: ActorMaker) -> None:
    actor = actor_of(Role.CLINICIAN)
    routine, urgent, waiting = (
        normal(make_queued()),
        covid(make_queued()),
        make_queued(patient_name="DOE^JANE"),
    )
    studies = {
        key: d.instance.series.study_id
        for key, d in {"routine": routine, "urgent": urgent, "waiting": waiting}.items()
    }

    def found(**filters: Any) -> list[str]:
        names = {pk: key for key, pk in studies.items()}
        return [names[entry.study_id] for entry in worklist(actor=actor, **filters)]

    assert found() == ["urgent", "routine", "waiting"]
    assert found(ordering="received_at") == ["routine", "urgent", "waiting"]
    assert found(ordering="-received_at") == ["waiting", "urgent", "routine"]
    assert found(label="covid19") == ["urgent"]
    assert found(triage="routine") == ["routine"]
    assert found(status="received") == ["waiting"]
    assert found(patient_id=urgent.instance.series.study.patient.patient_id) == ["urgent"]
    assert found(accession_number=routine.instance.series.study.accession_number) == ["routine"]
    assert found(search="jane doe") == ["waiting"]
    today = timezone.localdate()
    assert len(found(received_from=today, received_to=today)) == 3
    assert found(received_to=today - timedelta(days=1)) == []
    assert worklist_counts(actor) == {
        "received": 1,
        "running": 0,
        "completed": 2,
        "rejected": 0,
        "failed": 0,
        "urgent": 1,
        "priority": 0,
        "routine": 1,
        "unreviewed": 2,
    }


def test_an_item_has_the_contract_s_keys(make_queued: MakeQueued, actor_of: ActorMaker) -> None:
    diagnosis = covid(make_queued())
    uid = diagnosis.instance.series.study.study_instance_uid

    entry = worklist_entry(actor=actor_of(Role.RADIOLOGIST), study_instance_uid=uid)

    assert entry is not None
    item = worklist_item(entry)
    assert list(item) == [
        "study_instance_uid",
        "patient_id",
        "patient_name",
        "accession_number",
        "study_date",
        "received_at",
        "status",
        "label",
        "triage",
        "abnormality",
    ]
    assert (item["label"], item["triage"]) == ("covid19", "urgent")


def test_a_technician_sees_the_state_and_no_result(make_queued: MakeQueued, actor_of: ActorMaker) -> None:
    technician = actor_of(Role.TECHNICIAN)
    diagnosis = covid(make_queued())

    (entry,) = worklist(actor=technician)

    assert entry.status == WorklistEntry.Status.COMPLETED
    assert (entry.label, entry.probability, entry.abnormality, entry.headline) == ("", None, None, None)
    assert entry.triage == Triage.NONE
    assert not worklist(actor=technician, label="covid19").exists()
    assert not worklist(actor=technician, triage="urgent").exists()
    assert worklist_keyset(actor=technician, ordering="triage") == (("received_at", "id"), True)
    assert worklist_counts(technician) == {
        "received": 0,
        "running": 0,
        "completed": 1,
        "rejected": 0,
        "failed": 0,
    }
    answer = diagnosis_result(diagnosis, actor=technician)
    assert answer["status"] == "completed"
    assert (answer["label"], answer["covid19_status"], answer["abnormality"]) == (None, None, None)
    assert (answer["probabilities"], answer["prediction_set"], answer["triage"]) == ({}, [], "none")


@pytest.mark.parametrize("role", [Role.DATA_SCIENTIST, Role.ADMINISTRATOR])
def test_who_has_no_right_sees_nothing(role: Role, make_queued: MakeQueued, actor_of: ActorMaker) -> None:
    covid(make_queued())
    actor = actor_of(role)

    assert not worklist(actor=actor).exists()
    assert not diagnoses_visible_to(actor).exists()
    assert set(worklist_counts(actor).values()) == {0}


def test_a_result_has_the_contract_s_keys(make_queued: MakeQueued, version: ModelVersion) -> None:
    answer = diagnosis_result(covid(make_queued()))

    assert list(answer) == [
        "status",
        "file",
        "sop_instance_uid",
        "label",
        "covid19_status",
        "probabilities",
        "prediction_set",
        "abnormality",
        "triage",
        "rejections",
        "warnings",
        "model",
        "saliency",
        "timing_ms",
    ]
    assert answer["model"] == {"name": "cxr", "version": 1, "sha256": version.sha256}
    assert answer["probabilities"] == {"covid19": 0.8}
    assert (answer["label"], answer["covid19_status"], answer["triage"]) == ("covid19", "positive", "urgent")
