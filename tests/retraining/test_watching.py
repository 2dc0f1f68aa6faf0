"""Watching the champion: periods, planted shifts, a clean stream, agreement, the laboratory, who is told."""

from __future__ import annotations

from datetime import date, timedelta
from io import BytesIO

import numpy as np
import pytest
from django.core import mail
from django.utils import timezone
from PIL import Image
from pytest_django import DjangoCaptureOnCommitCallbacks

from apps.accounts.roles import Role
from apps.audit.models import AuditEvent
from apps.diagnosis.models import Diagnosis, Finding, Review
from apps.registry.models import ModelVersion
from apps.retraining.models import ImageStatistics, LaboratoryResult, WatchingReport
from apps.retraining.selectors.watching import alarm_since
from apps.retraining.services import watching
from apps.retraining.services.watching import champion_watch, images_measure
from apps.studies.models import Instance, Patient, Received, Series, Study
from apps.studies.objects import object_put
from ml.contracts import Finding as Label
from tests.retraining.patients import account, champion_version, classified, radiograph

pytestmark = pytest.mark.django_db
STUDY_DATE = date(2024, 3, 5)
REFERENCE, PERIOD = watching.REFERENCE_IMAGES, watching.PERIOD_IMAGES


@pytest.fixture
def version() -> ModelVersion:
    return champion_version()


def answered(
    version: ModelVersion,
    count: int,
    *,
    seed: int,
    contrast: float = 1.0,
    station: str = "",
    covid19: float = 0.1,
    agreement: float | None = None,
) -> list[Diagnosis]:
    """Plant answers for so many patients, as a stream with these properties gives them."""
    random = np.random.default_rng(seed)
    start = Patient.objects.count()
    patients = Patient.objects.bulk_create(
        Patient(patient_id=f"P{start + i}", patient_sex="FM"[int(random.integers(2))]) for i in range(count)
    )
    studies = Study.objects.bulk_create(
        Study(study_instance_uid=f"2.25.1.{start + i}", patient=patient, study_date=STUDY_DATE)
        for i, patient in enumerate(patients)
    )
    series = Series.objects.bulk_create(
        Series(
            series_instance_uid=f"2.25.2.{start + i}",
            study=study,
            station_name=station or ("A", "B")[int(random.integers(2))],
        )
        for i, study in enumerate(studies)
    )
    instances = Instance.objects.bulk_create(
        Instance(
            series=one,
            sop_instance_uid=f"2.25.3.{start + i}",
            sha256=f"{start + i:064d}",
            file_sha256=f"{start + i:064d}",
            size=1,
            storage_key=f"key-{start + i}",
            door=Received.Door.IMPORT,
        )
        for i, one in enumerate(series)
    )
    ImageStatistics.objects.bulk_create(
        ImageStatistics(
            instance=one,
            values={
                "brightness": random.normal(0.5, 0.08),
                "contrast": contrast * random.normal(0.25, 0.03),
            },
        )
        for one in instances
    )
    labels = random.choice([Label.COVID19, Label.NORMAL], count, p=[covid19, 1 - covid19]).tolist()
    diagnoses = Diagnosis.objects.bulk_create(
        Diagnosis(
            instance=instance,
            model_version=version,
            status=Diagnosis.Status.COMPLETED,
            label=label,
            covid19_status="positive" if label == Label.COVID19 else "negative",
            prediction_set=[label],
        )
        for instance, label in zip(instances, labels, strict=True)
    )
    findings = []
    for diagnosis in diagnoses:
        sure = float(random.beta(8, 2))
        other = Label.NORMAL if diagnosis.label == Label.COVID19 else Label.COVID19
        findings.append(Finding(diagnosis=diagnosis, label=diagnosis.label, probability=sure))
        findings.append(Finding(diagnosis=diagnosis, label=other, probability=1 - sure))
    Finding.objects.bulk_create(findings)
    if agreement is not None:
        _read(diagnoses, agreement, random)
    return diagnoses


def _read(diagnoses: list[Diagnosis], agreement: float, random: np.random.Generator) -> None:
    reader = account(Role.RADIOLOGIST)
    Review.objects.bulk_create(
        Review(
            diagnosis=diagnosis,
            reviewer=reader,
            verdict="agree" if random.random() < agreement else "disagree",
            label=diagnosis.label,
        )
        for diagnosis in diagnoses
    )


def rate(report: WatchingReport, figure: str, by: str = "all", part: str = "all") -> dict[str, float]:
    return next(one for one in report.rates if (one["figure"], one["by"], one["part"]) == (figure, by, part))


