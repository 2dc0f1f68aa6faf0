"""Accounts: their roles, whether they are open, and help for who cannot get in."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import ResetPasswordForm
from allauth.mfa.utils import is_mfa_enabled
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest

from apps.accounts.access import Actor
from apps.accounts.forms import UserAddForm, UserChangeForm
from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.accounts.services import (
    second_factor_reset,
    user_activate,
    user_create,
    user_deactivate,
    user_role_change,
)


@admin.register(User)
class UserAdmin(admin.ModelAdmin[User]):
    """Accounts are opened and closed, never deleted: what they did stays theirs."""

    list_display = ("email", "full_name", "role_name", "is_active", "has_second_factor", "last_login")
    list_filter = ("is_active", "groups")
    search_fields = ("email", "first_name", "last_name")
    ordering = ("email",)
    actions = ("send_password_link", "remove_second_factor")
    readonly_fields = ("email", "last_login", "date_joined", "has_second_factor")
    fields = (
        "email",
        "first_name",
        "last_name",
        "role",
        "is_active",
        "has_second_factor",
        "last_login",
        "date_joined",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups")

    def get_form(
        self, request: HttpRequest, obj: User | None = None, change: bool = False, **kwargs: Any
    ) -> type[ModelForm[User]]:
        kwargs["form"] = UserChangeForm if obj else UserAddForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        return self.fields if obj else ("email", "first_name", "last_name", "role", "first_password")

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        return self.readonly_fields if obj else ()

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        by = Actor.of_request(request)
        role = Role(form.cleaned_data["role"]) if form.cleaned_data["role"] else None
        if not change:
            assert role is not None  # noqa: S101 - the form requires it
            made = user_create(
                email=obj.email, role=role, password=form.cleaned_data["first_password"], by=by.name
            )
            obj.pk, obj._state.adding = made.pk, False
        obj.save(update_fields=["first_name", "last_name"])
        if not change:
            return
        user = User.objects.get(pk=obj.pk)
        if role is not None:
            user_role_change(user=user, role=role, by=by)
        if obj.is_active and not user.is_active:
            user_activate(user=user, by=by)
        elif user.is_active and not obj.is_active:
            user_deactivate(user=user, by=by)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        return False

    @admin.display(description="name")
    def full_name(self, user: User) -> str:
        return user.get_full_name()

    @admin.display(description="role")
    def role_name(self, user: User) -> str:
        return user.role.label if user.role else "–"

    @admin.display(description="second factor", boolean=True)
    def has_second_factor(self, user: User) -> bool:
        return bool(is_mfa_enabled(user))

    @admin.action(description="Send a link to set a new password", permissions=["change"])
    def send_password_link(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset.filter(is_active=True):
            form = ResetPasswordForm({"email": user.email})
            if form.is_valid():
                form.save(request)
                self.log_change(request, user, "Sent a link to set a new password.")
                self.message_user(request, f"A link went to {user.email}.", messages.SUCCESS)

    @admin.action(description="Remove the second factor (lost phone or key)", permissions=["change"])
    def remove_second_factor(self, request: HttpRequest, queryset: QuerySet[User]) -> None:
        for user in queryset:
            if second_factor_reset(user=user, by=Actor.of_request(request)):
                self.message_user(request, f"{user.email} sets up a new one at the next sign-in.")
