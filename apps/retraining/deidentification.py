"""What may leave a radiograph's header, and in which form: everything else stays behind.

A data set holds no DICOM. Its images are grey PNG files with pixels and nothing else, so every attribute
that the Basic Application Level Confidentiality Profile (PS3.15 Annex E, table E.1-1) removes, empties or
replaces is gone, private ones included, whatever later editions of the table add. Beside the pixels a
manifest has, from the header:

| attribute | in the manifest | rule |
|---|---|---|
| Patient ID, its issuer | `group`: HMAC-SHA-256 under this site's secret | replaced by a pseudonym |
| Patient's Sex | `sex`: M, F, O or nothing | Retain Patient Characteristics option (E.3.7) |
| Birth and study date | `age`: lower bound of five years, cut at 18, one band from 90 | as above, coarser |
| View Position | `view`: a defined term or nothing | not in the table |
| Institution Name | `source`: an HMAC, so that houses can be told apart | replaced by a pseudonym |

No date, time, UID, accession number, name, station or description is written. The pixels themselves are
cleaned by refusal (Clean Pixel Data option, E.3.1): an image that says it is annotated, or in which lettering
is found, is left out.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import date

from django.conf import settings

from apps.studies.models import Instance

SEXES = frozenset({"M", "F", "O"})
VIEWS = frozenset({"AP", "PA", "LL", "RL", "RLD", "LLD", "RLO", "LLO"})
"""Defined terms of View Position, PS3.3 C.8.1.1 and C.8.11.5; anything else may be somebody's note."""
OLDEST = 90
ADULT = 18
_BAND = 5


@dataclass(frozen=True, slots=True)
class KeptFacts:
    """All that a data set says about an image besides its pixels and its label."""

    patient: str
    source: str
    sex: str
    age: str
    view: str


def kept_facts(instance: Instance) -> KeptFacts:
    """Return what may be said about an image; needs its series, study and patient."""
    study = instance.series.study
    patient = study.patient
    return KeptFacts(
        patient=patient_pseudonym(patient.patient_id, patient.issuer_of_patient_id),
        source=f"site-{_hmac('institution', study.institution_name)[:8]}",
        sex=patient.patient_sex if patient.patient_sex in SEXES else "",
        age=age_band(patient.patient_birth_date, study.study_date),
        view=instance.view_position if instance.view_position in VIEWS else "",
    )


def patient_pseudonym(patient_id: str, issuer: str) -> str:
    """Return 32 hexadecimal digits: equal for equal patients of this installation and of no use elsewhere."""
    return _hmac(issuer, patient_id)


def group_pseudonym(source: str, group: str) -> str:
    """Return the pseudonym of a group of another manifest, whose name may be anything."""
    return _hmac(f"manifest {source}", group)


def age_band(born: date | None, on: date | None) -> str:
    """Return the lower bound of the age's band in years; empty where a date is missing or impossible."""
    if born is None or on is None:
        return ""
    years = on.year - born.year - ((on.month, on.day) < (born.month, born.day))
    if not 0 <= years <= 130:
        return ""
    return str(coarse_age(years))


def coarse_age(years: float) -> int:
    """Return the lower bound of the band that an age in years lies in."""
    bound = int(years) // _BAND * _BAND
    return min(ADULT if bound < ADULT <= years else bound, OLDEST)


def _hmac(context: str, identity: str) -> str:
    text = f"{context}\0{identity}"
    return hmac.new(settings.SECRET_KEY.encode(), text.encode(), hashlib.sha256).hexdigest()[:32]
