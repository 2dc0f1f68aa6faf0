"""What happens to diagnoses that others may care about; sent inside the transaction that did it."""

from django.dispatch import Signal

diagnosis_queued = Signal()
"""Arguments: `diagnosis`, which wants a worker."""

diagnosis_finished = Signal()
"""Arguments: `diagnosis`, completed, rejected or failed."""

review_recorded = Signal()
"""Arguments: `review`."""

shadow_queued = Signal()
"""No arguments: the challenger has images to answer for."""
