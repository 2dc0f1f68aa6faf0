from __future__ import annotations

from datetime import date, time

import pytest

from apps.studies.text import clean_text, dicom_date, dicom_time, uid_is_valid


@pytest.mark.parametrize("uid", ["1", "1.2.840.10008.1.2", "2.25." + "9" * 39, "1." * 31 + "12", "1.2.003"])
def test_uids_are_accepted(uid: str) -> None:
    assert uid_is_valid(uid)


@pytest.mark.parametrize(
    "uid",
    ["", ".1", "1.", "1..2", "1.2a", "../../etc/passwd", "1.2\n", "1.2 ", "1.٢", "1." * 32 + "1", "%31"],
)
def test_what_is_no_uid_is_refused(uid: str) -> None:
    assert not uid_is_valid(uid)


def test_clean_text_keeps_what_can_be_seen() -> None:
    assert clean_text(" Jörg\t\r\n\u202e\x00 Ω\u200b ", 64) == "Jörg    Ω"
    assert clean_text("abc", 2) == "ab"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("20260131", date(2026, 1, 31)),
        ("2026.01.31", date(2026, 1, 31)),
        ("20261331", None),
        ("", None),
        ("x" * 8, None),
    ],
)
def test_dates(value: str, expected: date | None) -> None:
    assert dicom_date(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("131415.123", time(13, 14, 15)),
        ("1314", time(13, 14)),
        ("13", time(13)),
        ("256000", None),
        ("235960", time(23, 59, 59)),
        ("", None),
        ("1a", None),
        ("13:14:15", time(13, 14, 15)),
    ],
)
def test_times(value: str, expected: time | None) -> None:
    assert dicom_time(value) == expected
