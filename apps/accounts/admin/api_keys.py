"""Keys of systems: made here, shown once, revoked by an action."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from rest_framework_api_key.models import APIKey

from apps.accounts.access import Actor
from apps.accounts.models import ApiKey, User
from apps.accounts.scopes import SCOPES
from apps.accounts.services import api_key_create, api_key_revoke
from apps.accounts.services.api_keys import DEFAULT_DAYS, MAX_DAYS

admin.site.unregister(APIKey)  # the library's own kind of key, which nothing here accepts


class ApiKeyForm(forms.ModelForm[ApiKey]):
    """A new key: whose, what for, what it may do, and for how long."""

    user = forms.ModelChoiceField(queryset=User.objects.filter(is_active=True).order_by("email"))
    scopes = forms.MultipleChoiceField(
        choices=[(scope, scope) for scope in SCOPES],
        widget=forms.CheckboxSelectMultiple,
        help_text="The role of the account is the upper bound.",
    )
    days = forms.IntegerField(min_value=1, max_value=MAX_DAYS, initial=DEFAULT_DAYS)

    class Meta:
        model = ApiKey
        fields = ("user", "name", "scopes")


@admin.register(ApiKey)
class ApiKeyAdmin(admin.ModelAdmin[ApiKey]):
    """Known by its prefix; the key itself is kept nowhere."""

    list_display = (
        "prefix",
        "name",
        "user",
        "scope_names",
        "created",
        "expiry_date",
        "last_used_at",
        "revoked",
    )
    list_filter = ("revoked", "created")
    list_select_related = ("user",)
    search_fields = ("prefix", "name", "user__email")
    actions = ("revoke",)
    form = ApiKeyForm

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        return self.list_display if obj else ("user", "name", "scopes", "days")

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:
        return self.list_display if obj else ()

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        if change:
            return
        made, key = api_key_create(
            user=obj.user,
            scopes=form.cleaned_data["scopes"],
            days=form.cleaned_data["days"],
            name=obj.name,
            by=Actor.of_request(request).name,
        )
        obj.pk, obj.prefix = made.pk, made.prefix
        self.message_user(request, f"The key, shown only now: {key}", messages.WARNING)

    def has_delete_permission(self, request: HttpRequest, obj: ApiKey | None = None) -> bool:
        return False

    @admin.display(description="scopes")
    def scope_names(self, api_key: ApiKey) -> str:
        return ", ".join(api_key.scopes)

    @admin.action(description="Revoke, for ever", permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> None:
        for api_key in queryset:
            api_key_revoke(api_key=api_key, by=Actor.of_request(request).name)
            self.log_change(request, api_key, "Revoked.")
        self.message_user(request, "Revoked.", messages.SUCCESS)
