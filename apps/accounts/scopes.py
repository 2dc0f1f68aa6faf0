"""What an API key may ask for; the effective right is scope ∩ its owner's role."""

from __future__ import annotations

from collections.abc import Iterable

from apps.accounts.roles import Right

RIGHTS_OF_SCOPE: dict[str, frozenset[Right]] = {
    "studies:read": frozenset({Right.VIEW_IMAGES, Right.VIEW_STATUS, Right.VIEW_RESULTS}),
    "studies:write": frozenset({Right.UPLOAD}),
    "reviews:write": frozenset({Right.REVIEW}),
    "reports:sign": frozenset({Right.SIGN}),
    "models:read": frozenset({Right.VIEW_MODELS}),
    "models:train": frozenset({Right.TRAIN, Right.VIEW_DATASETS}),
    "models:promote": frozenset({Right.PROMOTE}),
    "audit:read": frozenset({Right.VIEW_AUDIT}),
}
"""No scope leads to configuring the platform or to breaking the glass: those need a person."""

SCOPES = tuple(RIGHTS_OF_SCOPE)


def rights_of_scopes(scopes: Iterable[str]) -> frozenset[Right]:
    """Return what these scopes allow at most; a scope that no longer exists allows nothing."""
    return frozenset(right for scope in scopes for right in RIGHTS_OF_SCOPE.get(scope, ()))
