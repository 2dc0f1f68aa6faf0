"""What collections call the findings, and which finding a misspelled label was meant to be."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

from ml.contracts import Finding

OUT_OF_DISTRIBUTION_PREFIX = "ood_"
"""Labels of images that must be refused; they feed the fitness gate, never the classifier."""

_SPELLINGS = {
    Finding.NORMAL: ("normal", "normals", "healthy", "nofinding", "nofindings"),
    Finding.COVID19: (
        *("covid", "covid19", "covid2019", "covidpositive", "covid19positive", "coronavirus", "sarscov2"),
        *("covid19pneumonia", "covidpneumonia", "pneumoniacovid19"),
    ),
    Finding.VIRAL_PNEUMONIA: ("viralpneumonia", "viral", "virus", "pneumoniaviral", "pneumoniavirus"),
    Finding.BACTERIAL_PNEUMONIA: (
        *("bacterialpneumonia", "bacterial", "bacteria", "pneumoniabacterial", "pneumoniabacteria"),
    ),
    Finding.LUNG_OPACITY: ("lungopacity", "lungopacities", "opacity"),
    "ood_lateral": ("lateral", "lateralview"),
    "ood_ct": ("ct", "ctslice", "ctslices"),
}
_LABELS = {spelling: str(label) for label, spellings in _SPELLINGS.items() for spelling in spellings}


def is_label(text: str) -> bool:
    """Tell whether a manifest may use this label: one of the five findings, or `ood_` and more."""
    return text in set(Finding) or (
        text.startswith(OUT_OF_DISTRIBUTION_PREFIX) and len(text) > len(OUT_OF_DISTRIBUTION_PREFIX)
    )


def label_spelled(name: str) -> str | None:
    """Return the label that a folder's name or another spelling stands for; None where it is unclear.

    `Pneumonia` alone is unclear on purpose: viral, bacterial and undetermined ones are different labels.
    """
    plain = name.strip().lower().replace("-", "_").replace(" ", "_")
    return plain if is_label(plain) else _LABELS.get(re.sub(r"[^a-z0-9]", "", name.lower()))


def closest(name: str, known: Iterable[str]) -> str | None:
    """Return which of the known names a misspelled one resembles most, or None if it resembles none."""
    matches = difflib.get_close_matches(name.strip().lower(), list(known), n=1, cutoff=0.6)
    return matches[0] if matches else None


def label_meant(text: str) -> str | None:
    """Return the label that an unknown one was probably meant to be, for an error message."""
    return label_spelled(text) or closest(text, map(str, Finding))
