"""The log in Django admin: to read and search, never to touch."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from apps.audit.models import AuditEvent


@admin.register(AuditEvent)
class AuditEventAdmin(admin.ModelAdmin[AuditEvent]):
    """Newest first; sealed within seconds."""

    list_display = (
        "at",
        "action",
        "outcome",
        "actor",
        "actor_role",
        "source",
        "object_type",
        "object_id",
        "sealed",
    )
    list_filter = ("action", "outcome", "actor_role", "object_type", "at")
    search_fields = ("actor", "object_id", "source")
    date_hierarchy = "at"
    show_full_result_count = False
    fields = (
        "at",
        "action",
        "outcome",
        "actor",
        "actor_role",
        "source",
        "object_type",
        "object_id",
        "detail_text",
        "sequence",
        "previous_seal",
        "seal",
    )

    def get_readonly_fields(self, request: HttpRequest, obj: AuditEvent | None = None) -> Any:
        return self.fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: AuditEvent | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AuditEvent | None = None) -> bool:
        return False

    @admin.display(boolean=True)
    def sealed(self, event: AuditEvent) -> bool:
        return event.sequence is not None

    @admin.display(description="detail")
    def detail_text(self, event: AuditEvent) -> str:
        return json.dumps(event.detail, sort_keys=True, ensure_ascii=False)
