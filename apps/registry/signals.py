"""What happens to models that others may care about."""

from django.dispatch import Signal

champion_changed = Signal()
"""Arguments: `model`, `version`; sent inside the transaction."""
