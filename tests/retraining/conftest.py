"""Manifests of small drawn images, as for `ml` itself."""

from tests.ml.conftest import bundled_model, make_manifest

__all__ = ["bundled_model", "make_manifest"]
