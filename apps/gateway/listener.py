"""The DICOM listener: C-ECHO and C-STORE for known peers (PS3.4 annexes A and B)."""

from __future__ import annotations

import logging
import threading
import time
from socketserver import BaseServer
from typing import BinaryIO, cast

from django.conf import settings
from django.db import close_old_connections
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.dimse_primitives import C_STORE
from pynetdicom.events import Event
from pynetdicom.presentation import PresentationContextTuple

from apps.audit.services import event_record
from apps.core.errors import RetriableError
from apps.gateway.abilities import STORAGE_SOP_CLASSES, TRANSFER_SYNTAXES, VERIFICATION, StoreStatus
from apps.gateway.bounds import (
    IDLE_SECONDS,
    MAX_ASSOCIATIONS,
    MAX_PDU_BYTES,
    PDU_DEADLINE_SECONDS,
    BoundedServer,
    ReceivedDataset,
    ServedAssociation,
)
from apps.gateway.callers import Caller, caller_recognise
from apps.studies.decoding.transfer_syntaxes import EXPLICIT_VR_LITTLE_ENDIAN, IMPLICIT_VR_LITTLE_ENDIAN
from apps.studies.models import Received
from apps.studies.services.errors import ObjectTooLargeError
from apps.studies.services.ingest import IngestResult, object_ingest
from apps.studies.services.spool import spool_prepare

logger = logging.getLogger(__name__)

DRAIN_SECONDS = 6.0
_REJECTED_PERMANENT, _REJECTED_TRANSIENT = 0x01, 0x02
_STATUS_OF_CODE = {
    "uid_mismatch": StoreStatus.MISMATCH,
    "patient_mismatch": StoreStatus.CONFLICT,
    "series_mismatch": StoreStatus.CONFLICT,
}
_REJECTIONS_RECORDED_EVERY_SECONDS = 60.0
_MAX_REJECTED_CALLERS = 1000


class Listener:
    """One listening port. Its handlers run in the associations' threads."""

    def __init__(self, *, host: str, port: int) -> None:
        """Bind the port; 0 picks a free one, which `address` then tells."""
        spool_prepare()
        self._rejected: dict[tuple[str, str], float] = {}
        ae = AE(settings.AE_TITLE)
        ae.require_called_aet = True
        ae.maximum_associations = MAX_ASSOCIATIONS
        ae.maximum_pdu_size = MAX_PDU_BYTES
        ae.acse_timeout = PDU_DEADLINE_SECONDS
        ae.network_timeout = IDLE_SECONDS
        ae.dimse_timeout = IDLE_SECONDS
        ae.add_supported_context(VERIFICATION, [IMPLICIT_VR_LITTLE_ENDIAN, EXPLICIT_VR_LITTLE_ENDIAN])
        for sop_class_uid in STORAGE_SOP_CLASSES:
            ae.add_supported_context(sop_class_uid, list(TRANSFER_SYNTAXES))
        self._server = cast(
            "BoundedServer",
            ae.make_server(
                (host, port),
                evt_handlers=[
                    (evt.EVT_REQUESTED, self._admit),
                    (evt.EVT_C_ECHO, _handle_echo),
                    (evt.EVT_C_STORE, _handle_store),
                ],
                server_class=BoundedServer,
            ),
        )
        self._thread = threading.Thread(target=self._server.serve_forever, name="listener", daemon=True)

    @property
    def address(self) -> tuple[str, int]:
        """The host and port that we listen on."""
        return self._server.server_address[0], self._server.server_address[1]

    def start(self) -> None:
        """Begin to accept associations."""
        self._thread.start()

    def serve_until(self, stop: threading.Event) -> bool:
        """Wait for `stop`; return False when the port died before."""
        while not stop.wait(1.0):
            if not self._thread.is_alive():
                return False
        return True

    def drain(self) -> None:
        """Accept nothing more, let messages on their way be answered, and end every association."""
        BaseServer.shutdown(self._server)  # pynetdicom's own also looks for the server in a list it is not in
        self._server.server_close()
        deadline = time.monotonic() + DRAIN_SECONDS
        while live := cast("list[ServedAssociation]", self._server.active_associations):
            late = time.monotonic() > deadline
            for assoc in live:
                if late or not assoc.is_busy:
                    assoc.abort()
            time.sleep(0.02)

    def _admit(self, event: Event) -> None:
        """Reject strangers before anything is negotiated with them (PS3.8 9.3.4)."""
        assoc = cast("ServedAssociation", event.assoc)
        request = assoc.requestor.primitive
        assert request is not None  # noqa: S101 - the event is sent for it
        ae_title, address = str(request.calling_ae_title).strip(), assoc.requestor.address or ""
        try:
            close_old_connections()
            assoc.caller = caller_recognise(ae_title=ae_title, address=address)
            if assoc.caller is None:
                self._record_rejection(ae_title, address)
            reason = (_REJECTED_PERMANENT, 0x01, 0x03)  # calling AE title not recognised
        except Exception:
            logger.exception("A caller could not be looked up")
            reason = (_REJECTED_TRANSIENT, 0x03, 0x01)  # temporary congestion
        if assoc.caller is None:
            assoc.acse.send_reject(*reason)
            assoc.kill()

    def _record_rejection(self, ae_title: str, address: str) -> None:
        """Put a stranger into the audit log, but not once for each of its thousand attempts."""
        now, key = time.monotonic(), (ae_title, address)
        if now - self._rejected.get(key, float("-inf")) < _REJECTIONS_RECORDED_EVERY_SECONDS:
            return
        if len(self._rejected) >= _MAX_REJECTED_CALLERS:
            self._rejected.clear()
        self._rejected[key] = now
        logger.warning("Association of %s from %s rejected: unknown caller", ae_title, address)
        event_record(
            action="association_rejected",
            actor=ae_title,
            source=address,
            object_type="association",
            outcome="failure",
        )


