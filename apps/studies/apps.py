from django.apps import AppConfig

from apps.core.registries import PeriodicTask, StorageCheck, gauges, periodic_tasks, storage_checks


class StudiesConfig(AppConfig):
    name = "apps.studies"
    label = "studies"
    verbose_name = "Studies"

    def ready(self) -> None:
        from apps.studies.gauges import GAUGES
        from apps.studies.services.verification import stored_objects_count, stored_objects_verify

        for gauge in GAUGES:
            gauges.register(gauge)
        periodic_tasks.register(PeriodicTask("spool sweep", "studies.sweep_spool", seconds=10.0))
        periodic_tasks.register(PeriodicTask("quiet studies", "studies.complete_quiet_studies", seconds=2.0))
        periodic_tasks.register(
            PeriodicTask("conflict comparison", "studies.compare_conflicts", seconds=10.0)
        )
        storage_checks.register(StorageCheck("objects", stored_objects_count, stored_objects_verify))
