"""Prometheus metrics of the shipper. The one label is the name that the operator gave a destination."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server


class Metrics:
    """What a running shipper has done, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        label = ["destination"]
        self.shipped = Counter(
            "ringfence_shipper_lines", "Lines that the destination has taken.", label, registry=self.registry
        )
        self.failures = Counter(
            "ringfence_shipper_failures", "Tries that failed, of reading or of sending.", label, registry=self.registry
        )
        self.succeeded = Gauge(
            "ringfence_shipper_last_success_timestamp_seconds",
            "When the destination last took a batch; 0: not since the start.",
            label,
            registry=self.registry,
        )
        self.caught_up = Gauge(
            "ringfence_shipper_caught_up_timestamp_seconds",
            "When the destination last had everything that its feed had, or was first looked at; 0: not known.",
            label,
            registry=self.registry,
        )

    def begin(self, destination: str) -> None:
        """Show a destination from the start on."""
        self.shipped.labels(destination)
        self.failures.labels(destination)
        self.succeeded.labels(destination)
        self.caught_up.labels(destination)

    @contextmanager
    def served(self, host: str, port: int) -> Iterator[None]:
        """Serve them at /metrics meanwhile. Raises OSError where the address cannot be listened on."""
        server, thread = start_http_server(port, host, self.registry)
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()
