"""The conformance statement says what the listener does, because both read the same tables."""

from __future__ import annotations

import pytest
from django.core.management import call_command
from pynetdicom.sop_class import uid_to_sop_class

from apps.gateway.abilities import STORAGE_SOP_CLASSES, TRANSFER_SYNTAXES, StoreStatus


def test_the_statement_lists_classes_syntaxes_and_statuses(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("conformance_statement")

    statement = capsys.readouterr().out
    rows = [line for line in statement.splitlines() if line.startswith("| ")]
    for uid in (*STORAGE_SOP_CLASSES, *TRANSFER_SYNTAXES):
        assert sum(f" {uid} |" in row for row in rows) == 1
    for status in StoreStatus:
        assert f"`{status.code:04X}`"[1:5] in statement
    assert statement.startswith("# DICOM conformance statement\n")


@pytest.mark.parametrize("uid", STORAGE_SOP_CLASSES)
def test_the_storage_classes_are_those_of_the_standard(uid: str) -> None:
    assert uid_to_sop_class(uid).name == STORAGE_SOP_CLASSES[uid]
