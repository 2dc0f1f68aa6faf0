"""Peers in Django admin."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.gateway.models import RemoteAE
from apps.gateway.services import peer_echo


@admin.register(RemoteAE)
class RemoteAEAdmin(admin.ModelAdmin[RemoteAE]):
    """Who may call, and how each answered lately."""

    list_display = [
        "name",
        "ae_title",
        "host",
        "port",
        "enabled",
        "allow_store",
        "send_results",
        "last_contact_at",
        "last_echo_result",
    ]
    list_filter = ["enabled", "allow_store", "send_results"]
    search_fields = ["name", "ae_title", "host"]
    readonly_fields = ["last_contact_at", "last_echo_at", "last_echo_result"]
    actions = ["send_echo"]

    @admin.action(description="C-ECHO", permissions=["change"])
    def send_echo(self, request: HttpRequest, queryset: QuerySet[RemoteAE]) -> None:
        """Ask the chosen peers whether they hear us."""
        Actor.of_request(request).require(Right.CONFIGURE)
        for peer in queryset:
            result = peer_echo(peer)
            level = messages.SUCCESS if result == "Success" else messages.ERROR
            self.message_user(request, f"{peer}: {result}", level)
