"""What is worth a review: images whose reading would teach a model most."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.portal.access import page, template_rights
from apps.retraining.selectors import learning_queue

SHOWN = 50


@page(Right.REVIEW)
@require_safe
def learning(request: HttpRequest, actor: Actor) -> HttpResponse:
    """List the images, best first, each with its reasons and the way to read it."""
    queue = learning_queue(actor=actor, count=SHOWN)
    return render(request, "portal/learning.html", {**template_rights(actor), "queue": queue})
