"""What people fill in about consent, laboratory results and data sets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django import forms

from apps.portal.wording import finding_name
from apps.retraining.models import LaboratoryResult, ResearchConsent
from apps.retraining.selectors.runs import manifest_names, manifest_paths
from apps.retraining.services import CONFIRMABLE, MOST_FOLDS

_LOOKS: dict[type[forms.Widget], str] = {
    forms.Select: "form-select",
    forms.CheckboxSelectMultiple: "form-check-input",
}


class _LookedAfterForm(forms.Form):
    """A form whose widgets look like the rest of the house."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            field.widget.attrs["class"] = _LOOKS.get(type(field.widget), "form-control")


def _day(label: str) -> forms.DateField:
    return forms.DateField(label=label, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))


class ConsentForm(_LookedAfterForm):
    """A patient's decision."""

    decision = forms.ChoiceField(choices=ResearchConsent.Decision.choices)
    scope = forms.ChoiceField(label="For", choices=ResearchConsent.Scope.choices)
    decided_on = _day("Decided on")
    evidence = forms.CharField(
        label="Where the signed form is",
        required=False,
        max_length=300,
        help_text="Needed for a consent; a withdrawal counts without one.",
    )


class LaboratoryResultForm(_LookedAfterForm):
    """What the laboratory reported."""

    test = forms.ChoiceField(choices=LaboratoryResult.Test.choices)
    finding = forms.ChoiceField(choices=[(str(one), finding_name(str(one))) for one in CONFIRMABLE])
    result = forms.ChoiceField(choices=LaboratoryResult.Result.choices)
    specimen_date = _day("Specimen taken on")
    evidence = forms.CharField(label="Number of the laboratory's report", required=False, max_length=300)


class SnapshotForm(_LookedAfterForm):
    """What to freeze."""

    name = forms.CharField(max_length=100)
    consent_scope = forms.ChoiceField(
        label="Images of patients who agreed to",
        choices=ResearchConsent.Scope.choices,
        help_text="The narrower the use, the more images there are.",
    )
    manifests = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)
    folds = forms.IntegerField(
        min_value=2, max_value=MOST_FOLDS, initial=5, help_text="A patient is in one fold only."
    )
    seed = forms.IntegerField(min_value=0, max_value=2**31 - 1, initial=20)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["manifests"].choices = [(name, name) for name in manifest_names()]  # type: ignore[attr-defined]  # a MultipleChoiceField

    def clean_manifests(self) -> list[Path]:
        """Return the manifests' paths."""
        return manifest_paths(self.cleaned_data["manifests"])
