"""A model version as one file: a ZIP of `archive.json` and the version's folder.

Reading trusts nothing that the file says of itself. Sizes are counted while bytes come out, and nothing is
opened as a model here: the folder that comes out still has to pass `folder_check`.
"""

from __future__ import annotations

import json
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from apps.core.errors import PermanentError
from apps.registry.engine import MAX_FOLDER_BYTES, MAX_SPEC_BYTES, CheckedFolder

FORMAT, FORMAT_VERSION = "cxr-model-version", 1
MANIFEST, FOLDER = "archive.json", "model/"
MAX_ARCHIVE_BYTES = MAX_FOLDER_BYTES
MAX_MEMBERS = 64
MAX_TEXT_BYTES = 4 << 20
MAX_EXPANSION, FREE_EXPANSION = 20, 32 << 20
"""An archive may grow twenty-fold, or to 32 MiB: graphs shrink well, weights hardly."""

TEXTS = (".json", ".md", ".svg", ".txt")
SUFFIXES = (*TEXTS, ".xml", ".bin", ".npz", ".h5")
"""What a version's files may be; nothing that anything would run."""

_END = struct.Struct("<4s4H2LH")
_END_SIGNATURE, _ZIP64_LOCATOR = b"PK\x05\x06", b"PK\x06\x07"
_ZIP64_LOCATOR_BYTES = 20
_MEMBER_DIRECTORY_BYTES = 512
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_BLOCK = 1 << 20
_MADE_AT = (1980, 1, 1, 0, 0, 0)
"""ZIP's first day: the same version gives the same archive."""


class ModelArchiveError(PermanentError):
    """The file is not an archive of a model version, or one that must not be unpacked."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What an archive says of its version: name and number where it was made, digest, claims."""

    model: str
    version: int
    sha256: str
    claims: Mapping[str, Any]
    """Audit and comparison as they were where the archive was made."""

    def to_json(self) -> dict[str, Any]:
        """Give what `archive.json` holds."""
        return {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "model": self.model,
            "version": self.version,
            "sha256": self.sha256,
            **self.claims,
        }


def archive_write(checked: CheckedFolder, origin: Origin, target: IO[bytes]) -> None:
    """Write a checked folder as an archive; the same version gives the same bytes."""
    with zipfile.ZipFile(target, "w") as archive:
        manifest = json.dumps(origin.to_json(), indent=1, ensure_ascii=False) + "\n"
        archive.writestr(_member(MANIFEST), manifest)
        for name in checked.files:
            with (
                (checked.path / name).open("rb") as source,
                archive.open(_member(FOLDER + name), "w") as member,
            ):
                while block := source.read(_BLOCK):
                    member.write(block)


def archive_unpack(source: Path, folder: Path) -> Origin:
    """Unpack an archive's files into the empty `folder` and return what it says of itself.

    Raises `ModelArchiveError` before anything is written outside of `folder`, and before more than
    the archive's size allows is written into it. The folder is to be thrown away then.
    """
    _check_directory(source)
    try:
        with zipfile.ZipFile(source) as archive:
            members = _checked_members(archive)
            left = min(MAX_FOLDER_BYTES, FREE_EXPANSION + MAX_EXPANSION * source.stat().st_size)
            origin = _read_origin(archive, members[MANIFEST])
            for name, member in members.items():
                if name != MANIFEST:
                    left -= _unpack(archive, member, folder / name.removeprefix(FOLDER), left)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError) as error:
        raise ModelArchiveError(f"The archive is damaged: {error}.") from error
    for path in folder.iterdir():
        if path.suffix in TEXTS:
            _check_text(path)
    return origin


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, date_time=_MADE_AT)
    squeezable = name.endswith((*TEXTS, ".xml"))
    member.compress_type = zipfile.ZIP_DEFLATED if squeezable else zipfile.ZIP_STORED
    member.external_attr = (stat.S_IFREG | 0o644) << 16
    return member


def _check_directory(source: Path) -> None:
    """Bound the table of contents before `zipfile` reads it whole into memory.

    Only the plainest form is taken, as `archive_write` makes it: the record at the very end, no comment, no
    ZIP64 record in front of it. So ours and `zipfile`'s reading of it cannot differ.
    """
    size = source.stat().st_size
    if size > MAX_ARCHIVE_BYTES:
        raise ModelArchiveError(f"The archive has {size} bytes; at most {MAX_ARCHIVE_BYTES} are accepted.")
    with source.open("rb") as file:
        file.seek(max(0, size - _END.size - _ZIP64_LOCATOR_BYTES))
        tail = file.read()
    if len(tail) < _END.size or not tail[-_END.size :].startswith(_END_SIGNATURE):
        raise ModelArchiveError(
            "The file is no archive of a model version: expected a ZIP file from `manage.py export_model`."
        )
    _, _, _, _, members, directory_bytes, _, _ = _END.unpack(tail[-_END.size :])
    if tail.startswith(_ZIP64_LOCATOR):
        raise ModelArchiveError(
            "The archive is in ZIP64 form, which no model version needs; export it again."
        )
    if members > MAX_MEMBERS or directory_bytes > MAX_MEMBERS * _MEMBER_DIRECTORY_BYTES:
        raise ModelArchiveError(f"The archive has more than {MAX_MEMBERS} members.")


