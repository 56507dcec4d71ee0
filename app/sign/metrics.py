"""Prometheus metrics of the signer, which serves no HTTP otherwise. No label holds a tenant or a key."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from app.sign.signer import Round


class Metrics:
    """What a running signer has done, in a registry of its own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._signed = Counter("ringfence_signer_heads_signed", "Heads signed and stored.", registry=self.registry)
        self._looked_at = Gauge(
            "ringfence_signer_last_round_timestamp_seconds",
            "When all heads were last read and signed, or refused; or the signer started.",
            registry=self.registry,
        )
        self._trees = Gauge(
            "ringfence_signer_trees",
            "Trees that the last round left unsigned: refused, failed, or waiting for witnesses.",
            ["state"],
            registry=self.registry,
        )
        self._looked_at.set_to_current_time()

    def count(self, done: Round) -> None:
        """Take over the counts of a round."""
        self._signed.inc(done.signed)
        self._looked_at.set_to_current_time()
        for state, number in (("refused", done.refused), ("failed", done.failed), ("waiting", done.waiting)):
            self._trees.labels(state).set(number)

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
