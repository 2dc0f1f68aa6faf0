from django.apps import AppConfig


class RegistryConfig(AppConfig):
    name = "apps.registry"
    label = "registry"
    verbose_name = "Models"

    def ready(self) -> None:
        from apps.core.registries import (
            BootstrapStep,
            ReadinessCheck,
            StorageCheck,
            bootstrap_steps,
            readiness_checks,
            storage_checks,
        )
        from apps.registry.checks import champion_intact, versions_count, versions_verify
        from apps.registry.services import bundled_model_register

        bootstrap_steps.register(BootstrapStep("bundled model", bundled_model_register, order=40))
        readiness_checks.register(ReadinessCheck("model", champion_intact))
        storage_checks.register(StorageCheck("models", versions_count, versions_verify))
