"""The two kinds of failure: one that a retry may cure, and one that it will not."""


class PlatformError(Exception):
    """A failure with a sentence for the person who can do something about it; it holds no patient data."""


class PermanentError(PlatformError):
    """Trying again gives the same result."""


class RetriableError(PlatformError):
    """Trying again later may succeed."""


class ConflictError(PermanentError):
    """The row is no longer in the state that the change started from."""


class NotPermittedError(PermanentError):
    """The actor lacks the right."""
