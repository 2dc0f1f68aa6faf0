from django.apps import AppConfig


class CoreConfig(AppConfig):
    name = "apps.core"
    label = "core"
    verbose_name = "Core"

    def ready(self) -> None:
        from apps.core import health
        from apps.core.registries import ReadinessCheck, readiness_checks

        readiness_checks.register(ReadinessCheck("database", health.database_check))
        readiness_checks.register(ReadinessCheck("spool", health.spool_check))
