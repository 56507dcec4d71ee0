"""What is broken: a cluster with a migrated database, the service on it, and an agent for LIVE."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import httpx

from app import migrate
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


class Database(Protocol):
    """A server, or several that stand for one."""

    def start(self, *settings: str) -> None:
        """Set it up, and return when it can be written to."""

    def create_database(self, name: str) -> None:
        """Make a database, and return when it can be connected to."""

    def remove(self) -> None:
        """Stop it, and delete its files."""

    def url(self, role: str, database: str = "postgres") -> str:
        """Return the libpq URL of `database`, as `role`."""

    def query(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run a statement as a superuser; return its rows."""


D = TypeVar("D", bound=Database)


class Laboratory(Generic[D]):
    """Everything that a fault needs.

    cluster: not started yet. seconds: of load before and after a fault, and how long it lasts where it lasts.
    """

    def __init__(self, folder: Path, seconds: float, cluster: D) -> None:
        self.folder = folder
        self.seconds = seconds
        self.cluster = cluster
        self.keys: dict[str, str] = {}
        self.load: Load | None = None
        self.seconds_to_recover = 0.0
        self._agent = StubAgent()
        self.service: Service

    @contextmanager
    def open(self) -> Iterator["Laboratory[D]"]:
        """Set everything up, and take it down again whatever happens."""
        with ExitStack() as stack:
            stack.callback(lambda: self.cluster.remove())
            self.cluster.start("max_connections=60")
            self.cluster.create_database(DATABASE)
            self.migrate()
            for tenant in TENANTS:
                self.cluster.query(f"SELECT audit.create_tenant('{tenant}')", DATABASE)
                ((key,),) = self.cluster.query(f"SELECT audit.issue_api_key('{tenant}', 'chaos')", DATABASE)
                self.keys[tenant] = str(key)
            self._agent = stack.enter_context(running_agent())
            self.service = Service(
                self.folder / "spool", live_enabled=True, agents_file=self._agent.agents_file(self.folder),
                database_url=self.url_of_the_service(),
            )  # fmt: skip
            stack.callback(lambda: self.service.stop())
            self.service.start()
            yield self

    def migrate(self) -> None:
        """Bring the database to this release."""
        migrate.apply(self.cluster.url("postgres", DATABASE))

    def new_load(self) -> Load:
        """Return the callers of the next fault."""
        return Load(self.service.port, self.keys)

    def url_of_the_service(self) -> str:
        """Return the URL that the service is given, once the database is migrated."""
        return self.cluster.url("audit_app", DATABASE)

    @contextmanager
    def under_load(self) -> Iterator[None]:
        """Let callers call: before the block, during it, and until some time after everything is well again."""
        self.load = load = self.new_load()
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
