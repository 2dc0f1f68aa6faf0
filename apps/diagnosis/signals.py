"""What happens to diagnoses that others may care about."""

from django.dispatch import Signal

diagnosis_finished = Signal()
"""Arguments: `diagnosis`, completed, rejected or failed; sent inside the transaction."""

review_recorded = Signal()
"""Arguments: `review`."""
