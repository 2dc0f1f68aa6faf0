"""Reading the log's state."""

from __future__ import annotations

from django.utils import timezone

from apps.audit.models import AuditEvent


def unsealed_age_seconds() -> float:
    """Return the age of the oldest event that waits for the sealer; 0 when none does."""
    oldest = AuditEvent.objects.filter(sequence=None).order_by("pk").values_list("at", flat=True).first()
    return max(0.0, (timezone.now() - oldest).total_seconds()) if oldest else 0.0
