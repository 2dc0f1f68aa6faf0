"""Second factors and running sessions, without their secrets."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

for model in (Authenticator, UserSession, EmailAddress):  # allauth's admins show secrets or edit identities
    admin.site.unregister(model)


@admin.register(Authenticator)
class AuthenticatorAdmin(admin.ModelAdmin[Authenticator]):
    """That a factor exists; its secret is nobody's business."""

    list_display = ("user", "type", "created_at", "last_used_at")
    list_filter = ("type",)
    search_fields = ("user__email",)
    fields = list_display
    readonly_fields = list_display

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False


@admin.register(UserSession)
class UserSessionAdmin(admin.ModelAdmin[UserSession]):
    """Who is signed in from where, and a way to end it."""

    list_display = ("user", "ip", "user_agent", "created_at", "last_seen_at")
    search_fields = ("user__email", "ip")
    fields = list_display
    readonly_fields = list_display
    actions = ("end",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: UserSession | None = None) -> bool:
        return False  # the row alone would go, and the session stay: see the action

    @admin.action(description="Sign out", permissions=["change"])
    def end(self, request: HttpRequest, queryset: QuerySet[UserSession]) -> None:
        for session in queryset:
            self.log_change(request, session, "Signed out.")
            session.end()
        self.message_user(request, "Signed out.", messages.SUCCESS)
