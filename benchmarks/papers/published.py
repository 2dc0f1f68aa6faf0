"""What was published: whose images, which classes, which figure, by which protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Paper:
    """One published result, and how its images are found in a manifest.

    `source` and `classes` choose the manifest's rows; without a source all are taken. `accuracy` is the
    published one, None where nothing was published for this protocol. `image_level` tells that the folds
    of the publication were made of images, so that a patient may stand on both sides.
    """

    name: str
    title: str
    source: str | None
    classes: Mapping[str, tuple[str, ...]]
    accuracy: float | None
    citation: str
    protocol: str
    image_level: bool = False


_OZTURK = "Ozturk et al., Comput Biol Med 121 (2020) 103792, doi:10.1016/j.compbiomed.2020.103792"
_OZTURK_PROTOCOL = (
    "Five folds of images, so that a patient's images, and near-duplicates, stand on both sides; the mean "
    "accuracy of the folds, each measured on the fifth that also watched over training."
)

PAPERS: Mapping[str, Paper] = {
    paper.name: paper
    for paper in (
        Paper(
            name="ozturk3",
            title="Ozturk 2020: COVID-19, pneumonia or opacity, no findings",
            source="ozturk",
            classes={"normal": ("normal",), "covid19": ("covid19",), "lung_opacity": ("lung_opacity",)},
            accuracy=0.8702,
            citation=_OZTURK,
            protocol=_OZTURK_PROTOCOL,
            image_level=True,
        ),
        Paper(
            name="ozturk2",
            title="Ozturk 2020: COVID-19 or no findings",
            source="ozturk",
            classes={"normal": ("normal",), "covid19": ("covid19",)},
            accuracy=0.9808,
            citation=_OZTURK,
            protocol=_OZTURK_PROTOCOL,
            image_level=True,
        ),
        Paper(
            name="kermany3",
            title="Kermany 2018: normal, viral or bacterial pneumonia, children",
            source="kermany",
            classes={
                "normal": ("normal",),
                "viral_pneumonia": ("viral_pneumonia",),
                "bacterial_pneumonia": ("bacterial_pneumonia",),
            },
            accuracy=0.9071,
            citation="Ayan et al., Arab J Sci Eng 47 (2022) 2123, doi:10.1007/s13369-021-06127-z",
            protocol=(
                "An ensemble of three networks that know ImageNet, on the collection's official 624 test "
                "images. Those are not in this manifest: folds of the official training half stand for them."
            ),
        ),
        Paper(
            name="five_findings",
            title="Every source of the manifest, five findings",
            source=None,
            classes={
                name: (name,)
                for name in (
                    "normal",
                    "covid19",
                    "viral_pneumonia",
                    "bacterial_pneumonia",
                    "lung_opacity",
                )
            },
            accuracy=None,
            citation="",
            protocol="Not published. Sources stand on both sides, so that recognising them helps.",
        ),
    )
}
