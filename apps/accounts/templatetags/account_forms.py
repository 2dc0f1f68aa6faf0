"""Draws Django's form fields as Bootstrap draws them."""

from __future__ import annotations

from django import forms, template
from django.forms.boundfield import BoundField
from django.utils.safestring import SafeString

register = template.Library()


@register.filter
def control(field: BoundField) -> SafeString:
    """Render a field's widget with the class of its kind, and as invalid where it is."""
    kind = "form-control"
    if is_check(field):
        kind = "form-check-input"
    elif isinstance(field.field.widget, forms.Select):
        kind = "form-select"
    return field.as_widget(attrs={"class": f"{kind} is-invalid" if field.errors else kind})


@register.filter
def is_check(field: BoundField) -> bool:
    """Say whether the field is a tick box, whose label stands beside it."""
    return isinstance(field.field.widget, forms.CheckboxInput)
