"""Forms of the sign-in pages."""

from allauth.account.forms import SignupForm


class RequestAccessForm(SignupForm):  # type: ignore[misc]
    """Asks for access; see `AccessRequest`."""
