"""`/api/v1/models/…`: which version answers, which one runs in its shadow, and how the two compare."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.http import Http404
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from apps.accounts.access import Actor
from apps.accounts.roles import Right
from apps.api.base import ObjectView
from apps.api.model_serializers import (
    AliasChangeSerializer,
    AliasHistorySerializer,
    ChallengerSerializer,
    PromotionBlockedSerializer,
    PromotionSerializer,
    ReasonSerializer,
    ShadowSummarySerializer,
)
from apps.api.problems import ProblemSerializer, problem
from apps.diagnosis.agreement import ShadowSummary, shadow_summary
from apps.registry.models import AliasChange, RegisteredModel
from apps.registry.selectors import alias_history, challenger, versions_visible_to
from apps.registry.services import (
    PromotionBlockedError,
    model_challenge,
    model_challenge_end,
    model_promote,
    model_rollback,
)

_MOVED: dict[Any, Any] = {200: AliasChangeSerializer, 400: ProblemSerializer, 409: ProblemSerializer}


class ModelPromotion(ObjectView):
    """Making a version champion."""

    @extend_schema(
        request=PromotionSerializer,
        responses={
            **_MOVED,
            409: OpenApiResponse(PromotionBlockedSerializer, description="The gate objects."),
        },
    )
    def post(self, request: Request, name: str, number: int) -> Response:
        """Promote the version, for a reason; who made it may not."""
        actor = self.actor
        version = get_object_or_404(versions_visible_to(actor), model__name=name, number=number)
        wanted = PromotionSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        try:
            change = model_promote(version=version, actor=actor, **wanted.validated_data)
        except PromotionBlockedError as error:
            return problem(409, str(error), objections=list(error.objections))
        return Response(change_representation(change))


class ModelRollback(ObjectView):
    """Going back."""

    @extend_schema(request=ReasonSerializer, responses=_MOVED)
    def post(self, request: Request, name: str) -> Response:
        """Give champion back to the version before, for a reason."""
        actor = self.actor
        model = _model(actor, name)
        wanted = ReasonSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        return Response(
            change_representation(model_rollback(model=model, actor=actor, **wanted.validated_data))
        )


class ModelChallenger(ObjectView):
    """The version in the shadow."""

    @extend_schema(request=ChallengerSerializer, responses=_MOVED)
    def post(self, request: Request, name: str) -> Response:
        """Let a version run in the champion's shadow, or none, for a reason."""
        actor = self.actor
        model = _model(actor, name)
        wanted = ChallengerSerializer(data=request.data)
        wanted.is_valid(raise_exception=True)
        number, reason = wanted.validated_data["version"], wanted.validated_data["reason"]
        if number is None:
            change = model_challenge_end(model=model, reason=reason, actor=actor)
        else:
            version = get_object_or_404(versions_visible_to(actor), model=model, number=number)
            change = model_challenge(version=version, reason=reason, actor=actor)
        return Response(change_representation(change))


class ModelHistory(ObjectView):
    """What was in production when."""

    @extend_schema(responses={200: AliasHistorySerializer})
    def get(self, request: Request, name: str) -> Response:
        """List every move of the model's aliases, newest first."""
        changes = alias_history(_model(self.actor, name))
        return Response({"results": [change_representation(change) for change in changes]})


class ModelShadow(ObjectView):
    """The challenger beside the champion."""

    @extend_schema(responses={200: ShadowSummarySerializer, 404: ProblemSerializer})
    def get(self, request: Request, name: str) -> Response:
        """Compare the challenger with the champion on the newest images; 404 while there is no challenger."""
        actor = self.actor
        version = challenger(_model(actor, name).name)
        if version is None:
            raise Http404
        return Response(shadow_representation(shadow_summary(version=version, actor=actor)))


def _model(actor: Actor, name: str) -> RegisteredModel:
    """Return a model, for those who see models."""
    if not actor.may(Right.VIEW_MODELS):
        raise Http404
    return get_object_or_404(RegisteredModel, name=name)


def change_representation(change: AliasChange) -> dict[str, Any]:
    """Represent a move by version numbers."""
    return {
        "alias": change.alias,
        "from_version": change.from_version.number if change.from_version else None,
        "to_version": change.to_version.number if change.to_version else None,
        "at": change.at,
        "by": change.by,
        "reason": change.reason,
        "is_rollback": change.is_rollback,
        "overridden": change.overridden,
    }


def shadow_representation(summary: ShadowSummary) -> dict[str, Any]:
    """Represent a comparison."""
    return {
        "model": summary.version.model.name,
        "version": summary.version.number,
        "waiting": summary.waiting,
        "failed": summary.failed,
        "images": summary.images,
        "compared": summary.compared,
        "agreed": summary.agreed,
        "agreement": summary.agreement,
        "refusals": summary.refusals,
        "changes": [
            {"champion": first, "challenger": second, "images": count}
            for first, second, count in summary.changes
        ],
        "abnormality_difference": summary.abnormality_difference,
        "reviewed": summary.reviewed,
        "champion_right": summary.champion_right,
        "challenger_right": summary.challenger_right,
        "champion_ms": {step: asdict(latency) for step, latency in summary.champion_ms.items()},
        "challenger_ms": {step: asdict(latency) for step, latency in summary.challenger_ms.items()},
    }
