"""The one way in, for every door: durable bytes first, then one transaction, then success.

The order is what the promise rests on: free space, raw bytes to the spool, fsync, rename, fsync of the
folder, the object into the storage, one transaction, and only then an answer that says success.
"""

from __future__ import annotations

import logging

from django.db import DatabaseError
from pydicom.dataset import FileMetaDataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import UID

from apps.studies.header import UnreadableObjectError
from apps.studies.identifiers import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from apps.studies.models import Received
from apps.studies.services.description import description_read
from apps.studies.services.errors import DatabaseUnavailableError
from apps.studies.services.registration import IngestResult, object_quarantine, object_register
from apps.studies.services.spool import Provenance, Source, SpooledObject, spool_write
from apps.studies.text import clean_text, uid_is_valid

__all__ = ["IngestResult", "object_ingest", "spooled_register"]

logger = logging.getLogger(__name__)


def object_ingest(
    *,
    source: Source,
    door: Received.Door,
    sender: str,
    actor: str,
    command_sop_instance_uid: str | None = None,
    command_sop_class_uid: str | None = None,
    transfer_syntax_uid: str | None = None,
    file_name: str = "",
    address: str = "",
) -> IngestResult:
    """Keep an object durably and register it, once however often it is sent.

    `source` is a whole file, or with `transfer_syntax_uid` the bare dataset of a C-STORE, before which
    preamble and File Meta are written here; its bytes are kept unaltered. `sender` is the calling AE title
    or the user's id; `actor` and the network `address` are for the audit log. What cannot be parsed, or
    says other UIDs than the command, is quarantined: kept, but no instance.

    Raises `StorageFullError`, `StorageUnavailableError` and `DatabaseUnavailableError` (each a
    `RetriableError`: the sender should try again) and `ObjectTooLargeError`.
    """
    provenance = Provenance(
        door=door,
        sender=clean_text(sender, 200),
        actor=clean_text(actor, 200),
        file_name=clean_text(file_name, 200),
        address=clean_text(address, 100),
        command_sop_instance_uid=command_sop_instance_uid,
        command_sop_class_uid=command_sop_class_uid,
    )
    prefix = b"" if transfer_syntax_uid is None else _file_meta(provenance, transfer_syntax_uid)
    with spool_write(source=source, prefix=prefix, provenance=provenance) as spooled:
        return spooled_register(spooled)


def spooled_register(spooled: SpooledObject) -> IngestResult:
    """Give a spooled object its place in the storage and its row, and take it out of the spool.

    Repeating this after a crash at any point changes nothing that was done before.
    """
    try:
        try:
            description = description_read(spooled)
            result = object_register(spooled, description)
        except UnreadableObjectError as error:
            object_quarantine(spooled, code=error.code, detail=error.detail)
            result = IngestResult("quarantined", None, error.code, error.detail)
    except DatabaseError as error:
        logger.error(
            "Object %s waits in the spool: the database failed (%s)", spooled.name, type(error).__name__
        )
        raise DatabaseUnavailableError(
            "The database did not take the object: it will be registered later."
        ) from error
    spooled.discard()
    return result


def _file_meta(provenance: Provenance, transfer_syntax_uid: str) -> bytes:
    """Return preamble and File Meta for a dataset that came by C-STORE (PS3.10 section 7.1)."""
    meta = FileMetaDataset()
    meta.FileMetaInformationGroupLength = 0  # counted when written
    meta.FileMetaInformationVersion = b"\x00\x01"
    for keyword, uid in (
        ("MediaStorageSOPClassUID", provenance.command_sop_class_uid),
        ("MediaStorageSOPInstanceUID", provenance.command_sop_instance_uid),
    ):
        if uid and uid_is_valid(uid):
            setattr(meta, keyword, UID(uid))
    meta.TransferSyntaxUID = UID(transfer_syntax_uid)
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    buffer = DicomBytesIO()
    write_file_meta_info(buffer, meta, enforce_standard=False)
    return b"\0" * 128 + b"DICM" + buffer.getvalue()
