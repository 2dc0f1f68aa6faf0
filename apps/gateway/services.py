"""Peers: making them known, and asking whether they hear us."""

from __future__ import annotations

import ipaddress

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.audit.services import event_record
from apps.core.errors import ConflictError, PermanentError, PlatformError
from apps.gateway.models import RemoteAE
from apps.gateway.sender import echo


class InvalidPeerError(PermanentError):
    """A peer's AE title, port or network cannot be right."""


def peer_add(
    *,
    name: str,
    ae_title: str,
    host: str,
    port: int,
    actor: Actor,
    network: str = "",
    tls: bool = False,
    send_results: bool = False,
    allow_store: bool = False,
    storage_commitment: bool = False,
) -> RemoteAE:
    """Make a PACS or modality known; from then on the listener answers it.

    `network` (CIDR) is where it may call from; empty means from its host's addresses only.
    Raises `NotPermittedError`, `InvalidPeerError`, and `ConflictError` when name or address are taken.
    """
    actor.require(Right.CONFIGURE)
    peer = RemoteAE(
        name=name,
        ae_title=ae_title.strip(),
        host=host,
        port=port,
        network=_network(network),
        tls=tls,
        send_results=send_results,
        allow_store=allow_store,
        storage_commitment=storage_commitment,
    )
    try:
        peer.clean_fields()
        with transaction.atomic():
            peer.save()
            event_record(
                action="admin_changed",
                actor=actor.name,
                actor_role=actor.role or "",
                source=actor.source,
                object_type="RemoteAE",
                object_id=str(peer.pk),
                detail={"change": "added"},
            )
    except ValidationError as error:
        raise InvalidPeerError(" ".join(error.messages)) from error
    except IntegrityError as error:
        raise ConflictError(
            "A peer of this name, or of this AE title and address, exists already."
        ) from error
    return peer


def peer_echo(peer: RemoteAE) -> str:
    """Send the peer a C-ECHO and return, and keep with it, what came back in words."""
    try:
        status = echo(
            host=peer.host, port=peer.port, called_ae_title=peer.ae_title, calling_ae_title=settings.AE_TITLE
        )
        result = "Success" if status == 0 else f"Failed with status {status:04X}"
    except PlatformError as error:
        result = str(error)[:200]
    RemoteAE.objects.filter(pk=peer.pk).update(last_echo_at=Now(), last_echo_result=result)
    return result


def _network(text: str) -> str:
    if not text:
        return ""
    try:
        return str(ipaddress.ip_network(text, strict=False))
    except ValueError as error:
        raise InvalidPeerError(f"{text!r} is not a network: expected CIDR such as 10.1.0.0/16.") from error
