from django.apps import AppConfig


class DiagnosisConfig(AppConfig):
    name = "apps.diagnosis"
    label = "diagnosis"
    verbose_name = "Diagnosis"

    def ready(self) -> None:
        from apps.core.registries import PeriodicTask, WarmUp, gauges, periodic_tasks, warm_ups
        from apps.diagnosis import receivers  # noqa: F401 - connects to the signals of studies
        from apps.diagnosis.gauges import GAUGES
        from apps.diagnosis.warming import inference_warm_up

        periodic_tasks.register(PeriodicTask("diagnosis sweep", "diagnosis.sweep", seconds=10.0))
        warm_ups.register(WarmUp("inference", "inference", inference_warm_up))
        for gauge in GAUGES:
            gauges.register(gauge)
