"""An upgrade and a rollback as docs/upgrade.md has them: workers of two releases side by side, and nothing is lost."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest

from app import migrate
from app.model.uuid_v7 import uuid_v7
from tests.conftest import TestDatabase
from tests.support.bulk_calls import LOGS, lines, record
from tests.support.calls import bearer
from tests.support.polling import eventually
from tests.support.processes import ServiceProcess, running_release, running_service
from tests.support.releases import release_before
from tests.support.spool_directory import dead_letters, query, spooled_lines

EXECUTE, STORE = "/api/v1/agents/a/execute", "/api/v1/health/db"


@pytest.fixture
def older(tmp_path: Path) -> Path:
    return release_before(tmp_path)


@pytest.fixture
def database(create_database: Callable[[], str], older: Path) -> Iterator[TestDatabase]:
    """A database of the release before, with the tenant acme."""
    url = create_database()
    done = subprocess.run(
        [sys.executable, "-m", "app.migrate", "apply"],
        cwd=older,
        env={**os.environ, "MIGRATION_DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with psycopg.connect(url, autocommit=True) as administrator:
        database = TestDatabase(administrator)
        database.create_tenant("acme")
        yield database


class Traffic:
    """Everything that a caller does, again and again, on one service. stored: ids that were acknowledged."""

    def __init__(self, service: ServiceProcess, key: str) -> None:
        self._service, self._key = service, key
        self.stored: set[str] = set()
        self.refused: list[tuple[float, str]] = []
        """When a call began that was refused, and what was said."""
        self.rounds = 0

    def run(self, ends: threading.Event) -> None:
        with httpx.Client(base_url=self._service.http.base_url, trust_env=False, timeout=60) as client:
            client.headers.update(bearer(self._key))
            while not ends.is_set():
                for call in (self._execute, self._bulk, self._list, self._export):
                    began = time.monotonic()
                    answer = call(client)
                    if answer is not None:
                        assert answer.status_code == 503, answer.text
                        assert answer.headers["retry-after"]
                        self.refused.append((began, answer.text))
                self.rounds += 1

    def _execute(self, client: httpx.Client) -> httpx.Response | None:
        answer = client.post(EXECUTE, json={"input": {}})
        if answer.status_code != 200:
            return answer
        self.stored.add(answer.json()["id"])
        return None

    def _bulk(self, client: httpx.Client) -> httpx.Response | None:
        sent = [record(id=str(uuid_v7())) for _ in range(20)]
        answer = client.post(LOGS, content=lines(sent), headers={"Content-Type": "application/x-ndjson"})
        if answer.status_code != 201:
            return answer
        self.stored.update(each["id"] for each in sent)
        return None

    def _list(self, client: httpx.Client) -> httpx.Response | None:
        answer = client.get(LOGS, params={"limit": 5})
        if answer.status_code == 200:
            assert self.rounds == 0 or answer.json()["count"] == 5
            return None
        return answer

    def _export(self, client: httpx.Client) -> httpx.Response | None:
        answer = client.get(f"{LOGS}/export", params={"start_time": "2026-01-01T00:00:00Z"})
        if answer.status_code == 200:
            assert "complete" in json.loads(answer.text.splitlines()[-1]), answer.text[-200:]
            return None
        return answer


@contextmanager
def traffic(*services: ServiceProcess, key: str) -> Iterator[list[Traffic]]:
    """Call each service in a thread of its own until the block ends; every round must have ended well."""
    ends, failures = threading.Event(), list[BaseException]()
    everything = [Traffic(service, key) for service in services]

    def run(each: Traffic) -> None:
        try:
            each.run(ends)
        except BaseException as failure:
            failures.append(failure)

    threads = [threading.Thread(target=run, args=[each]) for each in everything]
    for thread in threads:
        thread.start()
    try:
        eventually(lambda: failures or all(each.rounds for each in everything))
        yield everything
        rounds = [each.rounds for each in everything]
        eventually(lambda: failures or all(each.rounds > 1 + n for each, n in zip(everything, rounds, strict=True)))
    finally:
        ends.set()
        for thread in threads:
            thread.join()
    assert not failures, failures


def stored(database: TestDatabase) -> set[str]:
    return {each for (each,) in database.execute("SELECT id::text FROM audit.audit_logs")}


def spooled(service: ServiceProcess, database: TestDatabase, key: str) -> str:
    """Have a record spooled while the database is unavailable; return its id."""

    def execute() -> dict[str, str]:
        answer = service.http.post(EXECUTE, headers=bearer(key), json={"input": {}})
        found: dict[str, str] = answer.json()
        return found

    database.go_down()
    return eventually(lambda: (found := execute()).get("stored") == "spool" and found["id"]) or ""


def test_the_release_before_serves_during_the_migration_and_beside_the_new_one_and_alone_again(
    database: TestDatabase, older: Path, tmp_path: Path
) -> None:
    key, url = database.issue_api_key("acme"), database.url("audit_app")
    own: dict[str, dict[str, object]] = {
        name: {"spool": True, "spool_path": tmp_path / name} for name in ("old", "new")
    }
    administrator = database.url(database.administrator.info.user)
    acknowledged: set[str] = set()

    with running_release(older, database_url=url, **own["old"]) as old:
        # 1. The migration, under the old workers.
        with traffic(old, key=key) as (caller,):
            migrate.apply(administrator)
            migrated = time.monotonic()
        acknowledged |= caller.stored
        assert [said for began, said in caller.refused if began > migrated] == []
        # What an old worker has spooled is taken by the new schema.
        acknowledged.add(spooled(old, database, key))
        database.come_up()
        eventually(lambda: not spooled_lines(tmp_path / "old"))
        assert acknowledged <= stored(database)
        assert old.http.get(STORE).status_code == 200

        # 2. New workers beside the old ones.
        with running_service(database_url=url, **own["new"]) as new:
            with traffic(old, new, key=key) as callers:
                pass
            for each in callers:
                assert each.refused == []
                acknowledged |= each.stored
            # 3. The old ones go, and the new ones replay what an old one has left.
            left = spooled(old, database, key)
            old.kill()
        database.come_up()
        with running_service(database_url=url, spool=True, spool_path=tmp_path / "old") as new:
            eventually(lambda: not spooled_lines(tmp_path / "old"))
            acknowledged.add(left)
            assert acknowledged <= stored(database)
            answer = new.http.post(EXECUTE, headers=bearer(key), json={"input": {}})
            acknowledged.add(answer.json()["id"])
            eventually(lambda: query(tmp_path / "old", "SELECT * FROM known_credentials"))  # the key is known
            acknowledged.add(spooled(new, database, key))
            new.kill()

    # 4. The rollback of the service alone: old workers on the new schema. What is left in the spool stays in its file.
    database.come_up()
    with running_release(older, database_url=url, spool=True, spool_path=tmp_path / "old") as old:
        with traffic(old, key=key) as (caller,):
            pass
        assert caller.refused == []
        assert old.http.get(STORE).status_code == 200
    acknowledged |= caller.stored
    assert len(spooled_lines(tmp_path / "old")) == 1
    with running_service(database_url=url, spool=True, spool_path=tmp_path / "old"):
        eventually(lambda: not spooled_lines(tmp_path / "old"))
    assert acknowledged <= stored(database)
    assert [dead_letters(tmp_path / name) for name in own] == [[], []]
