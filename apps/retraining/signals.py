"""What happens in training that others may care about; sent inside the transaction that did it."""

from django.dispatch import Signal

run_queued = Signal()
"""Arguments: `run`, which wants a trainer."""

snapshot_queued = Signal()
"""Arguments: `snapshot`, which wants a trainer."""
