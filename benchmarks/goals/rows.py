"""The rows of the goal table: what is wanted, and in which file the figure that was reached stands."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.goals.files import Document, Results, figure_at
from ml.contracts import Finding
from ml.evaluation.generalisation import GENERALISATION_NAME
from ml.inference.views import VIEW_GRAPH
from ml.model_folder import EXPORT_REPORT

COVID19 = Finding.COVID19.value
EVALUATION_NAME = "evaluation.json"

TRAINING = "`python -m ml.training classifier`"
GENERALISATION = "`python -m ml.training generalisation`"
AUDIT = "`manage.py audit_model`"
GATE = "`python -m ml.training.gate"
LUNGS = "`python -m ml.training lungs`"


@dataclass(frozen=True, slots=True)
class Reached:
    """A figure as its file has it, its 95 % interval where the file has one, and the command behind it."""

    value: float
    by: str
    interval: Sequence[float] | None = None


@dataclass(frozen=True, slots=True)
class Goal:
    """A row. `aim` is the least that is wanted, or with `at_most` the most; None asks for nothing.

    `anchor` is what was known before: published elsewhere, or a plain baseline on the same data.
    """

    name: str
    anchor: str
    aim: float | None
    read: Callable[[Results], Reached | None]
    at_most: bool = False

    def is_met(self, reached: Reached) -> bool | None:
        """Whether the aim is met; None without one."""
        if self.aim is None:
            return None
        return reached.value <= self.aim if self.at_most else reached.value >= self.aim


def _reached(value: float | None, by: str, interval: Sequence[float] | None = None) -> Reached | None:
    return None if value is None else Reached(value, by, interval)


def _evaluated(*keys: str, interval: str) -> Callable[[Results], Reached | None]:
    def read(results: Results) -> Reached | None:
        document = results.of_version(EVALUATION_NAME)
        return _reached(
            figure_at(document, *keys), f"{TRAINING}, test fold", figure_at(document, "intervals", interval)
        )

    return read


def _elsewhere(results: Results) -> Reached | None:
    document = results.elsewhere
    return _reached(
        figure_at(document, "auroc", COVID19),
        "`manage.py evaluate_model`",
        figure_at(document, "intervals", f"auroc_{COVID19}"),
    )


def _least_coverage(results: Results) -> Reached | None:
    """Take the finding whose prediction sets hold the truth least often."""
    document = results.of_version(EVALUATION_NAME)
    per_class = figure_at(document, "per_class") or {}
    known = {
        label: figures["coverage"] for label, figures in per_class.items() if figures["coverage"] is not None
    }
    if not known:
        return None
    worst = min(known, key=lambda label: known[label])
    interval = figure_at(document, "intervals", f"coverage_{worst}")
    return Reached(known[worst], f"{TRAINING}, test fold; `{worst}`", interval)


def _generalised(*keys: str) -> Callable[[Results], Reached | None]:
    def read(results: Results) -> Reached | None:
        return _reached(figure_at(results.of_version(GENERALISATION_NAME), *keys), GENERALISATION)

    return read


def _left_out(source: str, figure: str) -> Callable[[Results], Reached | None]:
    def read(results: Results) -> Reached | None:
        source_figures = figure_at(results.of_version(GENERALISATION_NAME), "leave_one_source_out", source)
        # The file's one interval belongs to the AUROC.
        interval = figure_at(source_figures, "interval") if figure == "covid19_auroc" else None
        return _reached(figure_at(source_figures, figure), GENERALISATION, interval)

    return read


def _paper(figure: str, *names: str) -> Callable[[Results], Reached | None]:
    def read(results: Results) -> Reached | None:
        document = results.of_paper(*names)
        if document is None:
            return None
        folds = document["folds"]
        part = (
            "" if len(folds["measured"]) == folds["of"] else f", folds {folds['measured']} of {folds['of']}"
        )
        return _reached(
            figure_at(document, figure),
            f"`{document['command']}`{part}",
            figure_at(document, "intervals", figure),
        )

    return read


def _audited(code: str) -> Callable[[Results], Reached | None]:
    def read(results: Results) -> Reached | None:
        checks = figure_at(results.audit, "checks") or ()
        check: Document = next((check for check in checks if check["code"] == code), {})
        return _reached(check.get("figure"), f"{AUDIT}, {code}", check.get("interval"))

    return read


def _gate(results: Results) -> tuple[Document | None, str]:
    """Give the gate's figures and the command that makes them: cross-fitted, else of the test fold alone."""
    record = results.of_version(f"{VIEW_GRAPH}.json")
    cross_fitted: Document | None = figure_at(record, "cross_fitted")
    if cross_fitted:
        return cross_fitted, f"{GATE} --cross-fit`"
    return figure_at(record, "held_out"), f"{GATE}`, test fold"


def _balanced_refusal(unfit: str) -> Callable[[Results], Reached | None]:
    def read(results: Results) -> Reached | None:
        figures, command = _gate(results)
        return _reached(figure_at(figures, "balanced_accuracy", unfit), command)

    return read


def _share_refused(images: str) -> Callable[[Results], Reached | None]:
    def read(results: Results) -> Reached | None:
        figures, command = _gate(results)
        share = figure_at(figures, images)
        return _reached(figure_at(share, "refused"), command, figure_at(share, "interval"))

    return read


def _exported(precision: str, figure: str) -> Callable[[Results], Reached | None]:
    def read(results: Results) -> Reached | None:
        value = figure_at(results.of_version(EXPORT_REPORT), precision, figure)
        return _reached(None if value is None else abs(value), f"{TRAINING}, export")

    return read


