"""Addresses of REST, below `/api/`."""

from __future__ import annotations

from django.urls import include, path, re_path, register_converter
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from apps.api import (
    consents,
    diagnoses,
    instances,
    laboratory_results,
    learning,
    model_changes,
    registered_models,
    snapshots,
    studies,
    training_runs,
)
from apps.api.converters import UidConverter
from apps.api.unknown import UnknownAddress

app_name = "api"
register_converter(UidConverter, "uid")

v1 = [
    path("studies/", studies.StudyCollection.as_view(), name="studies"),
    path("studies/<uid:study_instance_uid>/", studies.StudyObject.as_view(), name="study"),
    path("instances/<uid:sop_instance_uid>/", instances.InstanceObject.as_view(), name="instance"),
    path("instances/<uid:sop_instance_uid>/file/", instances.InstanceFile.as_view(), name="instance-file"),
    path(
        "instances/<uid:sop_instance_uid>/rendered/",
        instances.InstanceRendered.as_view(),
        name="instance-rendered",
    ),
    path("diagnoses/<int:diagnosis_id>/", diagnoses.DiagnosisObject.as_view(), name="diagnosis"),
    path("diagnoses/<int:diagnosis_id>/retry/", diagnoses.DiagnosisRetry.as_view(), name="diagnosis-retry"),
    path("diagnoses/<int:diagnosis_id>/reviews/", diagnoses.ReviewCollection.as_view(), name="reviews"),
    path("consents/", consents.ConsentCollection.as_view(), name="consents"),
    path(
        "laboratory-results/",
        laboratory_results.LaboratoryResultCollection.as_view(),
        name="laboratory-results",
    ),
    path("snapshots/", snapshots.SnapshotCollection.as_view(), name="snapshots"),
    path("snapshots/<int:snapshot_id>/", snapshots.SnapshotObject.as_view(), name="snapshot"),
    path("learning-queue/", learning.LearningQueueCollection.as_view(), name="learning-queue"),
    path("models/", registered_models.ModelCollection.as_view(), name="models"),
    path(
        "models/<slug:name>/versions/<int:number>/",
        registered_models.ModelVersionObject.as_view(),
        name="model-version",
    ),
    path(
        "models/<slug:name>/versions/<int:number>/archive/",
        registered_models.ModelVersionArchive.as_view(),
        name="model-archive",
    ),
    path(
        "models/<slug:name>/versions/<int:number>/promote/",
        model_changes.ModelPromotion.as_view(),
        name="model-promote",
    ),
    path("models/<slug:name>/rollback/", model_changes.ModelRollback.as_view(), name="model-rollback"),
    path("models/<slug:name>/challenger/", model_changes.ModelChallenger.as_view(), name="model-challenger"),
    path("models/<slug:name>/history/", model_changes.ModelHistory.as_view(), name="model-history"),
    path("models/<slug:name>/shadow/", model_changes.ModelShadow.as_view(), name="model-shadow"),
    path("training-runs/", training_runs.TrainingRunCollection.as_view(), name="training-runs"),
    path("training-runs/<int:run_id>/", training_runs.TrainingRunObject.as_view(), name="training-run"),
    path(
        "training-runs/<int:run_id>/cancel/",
        training_runs.TrainingRunCancel.as_view(),
        name="training-run-cancel",
    ),
]

urlpatterns = [
    path("v1/", include(v1)),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularSwaggerSplitView.as_view(url_name="api:schema"), name="docs"),
    re_path("", UnknownAddress.as_view(), name="unknown"),
]
