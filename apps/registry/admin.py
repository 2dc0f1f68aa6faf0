"""The registry in Django admin: everything to read, nothing to edit; aliases move by promotion only."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from apps.core.administration import ReadOnlyAdmin
from apps.registry.models import Alias, AliasChange, ModelVersion, RegisteredModel


class AliasChangeInline(admin.TabularInline[AliasChange, RegisteredModel]):
    """What was in production, when, and why."""

    model = AliasChange
    extra = 0
    can_delete = False
    fields = ["at", "alias", "from_version", "to_version", "is_rollback", "by", "reason"]
    verbose_name_plural = "history"

    def has_add_permission(self, request: HttpRequest, obj: RegisteredModel | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: RegisteredModel | None = None) -> bool:
        return False


@admin.register(RegisteredModel)
class RegisteredModelAdmin(ReadOnlyAdmin):
    """A model with the history of its aliases."""

    list_display = ["name", "description"]
    inlines = [AliasChangeInline]


@admin.register(ModelVersion)
class ModelVersionAdmin(ReadOnlyAdmin):
    """One version with its card."""

    list_display = ["__str__", "architecture", "short_digest", "created_at", "created_by", "alias_names"]
    list_filter = ["model", "architecture"]
    list_select_related = ["model"]

    def get_queryset(self, request: HttpRequest) -> Any:
        """Fetch the aliases with the versions."""
        return super().get_queryset(request).prefetch_related("aliases")

    @admin.display(description="SHA-256")
    def short_digest(self, version: ModelVersion) -> str:
        """Enough of the digest to tell versions apart."""
        return version.sha256[:12]

    @admin.display(description="aliases")
    def alias_names(self, version: ModelVersion) -> str:
        """The aliases that point here."""
        return ", ".join(alias.name for alias in version.aliases.all())


@admin.register(Alias)
class AliasAdmin(ReadOnlyAdmin):
    """Where each alias points."""

    list_display = ["__str__", "version"]
    list_select_related = ["model", "version__model"]


@admin.register(AliasChange)
class AliasChangeAdmin(ReadOnlyAdmin):
    """Every move of every alias."""

    list_display = ["at", "model", "alias", "from_version", "to_version", "is_rollback", "by", "reason"]
    list_select_related = ["model", "from_version__model", "to_version__model"]
    list_filter = ["model", "alias", "is_rollback"]
