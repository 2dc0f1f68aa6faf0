"""Changing the registry: a version is registered once, aliases move, every move is kept."""

from apps.registry.services.aliases import (
    PromotionBlockedError,
    PromotionError,
    alias_move,
    model_challenge,
    model_challenge_end,
    model_promote,
    model_rollback,
)
from apps.registry.services.archives import (
    ImportedVersion,
    version_archive_open,
    version_export,
    version_export_mlflow,
    version_import,
)
from apps.registry.services.assessments import (
    ComparisonError,
    version_audit_keep,
    version_comparison_keep,
)
from apps.registry.services.registering import bundled_model_register, version_register

__all__ = [
    "ComparisonError",
    "ImportedVersion",
    "PromotionBlockedError",
    "PromotionError",
    "alias_move",
    "bundled_model_register",
    "model_challenge",
    "model_challenge_end",
    "model_promote",
    "model_rollback",
    "version_archive_open",
    "version_audit_keep",
    "version_comparison_keep",
    "version_export",
    "version_export_mlflow",
    "version_import",
    "version_register",
]
