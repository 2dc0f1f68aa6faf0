"""Debian's Orthanc, as the PACS in front of us."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.peers.program import RunningProgram, find_program, free_port, server_folder

AE_TITLE = "ORTHANC"


class Orthanc:
    """A running Orthanc and its REST interface."""

    def __init__(self, server: RunningProgram, *, http_port: int, dicom_port: int) -> None:
        self.server, self.http_port, self.dicom_port = server, http_port, dicom_port
        self.ae_title = AE_TITLE

    def request(self, method: str, path: str, body: bytes | dict[str, Any] | None = None) -> Any:
        """Send a request, JSON for a dictionary; return the answer, read as JSON where it is."""
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        request = urllib.request.Request(f"http://127.0.0.1:{self.http_port}{path}", data=data, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            content = answer.read()
        try:
            return json.loads(content)
        except ValueError:
            return content

    def add_modality(self, name: str, *, ae_title: str, port: int) -> None:
        """Tell Orthanc of a DICOM node on this machine, under which it can be sent to."""
        self.request(
            "PUT",
            f"/modalities/{name}",
            {"AET": ae_title, "Host": "127.0.0.1", "Port": port, "AllowNEventReport": True},
        )

    def store(self, dicom: bytes) -> dict[str, Any]:
        """Give Orthanc an object by its own REST."""
        answer: dict[str, Any] = self.request("POST", "/instances", dicom)
        return answer

    def forward(self, modality: str, *orthanc_ids: str) -> dict[str, Any]:
        """Have Orthanc send objects by C-STORE; the answer counts failed instances."""
        answer: dict[str, Any] = self.request(
            "POST", f"/modalities/{modality}/store", {"Resources": list(orthanc_ids), "Synchronous": True}
        )
        return answer


@contextmanager
def orthanc_server() -> Iterator[Orthanc]:
    """Run an Orthanc that accepts anything from this machine."""
    program = find_program("Orthanc", package="orthanc")
    http_port, dicom_port = free_port(), free_port()
    with server_folder() as folder:
        (folder / "orthanc.json").write_text(
            json.dumps(
                {
                    "Name": "Test PACS",
                    "StorageDirectory": str(folder / "storage"),
                    "IndexDirectory": str(folder / "storage"),
                    "HttpPort": http_port,
                    "DicomPort": dicom_port,
                    "DicomAet": AE_TITLE,
                    "DicomCheckCalledAet": False,
                    "DicomAlwaysAllowStore": True,
                    "AuthenticationEnabled": False,
                    "RemoteAccessAllowed": False,
                    "SynchronousCMove": True,
                    "Plugins": [],
                }
            )
        )
        server = RunningProgram([program, str(folder / "orthanc.json")], folder=folder, port=http_port)
        try:
            server.start()
            yield Orthanc(server, http_port=http_port, dicom_port=dicom_port)
        finally:
            server.kill()
