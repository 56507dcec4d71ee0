"""Spans of the service's own requests, where OpenTelemetry's variables name a place to export them to.

Nothing of OpenTelemetry's SDK is loaded otherwise: it is an optional group of packages (requirements/otel.lock).
"""

import logging
import os
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

logger = logging.getLogger("ringfence")

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_MAX_LAST_EXPORT = 5.0
"""Seconds that the end of the service waits for the last spans."""


def make_tracer_provider() -> "TracerProvider | None":
    """Return what makes spans and exports them in the background; None where no variable asks for it.

    The SDK reads its other variables itself: headers, sampler, batches, OTEL_SERVICE_NAME.
    """
    if not any(map(os.environ.get, _ENDPOINTS)):
        return None
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        logger.warning("no request is traced: the packages of requirements/otel.lock are not installed")
        return None
    named = Resource({"service.name": "ringfence"}).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=Resource.create(named.attributes), shutdown_on_exit=False)
    try:
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    except ValueError as error:  # platforms set these variables for everything that they run
        logger.warning("no request is traced: OpenTelemetry's SDK refuses one of its variables: %s", error)
        return None
    return provider


def export_last_spans(provider: "TracerProvider") -> None:
    """Export what is left, for some seconds at most: a receiver that is away holds up no end of the service."""
    exporting = threading.Thread(target=provider.shutdown, daemon=True)
    exporting.start()
    exporting.join(_MAX_LAST_EXPORT)
