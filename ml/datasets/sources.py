"""Whose images a model was made of: licence and citation of every source, for the card and the about page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ml.datasets.manifest import ManifestRow

UNNAMED = "unnamed"
"""The source of rows whose `source` column is empty or missing."""


@dataclass(frozen=True, slots=True)
class Source:
    """A public collection: what it is, its licence, and the papers that its authors ask to cite."""

    title: str
    licence: str
    citations: tuple[str, ...]


KNOWN_SOURCES: Mapping[str, Source] = {
    "kermany": Source(
        title="Labeled Optical Coherence Tomography and Chest X-Ray Images for Classification",
        licence="CC BY 4.0",
        citations=(
            "Kermany DS, Goldbaum M, Cai W, et al. Identifying medical diagnoses and treatable diseases by "
            "image-based deep learning. Cell 172(5):1122-1131, 2018. doi:10.1016/j.cell.2018.02.010",
        ),
    ),
    "radiography_db": Source(
        title="COVID-19 Radiography Database",
        licence="research use, cite Rahman 2021 / Chowdhury 2020",
        citations=(
            "Rahman T, Khandakar A, Qiblawey Y, et al. Exploring the effect of image enhancement techniques "
            "on COVID-19 detection using chest X-ray images. Computers in Biology and Medicine 132:104319, "
            "2021. doi:10.1016/j.compbiomed.2021.104319",
            "Chowdhury MEH, Rahman T, Khandakar A, et al. Can AI help in screening viral and COVID-19 "
            "pneumonia? IEEE Access 8:132665-132676, 2020. doi:10.1109/ACCESS.2020.3010287",
        ),
    ),
    "cxnet": Source(
        title="COVID-CXNet",
        licence="per image, as its address in COVID-CXNet says",
        citations=(
            "Haghanifar A, Molahasani Majdabadi M, Choi Y, Deivalakshmi S, Ko S. COVID-CXNet: detecting "
            "COVID-19 in frontal chest X-ray images using deep learning. arXiv:2006.13807, 2020",
        ),
    ),
    "ieee8023": Source(
        title="COVID-19 Image Data Collection",
        licence="per image",
        citations=(
            "Cohen JP, Morrison P, Dao L, Roth K, Duong TQ, Ghassemi M. COVID-19 image data collection: "
            "prospective predictions are the future. arXiv:2006.11988, 2020",
        ),
    ),
    "ozturk": Source(
        title="DarkCovidNet's images",
        licence="NIH ChestX-ray8: free use; COVID-19 images: per image, as in ieee8023",
        citations=(
            "Ozturk T, Talo M, Yildirim EA, Baloglu UB, Yildirim O, Acharya UR. Automated detection of "
            "COVID-19 cases using deep neural networks with X-ray images. Computers in Biology and Medicine "
            "121:103792, 2020. doi:10.1016/j.compbiomed.2020.103792",
            "Wang X, Peng Y, Lu L, Lu Z, Bagheri M, Summers RM. ChestX-ray8: hospital-scale chest X-ray "
            "database and benchmarks on weakly-supervised classification and localization of common thorax "
            "diseases. CVPR 2017. doi:10.1109/CVPR.2017.369",
        ),
    ),
}
"""Public collections by the name that manifests here give them in `source`."""


def sources_record(rows: Sequence[ManifestRow]) -> dict[str, dict[str, Any]]:
    """Describe the sources of these rows as values that JSON can hold, by name.

    A source has `title`, `images` (how many of the rows), `licences` (those that rows state, the most
    frequent first), `without_licence` (rows that state none) and `citations`. What the manifest says comes
    first; `KNOWN_SOURCES` fills in what it leaves out.
    """
    of_source: dict[str, list[ManifestRow]] = {}
    for row in rows:
        of_source.setdefault(row.source or UNNAMED, []).append(row)
    return {name: _source_record(name, of_source[name]) for name in sorted(of_source)}


def _source_record(name: str, rows: Sequence[ManifestRow]) -> dict[str, Any]:
    known = KNOWN_SOURCES.get(name)
    stated = Counter(row.licence for row in rows if row.licence)
    if known is not None and not stated:
        stated = Counter({known.licence: len(rows)})
    citations = list(dict.fromkeys(row.citation for row in rows if row.citation))
    return {
        "title": known.title if known else "",
        "images": len(rows),
        "licences": [licence for licence, _ in stated.most_common()],
        "without_licence": len(rows) - stated.total(),
        "citations": citations or list(known.citations if known else ()),
    }