def _handle_echo(event: Event) -> int:
    return 0x0000


def _handle_store(event: Event) -> Dataset:
    """Answer a C-STORE; an exception that escaped here would become an answer that says nothing."""
    assoc = cast("ServedAssociation", event.assoc)
    request = cast("C_STORE", event.request)
    dataset = cast("ReceivedDataset", request.DataSet)
    assoc.is_handling = True
    try:
        close_old_connections()
        return _store(request, event.context, assoc.caller, dataset)
    except ObjectTooLargeError as error:
        return _answer(StoreStatus.CANNOT_UNDERSTAND, str(error))
    except RetriableError as error:
        logger.error("An object was not taken: %s", error)
        return _answer(StoreStatus.OUT_OF_RESOURCES, str(error))
    except Exception:
        logger.exception("An object could not be processed")
        return _answer(StoreStatus.PROCESSING_FAILURE, "Unexpected error; see the log of the listener")
    finally:
        dataset.close()
        assoc.is_handling = False


def _store(
    request: C_STORE, context: PresentationContextTuple, caller: Caller | None, dataset: ReceivedDataset
) -> Dataset:
    if caller is None or not caller.may_store:
        return _answer(StoreStatus.NOT_AUTHORISED, "This peer may not store here")
    sop_class_uid = str(request.AffectedSOPClassUID)
    if sop_class_uid != context.abstract_syntax or sop_class_uid not in STORAGE_SOP_CLASSES:
        return _answer(StoreStatus.SOP_CLASS_NOT_SUPPORTED, "SOP class is not the negotiated one")
    if dataset.too_large:
        raise ObjectTooLargeError(f"The object is larger than {settings.MAX_OBJECT_BYTES} bytes.")
    if dataset.error is not None:
        logger.error("A dataset could not be received: %s", dataset.error.strerror)
        return _answer(StoreStatus.OUT_OF_RESOURCES, "No space left to receive the object")
    result = object_ingest(
        source=cast("BinaryIO", dataset.file),
        door=Received.Door.DICOM,
        sender=caller.ae_title,
        actor=caller.ae_title,
        address=caller.address,
        command_sop_instance_uid=str(request.AffectedSOPInstanceUID),
        command_sop_class_uid=sop_class_uid,
        transfer_syntax_uid=str(context.transfer_syntax),
    )
    return _answer(_status_of(result), result.detail)


def _status_of(result: IngestResult) -> StoreStatus:
    if result.outcome in ("stored", "known"):
        return StoreStatus.SUCCESS
    if result.outcome == "conflict":
        return StoreStatus.CONFLICT
    return _STATUS_OF_CODE.get(result.code, StoreStatus.CANNOT_UNDERSTAND)


def _answer(status: StoreStatus, comment: str) -> Dataset:
    """Return the status, with an Error Comment (0000,0902) of at most 64 ASCII characters (PS3.7 E.1)."""
    answer = Dataset()
    answer.Status = status.code
    if status is not StoreStatus.SUCCESS:
        answer.ErrorComment = comment.encode("ascii", "replace").decode("ascii")[:64]
    return answer
