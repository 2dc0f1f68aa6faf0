"""People and systems that use the platform."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.db import models
from rest_framework_api_key.models import AbstractAPIKey

from apps.accounts.roles import Right, Role


class UserManager(BaseUserManager["User"]):
    """Makes users known by their e-mail address."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create a user; the address is stored in lower case, because people type it either way."""
        if not email:
            raise ValueError("A user needs an e-mail address.")
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create a user who may do anything in Django admin."""
        return self.create_user(email, password, **{**fields, "is_staff": True, "is_superuser": True})


class User(AbstractUser):
    """A person, or an integrating system; its role is its Django group."""

    username = None  # type: ignore[assignment]  # Django takes the field away so
    email = models.EmailField("e-mail address", unique=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]  # another manager than the base

    class Meta:
        permissions = [(right.value.removeprefix("accounts."), right.label) for right in Right]

    def __str__(self) -> str:
        return self.email

    @property
    def role(self) -> Role | None:
        """The user's role; None until an administrator gave one."""
        names = {group.name for group in self.groups.all()}
        return next((role for role in Role if role.value in names), None)

    @property
    def is_last_administrator(self) -> bool:
        """Whether nobody else could open or close accounts."""
        if self.role is not Role.ADMINISTRATOR or not self.is_active:
            return False
        administrators = User.objects.filter(is_active=True, groups__name=Role.ADMINISTRATOR.value)
        return not administrators.exclude(pk=self.pk).exists()


class AccessRequest(models.Model):
    """A person's wish to use the platform; the account stays inactive until it is approved."""

    class Status(models.TextChoices):
        PENDING = "pending"
        APPROVED = "approved"
        DECLINED = "declined"

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="access_request")
    wanted_role = models.CharField(max_length=20, choices=Role.choices)
    reason = models.TextField(max_length=1000, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    granted_role = models.CharField(max_length=20, choices=Role.choices, blank=True)
    decided_by = models.ForeignKey(User, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    decided_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.user_id} {self.status}"


class ApiKey(AbstractAPIKey):
    """A key of a system: hashed, scoped, expiring; it can never do more than its owner's role."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys")
    scopes = models.JSONField(default=list)
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta(AbstractAPIKey.Meta):
        verbose_name = "API key"
