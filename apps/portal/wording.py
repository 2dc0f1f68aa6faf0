"""Plain words, shapes and figures for what the pipeline says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from django.utils import timezone

from apps.studies.models import Patient, Study
from ml.contracts import INCONCLUSIVE, Classes, Finding, RejectionCode

_FINDING_NAMES = {
    Finding.NORMAL: "Normal",
    Finding.COVID19: "COVID-19",
    Finding.VIRAL_PNEUMONIA: "Viral pneumonia",
    Finding.BACTERIAL_PNEUMONIA: "Bacterial pneumonia",
    Finding.LUNG_OPACITY: "Lung opacity",
    INCONCLUSIVE: "Inconclusive",
}


@dataclass(frozen=True, slots=True)
class Urgency:
    """How an urgency looks and reads; the shape carries it where colour cannot."""

    code: str
    word: str
    icon: str


URGENCIES = {
    1: Urgency("urgent", "Urgent", "triangle-fill"),
    2: Urgency("priority", "Priority", "diamond-fill"),
    3: Urgency("routine", "Routine", "circle-fill"),
    4: Urgency("none", "None", "circle"),
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """A typed reason in plain words: what it is, and what a person can do about it."""

    reason: str
    advice: str


REJECTIONS = {
    RejectionCode.UNREADABLE: Explanation(
        "The image cannot be read.",
        "Send it again from the PACS or the modality. If that fails too, ask for an uncompressed export.",
    ),
    RejectionCode.UNSUPPORTED_OBJECT: Explanation(
        "This kind of object is not classified.",
        "Send a single-frame chest radiograph: CR, DX for presentation, secondary capture, PNG or JPEG.",
    ),
    RejectionCode.NOT_RADIOGRAPH: Explanation(
        "This does not look like a radiograph.",
        "Check that the right file was sent: documents, photographs and colour images are refused.",
    ),
    RejectionCode.NOT_CHEST: Explanation(
        "This does not look like a chest.",
        "The model knows chests only. Read the image without it.",
    ),
    RejectionCode.NOT_FRONTAL: Explanation(
        "This is not a frontal view.",
        "The model knows PA and AP views only. Read this view without it; a frontal view of the study, "
        "if there is one, has its own result.",
    ),
    RejectionCode.POOR_QUALITY: Explanation(
        "The image is not good enough for a result.",
        "Exposure, contrast or coverage is outside what the model was tested on. Repeat the image only if a "
        "reader needs it; otherwise read it without the model.",
    ),
    RejectionCode.FOR_PROCESSING: Explanation(
        "This is raw detector data (for processing), not an image for reading.",
        "Send the for-presentation image of the same exposure.",
    ),
}


def finding_name(label: str) -> str:
    """Return a finding's name for people; a label of a site's own vocabulary is spelled out."""
    return _FINDING_NAMES.get(label) or label.replace("_", " ").capitalize()


def class_meaning(label: str, classes: Classes) -> str:
    """Say what a class stands for; empty where its name says it: `Positive stands for COVID-19.`"""
    gathered = classes.get(label, (label,))
    if list(gathered) == [label]:
        return ""
    return f"{finding_name(label)} stands for {in_words(gathered)}."


def rejection_explained(code: str) -> Explanation:
    """Return the plain words for a rejection code."""
    try:
        return REJECTIONS[RejectionCode(code)]
    except ValueError:
        return Explanation("The image was refused.", "Read it without the model.")


def percent(value: float | None) -> str:
    """Write a probability in whole percent; never 0 % or 100 %, which would claim certainty."""
    if value is None:
        return "–"
    if value < 0.01:
        return "< 1 %"
    if value > 0.99:
        return "> 99 %"
    return f"{100 * value:.0f} %"


def either(labels: Sequence[str]) -> str:
    """Write what a prediction set leaves open: `viral pneumonia or lung opacity`."""
    if not labels:
        return "No finding fits well enough"
    written = in_words(labels)
    return written[:1].upper() + written[1:]


def in_words(labels: Sequence[str]) -> str:
    """Write labels inside a sentence: `COVID-19, viral pneumonia or lung opacity`."""
    names = [
        name if name[:2].isupper() else name[:1].lower() + name[1:]
        for name in (finding_name(label) for label in labels)
    ]
    return " or ".join(names) if len(names) <= 2 else f"{', '.join(names[:-1])} or {names[-1]}"


def duration(since: datetime | None, now: datetime | None = None) -> str:
    """Write how long something has lasted, in one unit; empty without a beginning."""
    if since is None:
        return ""
    return time_span(((now or timezone.now()) - since).total_seconds())


def time_span(seconds: float) -> str:
    """Write a length of time in one unit."""
    whole = max(0, int(seconds))
    if whole < 60:
        return "under a minute"
    if whole < 3600:
        return f"{whole // 60} min"
    if whole < 48 * 3600:
        return f"{whole // 3600} h"
    return f"{whole // 86400} days"


def age(moment: datetime | None, now: datetime | None = None) -> str:
    """Write how long ago a moment was, in one unit, as a worklist does."""
    if moment is None:
        return ""
    lasted = duration(moment, now)
    return "just now" if lasted == "under a minute" else f"{lasted} ago"


def person_name(name: str) -> str:
    """Write a DICOM person name (PS3.5 6.2.1) for reading: `Doe^Jane^Q` becomes `Doe, Jane Q`."""
    family, *rest = (part.strip() for part in name.split("=")[0].split("^"))
    given = " ".join(part for part in rest if part)
    return ", ".join(part for part in (family, given) if part) or "No name"


_SEXES = {"F": "F", "M": "M", "O": "other"}


def patient_line(patient: Patient, study: Study | None = None) -> str:
    """Write what tells two patients of one name apart: `ID 88213 · F · 61 y`."""
    parts = [f"ID {patient.patient_id}" if patient.patient_id else "no ID"]
    if patient.patient_sex in _SEXES:
        parts.append(_SEXES[patient.patient_sex])
    years = age_in_years(patient.patient_birth_date, study.study_date if study else None)
    if years is not None:
        parts.append(f"{years} y")
    return " · ".join(parts)


def age_in_years(born: date | None, on: date | None = None) -> int | None:
    """Return the age on a day (today without one); None where the birth date is missing or impossible."""
    if born is None:
        return None
    on = on or timezone.localdate()
    years = on.year - born.year - ((on.month, on.day) < (born.month, born.day))
    return years if 0 <= years <= 130 else None


def clock(moment: datetime | None) -> str:
    """Write the local time of a moment, with the day unless it is today."""
    if moment is None:
        return ""
    local = timezone.localtime(moment)
    if local.date() == timezone.localdate():
        return f"{local:%H:%M}"
    return (
        f"{local.day} {local:%b %H:%M}"
        if local.year == timezone.localdate().year
        else f"{local.day} {local:%b %Y %H:%M}"
    )
