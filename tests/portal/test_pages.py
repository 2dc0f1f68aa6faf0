"""Upload, models, account, help, error pages; and that no page needs what the policy forbids."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.template import loader
from django.test import Client
from django.urls import reverse

from apps.accounts.roles import Role
from apps.registry.models import AliasChange, ModelVersion
from ml.contracts import Finding
from tests.portal.conftest import ClientOf, StudyMaker, png

CARD = """# Model card: cxr

**Research only.** Not for *one* patient. See [the site](javascript:alert(1)).

<img src=x onerror=alert(2)>

- one
- two

| finding | AUROC |
|---|---:|
| covid19 | 0.95 |

```
<b>code</b>
```
"""


def test_uploading_by_session_and_watching_it_arrive(client_of: ClientOf) -> None:
    technician = client_of(Role.TECHNICIAN)
    page = technician.get(reverse("portal:upload")).content.decode()
    door = re.search(r'data-action="([^"]+)"', page)
    assert door is not None
    sent = SimpleUploadedFile("chest.png", png(90, (300, 300)), "image/png")
    kept = technician.post(door[1], {"files": [sent]}).json()["instances"][0]
    answer = technician.get(reverse("portal:upload_progress"), {"uid": kept["study_instance_uid"]}).json()
    assert answer[kept["study_instance_uid"]]["state"] == "waiting"


def test_progress_tells_readers_the_finding_and_technicians_that_it_is_done(
    client_of: ClientOf, make_study: StudyMaker
) -> None:
    uid = make_study(label=Finding.COVID19, probability=0.9).study_instance_uid
    told = {
        role: client_of(role).get(reverse("portal:upload_progress"), {"uid": uid}).json()[uid]
        for role in (Role.CLINICIAN, Role.TECHNICIAN)
    }
    assert told[Role.CLINICIAN]["finding"] == "COVID-19"
    assert told[Role.CLINICIAN]["probability"] == "90 %"
    assert told[Role.TECHNICIAN]["finding"] == told[Role.TECHNICIAN]["probability"] == ""
    assert told[Role.TECHNICIAN]["state"] == "done"


def test_models_and_the_history_of_who_answered(reader: Client, version: ModelVersion) -> None:
    AliasChange.objects.create(
        model=version.model, alias="champion", to_version=version, by="somebody", reason="Better <b>!"
    )
    page = reader.get(reverse("portal:models")).content.decode()
    assert "cxr:1" in page
    assert "Balanced accuracy" in page
    assert "Better &lt;b&gt;!" in page


def test_a_card_is_shown_as_text_whatever_it_holds(reader: Client, version: ModelVersion) -> None:
    ModelVersion.objects.filter(pk=version.pk).update(card=CARD)
    page = reader.get(reverse("portal:version", args=["cxr", 1])).content.decode()
    assert "<h2>Model card: cxr</h2>" in page
    assert "Research only. Not for one patient. See the site (javascript:alert(1))." in page
    assert "&lt;img src=x onerror=alert(2)&gt;" in page
    assert "<li>two</li>" in page
    assert "<td>0.95</td>" in page
    assert "<pre>&lt;b&gt;code&lt;/b&gt;</pre>" in page
    assert "javascript:" not in "".join(re.findall(r'href="([^"]*)"', page))


def test_unknown_versions_are_not_there(reader: Client, version: ModelVersion) -> None:
    assert reader.get(reverse("portal:version", args=["cxr", 9])).status_code == 404


def test_without_models_the_page_says_what_to_do(reader: Client) -> None:
    assert "No model is registered" in reader.get(reverse("portal:models")).content.decode()


def test_the_account_page_names_role_and_rights(client_of: ClientOf) -> None:
    page = client_of(Role.TECHNICIAN).get(reverse("portal:account")).content.decode()
    assert "technician@example.org" in page
    assert "Send images to the platform" in page
    assert "See results" not in page


def test_the_about_page_names_every_source_with_licence_and_citation(
    client: Client, reader: Client, version: ModelVersion
) -> None:
    sources = {
        "kermany": {
            "title": "Chest X-Ray Images",
            "images": 4953,
            "licences": ["CC BY 4.0", "CC0"],
            "without_licence": 7,
            "citations": ["Kermany DS, <b>2018</b>", "Another, 2020"],
        },
        "our-hospital": {"images": 12, "licences": [], "without_licence": 12, "citations": []},
    }
    ModelVersion.objects.filter(pk=version.pk).update(lineage={"sources": sources})
    page = " ".join(client.get(reverse("portal:about")).content.decode().split())
    for text in (
        "not a cleared medical device",
        "Apache License 2.0",
        "<td>4953</td>",
        "CC BY 4.0; CC0; not stated for 7",
        "Kermany DS, &lt;b&gt;2018&lt;/b&gt;",
        "Another, 2020",
        "our-hospital",
        "not stated",
    ):
        assert text in page, text
    card = reverse("portal:version", args=["cxr", 1])
    assert card not in page, "a visitor is told of sources, not of versions"
    assert card in reader.get(reverse("portal:about")).content.decode()
    assert reverse("portal:about") in client.get(reverse("portal:help")).content.decode()


def test_the_about_page_says_when_there_is_nothing_to_name(client: Client, version: ModelVersion) -> None:
    assert "without a statement of its sources" in client.get(reverse("portal:about")).content.decode()
    version.aliases.all().delete()
    assert "No model is registered yet" in client.get(reverse("portal:about")).content.decode()


@pytest.mark.parametrize("template", ["400.html", "500.html"])
def test_error_pages_need_no_request(template: str) -> None:
    assert "<h1>" in loader.render_to_string(template)


def test_unknown_addresses_say_so_in_words(reader: Client) -> None:
    answer = reader.get("/no/such/page/")
    assert answer.status_code == 404
    assert "There is nothing here" in answer.content.decode()


def test_a_forged_form_is_refused_in_words(client_of: ClientOf) -> None:
    client_of(Role.ADMINISTRATOR)
    forger = Client(enforce_csrf_checks=True)
    answer = forger.post(reverse("account_login"), {"login": "a", "password": "b"})
    assert answer.status_code == 403
    assert "This form is too old" in answer.content.decode()


def test_every_page_carries_the_notice_and_nothing_inline(
    reader: Client, client_of: ClientOf, make_study: StudyMaker
) -> None:
    administrator = client_of(Role.ADMINISTRATOR)
    studies = [
        make_study(label=Finding.COVID19),
        make_study(rejections=[{"code": "not_chest", "detail": "x"}]),
        make_study(status="failed"),
        make_study(),
    ]
    pages = [
        (reader, reverse("portal:worklist")),
        *((reader, reverse("portal:reading", args=[study.pk])) for study in studies),
        *((reader, reverse(f"portal:{name}")) for name in ("upload", "models", "account", "help", "about")),
        (reader, reverse("portal:version", args=["cxr", 1])),
        (administrator, reverse("portal:break_glass")),
    ]
    for client, address in pages:
        answer = client.get(address)
        page = answer.content.decode()
        assert answer.status_code == 200, address
        assert "For research and evaluation." in page, address
        assert not re.search(r"<[^>]+\s(style|on\w+)\s*=", page), address
        assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>", page), address
        policy = answer["Content-Security-Policy"]
        assert "unsafe" not in policy, address
