"""Peers in Django admin."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from apps.accounts.access import Actor
from apps.accounts.roles import Role
from apps.accounts.services import roles_sync, user_create
from apps.gateway.gauges import seconds_since_contact
from apps.gateway.models import RemoteAE
from apps.gateway.services import peer_add
from tests.gateway.listener_process import ListenerProcess


@pytest.mark.xdist_group("listener")
@pytest.mark.parametrize(("role", "status"), [(Role.ADMINISTRATOR, 200), (Role.RADIOLOGIST, 302)])
def test_administrators_send_an_echo(
    db: None, client: Client, settings: Settings, listener: ListenerProcess, role: Role, status: int
) -> None:
    settings.MFA_REQUIRED = False
    roles_sync()
    client.force_login(user_create(email="a@example.org", role=role, password="p4ss-Word-1", by="test"))
    peer = peer_add(
        name="us", ae_title="CXRPLATFORM", host="127.0.0.1", port=listener.port, actor=Actor.system("test")
    )
    address = reverse("admin:gateway_remoteae_changelist")

    assert client.get(address).status_code == status
    client.post(address, {"action": "send_echo", "_selected_action": [peer.pk]})

    peer.refresh_from_db()
    assert peer.last_echo_result == ("Success" if status == 200 else "")


def test_peers_that_were_heard_are_measured(db: None) -> None:
    peer = peer_add(name="pacs", ae_title="A", host="h", port=104, actor=Actor.system("test"))
    assert seconds_since_contact() == {}

    RemoteAE.objects.filter(pk=peer.pk).update(last_contact_at="2026-01-01T00:00Z")
    assert seconds_since_contact()["pacs"] > 0
