"""C-STORE and C-ECHO as the calling side: one association per batch, each file in its own encoding."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from pydicom import dcmread
from pydicom.errors import InvalidDicomError
from pynetdicom import _config
from pynetdicom.association import Association

from apps.core.errors import PermanentError, RetriableError
from apps.gateway.abilities import VERIFICATION
from apps.gateway.sockets import CallingAE

_CONNECT_SECONDS = 10
_ANSWER_SECONDS = 60
_MAX_CONTEXTS = 128
"""PS3.8 9.3.2.2: presentation context ids are the odd numbers up to 255."""

NO_ANSWER = -1
"""Instead of a status: the peer did not answer, or accepted no encoding that this file is in."""

# Files are sent as they lie, never decoded and encoded again (a switch of pynetdicom for its whole process).
_config.STORE_SEND_CHUNKED_DATASET = True


class PeerUnreachableError(RetriableError):
    """No connection, or none in time."""


class PeerRefusedError(PermanentError):
    """The peer answered, and rejected our association."""


def store_files(
    *, host: str, port: int, called_ae_title: str, calling_ae_title: str, files: Sequence[Path]
) -> list[tuple[Path, int]]:
    """Send Part 10 files in one association and return each with its C-STORE status.

    A status of 0x0000 is success, 0xBnnn a warning, `NO_ANSWER` that the file was not sent or not
    answered. The caller decides what to send again.
    Raises `PeerUnreachableError`, `PeerRefusedError`, and `ValueError` for a file that is not DICOM.
    """
    encodings = {file: _encoding(file) for file in files}
    contexts = list(dict.fromkeys(encodings.values()))[:_MAX_CONTEXTS]
    statuses: list[tuple[Path, int]] = []
    assoc = _associate(
        host=host,
        port=port,
        called_ae_title=called_ae_title,
        calling_ae_title=calling_ae_title,
        contexts=contexts,
    )
    try:
        for number, file in enumerate(files):
            statuses.append((file, _send(assoc, file, message_id=number % 65535 + 1)))
    finally:
        if assoc.is_established:
            assoc.release()
    return statuses


def echo(*, host: str, port: int, called_ae_title: str, calling_ae_title: str) -> int:
    """Verify that a peer talks DICOM with us and return the C-ECHO status.

    Raises `PeerUnreachableError` and `PeerRefusedError`.
    """
    assoc = _associate(
        host=host,
        port=port,
        called_ae_title=called_ae_title,
        calling_ae_title=calling_ae_title,
        contexts=[(VERIFICATION, "1.2.840.10008.1.2")],
    )
    try:
        return int(assoc.send_c_echo().get("Status", NO_ANSWER))
    finally:
        if assoc.is_established:
            assoc.release()


def _associate(
    *,
    host: str,
    port: int,
    called_ae_title: str,
    calling_ae_title: str,
    contexts: Iterable[tuple[str, str]],
) -> Association:
    ae = CallingAE(calling_ae_title)
    ae.connection_timeout = _CONNECT_SECONDS
    ae.acse_timeout = _CONNECT_SECONDS
    ae.dimse_timeout = _ANSWER_SECONDS
    ae.network_timeout = _ANSWER_SECONDS
    for sop_class_uid, transfer_syntax_uid in contexts:
        ae.add_requested_context(sop_class_uid, transfer_syntax_uid)
    try:
        assoc = ae.associate(host, port, ae_title=called_ae_title)
    except OSError as error:  # the name does not resolve
        raise PeerUnreachableError(f"{host}:{port} cannot be reached: {error.strerror or error}.") from error
    if assoc.is_established:
        return assoc
    if assoc.is_rejected:
        answer = assoc.acceptor.primitive
        reason = answer.reason_str if answer is not None else "no reason given"
        raise PeerRefusedError(f"{called_ae_title} rejected our association: {reason}.")
    if assoc.acceptor.primitive is not None:
        raise PeerRefusedError(f"{called_ae_title} accepted none of what we offered.")
    raise PeerUnreachableError(f"{host}:{port} did not answer; check host, port and firewall.")


def _encoding(file: Path) -> tuple[str, str]:
    try:
        meta = dcmread(file, specific_tags=["SOPClassUID"], stop_before_pixels=True).file_meta
        return str(meta.MediaStorageSOPClassUID), str(meta.TransferSyntaxUID)
    except (InvalidDicomError, AttributeError) as error:
        raise ValueError(f"{file.name} is not a DICOM file with File Meta Information.") from error


def _send(assoc: Association, file: Path, *, message_id: int) -> int:
    if not assoc.is_established:
        return NO_ANSWER
    try:
        return int(assoc.send_c_store(file, msg_id=message_id).get("Status", NO_ANSWER))
    except (ValueError, AttributeError):
        return NO_ANSWER  # no context for this file was accepted, or its File Meta is incomplete
