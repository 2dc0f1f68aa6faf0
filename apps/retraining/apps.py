from functools import partial

from django.apps import AppConfig


class RetrainingConfig(AppConfig):
    name = "apps.retraining"
    label = "retraining"
    verbose_name = "Training"

    def ready(self) -> None:
        from apps.core.registries import (
            PeriodicTask,
            StorageCheck,
            WarmUp,
            gauges,
            periodic_tasks,
            storage_checks,
            warm_ups,
        )
        from apps.retraining import receivers  # noqa: F401 - connects to the signals
        from apps.retraining.gauges import GAUGES
        from apps.retraining.selectors.watching import alarm_since
        from apps.retraining.services.runs import runs_tidy
        from apps.retraining.services.snapshot_storage import snapshots_count, snapshots_verify
        from apps.retraining.triggers import Alarm, alarms

        periodic_tasks.register(PeriodicTask("training runs sweep", "retraining.sweep_runs", seconds=10.0))
        periodic_tasks.register(PeriodicTask("snapshots sweep", "retraining.sweep_snapshots", seconds=10.0))
        periodic_tasks.register(PeriodicTask("training schedules", "retraining.fire_schedules", seconds=60.0))
        periodic_tasks.register(PeriodicTask("watching", "retraining.watch_champion", seconds=600.0))
        for kind in ("drift", "agreement"):
            alarms.register(Alarm(kind, partial(alarm_since, kind)))
        storage_checks.register(StorageCheck("snapshots", snapshots_count, snapshots_verify))
        warm_ups.register(WarmUp("training", "training", runs_tidy))
        for gauge in GAUGES:
            gauges.register(gauge)
