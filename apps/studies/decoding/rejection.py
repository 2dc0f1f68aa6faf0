"""One place that words a refusal."""

from ml.contracts import RejectedInputError, Rejection, RejectionCode


def unreadable(detail: str) -> RejectedInputError:
    """Return the error for an object whose pixels cannot be trusted or decoded."""
    return RejectedInputError(Rejection(RejectionCode.UNREADABLE, detail))


def refused(code: RejectionCode, detail: str) -> RejectedInputError:
    """Return the error for an object that is readable but cannot be classified."""
    return RejectedInputError(Rejection(code, detail))
