"""Whatever a key is restricted to and asked for, its pages are those of the whole tenant without what lies outside."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import TestDatabase
from tests.support.view_links import restricted_key

BUDGET = settings(max_examples=150, suppress_health_check=list(HealthCheck))
BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
VALUES: dict[str, list[str | None]] = {
    "agent_id": ["a", "b", "c"], "trace_id": ["t", "u", None], "user_id": ["x", "y", None],
    "mode": ["LIVE", "DRY_RUN", None], "status": ["success", "error", None],
}  # fmt: skip
times = st.integers(-1, 41).map(lambda minutes: (BEGAN + timedelta(minutes=minutes)).isoformat())
equalities = st.fixed_dictionaries(
    {}, optional={name: st.sampled_from([each for each in found if each]) for name, found in VALUES.items()}
)
windows = st.fixed_dictionaries({}, optional={"start_time": times, "end_time": times})
filters = st.builds(lambda a, b: a | b, equalities, windows)
restrictions = filters.filter(lambda found: found and found.get("start_time", "") < found.get("end_time", "9999"))
Item = dict[str, Any]


@pytest.fixture
def session(database: TestDatabase) -> Iterator[psycopg.Connection[Any]]:
    database.execute("SELECT setseed(0.5)")
    database.execute(
        "INSERT INTO audit.audit_logs (id, tenant_id, agent_id, trace_id, user_id, mode, status, created_at)"
        " SELECT gen_random_uuid(), CASE WHEN n % 7 = 0 THEN 'globex' ELSE 'acme' END, (%s::text[])[1 + n %% 3],"
        " (%s::text[])[1 + n / 3 %% 3], (%s::text[])[1 + n / 9 %% 3], (%s::text[])[1 + n / 27 %% 3],"
        " (%s::text[])[1 + n / 81 %% 3], timestamptz '2026-01-01 00:00:00+00' + n * 37 %% 40 * interval '1 minute'"
        " FROM generate_series(0, 242) AS n".replace("n % 7", "n %% 7"),
        *VALUES.values(),
    )
    with psycopg.connect(database.url("audit_app"), autocommit=True) as connection:
        yield connection


def pages(session: psycopg.Connection[Any], key: str, asked: Item, limit: int, order: str) -> list[Item]:
    """Return the items of all pages."""
    items: list[Item] = []
    cursor = None
    while True:
        arguments = {**asked, "limit": limit, "order": order, "cursor": cursor}
        given = ", ".join(f"p_{name} => %({name})s" for name in arguments)
        with session.transaction():
            session.execute("SELECT audit.enter_tenant(%s)", [key])
            ((text,),) = session.execute(f"SELECT audit.list_audit_logs({given})".encode(), arguments).fetchall()
        page = json.loads(text)
        items += page["items"]
        cursor = page["next_cursor"]
        assert (cursor is None) or page["count"] == limit
        if cursor is None:
            return items


def lies_within(item: Item, restriction: Item) -> bool:
    """Whether a record has all values of a restriction."""
    at = datetime.fromisoformat(item["created_at"])
    return (
        all(item[name] == value for name, value in restriction.items() if name in VALUES)
        and at >= datetime.fromisoformat(restriction.get("start_time", "0001-01-01T00:00:00+00:00"))
        and at < datetime.fromisoformat(restriction.get("end_time", "9999-01-01T00:00:00+00:00"))
    )


def test_pages_of_a_part_are_those_of_the_whole_without_the_rest(
    database: TestDatabase, session: psycopg.Connection[Any]
) -> None:
    whole = database.issue_api_key("acme", "read")

    @BUDGET
    @given(restrictions, filters, st.sampled_from([1, 3, 50, 1000]), st.sampled_from(["asc", "desc"]))
    def compare(restriction: Item, asked: Item, limit: int, order: str) -> None:
        key = restricted_key(database, "acme", **restriction)
        everything = pages(session, whole, asked, 1000, order)
        expected = [item for item in everything if lies_within(item, restriction)]
        assert pages(session, key, asked, limit, order) == expected

    compare()
