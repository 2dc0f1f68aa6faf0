"""Tidying."""

from __future__ import annotations

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.utils import timezone

from apps.core.tasks import task


@task(name="accounts.clear_sessions", queue="housekeeping")
def clear_sessions() -> None:
    """Delete sessions that ended by their age, and what was noted about where they came from."""
    Session.objects.filter(expire_date__lt=timezone.now()).delete()
    UserSession.objects.exclude(session_key__in=Session.objects.values("session_key")).delete()
