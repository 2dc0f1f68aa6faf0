from django.apps import AppConfig

CLEAR_SESSIONS_SECONDS = 3600.0


class AccountsConfig(AppConfig):
    name = "apps.accounts"
    label = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        """Keep groups in step with the roles, and record who comes and goes."""
        from apps.accounts import receivers  # noqa: F401 - its decorators connect
        from apps.accounts.services.roles import roles_sync
        from apps.core.registries import BootstrapStep, PeriodicTask, bootstrap_steps, periodic_tasks

        bootstrap_steps.register(BootstrapStep("roles", roles_sync, order=10))
        periodic_tasks.register(
            PeriodicTask("accounts.clear_sessions", "accounts.clear_sessions", CLEAR_SESSIONS_SECONDS)
        )
