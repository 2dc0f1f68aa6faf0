"""Turn a matplotlib figure into SVG that stands inside an HTML page and says what it shows."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import matplotlib
from markupsafe import Markup
from matplotlib.figure import Figure

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b8860b", "#56b4e9", "#000000")
"""Told apart by people who are colour-blind too (Okabe and Ito 2008, the yellow darkened for white paper)."""

DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)))
"""So that lines can be told apart without colour."""

INK, GREY = "#1b1f24", "#8a929b"

_SVG = "{http://www.w3.org/2000/svg}"
_XLINK_HREF = "{http://www.w3.org/1999/xlink}href"
_LOOK: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: it can be read aloud and searched
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.labelcolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 8,
}


def inline_svg(
    draw: Callable[[Figure], None], *, size: tuple[float, float], name: str, title: str, description: str
) -> Markup:
    """Let `draw` fill a figure of `size` inches and give it as an `<svg>` element that an HTML page can hold.

    It has a title and a description for screen readers. `name` goes before every id, so that several
    drawings can share a page. Nothing in it refers to anything outside it, and the same drawing gives the
    same text.
    """
    written = io.StringIO()
    with matplotlib.rc_context({**_LOOK, "svg.hashsalt": name}):
        figure = Figure(figsize=size, layout="constrained")
        draw(figure)
        figure.savefig(written, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    return Markup(_inlined(written.getvalue(), name, title, description))  # noqa: S704  ElementTree escapes


def _inlined(svg: str, name: str, title: str, description: str) -> str:
    ElementTree.register_namespace("", _SVG.strip("{}"))
    root = ElementTree.fromstring(svg)  # noqa: S314  drawn above, from nobody else
    for parent in list(root.iter()):
        for style in parent.findall(f"{_SVG}style"):
            parent.remove(style)  # it would hold for the whole page
    for element in root.iter():
        for attribute, value in list(element.items()):
            if attribute == "id":
                element.set(attribute, f"{name}-{value}")
            elif attribute == _XLINK_HREF:
                del element.attrib[attribute]
                element.set("href", value.replace("#", f"#{name}-", 1))
            else:
                element.set(attribute, value.replace("url(#", f"url(#{name}-"))
    for position, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = ElementTree.Element(f"{_SVG}{tag}", {"id": f"{name}-{tag}"})
        element.text = text
        root.insert(position, element)
    root.set("role", "img")
    root.set("aria-labelledby", f"{name}-title {name}-desc")
    return ElementTree.tostring(root, encoding="unicode")
