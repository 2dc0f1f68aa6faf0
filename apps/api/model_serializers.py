"""What REST takes and gives about models, beyond what a version is."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.api.problems import ProblemSerializer
from apps.registry.models import Alias


class PromotionSerializer(serializers.Serializer[Any]):
    """Why a version is to give the results; `override` promotes although the gate objects."""

    reason = serializers.CharField(max_length=2000)
    override = serializers.BooleanField(default=False)


class ReasonSerializer(serializers.Serializer[Any]):
    """Why an alias is to move."""

    reason = serializers.CharField(max_length=2000)


class ChallengerSerializer(serializers.Serializer[Any]):
    """The version that is to run in the champion's shadow; null for none."""

    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1, allow_null=True)
    reason = serializers.CharField(max_length=2000)


class AliasChangeSerializer(serializers.Serializer[Any]):
    """One move of an alias; `overridden` are the gate's objections that were set aside."""

    alias = serializers.ChoiceField(Alias.Name.choices)
    from_version = serializers.IntegerField(allow_null=True)
    to_version = serializers.IntegerField(allow_null=True)
    at = serializers.DateTimeField()
    by = serializers.CharField()
    reason = serializers.CharField()
    is_rollback = serializers.BooleanField()
    overridden = serializers.ListField(child=serializers.CharField())


class AliasHistorySerializer(serializers.Serializer[Any]):
    """Every move of a model's aliases, newest first."""

    results = AliasChangeSerializer(many=True)


class PromotionBlockedSerializer(ProblemSerializer):
    """A problem with what the gate has against the version."""

    objections = serializers.ListField(child=serializers.CharField())


class ArchiveUploadSerializer(serializers.Serializer[Any]):
    """An archive from `export_model`; `name` registers it under another model's name."""

    archive = serializers.FileField()
    name = serializers.RegexField(r"^[a-z0-9_-]{1,40}$", required=False, default="")


class LatencySerializer(serializers.Serializer[Any]):
    """Milliseconds of one step."""

    median = serializers.FloatField()
    p95 = serializers.FloatField()


class LabelChangeSerializer(serializers.Serializer[Any]):
    """How many images got this pair of labels."""

    champion = serializers.CharField()
    challenger = serializers.CharField()
    images = serializers.IntegerField()


class ShadowSummarySerializer(serializers.Serializer[Any]):
    """The challenger beside the champion on the same images; no patient is named."""

    model = serializers.CharField()
    version = serializers.IntegerField()
    waiting = serializers.IntegerField()
    failed = serializers.IntegerField()
    images = serializers.IntegerField()
    compared = serializers.IntegerField()
    agreed = serializers.IntegerField()
    agreement = serializers.FloatField(allow_null=True)
    refusals = serializers.DictField(child=serializers.IntegerField())
    changes = LabelChangeSerializer(many=True)
    abnormality_difference = serializers.FloatField(allow_null=True)
    reviewed = serializers.IntegerField()
    champion_right = serializers.IntegerField()
    challenger_right = serializers.IntegerField()
    champion_ms = serializers.DictField(child=LatencySerializer())
    challenger_ms = serializers.DictField(child=LatencySerializer())
