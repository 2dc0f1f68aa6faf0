"""Addresses of the pages."""

from django.contrib.auth.decorators import login_not_required
from django.templatetags.static import static
from django.urls import path
from django.views.generic import RedirectView

from apps.portal.views import (
    datasets,
    house,
    images,
    learning,
    model_changes,
    models,
    patients,
    reading,
    training,
    upload,
    watching,
    worklist,
)

app_name = "portal"
favicon = login_not_required(RedirectView.as_view(url=static("favicon.svg"), permanent=True))

urlpatterns = [
    path("", house.home, name="home"),
    path("favicon.ico", favicon, name="favicon"),
    path("worklist/", worklist.worklist, name="worklist"),
    path("studies/", reading.study_of_uid, name="study_of_uid"),
    path("studies/<int:study_id>/", reading.reading, name="reading"),
    path("studies/<int:study_id>/state/", reading.state, name="state"),
    path("images/<int:instance_id>/", images.picture, name="picture"),
    path("images/<int:instance_id>/file/", images.original, name="original"),
    path("findings/<int:finding_id>/saliency/", images.saliency, name="saliency"),
    path("diagnoses/<int:diagnosis_id>/lungs/", images.lungs, name="lungs"),
    path("diagnoses/<int:diagnosis_id>/review/", reading.review, name="review"),
    path("diagnoses/<int:diagnosis_id>/retry/", reading.retry, name="retry"),
    path("upload/", upload.upload, name="upload"),
    path("upload/progress/", upload.progress, name="upload_progress"),
    path("models/", models.models, name="models"),
    path("models/compare/", models.compare, name="compare"),
    path("models/import/", model_changes.bring, name="model_import"),
    path("models/<slug:name>/challenger/", models.challenger, name="challenger"),
    path("models/<slug:name>/challenger/end/", model_changes.challenge_end, name="challenge_end"),
    path("models/<slug:name>/rollback/", model_changes.rollback, name="model_rollback"),
    path("models/<slug:name>/<int:number>/", models.version, name="version"),
    path("models/<slug:name>/<int:number>/archive/", model_changes.archive, name="model_archive"),
    path("models/<slug:name>/<int:number>/promote/", model_changes.promote, name="model_promote"),
    path("models/<slug:name>/<int:number>/challenge/", model_changes.challenge, name="model_challenge"),
    path("models/<slug:name>/<int:number>/checklist/", models.checklist, name="checklist"),
    path("models/<slug:name>/<int:number>/history.svg", models.history, name="history"),
    path("training/", training.runs, name="training"),
    path("training/start/", training.start, name="training_start"),
    path("training/<int:run_id>/", training.run, name="training_run"),
    path("training/<int:run_id>/cancel/", training.cancel, name="training_cancel"),
    path("datasets/", datasets.snapshots, name="snapshots"),
    path("datasets/start/", datasets.start, name="snapshot_start"),
    path("datasets/<int:snapshot_id>/", datasets.snapshot, name="snapshot"),
    path("datasets/<int:snapshot_id>/images/<slug:sha256>.png", datasets.picture, name="snapshot_picture"),
    path("worth-a-review/", learning.learning, name="learning"),
    path("patients/<int:patient_id>/", patients.records, name="patient_records"),
    path("patients/<int:patient_id>/consent/", patients.consent, name="patient_consent"),
    path("patients/<int:patient_id>/laboratory/", patients.laboratory_result, name="patient_laboratory"),
    path("watching/", watching.watching, name="watching"),
    path("account/", house.account, name="account"),
    path("emergency/", house.break_glass, name="break_glass"),
    path("emergency/end/", house.mend_glass, name="mend_glass"),
    path("help/", house.help_page, name="help"),
    path("about/", house.about, name="about"),
]
