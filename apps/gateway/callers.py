"""Who is calling: an association's AE title and address against the peers that we know."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db.models import Q
from django.db.models.functions import Now

from apps.gateway.models import RemoteAE

_CONTACT_SECONDS = 30
"""`last_contact_at` is a sign of life, not a log: one write in this time is enough."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who may open an association."""

    ae_title: str
    address: str
    peer_id: int | None
    may_store: bool


def caller_recognise(*, ae_title: str, address: str) -> Caller | None:
    """Return the caller if a peer of this AE title may call from this address; None for a stranger.

    With `CXR_DICOM_OPEN`, strangers on this very machine are welcome and may store.
    """
    ip = _plain_ip(address)
    for peer in RemoteAE.objects.filter(enabled=True, ae_title=ae_title).order_by("-allow_store", "pk"):
        if _may_call_from(peer, ip):
            RemoteAE.objects.filter(
                Q(last_contact_at=None) | Q(last_contact_at__lt=Now() - timedelta(seconds=_CONTACT_SECONDS)),
                pk=peer.pk,
            ).update(last_contact_at=Now())
            return Caller(ae_title, address, peer.pk, peer.allow_store)
    if settings.DICOM_OPEN and ip.is_loopback:
        return Caller(ae_title, address, None, True)
    return None


def _may_call_from(peer: RemoteAE, ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if peer.network:
        return ip in ipaddress.ip_network(peer.network, strict=False)
    try:
        found = socket.getaddrinfo(peer.host, None)
    except OSError:
        return False
    return any(_plain_ip(str(entry[4][0])) == ip for entry in found)


def _plain_ip(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    ip = ipaddress.ip_address(address.split("%")[0])
    return getattr(ip, "ipv4_mapped", None) or ip
