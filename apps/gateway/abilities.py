"""What the listener offers: one table each for negotiation, for answers and for the conformance statement."""

from __future__ import annotations

from enum import Enum

from apps.studies.decoding.transfer_syntaxes import DECODABLE_TRANSFER_SYNTAXES

VERIFICATION = "1.2.840.10008.1.1"

STORAGE_SOP_CLASSES = {
    "1.2.840.10008.5.1.4.1.1.1": "Computed Radiography Image Storage",
    "1.2.840.10008.5.1.4.1.1.1.1": "Digital X-Ray Image Storage - For Presentation",
    "1.2.840.10008.5.1.4.1.1.1.1.1": "Digital X-Ray Image Storage - For Processing",
    "1.2.840.10008.5.1.4.1.1.7": "Secondary Capture Image Storage",
}

TRANSFER_SYNTAXES = tuple(DECODABLE_TRANSFER_SYNTAXES)
"""Exactly what the workers decode. Deflated is left out for good: a megabyte of it inflates to gigabytes."""


class StoreStatus(Enum):
    """A C-STORE answer: its code, and when it is given (PS3.4 B.2.3, PS3.7 C)."""

    SUCCESS = 0x0000, "The object is on disk and its row is committed, or both were so already."
    CONFLICT = (
        0xB007,
        "Other bytes are held under this SOP Instance UID, or the study is another patient's; kept aside.",
    )
    OUT_OF_RESOURCES = 0xA700, "The disk or the database does not take the object now; send it again later."
    MISMATCH = 0xA900, "The UIDs of command and dataset differ; quarantined."
    CANNOT_UNDERSTAND = 0xC000, "The dataset cannot be parsed, lacks its UIDs or is too large; quarantined."
    PROCESSING_FAILURE = 0x0110, "Something unexpected happened; the log says more."
    SOP_CLASS_NOT_SUPPORTED = 0x0122, "The command names another SOP class than its presentation context."
    NOT_AUTHORISED = 0x0124, "The peer is known but may not store here."

    def __init__(self, code: int, meaning: str) -> None:
        self.code = code
        self.meaning = meaning
