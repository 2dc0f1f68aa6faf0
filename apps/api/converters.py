"""Path converters: what is not a UID never reaches a query."""


class UidConverter:
    """A DICOM UID (PS3.5 9.1), leniently: digits and dots, at most 64 characters."""

    regex = r"[0-9.]{1,64}"

    def to_python(self, value: str) -> str:
        """Return the UID as it is."""
        return value

    def to_url(self, value: str) -> str:
        """Return the UID as it is."""
        return value
