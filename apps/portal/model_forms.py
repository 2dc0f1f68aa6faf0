"""What people fill in about models."""

from __future__ import annotations

from django import forms


class MoveForm(forms.Form):
    """Why an alias is to move, and whether the gate's objections are set aside."""

    reason = forms.CharField(max_length=2000)
    override = forms.BooleanField(required=False)


class ImportForm(forms.Form):
    """The archive of a version."""

    archive = forms.FileField()
