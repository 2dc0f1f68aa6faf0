"""The systems that we exchange DICOM with."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models

ae_title_validator = RegexValidator(
    r"^(?=.*[!-~])[ -[\]-~]{1,16}$",
    "An AE title has 1 to 16 ASCII characters, no backslash, not only spaces (PS3.5 6.2).",
)


class RemoteAE(models.Model):
    """A peer: who may call us, from where, to do what, and how we call it."""

    name = models.CharField(max_length=64, unique=True)
    ae_title = models.CharField("AE title", max_length=16, validators=[ae_title_validator])
    host = models.CharField(max_length=255)
    port = models.PositiveIntegerField(validators=[MinValueValidator(1), MaxValueValidator(65535)])
    network = models.CharField(
        max_length=43, blank=True, help_text="CIDR the peer may call from; empty: only its host's addresses."
    )
    tls = models.BooleanField("TLS", default=False)
    allow_store = models.BooleanField(default=False)
    send_results = models.BooleanField(default=False)
    storage_commitment = models.BooleanField(default=False)
    enabled = models.BooleanField(default=True)
    last_contact_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_echo_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_echo_result = models.CharField(max_length=200, blank=True, editable=False)

    class Meta:
        verbose_name = "remote AE"
        constraints = [
            models.UniqueConstraint(fields=["ae_title", "host", "port"], name="remote_ae_address"),
        ]

    def __str__(self) -> str:
        return self.name
