"""What is broken: a cluster with a migrated database, the service on it, and an agent for LIVE."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from app import migrate
from app.local.server import wheel_binaries
from tests.chaos.cluster import Cluster
from tests.chaos.ledger import Answer
from tests.chaos.load import Load
from tests.chaos.service import Service
from tests.support.calls import bearer
from tests.support.polling import eventually
from tests.support.spool_directory import dead_letters
from tests.support.stub_agent import StubAgent, running_agent

DATABASE = "ringfence"
TENANTS = ("acme", "globex", "initech")
_MAX_SECONDS_TO_RECOVER = 60.0


class Laboratory:
    """Everything that a fault needs. seconds: of load before and after it, and how long it lasts where it lasts."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self.folder = folder
        self.seconds = seconds
        self.cluster = Cluster(wheel_binaries(), folder / "primary")
        self.keys: dict[str, str] = {}
        self.load: Load | None = None
        self.seconds_to_recover = 0.0
        self._agent = StubAgent()
        self.service: Service

    @contextmanager
    def open(self) -> Iterator["Laboratory"]:
        """Set everything up, and take it down again whatever happens."""
        with ExitStack() as stack:
            stack.callback(lambda: self.cluster.remove())
            self.cluster.start("max_connections=60")
            self.cluster.query(f"CREATE DATABASE {DATABASE}")
            migrate.apply(self.cluster.url("postgres", DATABASE))
            for tenant in TENANTS:
                self.cluster.query(f"SELECT audit.create_tenant('{tenant}')", DATABASE)
                ((key,),) = self.cluster.query(f"SELECT audit.issue_api_key('{tenant}', 'chaos')", DATABASE)
                self.keys[tenant] = str(key)
            self._agent = stack.enter_context(running_agent())
            self.service = Service(
                self.folder / "spool", live_enabled=True, agents_file=self._agent.agents_file(self.folder),
                database_url=self.cluster.url("audit_app", DATABASE),
            )  # fmt: skip
            stack.callback(lambda: self.service.stop())
            self.service.start()
            yield self

    @contextmanager
    def under_load(self) -> Iterator[None]:
        """Let callers call: before the block, during it, and until some time after everything is well again."""
        self.load = load = Load(self.service.port, self.keys)
        with load.running():
            eventually(lambda: load.seen[Answer.ACKNOWLEDGED] >= 50)
            time.sleep(self.seconds / 2)
            yield
            mended = time.monotonic()
            self.recover()
            self.seconds_to_recover = time.monotonic() - mended
            time.sleep(self.seconds / 2)
        self.recover()

    def recover(self) -> None:
        """Return when records go into the database again, and none is left in the spool."""
        eventually(self.service.answers, within=_MAX_SECONDS_TO_RECOVER)
        headers = bearer(self.keys["acme"]) | {"X-Trace-ID": "recovered"}
        url = f"http://127.0.0.1:{self.service.port}/api/v1/audit/logs"

        def is_well() -> bool:
            try:
                answer = httpx.get(url, headers=headers, timeout=30, trust_env=False)
            except httpx.TransportError:
                return False
            return answer.status_code == 200 and not self.service.spooled()

        eventually(is_well, within=_MAX_SECONDS_TO_RECOVER)

    def wait_for(self, answer: Answer, more: int = 50) -> None:
        """Return when so many more callers have got this answer."""
        load = self.load
        assert load
        wanted = load.seen[answer] + more
        eventually(lambda: load.seen[answer] >= wanted)

    def calls_of_the_agent(self) -> set[str]:
        """Return the trace ids with which the agent was called, and forget them."""
        calls, self._agent.calls = self._agent.calls, []
        return {headers["x-trace-id"] for _, headers, _ in calls}

    def rows(self) -> list[tuple[object, ...]]:
        """Return every record that is stored."""
        return self.cluster.query(
            "SELECT id, trace_id, tenant_id, user_id, status, created_at FROM audit.audit_logs", DATABASE
        )

    def forget(self) -> None:
        """Empty the table: the next ledger is about other records."""
        self.cluster.query("TRUNCATE audit.audit_logs", DATABASE)
        self.calls_of_the_agent()

    def is_isolated(self) -> bool:
        """Whether isolation is intact."""
        url = f"http://127.0.0.1:{self.service.port}/api/v1/health/db"
        return bool(httpx.get(url, trust_env=False).json()["isolation"] == "intact")

    def dead_letters(self) -> int:
        """How many records were refused for good."""
        return len(dead_letters(self.service.spool))
