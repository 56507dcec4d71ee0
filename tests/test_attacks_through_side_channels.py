"""What can be found out about globex without being shown a record: by plans, counters, locks, errors and the clock.

The first part demands that there is nothing to find out. The second states what PostgreSQL tells everybody who may send
it SQL; the threat model in the README says the same. A test of the second part that turns red is good news.
"""

import statistics
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from tests.attacker import COUNT_ALL, RECORDS, Attack, assert_own_alone, assert_refused, attacking
from tests.conftest import TestDatabase

EXPLAIN = "EXPLAIN (ANALYZE, BUFFERS OFF, TIMING OFF, SUMMARY OFF) "
NAME = "SELECT set_config('app.tenant_id', %s, true)"
# Ways of reading between which the attacker can choose.
METHODS = {
    "index": ("enable_seqscan", "enable_bitmapscan"),
    "bitmap": ("enable_seqscan", "enable_indexscan"),
    "sequential": ("enable_indexscan", "enable_indexonlyscan", "enable_bitmapscan"),
}
# Conditions that PostgreSQL knows to leak nothing, and may therefore try before it asks the policies.
CONDITIONS = [
    "true",
    "error = 'globex-confidential'",
    "error = 'something else'",
    "error < 'h'",
    "status = 'error'",
    "created_at < now()",
]
# What this transaction has read beside the records: the policies' own look at the secret, and the like.
COUNTER = """
    SELECT coalesce(sum(coalesce(seq_scan, 0) + coalesce(idx_scan, 0)), 0)::int
    FROM pg_stat_xact_user_tables WHERE schemaname = 'audit' AND relname <> 'audit_logs'"""


# To be taken away when the policies compare the tenant with one that is proven, not asking for a proof row by row.
ROW_BY_ROW = pytest.mark.xfail(
    strict=True, reason="rows of the tenant that is named are read before the proof is asked for"
)


@pytest.fixture
def attack(database: TestDatabase) -> Iterator[Attack]:
    with attacking(database) as attack:
        yield attack


def choose(connection: Connection[Any], method: str) -> None:
    """Make the planner read in this way, for the rest of the transaction."""
    for switch in METHODS[method]:
        connection.execute(f"SET LOCAL {switch} = off".encode())


def plan(connection: Connection[Any], statement: str) -> str:
    """Return the plan of `statement`, with what happened when it ran."""
    return "\n".join(line for (line,) in connection.execute((EXPLAIN + statement).encode()).fetchall())


# What there must not be.


@pytest.mark.parametrize(
    "method", [pytest.param("index", marks=ROW_BY_ROW), pytest.param("bitmap", marks=ROW_BY_ROW), "sequential"]
)
@pytest.mark.parametrize("condition", CONDITIONS)
def test_no_plan_tells_how_much_a_tenant_that_is_merely_named_has(attack: Attack, method: str, condition: str) -> None:
    plans = {}
    with attack.request() as connection:
        choose(connection, method)
        for tenant in ("globex", "nobody", "acme"):
            connection.execute(NAME.encode(), [tenant])
            plans[tenant] = plan(connection, f"SELECT * FROM audit.audit_logs WHERE {condition}")
    assert plans["globex"] == plans["nobody"]
    assert plans["acme"]


@ROW_BY_ROW
@pytest.mark.parametrize("method", METHODS)
def test_no_counter_tells_what_the_records_of_others_hold(attack: Attack, method: str) -> None:
    # None of the conditions holds for a record of acme.
    conditions = ("error = 'globex-confidential'", "error = 'something else'", "error > 'b'", "error > 'x'")
    with attack.request() as connection:
        choose(connection, method)
        for tenant in ("acme", "globex", "nobody"):
            connection.execute(NAME.encode(), [tenant])
            read = set()
            for condition in conditions:
                before = attack.value(connection, COUNTER)
                assert attack.value(connection, f"{COUNT_ALL} WHERE {condition}") == 0
                read.add(attack.value(connection, COUNTER) - before)
            assert len(read) == 1, (tenant, read)


