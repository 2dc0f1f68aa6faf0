from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccountsConfig(AppConfig):
    name = "apps.accounts"
    label = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        """Keep groups in step with the roles, and record who comes and goes."""
        from apps.accounts import receivers
        from apps.accounts.services.roles import roles_sync
        from apps.core.registries import BootstrapStep, bootstrap_steps

        bootstrap_steps.register(BootstrapStep("roles", roles_sync, order=10))
        post_migrate.connect(receivers.roles_follow_migrations, dispatch_uid="accounts.roles")
