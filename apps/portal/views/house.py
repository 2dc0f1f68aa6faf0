"""The doors of the house: start, help, what this is, the account, and emergency access."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.audit.services import event_record
from apps.portal.access import (
    BREAK_GLASS_TIME,
    glass_break,
    glass_broken_until,
    glass_close,
    page,
    template_rights,
)
from apps.portal.attribution import attributions_of
from apps.portal.forms import BreakGlassForm
from apps.registry.selectors import champion


@page()
@require_safe
def home(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Lead to the first page that the person's role opens."""
    if actor.may(Right.VIEW_STATUS):
        return redirect("portal:worklist")
    if actor.may(Right.VIEW_MODELS):
        return redirect("portal:models")
    return redirect("portal:account")


@login_not_required
@require_safe
def help_page(request: HttpRequest) -> HttpResponse:
    """Explain what the pages show; open to visitors, since it names nobody."""
    return render(request, "portal/help.html")


@login_not_required
@require_safe
def about(request: HttpRequest) -> HttpResponse:
    """Say what this is, how its model answers, and whose images it learned from; open to visitors."""
    version = champion()
    context = {
        "version": version,
        "attributions": attributions_of(version) if version else [],
        "sees_models": request.user.has_perm(Right.VIEW_MODELS),
    }
    return render(request, "portal/about.html", context)


@page()
@require_safe
def account(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Show who one is, what that opens, and where to change the rest."""
    rights = [right.label for right in Right if actor.may(right)]
    return render(
        request, "portal/account.html", {**template_rights(actor), "actor": actor, "rights": rights}
    )


@page(Right.BREAK_GLASS)
@require_http_methods(["GET", "HEAD", "POST"])
def break_glass(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Open patients' images to an administrator for a short time, for a reason that the audit log keeps."""
    form = BreakGlassForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            until = glass_break(request.session)
            event_record(
                action="break_glass",
                actor=actor.name,
                actor_role=actor.role or "",
                source=actor.source,
                detail={"reason": form.cleaned_data["reason"], "until": until.isoformat()},
            )
        messages.warning(request, "Patient images are open to you now. Every look is logged.")
        return redirect("portal:worklist")
    context = {
        **template_rights(actor),
        "form": form,
        "minutes": int(BREAK_GLASS_TIME.total_seconds() // 60),
        "until": glass_broken_until(request.session),
    }
    return render(request, "portal/break_glass.html", context)


@page(Right.BREAK_GLASS)
@require_POST
def mend_glass(request: HttpRequest, actor: Actor) -> HttpResponse:
    """End emergency access before its time."""
    glass_close(request.session)
    event_record(
        action="break_glass_ended", actor=actor.name, actor_role=actor.role or "", source=actor.source
    )
    messages.success(request, "Emergency access is closed.")
    return redirect("portal:home")
