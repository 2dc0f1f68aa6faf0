from django.apps import AppConfig


class DiagnosisConfig(AppConfig):
    name = "apps.diagnosis"
    label = "diagnosis"
    verbose_name = "Diagnosis"

    def ready(self) -> None:
        from apps.core.registries import (
            DemoStep,
            PeriodicTask,
            WarmUp,
            demo_steps,
            gauges,
            periodic_tasks,
            warm_ups,
        )
        from apps.diagnosis import receivers  # noqa: F401 - connects to the signals of studies
        from apps.diagnosis.gauges import GAUGES
        from apps.diagnosis.warming import inference_warm_up, version_watch_start

        periodic_tasks.register(PeriodicTask("diagnosis sweep", "diagnosis.sweep", seconds=10.0))
        warm_ups.register(WarmUp("inference", "inference", inference_warm_up))
        warm_ups.register(WarmUp("version watch", "inference", version_watch_start))
        for gauge in GAUGES:
            gauges.register(gauge)
        demo_steps.register(DemoStep("accounts", _demo_accounts, order=10))
        demo_steps.register(DemoStep("radiographs", _demo_radiographs, order=20))


def _demo_accounts() -> None:
    from apps.diagnosis.demo import demo_accounts

    demo_accounts()


def _demo_radiographs() -> None:
    from apps.diagnosis.demo import demo_radiographs

    demo_radiographs()
