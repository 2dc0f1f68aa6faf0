"""The whole audit: which rows, every check answered, JSON and a page that hides nothing."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from ml.audit.checks import NAMES
from ml.audit.report import audit_html
from ml.audit.version import CHECKS, audit_version, audited_sides
from ml.contracts import ModelSpec
from ml.datasets.manifest import ManifestError, read_manifest
from ml.model_folder import ModelFolderError
from tests.ml.audit.planted import KINDS, PER_KIND, write_data, write_linear_version

TEST_IMAGES = 2 * PER_KIND // 3


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Give the folder of a linear version and the manifest that it was trained on."""
    folder = tmp_path_factory.mktemp("linear")
    manifest = write_data(folder / "data", seed=0, shape=None)
    write_linear_version(folder / "version", manifest)
    return folder / "version", manifest


@pytest.fixture(scope="module")
def audit(made: tuple[Path, Path]) -> dict[str, Any]:
    return audit_version(*made, sample_size=8)


@pytest.mark.timeout(600)
def test_every_check_is_answered_in_json(audit: dict[str, Any]) -> None:
    assert json.loads(json.dumps(audit, allow_nan=False)) == audit
    assert [check["code"] for check in audit["checks"]] == list(CHECKS) == list(NAMES)
    for check in audit["checks"]:
        assert set(check) == {
            "code",
            "name",
            "figure",
            "interval",
            "threshold",
            "fails_beyond",
            "verdict",
            "meaning",
            "details",
        }
        assert check["verdict"] in ("pass", "warn", "fail", "not_available")
        assert check["meaning"].endswith("."), "a sentence"
        assert (check["figure"] is None) == (check["verdict"] == "not_available")
    by_code = {check["code"]: check for check in audit["checks"]}
    assert "one source" in by_code["A1"]["meaning"]
    assert by_code["A10"]["verdict"] == "pass"
    assert by_code["A10"]["details"]["development_images"] == 2 * PER_KIND - TEST_IMAGES
    assert by_code["A9"]["details"]["alterations"]["gamma 0.8"]["n"] == 8


def test_the_audit_says_what_it_was_made_on(audit: dict[str, Any], made: tuple[Path, Path]) -> None:
    assert audit["data"]["images"] == TEST_IMAGES
    assert audit["data"]["altered_images"] == 8
    assert audit["data"]["side"] == "the version's own test fold, 0"
    assert audit["data"]["manifests"] == dict(read_manifest(made[1]).sha256)
    assert audit["model"]["labels"] == list(KINDS)


class Page(HTMLParser):
    """Collect tags and text, and notice tags that do not close."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.text = ""
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("href", "src", "action")]
        if tag not in ("meta", "br", "link", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_whole_harmless_and_complete(audit: dict[str, Any]) -> None:
    hostile = json.loads(json.dumps(audit))
    hostile["data"]["manifests"] = {"<script>alert(1)</script>.csv": "0" * 64}
    text = audit_html(hostile, title="cxr:1 <b>")
    page = Page()
    page.feed(text)
    page.close()
    assert not page.open
    assert not {"script", "link", "img", "iframe", "b"} & set(page.tags)
    assert all(address.startswith("#") for address in page.addresses), "nothing from the network"
    assert "default-src 'none'" in text
    for check in audit["checks"]:
        assert check["name"] in page.text
        assert check["meaning"] in page.text
    assert "cxr:1 <b>" in page.text


def test_another_fold_and_foreign_images_can_be_audited(made: tuple[Path, Path], tmp_path: Path) -> None:
    spec_of = ModelSpec("m", "none", KINDS, 64, "", 1.0, {}, {})
    manifest = read_manifest(made[1])
    lineage = json.loads((made[0] / "lineage.json").read_text())
    asked = audited_sides(manifest, spec_of, lineage, fold=2)
    assert {row.fold for row in asked.audited} == {2}
    assert {row.fold for row in asked.development} == {1, 2}, "so that the leak is found"
    foreign = audited_sides(manifest, spec_of, {}, fold=None)
    assert (len(foreign.audited), len(foreign.development)) == (2 * PER_KIND, 0)
    with pytest.raises(ManifestError, match=r"no radiograph in fold 9; it has the folds \[0, 1, 2\]"):
        audited_sides(manifest, spec_of, lineage, fold=9)
    with pytest.raises(ManifestError, match="no radiograph of lung_opacity"):
        audited_sides(manifest, ModelSpec("m", "none", ("lung_opacity",), 64, "", 1.0, {}, {}), {}, fold=None)


def test_a_changed_version_is_not_audited(tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text("{}")
    with pytest.raises(ModelFolderError):
        audit_version(tmp_path, tmp_path / "none.csv")
