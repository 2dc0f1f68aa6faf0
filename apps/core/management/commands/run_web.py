"""`run_web`: serve the portal, the administration and REST by uvicorn."""

from __future__ import annotations

import socket
from argparse import ArgumentParser
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand

from apps.core.supervision import announce_ready


class _Server(uvicorn.Server):
    """Tells when it accepts requests."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        announce_ready("web", settings.HTTP_HOST)


class Command(BaseCommand):
    help = "Serve the pages and REST until SIGTERM; `up` starts this."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--socket", type=int, help="a listening socket's file descriptor")

    def handle(self, *_: Any, **options: Any) -> None:
        config = uvicorn.Config(
            settings.ASGI_APPLICATION.replace(".application", ":application"),
            host=settings.HTTP_HOST,
            port=settings.HTTP_PORT,
            log_config=None,
            access_log=False,  # addresses hold UIDs; the audit log says who saw what
            lifespan="off",
            server_header=False,
            proxy_headers=settings.BEHIND_PROXY,
            forwarded_allow_ips="127.0.0.1",
            timeout_graceful_shutdown=5,
            timeout_keep_alive=30,
        )
        inherited = options["socket"]
        sockets = None if inherited is None else [socket.socket(fileno=inherited)]
        _Server(config).run(sockets=sockets)
