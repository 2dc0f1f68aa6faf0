"""The page of the champion's watching."""

from __future__ import annotations

import json
import re

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.registry.models import ModelVersion
from apps.retraining.models import WatchingReport


def rate(figure: str, share: float, by: str = "all", part: str = "all") -> dict[str, object]:
    interval = {"low": share - 0.05, "high": share + 0.05}
    return {"figure": figure, "by": by, "part": part, "hits": 9, "n": 123, "rate": share, **interval}


@pytest.fixture
def reports(version: ModelVersion) -> list[WatchingReport]:
    """Two periods; in the second one the device changed."""
    shift = {"attribute": "device", "test": "chi-squared", "statistic": 80.0, "p_value": 1e-9}
    return [
        WatchingReport.objects.create(
            model_version=version,
            first_diagnosis=number * 250,
            last_diagnosis=number * 250 + 249,
            begins_at=timezone.now(),
            ends_at=timezone.now(),
            images=250,
            reference_images=500,
            shifts=[{**shift, "stability_index": 0.4, "alarm": bool(number)}],
            rates=[rate("agreement", 0.9 - 0.1 * number), rate("agreement", 0.7, "sex", "F")],
            calibration_error=0.031,
            drift_alarm=bool(number),
            reason="cxr:1: the images or answers have changed: device." if number else "",
        )
        for number in range(2)
    ]


def test_before_the_first_period_the_page_says_what_is_needed(reader: Client) -> None:
    assert "first 500 answers" in reader.get(reverse("portal:watching")).content.decode()


def test_the_newest_period_and_the_course_are_shown(reader: Client, reports: list[WatchingReport]) -> None:
    text = reader.get(reverse("portal:watching")).content.decode()
    assert reports[1].reason in text
    assert "80%" in re.sub(r"\s", "", text)
    assert "0.031" in text
    chart = re.search(r'<script id="rates" type="application/json">(.*?)</script>', text)
    assert chart is not None
    (line,) = json.loads(chart[1])["data"]["datasets"]
    assert (line["label"], line["data"]) == ("agreement", [0.9, 0.8])
