"""What stands between a version and `champion`: its audit here, and how it did against the champion."""

from __future__ import annotations

from apps.registry.models import SYSTEM, ModelVersion


def objections_to(version: ModelVersion) -> list[str]:
    """Say, a sentence each, why the version should not become champion; empty when nothing speaks against it.

    Only what was measured here counts: what an archive brought along does not. The first version of an
    installation, which came with the release, needs no audit: without it there would be no results at all.
    """
    return [*_audit_objections(version), *_comparison_objections(version)]


def makers_of(version: ModelVersion) -> frozenset[str]:
    """Return who made the version, by registering it or by asking for its training."""
    return frozenset({version.created_by, str(version.lineage.get("requested_by") or version.created_by)})


def came_with_the_release(version: ModelVersion) -> bool:
    """Tell whether this is the version that an installation begins with."""
    return version.number == 1 and version.created_by == SYSTEM


def _audit_objections(version: ModelVersion) -> list[str]:
    if not version.audit:
        if came_with_the_release(version):
            return []
        imported = " (what came with its archive does not count)" if version.imported else ""
        return [f"It has not been audited here{imported}: run `manage.py audit_model {version} …`."]
    if version.audit.get("verdict") != "fail":
        return []
    failed = [
        f"{check['code']} ({check['name']})"
        for check in version.audit.get("checks", ())
        if _counts_as(check) == "fail"
    ]
    return [f"Its audit failed: {', '.join(failed) or version.audit.get('summary', 'no check is named')}."]


def _counts_as(check: dict[str, object]) -> object:
    """Return a check's verdict; an inherited one counts as it ended for the parent."""
    details = check.get("details")
    return (isinstance(details, dict) and details.get("inherited_verdict")) or check.get("verdict")


def _comparison_objections(version: ModelVersion) -> list[str]:
    comparison = version.comparison
    if comparison.get("verdict") != "worse":
        return []
    worse = [str(row["metric"]) for row in comparison.get("rows", ()) if row.get("verdict") == "worse"]
    where = f" in {', '.join(worse)}" if worse else ""
    return [f"It is worse than {comparison.get('champion', 'the champion')} on the same images{where}."]
