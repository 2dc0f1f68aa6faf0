"""Mails about serving, sent after the commit; a mail server that fails stops no image."""

from __future__ import annotations

import logging

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.diagnosis.models import LoadFailure

logger = logging.getLogger(__name__)


def load_failed_mail(failure: LoadFailure) -> None:
    """Tell every administrator that a version cannot be loaded, and which one answers meanwhile."""
    administrators = User.objects.filter(is_active=True, groups__name=Role.ADMINISTRATOR.value)
    recipients = list(administrators.values_list("email", flat=True))
    context = {"failure": failure, "public_url": settings.PUBLIC_URL}
    text = render_to_string("diagnosis/email/load_failed.txt", context)
    subject, _, body = text.strip().partition("\n")

    def send() -> None:
        try:
            for recipient in recipients:  # one each: nobody sees who else administers
                send_mail(subject.strip(), body.strip() + "\n", settings.DEFAULT_FROM_EMAIL, [recipient])
        except OSError as error:  # smtplib's errors are OSErrors
            logger.warning("Mail about load failure %s was not sent: %s", failure.pk, error)

    transaction.on_commit(send)  # noqa: TID251 - a mail is no task: the alarm itself is in the database
