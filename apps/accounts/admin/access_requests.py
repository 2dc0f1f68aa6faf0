"""Who asks to come in: approve with a role, or decline."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from apps.accounts.access import client_address
from apps.accounts.models import AccessRequest, User
from apps.accounts.roles import Role
from apps.accounts.services import access_request_approve, access_request_decline
from apps.core.errors import PlatformError


@admin.register(AccessRequest)
class AccessRequestAdmin(admin.ModelAdmin[AccessRequest]):
    """Pending requests first; decided by actions only."""

    list_display = ("person", "email", "wanted_role", "reason", "status", "created_at", "decided_by")
    list_filter = ("status", "wanted_role")
    list_select_related = ("user", "decided_by")
    search_fields = ("user__email", "user__first_name", "user__last_name")
    ordering = ("-status", "created_at")  # pending, declined, approved; the longest wait first
    actions = ("approve_as_wanted", "decline")
    fields = (
        "person",
        "email",
        "wanted_role",
        "reason",
        "status",
        "granted_role",
        "decided_by",
        "decided_at",
        "created_at",
    )
    readonly_fields = fields

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: AccessRequest | None = None) -> bool:
        return False

    @admin.display(description="name")
    def person(self, access_request: AccessRequest) -> str:
        return access_request.user.get_full_name()

    @admin.display(description="e-mail address")
    def email(self, access_request: AccessRequest) -> str:
        return access_request.user.email

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        if self.has_change_permission(request):
            for role in Role:
                name = f"approve_as_{role.value}"
                actions[name] = (_approval(role), name, f"Approve as {role.label.lower()}")
        return actions

    @admin.action(description="Approve with the role asked for", permissions=["change"])
    def approve_as_wanted(self, request: HttpRequest, queryset: QuerySet[AccessRequest]) -> None:
        self.approve(request, queryset, None)

    @admin.action(description="Decline", permissions=["change"])
    def decline(self, request: HttpRequest, queryset: QuerySet[AccessRequest]) -> None:
        def answer(access_request: AccessRequest, by: User) -> None:
            access_request_decline(access_request=access_request, by=by, source=client_address(request))

        self._decide(request, queryset, answer, "Declined")

    def approve(self, request: HttpRequest, queryset: QuerySet[AccessRequest], role: Role | None) -> None:
        """Approve each with `role`, or with what it asked for."""

        def answer(access_request: AccessRequest, by: User) -> None:
            access_request_approve(
                access_request=access_request,
                role=role or Role(access_request.wanted_role),
                by=by,
                source=client_address(request),
            )

        self._decide(request, queryset, answer, "Approved")

    def _decide(
        self,
        request: HttpRequest,
        queryset: QuerySet[AccessRequest],
        answer: Callable[[AccessRequest, User], None],
        done: str,
    ) -> None:
        assert isinstance(request.user, User)  # noqa: S101 - admin pages have a user
        for access_request in queryset.select_related("user"):
            email = access_request.user.email
            try:
                answer(access_request, request.user)
            except PlatformError as error:
                self.message_user(request, f"Not done: {email}. {error}", messages.ERROR)
            else:
                self.log_change(request, access_request, f"{done}.")
                self.message_user(request, f"{done}: {email}.", messages.SUCCESS)


def _approval(role: Role) -> Callable[[AccessRequestAdmin, HttpRequest, QuerySet[AccessRequest]], None]:
    def approve(
        model_admin: AccessRequestAdmin, request: HttpRequest, queryset: QuerySet[AccessRequest]
    ) -> None:
        model_admin.approve(request, queryset, role)

    return approve
