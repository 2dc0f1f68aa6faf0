"""A server that bounds what a peer can make it hold: PDU length and time, connections, message bytes.

pynetdicom as shipped trusts its peers: a six-byte header holds a thread for ever, an announced length of
4 GiB is allocated, and received objects pile up in memory. Its acceptor offers no hook for the parts
concerned, so they are exchanged right after it made them. That touches its insides: `TESTED_VERSION` and
a test tell when a new release must be looked at.
"""

from __future__ import annotations

import io
import logging
import socket
import tempfile
import time
from typing import Any

from django.conf import settings
from django.db import connections
from pynetdicom.association import Association
from pynetdicom.dimse import DIMSEServiceProvider
from pynetdicom.dimse_messages import DIMSEMessage
from pynetdicom.pdu_primitives import P_DATA
from pynetdicom.transport import RequestHandler, ThreadedAssociationServer

from apps.gateway.callers import Caller
from apps.gateway.sockets import ClosingSocket

logger = logging.getLogger(__name__)

TESTED_VERSION = "3.0.4"
MAX_PDU_BYTES = 128 * 1024
"""What we advertise (PS3.8 D.1) and, with some slack for the association request, enforce."""
PDU_DEADLINE_SECONDS = 5.0
IDLE_SECONDS = 60
MAX_ASSOCIATIONS = 64
MAX_ASSOCIATIONS_PER_ADDRESS = 32
MAX_COMMAND_BYTES = 64 * 1024
_MEMORY_BYTES = 1 << 20
"""A dataset beyond this continues in an unnamed file in the spool folder."""


class ReceivedDataset(io.BytesIO):
    """A dataset on its way in: in memory while small, then in a file that vanishes with its process.

    Trouble (a full disk, too many bytes) is remembered instead of raised, so that the sender gets an
    answer and not a broken association; the bytes after it are dropped.
    """

    def __init__(self) -> None:
        super().__init__()
        self.file = tempfile.SpooledTemporaryFile(max_size=_MEMORY_BYTES, dir=str(settings.SPOOL_DIR))  # noqa: SIM115 - closed by close()
        self.size = 0
        self.error: OSError | None = None

    @property
    def too_large(self) -> bool:
        """Whether the sender went beyond `CXR_MAX_OBJECT_BYTES`."""
        return self.size > int(settings.MAX_OBJECT_BYTES)

    def write(self, data: Any, /) -> int:
        """Append a fragment."""
        self.size += len(data)
        if self.error is None and not self.too_large:
            try:
                self.file.write(data)
            except OSError as error:
                self.error = error
        return len(data)

    def close(self) -> None:
        """Give the bytes back to the system."""
        self.file.close()
        super().close()


class BoundedDimse(DIMSEServiceProvider):
    """Receives datasets into `ReceivedDataset` and refuses endless messages."""

    def receive_primitive(self, primitive: P_DATA) -> None:
        """Take one P-DATA; an exception makes the upper layer abort the association."""
        if self.message is None:
            self.message = DIMSEMessage()
            self.message.data_set = ReceivedDataset()
        message = self.message
        super().receive_primitive(primitive)
        if self.message is not message:
            return  # complete, and handed over
        received = message.data_set.size if isinstance(message.data_set, ReceivedDataset) else 0
        # Twice the limit: by then the sender is not going to wait for an answer.
        if message.encoded_command_set.tell() > MAX_COMMAND_BYTES or received > 2 * settings.MAX_OBJECT_BYTES:
            raise ValueError("The message is longer than any that is accepted.")

    @property
    def is_receiving(self) -> bool:
        """Whether a message has begun to arrive, or waits to be handled."""
        return self.message is not None or not self.msg_queue.empty()


class BoundedSocket(ClosingSocket):
    """Reads a PDU within its length and time, or not at all."""

    def recv(self, nr_bytes: int) -> bytearray:
        """Read exactly `nr_bytes`; fewer mean that the peer closed. Raises `OSError` beyond the bounds."""
        if nr_bytes > 2 * MAX_PDU_BYTES:
            raise OSError(f"A PDU of {nr_bytes} bytes was announced.")
        assert isinstance(self.socket, socket.socket)  # noqa: S101 - tells mypy what pynetdicom promises
        deadline, received = time.monotonic() + PDU_DEADLINE_SECONDS, bytearray()
        try:
            while len(received) < nr_bytes:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise TimeoutError("A PDU did not arrive in time.")
                self.socket.settimeout(left)
                chunk = self.socket.recv(min(65536, nr_bytes - len(received)))
                if not chunk:
                    break
                received += chunk
        finally:
            self.socket.settimeout(PDU_DEADLINE_SECONDS)
        return received


class ServedAssociation(Association):
    """An association that knows its caller and leaves no database connection behind."""

    caller: Caller | None = None
    is_handling = False

    def run(self) -> None:
        """Serve until the association ends."""
        try:
            super().run()
        finally:
            connections.close_all()

    @property
    def is_busy(self) -> bool:
        """Whether a message is arriving or being handled."""
        return self.is_handling or (isinstance(self.dimse, BoundedDimse) and self.dimse.is_receiving)


class BoundedHandler(RequestHandler):
    """Makes the bounded parts out of those that pynetdicom makes."""

    def _create_association(self) -> Association:
        assoc = super()._create_association()
        assoc.__class__ = ServedAssociation
        assert assoc.dul.socket is not None  # noqa: S101 - set by the line above
        assoc.dul.socket.__class__ = BoundedSocket
        assoc.dimse = BoundedDimse(assoc)
        return assoc


class BoundedServer(ThreadedAssociationServer):
    """Admits so many connections, and so many from one address."""

    request_queue_size = 128

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # One silent peer cannot stall others here: `recv` has deadlines, and TLS is not spoken.
        super().__init__(*args, **{**kwargs, "request_handler": BoundedHandler})

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Say whether another connection from this address is admitted."""
        live = self.active_associations
        mine = sum(assoc.requestor.address == client_address[0] for assoc in live)
        admitted = mine < MAX_ASSOCIATIONS_PER_ADDRESS and len(live) < MAX_ASSOCIATIONS
        if not admitted:
            logger.warning("Too many associations: %d in all, %d from %s", len(live), mine, client_address[0])
        return admitted
