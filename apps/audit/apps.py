from django.apps import AppConfig

SEAL_SECONDS = 3.0


class AuditConfig(AppConfig):
    name = "apps.audit"
    label = "audit"
    verbose_name = "Audit log"

    def ready(self) -> None:
        """Have the log sealed, and show when that stops."""
        from apps.audit.selectors import unsealed_age_seconds
        from apps.core.registries import Gauge, PeriodicTask, gauges, periodic_tasks

        periodic_tasks.register(PeriodicTask("audit.seal_events", "audit.seal_events", SEAL_SECONDS))
        gauges.register(
            Gauge(
                "cxr_audit_unsealed_seconds",
                "Age of the oldest audit event that is not sealed yet",
                unsealed_age_seconds,
            )
        )
