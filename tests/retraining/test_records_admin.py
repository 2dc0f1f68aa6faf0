"""Django admin shows data sets, consent and watching, and says nothing of whose they are."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from apps.accounts.roles import Role
from apps.retraining.models import DatasetSnapshot, ResearchConsent, WatchingReport
from apps.studies.models import Patient
from tests.retraining.patients import account, champion_version


@pytest.fixture
def administrator(db: None, settings: Settings) -> Client:
    settings.MFA_REQUIRED = False
    client = Client()
    client.force_login(account(Role.ADMINISTRATOR))
    return client


def test_an_administrator_sees_that_it_is_there_and_not_whose(administrator: Client) -> None:
    patient = Patient.objects.create(patient_id="MRN-4711", patient_name="Nightingale^Florence")
    consent = ResearchConsent.objects.create(
        patient=patient,
        decision="granted",
        decided_on=timezone.localdate(),
        evidence="Florence's file",
        recorded_by="reader@example.org",
    )
    snapshot = DatasetSnapshot.objects.create(name="Spring", laboratory_days=7, requested_by="test")
    report = WatchingReport.objects.create(
        model_version=champion_version(),
        first_diagnosis=1,
        last_diagnosis=2,
        begins_at=timezone.now(),
        ends_at=timezone.now(),
        images=2,
        reference_images=2,
        reason="cxr:1: the images or answers have changed: device.",
    )
    shown = {"researchconsent": "reader@example.org", "datasetsnapshot": "Spring", "watchingreport": "device"}
    for row, (model, word) in zip((consent, snapshot, report), shown.items(), strict=True):
        for address in (
            reverse(f"admin:retraining_{model}_changelist"),
            reverse(f"admin:retraining_{model}_change", args=[row.pk]),
        ):
            text = administrator.get(address).content.decode()
            assert word in text, address
            for secret in ("Nightingale", "Florence", "MRN-4711"):
                assert secret not in text, address
