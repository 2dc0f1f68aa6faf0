"""Write a model version's card from its measured evaluation and its lineage, and from nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml.contracts import Finding
from ml.model_folder import read_spec

PAEDIATRIC_SOURCES = ("kermany",)
"""Public sources that hold only children, where viral and bacterial pneumonia nearly all come from."""

RARE = 150
"""Below so many test images the card warns of wide intervals."""


def write_card(folder: Path) -> None:
    """Write `card.md` of a model version from its `evaluation.json`, `lineage.json` and `model.json`."""
    evaluation = json.loads((folder / "evaluation.json").read_text())
    lineage = json.loads((folder / "lineage.json").read_text())
    spec = read_spec(folder)
    sections = [
        f"# {spec.name}: {spec.architecture}, {spec.input_size} px\n\n"
        "**For research and evaluation only. Not a cleared medical device; not for clinical decisions.**",
        _use(spec.labels),
        _data(lineage),
        _results(evaluation, lineage),
        _prediction_sets(evaluation, lineage),
        _limits(evaluation, lineage),
        _making(lineage),
    ]
    (folder / "card.md").write_text("\n\n".join(sections) + "\n")


def _use(labels: tuple[str, ...]) -> str:
    return (
        "## Intended use\n\n"
        "Second look at frontal chest radiographs (CR, DX) in a research setting: an ordering of the "
        f"worklist and a hint at one of {', '.join(f'`{label}`' for label in labels)}, always read by a "
        "person. Lateral views, other body parts and other modalities are refused as far as the fitness "
        "gate recognises them."
    )


def _data(lineage: Mapping[str, Any]) -> str:
    rows = [
        f"| {name} | {source['images']:,} | {_licences(source)} | {_cell('; '.join(source['citations']))} |"
        for name, source in sorted(lineage["sources"].items())
    ]
    sides = lineage["sides"]
    counts = ", ".join(
        f"{side} {n['images']:,} images of {n['groups']:,} groups" for side, n in sides.items()
    )
    digests = "\n".join(f"- `{name}`: `{digest}`" for name, digest in lineage["manifests"].items())
    return (
        "## Data\n\n| source | radiographs | licences stated per image | cite |\n|---|---|---|---|\n"
        + "\n".join(rows)
        + f"\n\nSplit by group (a patient with every near-duplicate): {counts}. "
        + f"Manifests by SHA-256:\n\n{digests}"
    )


def _licences(source: Mapping[str, Any]) -> str:
    without = source["without_licence"]
    stated = list(source["licences"])
    if without:
        stated.append(f"not stated for {without:,}" if stated else "not stated")
    return _cell("; ".join(stated))


def _cell(text: str) -> str:
    """Keep a manifest's text inside its cell of a table."""
    return " ".join(text.split()).replace("|", "/") or "not stated"


def _results(evaluation: Mapping[str, Any], lineage: Mapping[str, Any]) -> str:
    intervals = evaluation["intervals"]

    def shown(value: float | None, interval: str) -> str:
        if value is None:
            return "–"
        if interval not in intervals:
            return f"{value:.3f}"
        low, high = intervals[interval]
        return f"{value:.3f} ({low:.3f}–{high:.3f})"

    findings = [
        f"| {name} | {figures['n']} | {shown(figures['sensitivity'], f'sensitivity_{name}')} "
        f"| {shown(figures['specificity'], '')} | {shown(figures['precision'], '')} "
        f"| {shown(evaluation['auroc'][name], f'auroc_{name}')} | {shown(figures['coverage'], '')} |"
        for name, figures in evaluation["per_class"].items()
    ]
    sources = [
        f"| {name} | {figures['n']} | {figures['accuracy']:.3f} | {figures['balanced_accuracy']:.3f} "
        f"| {figures['coverage']:.3f} |"
        for name, figures in evaluation["by_source"].items()
    ]
    return (
        f"## Results on fold {lineage['settings']['test_fold']}, same sources, held out\n\n"
        f"Neither training, the choice of the epoch nor calibration saw this fold.{_known_before(lineage)} "
        f"{evaluation['n']:,} images of {evaluation['groups']:,} groups, exported graph, intervals 95 % by "
        "resampling groups.\n\n"
        f"- Accuracy {shown(evaluation['accuracy'], 'accuracy')}\n"
        f"- Balanced accuracy {shown(evaluation['balanced_accuracy'], 'balanced_accuracy')}\n"
        f"- Expected calibration error {evaluation['ece']:.3f}, Brier score {evaluation['brier']:.3f}\n\n"
        "| finding | n | sensitivity | specificity | precision | AUROC | coverage |\n"
        "|---|---|---|---|---|---|---|\n" + "\n".join(findings) + "\n\n"
        "| source | n | accuracy | balanced accuracy | coverage |\n|---|---|---|---|---|\n"
        + "\n".join(sources)
    )


