"""What is kept of a header: pseudonyms, bands, defined terms."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.retraining.deidentification import (
    OLDEST,
    age_band,
    coarse_age,
    group_pseudonym,
    kept_facts,
    patient_pseudonym,
)
from tests.retraining.patients import patient_of, radiograph


@given(st.integers(min_value=0, max_value=130))
def test_an_age_becomes_a_band_that_holds_it(years: int) -> None:
    bound = coarse_age(years)
    assert bound <= years
    assert years - bound < 5 or bound == OLDEST
    assert (bound >= 18) == (years >= 18)
    assert bound % 5 == 0 or bound == 18


@given(st.dates(min_value=date(1900, 1, 1)), st.dates(min_value=date(1900, 1, 1)))
def test_impossible_dates_give_no_age(born: date, on: date) -> None:
    band = age_band(born, on)
    assert (band == "") == (on < born or on.year - born.year > 131 or coarse_years(born, on) > 130)


def coarse_years(born: date, on: date) -> int:
    return on.year - born.year - ((on.month, on.day) < (born.month, born.day))


@given(st.text(max_size=64), st.text(max_size=64), st.text(max_size=64))
def test_a_pseudonym_tells_patients_apart_and_says_nothing(one: str, other: str, issuer: str) -> None:
    assert (patient_pseudonym(one, issuer) == patient_pseudonym(other, issuer)) == (one == other)
    assert len(patient_pseudonym(one, issuer)) == 32
    assert patient_pseudonym(one, issuer) != group_pseudonym(issuer, one)


def test_another_secret_makes_other_pseudonyms(settings) -> None:  # type: ignore[no-untyped-def]
    before = patient_pseudonym("MRN-1", "")
    settings.SECRET_KEY = "another"
    assert patient_pseudonym("MRN-1", "") != before


@pytest.mark.django_db
def test_free_text_in_coded_attributes_is_not_kept() -> None:
    instance = radiograph("normal", seed=1, ViewPosition="PA FOR FLORENCE", PatientSex="X")
    facts = kept_facts(instance)
    assert (facts.sex, facts.view) == ("", "")
    assert facts.patient == patient_pseudonym(
        patient_of(instance).patient_id, patient_of(instance).issuer_of_patient_id
    )
    assert facts.source.startswith("site-")
