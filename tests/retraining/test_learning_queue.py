"""What is worth a review: doubt, disagreement, the unusual, and only with consent."""

from __future__ import annotations

import math

import pytest
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from apps.accounts.access import Actor
from apps.accounts.roles import Role
from apps.core.errors import NotPermittedError
from apps.diagnosis.models import Diagnosis, ShadowResult
from apps.diagnosis.services import review_record
from apps.retraining.selectors import learning_queue
from apps.retraining.selectors.learning import entropy
from apps.retraining.services import consent_record
from ml.contracts import Finding
from tests.retraining.patients import (
    account,
    actor_of,
    champion_version,
    classified,
    patient_of,
    radiograph,
    read,
)

SURE = {str(one): 0.96 if one == Finding.NORMAL else 0.01 for one in Finding}
UNSURE = dict.fromkeys(map(str, Finding), 0.2)


@pytest.fixture
def reader(db: None, settings: Settings) -> Actor:
    settings.RESEARCH_CONSENT_DEFAULT = True
    return actor_of(Role.RADIOLOGIST)


def diagnosed(seed: int, probabilities: dict[str, float], **fields: object) -> Diagnosis:
    return classified(radiograph("normal", seed=seed), "normal", probabilities=probabilities, **fields)


def queue(reader: Actor) -> list[tuple[int, str]]:
    return [(one.diagnosis.pk, " ".join(one.reasons)) for one in learning_queue(actor=reader).images]


def test_the_doubtful_come_before_the_sure(reader: Actor) -> None:
    diagnosed(1, SURE)
    doubtful = diagnosed(2, UNSURE)
    wide = diagnosed(3, UNSURE, prediction_set=["normal", "covid19"])
    found = queue(reader)
    assert [pk for pk, _ in found] == [wide.pk, doubtful.pk]
    assert "2 findings remain possible." in found[0][1]
    assert "100% of the greatest possible doubt" in found[1][1]


def test_a_challenger_that_disagrees_makes_a_sure_image_worth_it(reader: Actor) -> None:
    sure, agreed = diagnosed(1, SURE), diagnosed(2, SURE)
    for diagnosis, label in ((sure, "covid19"), (agreed, "normal")):
        ShadowResult.objects.create(
            diagnosis=diagnosis,
            instance=diagnosis.instance,
            model_version=champion_version(),
            status=Diagnosis.Status.COMPLETED,
            label=label,
        )
    assert queue(reader) == [(sure.pk, "The challenger gives another answer.")]


def test_one_dissenting_reader_asks_for_a_second_and_then_it_is_settled(reader: Actor) -> None:
    instance = radiograph("normal", seed=1)
    review = read(instance, "normal", seen="covid19", probabilities=SURE)
    assert "second reading" in queue(reader)[0][1]
    review_record(diagnosis=review.diagnosis, actor=Actor.of_user(account(Role.CLINICIAN)), verdict="agree")
    assert queue(reader) == []


def test_what_was_read_and_agreed_is_not_offered_again(reader: Actor) -> None:
    read(radiograph("normal", seed=1), "normal", probabilities=UNSURE)
    assert queue(reader) == []


def test_images_without_consent_are_counted_and_not_offered(reader: Actor, settings: Settings) -> None:
    settings.RESEARCH_CONSENT_DEFAULT = False
    doubtful = diagnosed(1, UNSURE)
    diagnosed(2, UNSURE)
    consent_record(
        patient=patient_of(doubtful.instance),
        decision="granted",
        decided_on=timezone.localdate(),
        evidence="form",
        actor=actor_of(Role.CLINICIAN),
    )
    found = learning_queue(actor=reader)
    assert [one.diagnosis for one in found.images] == [doubtful]
    assert found.without_consent == 1


@pytest.mark.parametrize("role", [Role.DATA_SCIENTIST, Role.ADMINISTRATOR, Role.TECHNICIAN])
@pytest.mark.django_db
def test_it_is_for_readers(role: Role) -> None:
    with pytest.raises(NotPermittedError):
        learning_queue(actor=actor_of(role))


@given(st.lists(st.floats(min_value=0.001, max_value=1), min_size=2, max_size=8))
def test_entropy_is_a_share_and_greatest_where_all_is_equal(weights: list[float]) -> None:
    total = sum(weights)
    found = entropy([weight / total for weight in weights])
    assert 0 <= found <= 1
    assert math.isclose(entropy([1 / len(weights)] * len(weights)), 1)
    assert entropy([1.0, *[0.0] * (len(weights) - 1)]) == 0