def test_a_clean_stream_of_a_thousand_raises_no_alarm(version: ModelVersion) -> None:
    answered(version, REFERENCE + 2 * PERIOD, seed=1)
    reports = champion_watch()
    assert [(report.images, report.drift_alarm, report.reason) for report in reports] == [
        (PERIOD, False, ""),
        (PERIOD, False, ""),
    ]
    assert champion_watch() == []
    assert not AuditEvent.objects.filter(action="watching_alarm").exists()


@pytest.mark.parametrize(
    ("planted", "attribute"),
    [({"contrast": 0.8}, "contrast"), ({"station": "NEW"}, "device"), ({"covid19": 0.4}, "answer")],
)
def test_a_planted_shift_raises_the_alarm_and_tells_people(
    version: ModelVersion,
    planted: dict[str, float],
    attribute: str,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    administrator, before = account(Role.ADMINISTRATOR), timezone.now()
    answered(version, REFERENCE, seed=1)
    answered(version, PERIOD, seed=2, **planted)  # type: ignore[arg-type]  # one of its properties
    with django_capture_on_commit_callbacks(execute=True):
        (report,) = champion_watch()
    assert report.drift_alarm
    assert attribute in {shift["attribute"] for shift in report.shifts if shift["alarm"]}
    assert AuditEvent.objects.filter(action="watching_alarm").count() == 1
    assert [one.to for one in mail.outbox] == [[administrator.email]]
    assert attribute in mail.outbox[0].body
    assert alarm_since("drift", before) == report.reason
    assert alarm_since("drift", timezone.now() + timedelta(minutes=1)) is None
    assert alarm_since("agreement", before) is None


def test_too_few_answers_make_no_period(version: ModelVersion) -> None:
    answered(version, REFERENCE + PERIOD - 1, seed=1)
    assert champion_watch() == []


def test_falling_agreement_raises_its_own_alarm(version: ModelVersion) -> None:
    answered(version, REFERENCE + PERIOD, seed=1, agreement=0.9)
    (first,) = champion_watch()
    assert not first.agreement_alarm
    assert rate(first, "agreement")["rate"] == pytest.approx(0.9, abs=0.04)
    answered(version, 4 * PERIOD, seed=2, agreement=0.7)
    later = champion_watch()
    assert later[-1].agreement_alarm
    assert not later[-1].drift_alarm
    assert "readers agree with" in later[-1].reason


def test_the_laboratory_gives_sensitivity_and_specificity_in_every_part(version: ModelVersion) -> None:
    diagnoses = answered(version, REFERENCE + PERIOD, seed=1)
    for diagnosis in diagnoses[-100:]:
        LaboratoryResult.objects.create(
            patient=diagnosis.instance.series.study.patient,
            test="rt_pcr",
            finding="covid19",
            result="positive" if diagnosis.label == "covid19" else "negative",
            specimen_date=STUDY_DATE,
            recorded_by="test",
        )
    (report,) = champion_watch()
    assert rate(report, "sensitivity for COVID-19")["rate"] == 1
    specificity = rate(report, "specificity for COVID-19")
    assert specificity["low"] < specificity["rate"] == 1
    sexes = [rate(report, "specificity for COVID-19", "sex", sex)["n"] for sex in "FM"]
    assert sum(sexes) == specificity["n"]


def test_images_are_measured_once_from_their_previews(version: ModelVersion) -> None:
    diagnosis = classified(radiograph("normal", seed=1), "normal")
    stream = BytesIO()
    ramp = np.tile(np.arange(256, dtype=np.uint8), (256, 1))
    Image.fromarray(ramp).save(stream, "PNG")
    key = object_put(stream.getvalue(), suffix=".png")
    Instance.objects.filter(pk=diagnosis.instance_id).update(preview_key=key)
    assert (images_measure(), images_measure()) == (1, 0)
    values = ImageStatistics.objects.get().values
    assert values["brightness"] == pytest.approx(0.5, abs=0.01)
    assert values["darkest tones"] == pytest.approx(0.05, abs=0.01)
    assert values["height by width"] == 1


def test_a_preview_that_is_gone_is_not_asked_for_again(version: ModelVersion) -> None:
    diagnosis = classified(radiograph("normal", seed=1), "normal")
    Instance.objects.filter(pk=diagnosis.instance_id).update(preview_key="aa/bb/gone.png")
    assert (images_measure(), images_measure()) == (1, 0)
    assert ImageStatistics.objects.get().values == {}