def _known_before(lineage: Mapping[str, Any]) -> str:
    """Say so when the test fold's figures were known before training went on."""
    parent = lineage["parent"]
    fold = lineage["settings"]["test_fold"]
    if not parent or parent["lineage"]["settings"]["test_fold"] != fold:
        return ""
    return " Its figures for an earlier stage were known, however, when it was decided to train on."


def _prediction_sets(evaluation: Mapping[str, Any], lineage: Mapping[str, Any]) -> str:
    coverage = evaluation["coverage"]
    right = coverage["accuracy_of_single_findings"]
    refusal = evaluation["refusal"]
    unfit = [
        f"{figures['refused']:.1%} of {figures['n']} `{label}`"
        for label, figures in refusal.items()
        if label != "radiographs"
    ]
    return (
        "## Prediction sets and refusal\n\n"
        f"Conformal quantiles per finding aim at {1 - lineage['settings']['miscoverage']:.0%} coverage of "
        f"every finding. On the test fold the set holds the true finding for {coverage['overall']:.1%} and "
        f"is a single finding for {coverage['single_finding']:.1%} of the images"
        + (f" (right for {right:.1%} of those)" if right is not None else "")
        + "; all others are called `inconclusive`. "
        f"The limits on the lungs alone refuse {refusal['radiographs']['refused']:.1%} of the test images"
        + (f", and {', '.join(unfit)} images." if unfit else ".")
    )


def _limits(evaluation: Mapping[str, Any], lineage: Mapping[str, Any]) -> str:
    limits = [
        "Findings and sources are confounded in public data. The results above are on the same sources as "
        "the training, where recognising the source helps; they do not say how well it works in another "
        "hospital."
    ]
    children = [name for name in PAEDIATRIC_SOURCES if name in lineage["sources"]]
    if children:
        limits.append(
            "Nearly all viral and bacterial cases are children of 1 to 5 years from one hospital "
            f"({', '.join(children)}). For adults these two findings are untested, and age itself may be "
            "what is recognised."
        )
    if Finding.COVID19 in evaluation["per_class"]:
        limits.append(
            "Measured before and elsewhere, not on this model: a plain network of the same kind, COVID-19 "
            "AUROC 0.98 on the same sources, fell to 0.35 on two small collections from other hospitals (76 "
            "images); cropping to the lungs, as this model does, brought such a network to 0.77 there. "
            "Expect figures of that order, and measure on your own images before any use."
        )
    limits += [
        "Conformal coverage holds for images like the calibration images; another hospital's are not.",
        "Labels are noisy: collections disagree on copies of the same image.",
    ]
    rare = [name for name, figures in evaluation["per_class"].items() if figures["n"] < RARE]
    if rare:
        limits.append(f"Few test images, wide intervals: {', '.join(rare)}.")
    return "## Limits\n\n" + "\n".join(f"- {limit}" for limit in limits)


def _making(lineage: Mapping[str, Any]) -> str:
    lungs = lineage["lungs"]
    packages = ", ".join(f"{name} {number}" for name, number in lineage["packages"].items())
    return (
        "## Making\n\n"
        f"Lung network: held-out Dice {lungs['dice_mean']:.3f} on {lungs['held_out_images']} masks "
        f"(5th percentile {lungs['dice_p5']:.3f}). Classifier: {len(lineage['history'])} epochs, seed "
        f"{lineage['settings']['seed']}, {lineage['wall_seconds'] / 60:.0f} minutes on "
        f"{lineage['hardware']['cores']} cores ({lineage['hardware']['processor']}). {packages}. "
        f"Code {lineage['code_commit'] or 'not in version control'}. Everything else is in `lineage.json`."
    )