def _lungs(results: Results) -> Reached | None:
    return _reached(figure_at(results.of_version("lungs.json"), "dice_mean"), LUNGS)


def _benchmarked(benchmark: str, figure: str) -> Callable[[Results], Reached | None]:
    def read(results: Results) -> Reached | None:
        figures = figure_at(results.of_benchmark(benchmark), "figures") or ()
        value = next((known["value"] for known in figures if known["name"] == figure), None)
        return _reached(value, f"`python -m benchmarks {benchmark}`")

    return read


def _size(results: Results) -> Reached | None:
    return _reached(results.megabytes, "size of the folder's files")


_SOURCES = {"radiography_db": 0.85, "ieee8023": 0.85, "ozturk": 0.85}

GOALS: Sequence[Goal] = (
    Goal(
        "COVID-19 AUC with a source left out, mean",
        "0.81 to 0.90 (CAD4COVID, DeepCOVID-XR)",
        0.85,
        _generalised("mean_covid19_auroc"),
    ),
    *(
        Goal(f"… without `{source}`, measured there", "", aim, _left_out(source, "covid19_auroc"))
        for source, aim in _SOURCES.items()
    ),
    Goal("… without `cxnet` (COVID-19 only): sensitivity", "", None, _left_out("cxnet", "sensitivity")),
    Goal("COVID-19 AUC on other hospitals", "0.35, plain network on whole images", 0.85, _elsewhere),
    Goal(
        "macro F1 of normal, COVID-19, other, with a source left out",
        "0.74 (Teixeira 2021, lungs segmented)",
        0.80,
        _generalised("mean_macro_f1"),
    ),
    Goal(
        "same sources, five folds, 5 findings: accuracy",
        "0.836, plain network",
        0.92,
        _paper("accuracy", "five_findings"),
    ),
    Goal(
        "same sources, five folds, 5 findings: balanced accuracy",
        "0.735, plain network",
        0.84,
        _paper("balanced_accuracy", "five_findings"),
    ),
    Goal(
        "same sources, this version's test fold: accuracy",
        "0.836, plain network",
        0.92,
        _evaluated("accuracy", interval="accuracy"),
    ),
    Goal(
        "same sources, this version's test fold: balanced accuracy",
        "0.735, plain network",
        0.84,
        _evaluated("balanced_accuracy", interval="balanced_accuracy"),
    ),
    Goal(
        "Kermany, 3 classes, one network, no ImageNet: accuracy",
        "0.907 (Ayan 2022, ensemble, ImageNet)",
        0.91,
        _paper("accuracy", "kermany3", "kermany3-fold0"),
    ),
    Goal(
        "Ozturk, 3 classes, patients apart: accuracy",
        "none published; 0.870 leaky",
        0.84,
        _paper("accuracy", "ozturk3"),
    ),
    Goal(
        "Ozturk, 3 classes, as published (**leaky**)",
        "0.870 (Ozturk 2020)",
        0.90,
        _paper("accuracy", "ozturk3-leaky"),
    ),
    Goal("Ozturk, binary, patients apart: accuracy", "none published", None, _paper("accuracy", "ozturk2")),
    Goal(
        "Ozturk, binary, as published (**leaky**)",
        "0.981 (Ozturk 2020)",
        0.992,
        _paper("accuracy", "ozturk2-leaky"),
    ),
    Goal(
        "lungs blacked out: balanced accuracy above chance, worst variant",
        "nearly the full score (Maguolo 2021)",
        0.10,
        _audited("A3"),
        at_most=True,
    ),
    Goal("lungs only: share of the full score", "0.95", 0.95, _audited("A5")),
    Goal("source read from the features, within a class: AUC", "", 0.65, _audited("A2"), at_most=True),
    Goal("saliency energy inside the lungs", "", 0.80, _audited("A7")),
    Goal("lung segmentation: Dice", "0.969 (Rahman 2021)", 0.96, _lungs),
    Goal(
        "calibration error (ECE), held out",
        "rarely reported",
        0.03,
        _evaluated("ece", interval="ece"),
        at_most=True,
    ),
    Goal("true finding inside the prediction set, worst finding", "", 0.95, _least_coverage),
    Goal(
        "single findings (not `inconclusive`)",
        "",
        0.80,
        _evaluated("coverage", "single_finding", interval="single_finding"),
    ),
    Goal(
        "refusing real unfit images: balanced accuracy",
        "0.89 (Chester)",
        0.99,
        _balanced_refusal("real_unfit"),
    ),
    Goal("refusing real and generated unfit images: balanced accuracy", "", 0.99, _balanced_refusal("unfit")),
    Goal("share of real unfit images refused", "", None, _share_refused("real_unfit")),
    Goal("share of good radiographs refused", "", 0.01, _share_refused("good"), at_most=True),
    *(
        Goal(f"exported graph, {precision}: {title}", anchor, aim, _exported(precision, figure), at_most=True)
        for precision in ("f32", "bf16", "int8")
        for title, figure, anchor, aim in (
            ("points of accuracy from Keras", "accuracy_points", "0.1 to 0.6", 0.2),
            ("share of labels that differ", "label_flips", "", 0.005),
        )
    ),
    Goal(
        "`predict`, 10 MB DX, one core, p50 in ms",
        "",
        35,
        _benchmarked("prediction", "total, p50"),
        at_most=True,
    ),
    Goal("everything learned, MB", "", 25, _size, at_most=True),
    Goal(
        "training throughput, times a plain `model.fit`",
        "",
        1.0,
        _benchmarked("training", "ratio, ours to plain"),
    ),
)
