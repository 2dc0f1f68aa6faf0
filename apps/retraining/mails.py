"""Mails about the watching of models, sent after the commit; a mail server that fails stops nothing."""

from __future__ import annotations

import logging

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string

from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.retraining.models import WatchingReport

logger = logging.getLogger(__name__)


def watching_alarm_mail(report: WatchingReport) -> None:
    """Tell every administrator and data scientist what has changed, and where to look."""
    roles = [Role.ADMINISTRATOR.value, Role.DATA_SCIENTIST.value]
    people = User.objects.filter(is_active=True, groups__name__in=roles).distinct()
    recipients = list(people.values_list("email", flat=True))
    context = {"report": report, "public_url": settings.PUBLIC_URL}
    text = render_to_string("retraining/email/watching_alarm.txt", context)
    subject, _, body = text.strip().partition("\n")

    def send() -> None:
        try:
            for recipient in recipients:  # one each: nobody sees who else is told
                send_mail(subject.strip(), body.strip() + "\n", settings.DEFAULT_FROM_EMAIL, [recipient])
        except OSError as error:  # smtplib's errors are OSErrors
            logger.warning("Mail about watching report %s was not sent: %s", report.pk, error)

    transaction.on_commit(send)  # noqa: TID251 - a mail is no task: the alarm itself is in the database
