from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "apps.accounts"
    label = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        """Keep groups in step with the roles, and record who comes and goes."""
        from apps.accounts import receivers  # noqa: F401 - its decorators connect
        from apps.accounts.services.roles import roles_sync
        from apps.core.registries import BootstrapStep, bootstrap_steps

        bootstrap_steps.register(BootstrapStep("roles", roles_sync, order=10))
