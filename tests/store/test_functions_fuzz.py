"""Whatever the functions are called with by the service's role: known refusals, and nothing stored in another form."""

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import TestDatabase

BUDGET = settings(max_examples=150, suppress_health_check=list(HealthCheck))
# Our own, what cannot be read or stored, broken rules, and what the role may not do.
KNOWN = ("RF0", "22", "23", "42501")

texts = st.none() | st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=300)
words = texts | st.sampled_from(
    ["DRY_RUN", "LIVE", "success", "error", "started", "denied", "asc", "desc", "csv", "ndjson"]
)
numbers = st.none() | st.integers(-(2**31), 2**31 - 1)
ids = st.none() | st.uuids().map(str)
FIELDS = {
    **{"id": ids, "trace_id": texts, "agent_id": texts, "mode": words, "status": words, "http_status": numbers},
    **{"latency_ms": numbers, "user_id": texts, "error": texts},
}
OF_GLOBEX = "INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), 'globex', 'a')"
NAMES = st.sampled_from([*FIELDS, "created_at", "line", "hmac", "x"])
anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=12,
)


@pytest.fixture
def session(database: TestDatabase) -> Iterator["Session"]:
    with psycopg.connect(database.url("audit_app"), autocommit=True) as connection:
        yield Session(database, connection)


class Session:
    """The service's role, and a key of acme that may do everything."""

    def __init__(self, database: TestDatabase, connection: psycopg.Connection[Any]) -> None:
        self.database, self.connection = database, connection
        self.key = database.issue_api_key("acme", "read", "write", "import")

    def call(self, statement: str, *parameters: Any) -> Any:
        """Run one statement with the key, in a transaction of its own; return its value, or its SQLSTATE."""
        try:
            with self.connection.transaction():
                self.connection.execute("SELECT audit.enter_tenant(%s)", [self.key])
                return self.connection.execute(statement.encode(), parameters).fetchall()[0][0]
        except psycopg.Error as error:
            assert error.sqlstate is not None, error
            assert error.sqlstate.startswith(KNOWN), (error.sqlstate, str(error))
            return error.sqlstate

    def stored(self, record_id: object) -> dict[str, Any] | None:
        rows = self.database.execute("SELECT to_jsonb(l) FROM audit.audit_logs AS l WHERE l.id = %s", str(record_id))
        return rows[0][0] if rows else None


def test_a_record_is_stored_as_it_was_given_or_refused(session: Session) -> None:
    @BUDGET
    @given(st.fixed_dictionaries(FIELDS))
    def insert(record: dict[str, Any]) -> None:
        record_id = session.call(
            "SELECT audit.insert_audit_log(p_id => %s, p_trace_id => %s, p_agent_id => %s, p_mode => %s,"
            " p_status => %s, p_http_status => %s, p_latency_ms => %s, p_user_id => %s, p_error => %s)",
            *(record[name] for name in FIELDS),
        )
        if not isinstance(record_id, str):
            found = session.stored(record_id)
            assert found is not None
            assert found["tenant_id"] == "acme"
            assert {name: found[name] for name in FIELDS if name != "id"} == {n: record[n] for n in FIELDS if n != "id"}

    insert()


@pytest.mark.parametrize("function", ["insert_audit_logs", "import_audit_logs"])
def test_many_records_are_stored_all_or_none(session: Session, function: str) -> None:
    times = st.none() | st.datetimes(timezones=st.timezones()).map(lambda time: time.isoformat())

    @BUDGET
    @given(st.lists(st.fixed_dictionaries(FIELDS | {"created_at": times}), min_size=1, max_size=5) | anything)
    def insert(records: Any) -> None:
        before = session.database.execute("SELECT count(*) FROM audit.audit_logs")[0][0]
        count = session.call(f"SELECT audit.{function}(%s::json)", json.dumps(records))
        after = session.database.execute("SELECT count(*) FROM audit.audit_logs WHERE tenant_id = 'acme'")[0][0]
        assert after - before == (0 if isinstance(count, str) else count)

    insert()


@pytest.mark.parametrize("function", ["insert_audit_log_batch", "replay_audit_logs"])
def test_what_comes_for_several_tenants_opens_none_without_a_proof(session: Session, function: str) -> None:
    @BUDGET
    @given(anything)
    def insert(records: Any) -> None:
        before = session.database.execute("SELECT count(*) FROM audit.audit_logs")[0][0]
        session.call(f"SELECT audit.{function}(%s::json)", json.dumps(records))
        assert session.database.execute("SELECT count(*) FROM audit.audit_logs")[0][0] == before

    insert()


def test_a_list_is_of_its_own_tenant_whatever_is_asked(session: Session) -> None:
    session.database.execute(
        "INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), 'globex', 'a')"
    )
    session.call("SELECT audit.insert_audit_log('a', 'LIVE', 'success')")

    @BUDGET
    @given(st.tuples(texts, texts, texts, words, words, numbers, numbers, texts, words))
    def list_them(arguments: tuple[Any, ...]) -> None:
        page = session.call(
            "SELECT audit.list_audit_logs(p_agent_id => %s, p_trace_id => %s, p_user_id => %s, p_mode => %s,"
            " p_status => %s, p_http_status => %s, p_limit => %s, p_cursor => %s, p_order => %s)",
            *arguments,
        )
        assert "globex" not in page

    list_them()


def test_no_key_that_was_not_issued_opens_anything(session: Session) -> None:
    known = session.key.split("_")[1]

    @BUDGET
    @given(texts | st.from_regex(rf"rf_({known}|[0-9a-f]{{16}})_[0-9a-f]{{64}}", fullmatch=True), texts)
    def enter(key: str | None, tenant: str | None) -> None:
        assert str(session.call("SELECT audit.enter_tenant(%s, %s)", key, tenant)).startswith("RF0")
        assert str(session.call("SELECT audit.describe_api_key(%s)", key)).startswith("RF0")

    enter()


def test_claims_and_exports_are_made_or_refused(session: Session) -> None:
    @BUDGET
    @given(texts, st.binary(max_size=40), texts, words, words)
    def claim(key: str | None, digest: bytes, answer: str | None, form: str | None, order: str | None) -> None:
        session.call("SELECT audit.claim_idempotency_key(%s, %s, %s)", key, digest, answer)
        session.call(
            "SELECT audit.begin_export(%s, %s, p_agent_id => %s, p_order => %s)", session.key, form, key, order
        )

    claim()


def test_a_state_that_was_made_up_exports_nothing_of_others(session: Session) -> None:
    session.database.execute(
        "INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), 'globex', 'a')"
    )

    @BUDGET
    @given(anything.map(json.dumps) | texts)
    def go_on(state: str | None) -> None:
        try:
            with session.connection.transaction():
                session.connection.execute("SELECT audit.enter_tenant(%s)", [session.key])
                session.connection.execute("SELECT audit.continue_export(%s)", [state])
                rows = session.connection.execute("SELECT * FROM audit.export_audit_logs()").fetchall()
        except psycopg.Error as error:
            assert (error.sqlstate or "").startswith(KNOWN), (error.sqlstate, str(error))
        else:
            assert b"globex" not in b"".join(row[0] for row in rows)

    go_on()
