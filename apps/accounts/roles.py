"""Roles, and what each may do: Django groups and permissions, RELIABILITY's matrix."""

from __future__ import annotations

from django.db import models


class Role(models.TextChoices):
    """A person's or a system's part in the house."""

    CLINICIAN = "clinician", "Clinician"
    RADIOLOGIST = "radiologist", "Radiologist"
    TECHNICIAN = "technician", "Technician"
    DATA_SCIENTIST = "data_scientist", "Data scientist"
    ADMINISTRATOR = "administrator", "Administrator"
    INTEGRATOR = "integrator", "Integrator"


class Right(models.TextChoices):
    """A permission, as `user.has_perm` knows it; all live on `accounts.User`."""

    VIEW_IMAGES = "accounts.view_images", "See identified images and studies"
    UPLOAD = "accounts.upload_studies", "Send images to the platform"
    VIEW_STATUS = "accounts.view_status", "See the state of a study without its result"
    VIEW_RESULTS = "accounts.view_results", "See results"
    REVIEW = "accounts.review_results", "Agree with or correct a result"
    SIGN = "accounts.sign_reports", "Sign reports"
    VIEW_MODELS = "accounts.view_models", "See models"
    TRAIN = "accounts.train_models", "Upload and train models"
    PROMOTE = "accounts.promote_models", "Promote and roll back models"
    VIEW_DATASETS = "accounts.view_datasets", "See de-identified data"
    CONFIGURE = "accounts.configure", "Manage users, peers and settings"
    VIEW_AUDIT = "accounts.view_audit", "Read the audit log"
    BREAK_GLASS = "accounts.break_glass", "Open patient images in an emergency, logged"


RIGHTS_OF_ROLE: dict[Role, frozenset[Right]] = {
    Role.CLINICIAN: frozenset(
        {Right.VIEW_IMAGES, Right.UPLOAD, Right.VIEW_STATUS, Right.VIEW_RESULTS, Right.REVIEW}
    ),
    Role.RADIOLOGIST: frozenset(
        {
            Right.VIEW_IMAGES,
            Right.UPLOAD,
            Right.VIEW_STATUS,
            Right.VIEW_RESULTS,
            Right.REVIEW,
            Right.SIGN,
            Right.VIEW_MODELS,
        }
    ),
    Role.TECHNICIAN: frozenset({Right.VIEW_IMAGES, Right.UPLOAD, Right.VIEW_STATUS}),
    Role.DATA_SCIENTIST: frozenset({Right.VIEW_MODELS, Right.TRAIN, Right.VIEW_DATASETS}),
    Role.ADMINISTRATOR: frozenset(
        {Right.VIEW_MODELS, Right.PROMOTE, Right.CONFIGURE, Right.VIEW_AUDIT, Right.BREAK_GLASS}
    ),
    Role.INTEGRATOR: frozenset(
        {
            Right.VIEW_IMAGES,
            Right.UPLOAD,
            Right.VIEW_STATUS,
            Right.VIEW_RESULTS,
            Right.REVIEW,
            Right.VIEW_MODELS,
        }
    ),
}
"""An integrator's key narrows these by its scopes."""

ROLES_WITH_SECOND_FACTOR = frozenset({Role.ADMINISTRATOR, Role.DATA_SCIENTIST})
"""Who must have one where `CXR_MFA_REQUIRED` is on; it is offered to all."""

ADMINISTERED: dict[str, frozenset[str]] = {
    "accounts.user": frozenset({"add", "change"}),
    "accounts.accessrequest": frozenset({"change"}),
    "accounts.apikey": frozenset({"add", "change"}),
    "mfa.authenticator": frozenset({"delete"}),
    "usersessions.usersession": frozenset({"change"}),
    "gateway.remoteae": frozenset({"add", "change", "delete"}),
    "retraining.trainingschedule": frozenset({"add", "change", "delete"}),
}
"""What administrators may do in Django admin beyond looking, by model.

Every other model of ours is shown and not edited: its rows change by services, through admin actions.
"""

SHOWN_APPS = frozenset({"auth", "mfa", "usersessions"})
"""Other people's apps whose models administrators see; ours are shown all."""


def administers(app_label: str, model: str, codename: str, *, ours: bool) -> bool:
    """Say whether administrators hold Django's permission `codename` on the model of an app."""
    verb = codename.removesuffix(f"_{model}")
    if verb == "view":
        return ours or app_label in SHOWN_APPS
    return verb in ADMINISTERED.get(f"{app_label}.{model}", ())
