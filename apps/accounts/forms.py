"""Forms of the sign-in pages."""

from __future__ import annotations

from typing import Any, ClassVar

from allauth.account.adapter import get_adapter
from allauth.account.forms import LoginForm, SignupForm
from allauth.account.internal.userkit import filter_users_by_email
from django import forms
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from apps.accounts.access import client_address
from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.accounts.services import access_request_create

ROLES_TO_ASK_FOR = [choice for choice in Role.choices if choice[0] != Role.INTEGRATOR]
"""Systems do not ask: an administrator makes their accounts."""


class SignInForm(LoginForm):
    """E-mail address and password, and whether this device may fill in the address next time."""

    remember_address = forms.BooleanField(label="Remember my e-mail address on this device", required=False)


class RequestAccessForm(SignupForm):
    """Asks for access: an inactive account, and a request that an administrator decides."""

    first_name = forms.CharField(max_length=150, widget=forms.TextInput({"autocomplete": "given-name"}))
    last_name = forms.CharField(max_length=150, widget=forms.TextInput({"autocomplete": "family-name"}))
    wanted_role = forms.ChoiceField(label="Role", choices=ROLES_TO_ASK_FOR)
    reason = forms.CharField(
        label="What do you need it for?",
        max_length=1000,
        widget=forms.Textarea({"rows": 3}),
        help_text="For the administrator who decides. No patient data, please.",
    )
    field_order: ClassVar[list[str]] = [
        "first_name",
        "last_name",
        "email",
        "wanted_role",
        "reason",
        "password1",
        "password2",
    ]

    def validate_unique_email(self, value: str) -> str:
        """Remember that the address is known, and tell only its owner, by mail."""
        self.account_already_exists = bool(filter_users_by_email(value))
        return value

    def try_save(self, request: HttpRequest) -> tuple[User | None, HttpResponse | None]:
        """Save the request; a known address gets a mail and the very page that a new one gets."""
        if self.account_already_exists:
            get_adapter().send_account_already_exists_mail(self.cleaned_data["email"])
            return None, redirect("account_inactive")
        return self.save(request), None

    def save(self, request: HttpRequest) -> User:
        """Create account and request together, or neither."""
        with transaction.atomic():
            user: User = super().save(request)
            access_request_create(
                user=user,
                wanted_role=Role(self.cleaned_data["wanted_role"]),
                reason=self.cleaned_data["reason"],
                source=client_address(request),
            )
        return user


class UserAddForm(forms.ModelForm[User]):
    """An account that an administrator makes for somebody, or for a system."""

    role = forms.ChoiceField(choices=Role.choices)
    first_password = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="Have its owner change it after signing in.",
    )

    class Meta:
        model = User
        fields = ("email", "first_name", "last_name")

    def clean_email(self) -> str:
        """Compare addresses in lower case, as they are stored."""
        return str(self.cleaned_data["email"]).lower()

    def clean(self) -> dict[str, Any] | None:
        """Hold the password against the rules, with the names that it must not resemble."""
        cleaned = super().clean()
        if password := self.cleaned_data.get("first_password"):
            names = {name: self.cleaned_data.get(name, "") for name in ("email", "first_name", "last_name")}
            try:
                get_adapter().clean_password(password, user=User(**names))
            except forms.ValidationError as error:
                self.add_error("first_password", error)
        return cleaned


class UserChangeForm(forms.ModelForm[User]):
    """What an administrator may change: the name, the role, and whether the account is open."""

    role = forms.ChoiceField(choices=[("", "none yet"), *Role.choices], required=False)

    class Meta:
        model = User
        fields = ("first_name", "last_name", "is_active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].initial = self.instance.role

    def clean(self) -> dict[str, Any] | None:
        """Refuse what the services would refuse, next to the field."""
        cleaned = super().clean()
        role = self.cleaned_data.get("role")
        is_active = self.cleaned_data.get("is_active")
        stays_administrator = role == Role.ADMINISTRATOR and is_active
        if self.instance.is_last_administrator and not stays_administrator:
            raise forms.ValidationError("This is the last administrator: make another one first.")
        if not role and (is_active or self.instance.role):
            self.add_error("role", "An account needs a role to be open, and keeps one when it is closed.")
        return cleaned