def test_a_wrong_secret_takes_as_long_as_an_unknown_key(attack: Attack) -> None:
    public_id = attack.keys["globex"].split("_")[1]
    guesses = {"known": f"rf_{public_id}_{'0' * 64}", "unknown": f"rf_{'0' * 16}_{'0' * 64}"}
    seconds: dict[str, list[float]] = {guess: [] for guess in guesses}
    session = attack.session()
    for _ in range(300):
        for guess, key in guesses.items():
            started = time.perf_counter()
            with pytest.raises(psycopg.Error):
                session.execute("SELECT audit.enter_tenant(%s)", [key])
            seconds[guess].append(time.perf_counter() - started)
    known, unknown = (statistics.median(seconds[guess]) for guess in ("known", "unknown"))
    # The public part is no secret; still, a server that answers in 0.2 milliseconds gives away no more than a fraction.
    assert abs(known - unknown) < 0.5 * max(known, unknown)


def test_nobody_can_wait_for_a_record_of_another_tenant(attack: Attack) -> None:
    session = attack.session()
    session.execute("SET lock_timeout = '1s'")
    with attack.request(tenant="globex") as busy:
        busy.execute("SELECT audit.insert_audit_log('agent', 'LIVE', 'success')")
        with attack.request(session) as connection:
            assert_own_alone(connection)
            connection.execute("SELECT audit.insert_audit_log('agent', 'LIVE', 'success')")
            connection.execute("LOCK TABLE audit.audit_logs IN ACCESS SHARE MODE")
            assert_refused(connection, "LOCK TABLE audit.audit_logs IN SHARE ROW EXCLUSIVE MODE")
        raise psycopg.Rollback


# What there is, to whoever may send SQL of his own.


def add_records(attack: Attack, tenant: str, agent: str, number: int) -> None:
    """Give a tenant so many records, and let the planner know."""
    attack.administrator.execute(
        "INSERT INTO audit.audit_logs (id, tenant_id, agent_id)"
        " SELECT gen_random_uuid(), %s, %s FROM generate_series(1, %s)",
        [tenant, agent, number],
    )
    attack.administrator.execute("ANALYZE audit.audit_logs")


def test_the_planner_estimates_from_the_values_of_everybody(attack: Attack) -> None:
    # An estimate is made before anybody is asked for a proof, and PostgreSQL remembers the most common tenants by name.
    attack.administrator.execute("SELECT audit.create_tenant('initech')")
    add_records(attack, "initech", "agent", 1000)
    with attack.request() as connection:
        choose(connection, "sequential")
        estimates = [
            plan(connection, f"SELECT FROM audit.audit_logs WHERE tenant_id = '{tenant}'").splitlines()[0]
            for tenant in ("initech", "nobody")
        ]
    assert estimates[0] != estimates[1]
    assert all("actual rows=0" in estimate for estimate in estimates)


def test_another_index_shows_how_many_entries_it_has(attack: Attack) -> None:
    # Indexes hold the entries of every tenant; a plan that has run tells how many were looked at and left out.
    attack.administrator.execute("SELECT audit.create_tenant('initech')")
    add_records(attack, "initech", "agent-of-initech", 30)
    add_records(attack, "acme", "agent", 3000)
    with attack.request() as connection:
        choose(connection, "index")
        found = plan(connection, "SELECT FROM audit.audit_logs WHERE agent_id = 'agent-of-initech'")
    assert "audit_logs_agent_id_created_at_idx" in found
    assert "actual rows=0" in found
    assert "Rows Removed by Filter: 30" in found


def test_the_size_of_everything_together_is_no_secret(attack: Attack) -> None:
    with attack.request() as connection:
        assert attack.value(connection, "SELECT pg_relation_size('audit.audit_logs')") > 0
        estimate = attack.value(connection, "SELECT reltuples FROM pg_class WHERE oid = 'audit.audit_logs'::regclass")
        assert estimate == sum(RECORDS.values())


def test_a_session_of_the_service_can_end_another(attack: Attack) -> None:
    # They are one role. What the other was writing is then not stored, and not acknowledged.
    victim = attack.session()
    pid = victim.info.backend_pid
    with attack.request() as connection:
        with pytest.raises(psycopg.OperationalError), attack.request(victim, "globex") as doomed:
            doomed.execute("SELECT audit.insert_audit_log('agent', 'LIVE', 'success')")
            assert attack.value(connection, "SELECT pg_terminate_backend(%s, 10000)", pid)
            doomed.execute("SELECT")
        assert_own_alone(connection)