def _checked_members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return the members by name; raises `ModelArchiveError` for any that a model version does not have."""
    members: dict[str, zipfile.ZipInfo] = {}
    known: set[str] = set()
    for member in archive.infolist():
        name = member.filename
        shown = repr(name[:100])
        plain = name == MANIFEST or (name.startswith(FOLDER) and _NAME.fullmatch(name.removeprefix(FOLDER)))
        if not plain or member.orig_filename != name:
            raise ModelArchiveError(
                f"The archive's member {shown} would not lie in the version's folder: expected "
                f"{MANIFEST} and {FOLDER}NAME."
            )
        if not name.endswith(SUFFIXES):
            raise ModelArchiveError(f"The archive's member {shown} is none of {', '.join(SUFFIXES)}.")
        if member.is_dir() or stat.S_IFMT(member.external_attr >> 16) not in (0, stat.S_IFREG):
            raise ModelArchiveError(f"The archive's member {shown} is not a plain file.")
        if name.casefold() in known:
            raise ModelArchiveError(f"The archive has two members {shown}.")
        if member.flag_bits & 1 or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ModelArchiveError(f"The archive's member {shown} is encrypted or compressed in a rare way.")
        known.add(name.casefold())
        members[name] = member
    if MANIFEST not in members:
        raise ModelArchiveError(
            f"The archive has no {MANIFEST}: it was not made by `manage.py export_model`."
        )
    return members


def _read_origin(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Origin:
    with archive.open(member) as file:
        data = file.read(MAX_TEXT_BYTES + 1)
    if len(data) > MAX_TEXT_BYTES:
        raise ModelArchiveError(f"{MANIFEST} is larger than {MAX_TEXT_BYTES} bytes.")
    values = _read_json(MANIFEST, data)
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise ModelArchiveError(f"{MANIFEST} does not say that this is a {FORMAT}.")
    if values.get("format_version") != FORMAT_VERSION:
        raise ModelArchiveError(
            f"The archive has format version {str(values.get('format_version'))[:20]}, this release reads "
            f"{FORMAT_VERSION}; export it from a release that writes that."
        )
    model, version, sha256 = values.get("model"), values.get("version"), values.get("sha256")
    if not isinstance(model, str) or not re.fullmatch(r"[a-z0-9_-]{1,40}", model):
        raise ModelArchiveError(f"{MANIFEST}: `model` must be a name of a-z, 0-9, _ and -, at most 40 long.")
    if not isinstance(version, int) or not isinstance(sha256, str):
        raise ModelArchiveError(f"{MANIFEST} must give the `version`, a number, and its `sha256`.")
    claims = {key: values[key] for key in ("audit", "comparison") if isinstance(values.get(key), dict)}
    return Origin(model=model, version=version, sha256=sha256, claims=claims)


def _unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path, left: int) -> int:
    """Write one member, at most `left` bytes of it, and return how many there were."""
    is_text, is_spec = target.suffix in TEXTS, target.name == "model.json"
    limit = min(left, MAX_SPEC_BYTES if is_spec else MAX_TEXT_BYTES if is_text else left)
    written = 0
    with archive.open(member) as source, target.open("xb") as file:
        while block := source.read(min(_BLOCK, limit - written + 1)):
            written += len(block)
            if written > limit:
                raise ModelArchiveError(
                    f"{target.name} unpacks to more than {limit} bytes: that is no model version."
                )
            file.write(block)
    return written


def _check_text(path: Path) -> None:
    """Check that a text is one, and that JSON holds nothing that a database refuses."""
    data = path.read_bytes()
    if path.suffix == ".json":
        _read_json(path.name, data)
    elif b"\0" in data:
        raise ModelArchiveError(f"{path.name} is no text: it holds a NUL.")
    try:
        data.decode()
    except UnicodeDecodeError as error:
        raise ModelArchiveError(f"{path.name} is not in UTF-8: {error}.") from error


def _read_json(name: str, data: bytes) -> Any:
    try:
        if b"\0" in data or b"\\u0000" in data:
            raise ValueError("it holds a NUL")
        return json.loads(data, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise ModelArchiveError(f"{name} is no JSON that can be kept: {error}.") from error


def _refuse_constant(constant: str) -> None:
    raise ValueError(f"{constant} is no number")
