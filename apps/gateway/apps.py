from django.apps import AppConfig

from apps.core.registries import gauges


class GatewayConfig(AppConfig):
    name = "apps.gateway"
    label = "gateway"
    verbose_name = "DICOM gateway"

    def ready(self) -> None:
        from apps.gateway.gauges import GAUGES

        for gauge in GAUGES:
            gauges.register(gauge)
