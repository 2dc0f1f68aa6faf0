"""pynetdicom's sockets, closed for certain."""

from __future__ import annotations

from typing import Any

from pynetdicom import AE
from pynetdicom.transport import AssociationSocket


class ClosingSocket(AssociationSocket):
    """A socket that is closed even when the peer was gone before: pynetdicom's own then stays open."""

    def _shutdown_socket(self) -> None:
        sock = self.socket
        super()._shutdown_socket()
        if sock is not None:
            sock.close()


class CallingAE(AE):
    """An application entity for associations that we request."""

    def _create_socket(self, *arguments: Any, **named: Any) -> AssociationSocket:
        made = super()._create_socket(*arguments, **named)
        made.__class__ = ClosingSocket
        return made
