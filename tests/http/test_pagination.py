"""Page by page, while records keep coming that share their time: nothing is lost, nothing comes twice."""

import itertools
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import TestDatabase
from tests.support.calls import page

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
Drawn = tuple[datetime, int]
Key = tuple[datetime, str]
Insert = Callable[[str, list[Key]], None]

# Few instants, so that many records share theirs; some are a microsecond apart. The number is the start of the id, so
# that records which come later may sort before those that were there.
instants = st.sampled_from([0, 1, 2, 999, 1000, 1_000_000]).map(lambda us: EPOCH + timedelta(microseconds=us))
drawn = st.tuples(instants, st.integers(0, 2**32 - 1))


def keys_of(found: dict[str, Any]) -> list[Key]:
    """Return what the records of a page are in order of."""
    return [(datetime.fromisoformat(item["created_at"]), item["id"]) for item in found["items"]]


def insert_into_database(database: TestDatabase) -> Insert:
    """Return how records of any time are put into the table; the service itself cannot choose their time."""

    def insert(tenant: str, new: list[Key]) -> None:
        with database.administrator.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO audit.audit_logs (id, tenant_id, agent_id, mode, status, created_at)"
                " VALUES (%s, %s, 'a', 'DRY_RUN', 'success', %s)",
                [(id_, tenant, created_at) for created_at, id_ in new],
            )

    return insert


def insert_into_file(file: Path) -> Insert:
    """Return how records of any time are put into the file."""
    nothing = dict.fromkeys(("trace_id", "http_status", "latency_ms", "user_id", "error"))

    def insert(tenant: str, new: list[Key]) -> None:
        with file.open("a") as lines:
            for created_at, id_ in new:
                record = {"id": id_, "tenant_id": tenant, "agent_id": "a", "mode": "DRY_RUN", "status": "success"}
                time = created_at.isoformat(timespec="microseconds").replace("+00:00", "Z")
                lines.write(json.dumps({**record, **nothing, "created_at": time}) + "\n")

    return insert


@dataclass(frozen=True)
class Paged:
    """One backend: the service on it, how records of any time get into it, and how a tenant is made."""

    client: TestClient
    insert: Insert
    register: Callable[[str], object]
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def new_tenant(self) -> str:
        """Return a tenant that has no records yet."""
        tenant = f"tenant-{next(self.numbers)}"
        self.register(tenant)
        return tenant

    def new_id(self, start: int) -> str:
        """Return an id that no other record has, beginning with `start`."""
        return str(uuid.UUID(int=start << 96 | next(self.numbers)))


@pytest.fixture(params=["postgresql", "jsonl"])
def paged(request: pytest.FixtureRequest, tmp_path: Path) -> Paged:
    """Each backend."""
    if request.param == "jsonl":
        client = request.getfixturevalue("serve_file")()
        return Paged(client, insert_into_file(tmp_path / "audit.jsonl"), lambda _: None)
    database: TestDatabase = request.getfixturevalue("database")
    client = request.getfixturevalue("serve")()
    return Paged(client, insert_into_database(database), database.create_tenant)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    first=st.lists(drawn, max_size=25),
    arriving=st.lists(st.lists(drawn, max_size=6), max_size=12),
    limit=st.integers(1, 8),
    order=st.sampled_from(["asc", "desc"]),
)
def test_every_page_holds_exactly_what_follows_the_page_before_and_leads_back_to_it(
    paged: Paged, first: list[Drawn], arriving: list[list[Drawn]], limit: int, order: str
) -> None:
    tenant, neighbour = paged.new_tenant(), paged.new_tenant()
    stored: list[Key] = []

    def arrive(batch: list[Drawn]) -> None:
        new = [(at, paged.new_id(number)) for at, number in batch]
        paged.insert(tenant, new)
        paged.insert(neighbour, [(at, paged.new_id(number)) for at, number in batch])
        stored.extend(new)

    arrive(first)
    at_the_start = set(stored)
    seen: list[Key] = []
    cursor: dict[str, str] = {}
    for batch in itertools.chain(arriving, itertools.repeat([])):
        found = page(paged.client, tenant, limit=limit, order=order, **cursor)
        got = keys_of(found)
        following = sorted(stored, reverse=order == "desc")
        if seen:
            following = [key for key in following if (key < seen[-1] if order == "desc" else key > seen[-1])]
        assert got == following[:limit]
        assert found["count"] == len(got)
        assert found["has_more"] == (len(following) > limit) == (found["next_cursor"] is not None)
        if got:
            other = "asc" if order == "desc" else "desc"
            back = page(paged.client, tenant, limit=limit, order=other, cursor=found["previous_cursor"])
            before = [key for key in stored if (key > got[0] if order == "desc" else key < got[0])]
            assert keys_of(back) == sorted(before, reverse=other == "desc")[:limit]
        else:
            assert found["previous_cursor"] is None
        seen.extend(got)
        if not found["has_more"]:
            break
        cursor = {"cursor": found["next_cursor"]}
        arrive(batch)

    assert len(set(seen)) == len(seen)
    assert at_the_start <= set(seen)
