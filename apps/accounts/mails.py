"""Mails about access, sent after the commit; a mail server that fails never undoes a decision."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from django.conf import settings
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string

from apps.accounts.models import AccessRequest, User
from apps.accounts.roles import Role

logger = logging.getLogger(__name__)


def access_requested_mail(access_request: AccessRequest) -> None:
    """Tell every administrator that somebody waits."""
    administrators = User.objects.filter(is_active=True, groups__name=Role.ADMINISTRATOR.value)
    _send_on_commit("access_requested", access_request, list(administrators.values_list("email", flat=True)))


def access_approved_mail(access_request: AccessRequest) -> None:
    """Tell the person that the account is open."""
    _send_on_commit("access_approved", access_request, [access_request.user.email])


def access_declined_mail(access_request: AccessRequest) -> None:
    """Tell the person that the request was declined."""
    _send_on_commit("access_declined", access_request, [access_request.user.email])


def _send_on_commit(name: str, access_request: AccessRequest, recipients: Sequence[str]) -> None:
    if not recipients:
        return
    context = {"access_request": access_request, "public_url": settings.PUBLIC_URL}
    subject, _, body = render_to_string(f"account/email/{name}.txt", context).strip().partition("\n")

    def send() -> None:
        try:
            for recipient in recipients:  # one each: nobody sees who else administers
                send_mail(subject.strip(), body.strip() + "\n", settings.DEFAULT_FROM_EMAIL, [recipient])
        except OSError as error:  # smtplib's errors are OSErrors
            logger.warning("Mail %s for request %s was not sent: %s", name, access_request.pk, error)

    transaction.on_commit(send)  # noqa: TID251 - a mail is no task: nothing sweeps it up, and none needs to
