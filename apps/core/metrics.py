"""Figures for Prometheus: the apps' gauges, read when scraped, and the web process's own."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping

from prometheus_client import (
    CollectorRegistry,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from apps.core.registries import gauges

logger = logging.getLogger(__name__)


class GaugeCollector(Collector):
    """Reads `core.registries.gauges`; one that fails is left out, so that the others still show."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for gauge in gauges:
            try:
                value = gauge.read()
            except Exception:
                logger.exception("Gauge %s cannot be read", gauge.name)
                continue
            if isinstance(value, Mapping):
                family = GaugeMetricFamily(gauge.name, gauge.help, labels=[gauge.label])
                for label, figure in value.items():
                    family.add_metric([label], figure)
            else:
                family = GaugeMetricFamily(gauge.name, gauge.help, value=value)
            yield family


registry = CollectorRegistry()
registry.register(GaugeCollector())
ProcessCollector(registry=registry)
PlatformCollector(registry=registry)

request_seconds = Histogram(
    "cxr_http_request_seconds",
    "Time to answer a request, by route.",
    ["method", "route", "status"],
    registry=registry,
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)


def exposition() -> bytes:
    """Return every figure in Prometheus' text format."""
    return generate_latest(registry)
