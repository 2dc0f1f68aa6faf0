"""Ports to listen on."""

from __future__ import annotations

import socket

from apps.core.errors import PermanentError


class PortTakenError(PermanentError):
    """Something else listens there."""


def listening_socket(host: str, port: int) -> socket.socket:
    """Open a TCP socket that listens; port 0 picks a free one.

    The supervisor keeps it open, so that requests wait while the web process restarts.
    Raises `PortTakenError`.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=512)
    except OSError as error:
        raise PortTakenError(
            f"Cannot listen on {host} port {port}: {error.strerror}. Choose another address or port, "
            "or port 0 for a free one."
        ) from error


def free_port(host: str, port: int = 0) -> int:
    """Return `port`, or a free one for 0; raises `PortTakenError` when it cannot be listened on."""
    with listening_socket(host, port) as probe:
        return int(probe.getsockname()[1])
