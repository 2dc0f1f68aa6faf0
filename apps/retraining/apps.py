from django.apps import AppConfig


class RetrainingConfig(AppConfig):
    name = "apps.retraining"
    label = "retraining"
    verbose_name = "Training"
