"""What people fill in."""

from __future__ import annotations

from typing import Any

from django import forms

from apps.portal.wording import finding_name

MAX_GREY_LEVEL = 1e9
"""Bound of a window: far beyond any grey level, and keeps NaN and infinity out."""


class WorklistFilterForm(forms.Form):
    """The worklist's search and dates; all optional."""

    q = forms.CharField(required=False, max_length=100, strip=True)
    received_from = forms.DateField(required=False)
    received_to = forms.DateField(required=False)

    def clean(self) -> dict[str, Any]:
        """Check that the dates are in order."""
        cleaned = super().clean() or {}
        first, last = cleaned.get("received_from"), cleaned.get("received_to")
        if first and last and first > last:
            self.add_error("received_to", "The last day lies before the first.")
        return cleaned


class CorrectionForm(forms.Form):
    """A reader's own answer, from the model version's vocabulary."""

    label = forms.ChoiceField()
    comment = forms.CharField(required=False, max_length=4000, widget=forms.Textarea(attrs={"rows": 3}))

    def __init__(self, *args: Any, labels: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["label"].choices = [(label, finding_name(label)) for label in labels]  # type: ignore[attr-defined]  # a ChoiceField


class BreakGlassForm(forms.Form):
    """Why an administrator must see patients' images now; the words go to the audit log."""

    reason = forms.CharField(min_length=10, max_length=500, widget=forms.Textarea(attrs={"rows": 3}))


class RenderingForm(forms.Form):
    """How to draw an image: a window as `CENTER,WIDTH` in its own units, and whether to invert it."""

    window = forms.CharField(required=False, max_length=40)
    invert = forms.BooleanField(required=False)

    def clean_window(self) -> tuple[float, float] | None:
        """Return (center, width); None where the image's own window is wanted."""
        text = self.cleaned_data["window"]
        if not text:
            return None
        try:
            center, width = (float(part) for part in text.split(","))
        except ValueError:
            raise forms.ValidationError("Expected two numbers: CENTER,WIDTH.") from None
        if not (abs(center) < MAX_GREY_LEVEL and 1 <= width < MAX_GREY_LEVEL):
            raise forms.ValidationError("Expected a finite center and a width of at least 1.")
        return center, width
