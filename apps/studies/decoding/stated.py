"""What the header states about the kind of image, and whether that rules out a chest radiograph.

Silence is accepted everywhere: the image itself is judged later. Defined terms are those of
PS3.3 C.7.3.1.1.1 (Modality), PS3.16 annex L (Body Part Examined) and C.8.11.5 (View Position).
"""

from __future__ import annotations

import re

from apps.studies.decoding.attributes import Attributes
from ml.contracts import Rejection, RejectionCode

COMPUTED_RADIOGRAPHY = "1.2.840.10008.5.1.4.1.1.1"
DIGITAL_XRAY_FOR_PRESENTATION = "1.2.840.10008.5.1.4.1.1.1.1"
DIGITAL_XRAY_FOR_PROCESSING = "1.2.840.10008.5.1.4.1.1.1.1.1"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_CLASSIFIABLE = (COMPUTED_RADIOGRAPHY, DIGITAL_XRAY_FOR_PRESENTATION, SECONDARY_CAPTURE)

_RADIOGRAPHIC_MODALITIES = {"CR", "DX", "DR", "RG", "XR"}
_SILENT_MODALITIES = {"", "OT", "SC"}
_SILENT_BODY_PARTS = {"", "UNKNOWN", "OTHER", "NONE", "ANY", "DEFAULT", "UNDEFINED"}
_CHEST = re.compile(r"CHEST|THORA|TORAX|TORAC|LUNG|PULMO|POUMON|BRUST|CXR")
_FRONTAL = re.compile(r"\b(AP|PA)\b|ANTERO.?POSTERIOR|POSTERO.?ANTERIOR|FRONTAL")
_NOT_FRONTAL = re.compile(r"\b(LL|RL|LLD|RLD|LLO|RLO|LAO|RAO|LPO|RPO)\b|LAT|OBL|DECUB")


def stated_rejections(attributes: Attributes) -> list[Rejection]:
    """Return every reason in the header not to classify the object; an empty list if there is none."""
    rejections = []
    sop_class_uid = attributes.text("SOPClassUID")
    intent = attributes.text("PresentationIntentType")
    if sop_class_uid == DIGITAL_XRAY_FOR_PROCESSING or intent == "FOR PROCESSING":
        rejections.append(
            Rejection(
                RejectionCode.FOR_PROCESSING,
                "The image is raw detector data (For Processing); send the For Presentation image",
            )
        )
    elif sop_class_uid not in _CLASSIFIABLE:
        rejections.append(
            Rejection(
                RejectionCode.UNSUPPORTED_OBJECT,
                f"SOP class {sop_class_uid or 'unstated'} is not a CR, DX or Secondary Capture image",
            )
        )
    modality = attributes.text("Modality")
    if modality not in _RADIOGRAPHIC_MODALITIES | _SILENT_MODALITIES:
        rejections.append(
            Rejection(
                RejectionCode.NOT_RADIOGRAPH, f"The modality is {modality[:16]}, a radiograph is CR or DX"
            )
        )
    body_part = stated_body_part(attributes)
    if body_part not in _SILENT_BODY_PARTS and not _CHEST.search(body_part):
        rejections.append(
            Rejection(RejectionCode.NOT_CHEST, f"The body part is {body_part[:32]}, not the chest")
        )
    view = stated_view(attributes)
    if _NOT_FRONTAL.search(view) and not _FRONTAL.search(view):
        rejections.append(
            Rejection(RejectionCode.NOT_FRONTAL, f"The view is {view[:32]}, not a frontal AP or PA view")
        )
    return rejections


def stated_body_part(attributes: Attributes) -> str:
    """Return Body Part Examined, else the meaning of Anatomic Region Sequence, else ''."""
    return attributes.text("BodyPartExamined") or _code_meaning(attributes, "AnatomicRegionSequence")


def stated_view(attributes: Attributes) -> str:
    """Return View Position, else the meaning of View Code Sequence, else ''."""
    return attributes.text("ViewPosition") or _code_meaning(attributes, "ViewCodeSequence")


def _code_meaning(attributes: Attributes, sequence_keyword: str) -> str:
    item = attributes.item(sequence_keyword)
    return item.text("CodeMeaning") if item is not None else ""
