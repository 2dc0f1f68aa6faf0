"""Figures for `/metrics`: when each peer was last heard."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils import timezone

from apps.core.registries import Gauge
from apps.gateway.models import RemoteAE


def seconds_since_contact() -> Mapping[str, float]:
    """Return the seconds since each enabled peer called us; those that never did are left out."""
    heard = RemoteAE.objects.filter(enabled=True, last_contact_at__isnull=False)
    now = timezone.now()
    return {
        name: max(0.0, (now - contact).total_seconds())
        for name, contact in heard.values_list("name", "last_contact_at")
        if contact is not None
    }


GAUGES = [
    Gauge(
        "cxr_peer_last_contact_seconds",
        "Seconds since a peer called us.",
        seconds_since_contact,
        label="peer",
    )
]
