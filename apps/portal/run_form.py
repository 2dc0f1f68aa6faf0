"""What a person fills in to start a training run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django import forms

from apps.accounts.access import Actor
from apps.registry.selectors import versions_visible_to
from apps.retraining.models import DatasetSnapshot
from apps.retraining.requests import (
    ARCHITECTURES,
    ENSEMBLE,
    FINE_TUNE_EPOCHS,
    FINE_TUNE_LEARNING_RATE,
    TrainingRequest,
)
from apps.retraining.selectors.runs import manifest_names, manifest_paths

_LOOKS: dict[type[forms.Widget], str] = {
    forms.Select: "form-select",
    forms.CheckboxInput: "form-check-input",
    forms.CheckboxSelectMultiple: "form-check-input",
}
ESSENTIALS = ("snapshot", "manifests", "init", "architecture")
UNUSABLE = (DatasetSnapshot.Status.FAILED, DatasetSnapshot.Status.CANCELLED)


class TrainingRunForm(forms.Form):
    """Data, a start, and settings; what is left empty is chosen as `train_model` chooses it."""

    snapshot = forms.ModelChoiceField(
        DatasetSnapshot.objects.exclude(status__in=UNUSABLE), required=False, empty_label="none"
    )
    manifests = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    init = forms.ChoiceField(label="Start from", required=False)
    architecture = forms.ChoiceField(
        label="Architecture, from scratch",
        choices=[(name, name) for name in ARCHITECTURES if name != ENSEMBLE],
        initial="compact_resnet",
    )
    epochs = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=1000,
        help_text=f"Empty: 24 from scratch, {FINE_TUNE_EPOCHS} from a version.",
    )
    learning_rate = forms.FloatField(
        required=False,
        min_value=1e-8,
        max_value=10,
        help_text=f"Empty: 0.002 from scratch, {FINE_TUNE_LEARNING_RATE} from a version.",
    )
    batch_size = forms.IntegerField(required=False, min_value=1, max_value=1024, help_text="Empty: 32.")
    input_size = forms.IntegerField(
        required=False, min_value=16, max_value=1024, help_text="Pixels a side. Empty: 160, or the version's."
    )
    classes = forms.CharField(
        required=False,
        max_length=500,
        help_text="Empty: the five findings. Else, say, positive=covid19 negative=normal+lung_opacity.",
    )
    test_fold = forms.IntegerField(required=False, min_value=0, max_value=19, help_text="Empty: 0.")
    seed = forms.IntegerField(required=False, min_value=0, max_value=2**31 - 1, help_text="Empty: 20.")
    cross_validate = forms.BooleanField(
        label="Cross-validation",
        required=False,
        help_text="Also trains once per fold, to tell how far the figures can be trusted.",
    )
    quantise = forms.BooleanField(
        label="INT8 graph too", required=False, initial=True, help_text="A few minutes more."
    )

    def __init__(self, *args: Any, actor: Actor, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._architectures = {
            str(version): version.architecture
            for version in versions_visible_to(actor).exclude(architecture=ENSEMBLE).order_by("-pk")
        }
        starts = [(name, f"{name}, {architecture}") for name, architecture in self._architectures.items()]
        self.fields["init"].choices = [("", "scratch"), *starts]  # type: ignore[attr-defined]  # a ChoiceField
        self.fields["manifests"].choices = [(name, name) for name in manifest_names()]  # type: ignore[attr-defined]  # a ChoiceField
        for field in self.fields.values():
            field.widget.attrs["class"] = _LOOKS.get(type(field.widget), "form-control")

    @property
    def essentials(self) -> list[forms.BoundField]:
        """What every run is asked: its data and where it starts."""
        return [self[name] for name in ESSENTIALS]

    @property
    def settings(self) -> list[forms.BoundField]:
        """What most runs leave as it is."""
        return [self[name] for name in self.fields if name not in ESSENTIALS]

    @property
    def has_wrong_setting(self) -> bool:
        """Whether a setting was filled in wrongly, so that it must be in sight."""
        return any(field.errors for field in self.settings)

    def clean_classes(self) -> dict[str, list[str]]:
        """Read `NAME=label+label` pairs."""
        classes: dict[str, list[str]] = {}
        for pair in self.cleaned_data["classes"].split():
            name, _, labels = pair.partition("=")
            if not name or not all(labels.split("+")):
                raise forms.ValidationError(f"{pair}: expected NAME=label+label, such as positive=covid19.")
            classes[name] = labels.split("+")
        return classes

    def clean(self) -> dict[str, Any]:
        """Check that there is something to train on."""
        cleaned = super().clean() or {}
        if not cleaned.get("snapshot") and not cleaned.get("manifests"):
            self.add_error(
                "snapshot", "Choose a snapshot, a manifest, or both: there is nothing to train on."
            )
        return cleaned

    def request(self) -> TrainingRequest:
        """Give the valid form as a request; a run that continues keeps its version's architecture."""
        values = {name: value for name, value in self.cleaned_data.items() if value not in (None, "", {}, [])}
        values.pop("snapshot", None)
        if init := values.get("init"):
            values["architecture"] = self._architectures[init]
        paths: list[Path] = manifest_paths(values.get("manifests", []))
        return TrainingRequest.from_json({**values, "manifests": [str(path) for path in paths]})
