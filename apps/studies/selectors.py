"""Reading studies by the rights of who asks; without the right, nothing is there."""

from __future__ import annotations

from django.db.models import QuerySet

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.studies.models import Instance, Patient, Series, Study


def patients_visible_to(actor: Actor) -> QuerySet[Patient]:
    """Return the patients that the actor may know."""
    patients = Patient.objects.all()
    return patients if _may_see(actor) else patients.none()


def studies_visible_to(actor: Actor) -> QuerySet[Study]:
    """Return the studies that the actor may see, with their patients."""
    studies = Study.objects.select_related("patient")
    return studies if _may_see(actor) else studies.none()


def series_visible_to(actor: Actor) -> QuerySet[Series]:
    """Return the series that the actor may see, with their studies and patients."""
    series = Series.objects.select_related("study__patient")
    return series if _may_see(actor) else series.none()


def instances_visible_to(actor: Actor) -> QuerySet[Instance]:
    """Return the instances that the actor may see, with their series, studies and patients."""
    instances = Instance.objects.select_related("series__study__patient")
    return instances if _may_see(actor) else instances.none()


def _may_see(actor: Actor) -> bool:
    return actor.may(Right.VIEW_IMAGES)
