"""From a spooled file to everything its rows will say."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, time

from apps.studies.header import (
    ObjectHeader,
    UnreadableObjectError,
    read_dicom_header,
    read_picture_size,
    sniff_format,
)
from apps.studies.identifiers import derived_uid
from apps.studies.models import Instance
from apps.studies.services.spool import SpooledObject
from apps.studies.text import dicom_date, dicom_time, uid_is_valid

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ObjectDescription:
    """An object's attributes, checked and cut to their columns."""

    sha256: str
    file_format: Instance.FileFormat
    transfer_syntax_uid: str
    sop_class_uid: str
    sop_instance_uid: str
    series_instance_uid: str
    study_instance_uid: str
    rows: int | None
    columns: int | None
    patient_id: str = ""
    issuer_of_patient_id: str = ""
    patient_name: str = ""
    patient_birth_date: date | None = None
    patient_sex: str = ""
    accession_number: str = ""
    study_date: date | None = None
    study_time: time | None = None
    study_description: str = ""
    institution_name: str = ""
    modality: str = ""
    body_part_examined: str = ""
    station_name: str = ""
    instance_number: str = ""
    view_position: str = ""


def description_read(spooled: SpooledObject) -> ObjectDescription:
    """Describe a DICOM, PNG or JPEG file.

    Raises `UnreadableObjectError`, whose code tells bytes that cannot be parsed from UIDs that are
    missing, invalid, or not those that the C-STORE command announced.
    """
    if spooled.size == 0:
        raise UnreadableObjectError("The file is empty.")
    spooled.file.seek(0)
    file_format = sniff_format(spooled.file.read(136))
    if file_format == "dicom":
        return _describe_dicom(spooled, read_dicom_header(spooled.file, size=spooled.size))
    if file_format:
        return _describe_picture(spooled, Instance.FileFormat(file_format))
    raise UnreadableObjectError("The file is neither DICOM nor PNG nor JPEG.")


def _describe_picture(spooled: SpooledObject, file_format: Instance.FileFormat) -> ObjectDescription:
    rows, columns = read_picture_size(spooled.file, file_format)
    return ObjectDescription(
        sha256=spooled.file_sha256,
        file_format=file_format,
        transfer_syntax_uid="",
        sop_class_uid="",
        sop_instance_uid=derived_uid(spooled.file_sha256, "instance"),
        series_instance_uid=derived_uid(spooled.file_sha256, "series"),
        study_instance_uid=derived_uid(spooled.file_sha256, "study"),
        rows=rows,
        columns=columns,
        issuer_of_patient_id=derived_uid(spooled.file_sha256, "study"),
    )


def _describe_dicom(spooled: SpooledObject, header: ObjectHeader) -> ObjectDescription:
    _check_uids(spooled, header)
    study_instance_uid = header.uid("StudyInstanceUID")
    patient_id = header.text("PatientID", 64)
    return ObjectDescription(
        sha256=_dataset_sha256(spooled, header.dataset_offset),
        file_format=Instance.FileFormat.DICOM,
        transfer_syntax_uid=header.transfer_syntax_uid,
        sop_class_uid=header.uid("SOPClassUID"),
        sop_instance_uid=header.uid("SOPInstanceUID"),
        series_instance_uid=header.uid("SeriesInstanceUID"),
        study_instance_uid=study_instance_uid,
        rows=header.count("Rows"),
        columns=header.count("Columns"),
        patient_id=patient_id,
        # Two people without an id are two people: the study stands in for the issuer.
        issuer_of_patient_id=header.text("IssuerOfPatientID", 64) if patient_id else study_instance_uid,
        patient_name=header.text("PatientName", 324),
        patient_birth_date=dicom_date(header.code("PatientBirthDate", 10)),
        patient_sex=header.code("PatientSex", 1).upper(),
        accession_number=header.text("AccessionNumber", 64),
        study_date=dicom_date(header.code("StudyDate", 10)),
        study_time=dicom_time(header.code("StudyTime", 16)),
        study_description=header.text("StudyDescription", 64),
        institution_name=header.text("InstitutionName", 64),
        modality=header.code("Modality", 16).upper(),
        body_part_examined=header.code("BodyPartExamined", 16).upper(),
        station_name=header.text("StationName", 16),
        instance_number=header.code("InstanceNumber", 12),
        view_position=header.code("ViewPosition", 16).upper(),
    )


def _check_uids(spooled: SpooledObject, header: ObjectHeader) -> None:
    for keyword in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        uid = header.uid(keyword)
        if not uid:
            raise UnreadableObjectError(f"{keyword} is missing.", "missing_uid")
        if not uid_is_valid(uid):
            raise UnreadableObjectError(f"{keyword} is not a valid UID.", "invalid_uid")
    for keyword, announced in (
        ("SOPInstanceUID", spooled.provenance.command_sop_instance_uid),
        ("SOPClassUID", spooled.provenance.command_sop_class_uid),
    ):
        if announced is not None and announced != header.uid(keyword):
            raise UnreadableObjectError(f"{keyword} of command and dataset differ.", "uid_mismatch")


def _dataset_sha256(spooled: SpooledObject, offset: int) -> str:
    spooled.file.seek(offset)
    digest = hashlib.sha256()
    while chunk := spooled.file.read(_CHUNK_BYTES):
        digest.update(chunk)
    return digest.hexdigest()
