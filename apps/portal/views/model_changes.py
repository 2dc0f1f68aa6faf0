"""What people do with model versions: promote, challenge, roll back, take out, bring in."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST, require_safe

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.core.errors import PermanentError, PlatformError
from apps.core.responses import StreamedFileResponse
from apps.portal.access import page
from apps.portal.model_forms import ImportForm, MoveForm
from apps.registry.models import AliasChange, ModelVersion, RegisteredModel
from apps.registry.selectors import versions_visible_to
from apps.registry.services import (
    model_challenge,
    model_challenge_end,
    model_promote,
    model_rollback,
    version_archive_open,
    version_import,
)
from apps.registry.uploads import upload_on_disk


@page(Right.PROMOTE, hidden=True)
@require_POST
def promote(request: HttpRequest, actor: Actor, name: str, number: int) -> HttpResponse:
    """Make a version champion; the gate's objections are shown instead, unless overridden."""
    version = _version(actor, name, number)
    _move(request, lambda form: model_promote(version=version, actor=actor, **form.cleaned_data))
    return redirect("portal:version", name, number)


@page(Right.PROMOTE, hidden=True)
@require_POST
def challenge(request: HttpRequest, actor: Actor, name: str, number: int) -> HttpResponse:
    """Let a version run in the champion's shadow."""
    version = _version(actor, name, number)
    _move(
        request,
        lambda form: model_challenge(version=version, actor=actor, reason=form.cleaned_data["reason"]),
    )
    return redirect("portal:version", name, number)


@page(Right.PROMOTE, hidden=True)
@require_POST
def challenge_end(request: HttpRequest, actor: Actor, name: str) -> HttpResponse:
    """Take the challenger out of the shadow."""
    model = _model(name)
    _move(
        request,
        lambda form: model_challenge_end(model=model, actor=actor, reason=form.cleaned_data["reason"]),
    )
    return redirect("portal:models")


@page(Right.PROMOTE, hidden=True)
@require_POST
def rollback(request: HttpRequest, actor: Actor, name: str) -> HttpResponse:
    """Give champion back to the version before."""
    model = _model(name)
    _move(request, lambda form: model_rollback(model=model, actor=actor, reason=form.cleaned_data["reason"]))
    return redirect("portal:models")


@page(Right.VIEW_MODELS, hidden=True)
@require_safe
def archive(request: HttpRequest, actor: Actor, name: str, number: int) -> StreamedFileResponse:
    """Hand out a version as one file."""
    version = _version(actor, name, number)
    try:
        file = version_archive_open(version=version, actor=actor)
    except PermanentError as error:
        raise Http404(str(error)) from error
    return StreamedFileResponse(file, as_attachment=True, filename=f"{name}-{number}.zip")


@page(Right.TRAIN)
@require_POST
def bring(request: HttpRequest, actor: Actor) -> HttpResponse:
    """Register the version in an archive, or say what is wrong with it."""
    form = ImportForm(request.POST, request.FILES)
    if not form.is_valid():
        messages.error(request, "Choose the archive of a model version, a .zip from “Download”.")
        return redirect("portal:models")
    try:
        with upload_on_disk(form.cleaned_data["archive"]) as path:
            imported = version_import(archive=path, actor=actor)
    except PlatformError as error:
        messages.error(request, f"The archive is refused. {error}")
        return redirect("portal:models")
    version = imported.version
    known = " It was registered before." if imported.known else " Another person may promote it."
    messages.success(request, f"{version} is registered.{known}")
    return redirect("portal:version", version.model.name, version.number)


def _move(request: HttpRequest, move: Callable[[MoveForm], AliasChange]) -> None:
    """Move an alias as the form says, and tell how it went."""
    form = MoveForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Say why: the reason is kept with the move.")
        return
    try:
        change = move(form)
    except PlatformError as error:
        messages.error(request, str(error))
        return
    messages.success(request, f"{change.alias.capitalize()} is {change.to_version or 'nobody'} now.")


def _version(actor: Actor, name: str, number: int) -> ModelVersion:
    found = versions_visible_to(actor).filter(model__name=name, number=number).first()
    if found is None:
        raise Http404
    return found


def _model(name: str) -> RegisteredModel:
    found = RegisteredModel.objects.filter(name=name).first()
    if found is None:
        raise Http404
    return found
