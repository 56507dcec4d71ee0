"""What can be found out about globex without being shown a record: by counters, estimates, locks, errors and the clock.

The first part demands that there is nothing to find out. The second states what PostgreSQL tells everybody who may send
it SQL; docs/threat-model.md says the same. A test of the second part that turns red is good news.
"""

import re
import statistics
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from tests.conftest import TestDatabase
from tests.support.attacker import (
    HTTP_STATUS,
    LIST,
    NAME,
    RECORDS,
    SECRET,
    Attack,
    assert_own_alone,
    assert_refused,
    attacking,
)

# Ways of reading between which the attacker can choose.
METHODS = {
    "index": ("enable_seqscan", "enable_bitmapscan"),
    "bitmap": ("enable_seqscan", "enable_indexscan", "enable_indexonlyscan"),
    "sequential": ("enable_indexscan", "enable_indexonlyscan", "enable_bitmapscan"),
}
# Everything that this transaction has read, table by table and index by index: anybody may ask for it.
COUNTERS = """
    SELECT jsonb_object_agg(relname, ARRAY[pg_stat_get_xact_numscans(oid), pg_stat_get_xact_tuples_returned(oid),
                                           pg_stat_get_xact_tuples_fetched(oid)])
    FROM pg_class WHERE relnamespace = 'audit'::regnamespace"""
LOCKS = ("ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE", "EXCLUSIVE", "ACCESS EXCLUSIVE")
COUNT_BY_MERGE = """
    EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF)
    MERGE INTO audit.audit_logs AS l USING (SELECT 1) AS s ON true
    WHEN NOT MATCHED THEN INSERT (id, tenant_id, agent_id) VALUES (gen_random_uuid(), 'acme', 'agent')"""


@pytest.fixture
def attack(database: TestDatabase) -> Iterator[Attack]:
    with attacking(database) as attack:
        yield attack


def choose(connection: Connection[Any], method: str) -> None:
    """Make the planner read in this way, for the rest of the transaction."""
    for switch in (*METHODS[method], "jit"):
        connection.execute(f"SET LOCAL {switch} = off".encode())


def counted(connection: Connection[Any], statement: str) -> dict[str, list[int]]:
    """Run `statement`, refused or not; return what was read for it: scans, entries or rows, rows fetched."""
    before = Attack.value(connection, COUNTERS)
    try:
        with connection.transaction():
            connection.execute(statement.encode())
    except psycopg.Error as error:
        assert error.sqlstate in ("RF001", "RF005"), error
    after = Attack.value(connection, COUNTERS)
    return {name: [new - old for new, old in zip(after[name], before[name], strict=True)] for name in after}


def list_of(**filters: str) -> str:
    """Return the call that lists with these filters."""
    return f"SELECT audit.list_audit_logs({', '.join(f'p_{name} => {value!r}' for name, value in filters.items())})"


# What there must not be.


@pytest.mark.parametrize("method", METHODS)
def test_no_counter_tells_what_a_tenant_that_is_merely_named_has(attack: Attack, method: str) -> None:
    statements = [LIST, "SELECT audit.list_admin_events()", list_of(agent_id="agent"), list_of(status="error")]
    with attack.request() as connection:
        choose(connection, method)
        for statement in statements:
            read = []
            for tenant in ("globex", "nobody"):
                connection.execute(NAME.encode(), [tenant])
                counted(connection, statement)  # the first time, more is read: the catalogue, and a plan is made
                read.append(counted(connection, statement))
            assert read[0] == read[1], statement
            assert read[0]["audit_logs"] == read[0]["admin_events"] == [0, 0, 0]
            connection.execute(NAME.encode(), ["acme"])
            assert counted(connection, statement) != read[0], statement


@pytest.mark.parametrize(
    ("column", "held", "not_held"),
    # The index of users begins with the tenant; http_status has none.
    [("user_id", SECRET, "something else"), ("http_status", str(HTTP_STATUS["globex"]), "599")],
)
@pytest.mark.parametrize("method", METHODS)
def test_no_counter_tells_what_the_records_of_others_hold_where_no_index_begins_with_it(
    attack: Attack, method: str, column: str, held: str, not_held: str
) -> None:
    # Were a policy asked row by row, behind the condition, its look at the secret would count the rows that meet it.
    with attack.request() as connection:
        choose(connection, method)
        counted(connection, list_of(**{column: not_held}))
        read = [counted(connection, list_of(**{column: value})) for value in (held, not_held)]
        assert read[0] == read[1]
        assert any(any(numbers) for name, numbers in read[0].items() if name.startswith("audit_logs"))


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


def test_nobody_can_be_blocked_by_a_record_of_another_tenant(attack: Attack) -> None:
    session = attack.session()
    session.execute("SET lock_timeout = '1s'")
    with attack.request(tenant="globex") as busy:
        busy.execute("SELECT audit.insert_audit_log('agent', 'LIVE', 'success')")
        with attack.request(session) as connection:
            assert_own_alone(connection)
            connection.execute("SELECT audit.insert_audit_log('agent', 'LIVE', 'success')")
            for mode in LOCKS:
                assert_refused(connection, f"LOCK TABLE audit.audit_logs IN {mode} MODE")
        raise psycopg.Rollback


# What there is, to whoever may send SQL of his own.


def add_records(attack: Attack, tenant: str, agent: str, number: int) -> None:
    """Give a tenant so many records, one a day and each with a trace of its own, and let the planner know."""
    attack.administrator.execute(
        "INSERT INTO audit.audit_logs (id, tenant_id, agent_id, trace_id, created_at)"
        " SELECT gen_random_uuid(), %(tenant)s, %(agent)s, %(tenant)s || '-' || n, now() - make_interval(days => n)"
        " FROM generate_series(1, %(number)s) AS n",
        {"tenant": tenant, "agent": agent, "number": number},
    )
    attack.administrator.execute("ANALYZE audit.audit_logs")


@pytest.fixture
def initech(attack: Attack) -> None:
    """A third tenant, with thirty records of an agent of its own."""
    attack.administrator.execute("SELECT audit.create_tenant('initech')")
    add_records(attack, "initech", "agent-of-initech", 30)
    add_records(attack, "acme", "agent", 3000)


@pytest.mark.usefixtures("initech")
def test_counters_tell_nothing_of_the_agents_and_traces_of_others(attack: Attack) -> None:
    # Indexes hold the entries of every tenant, and the server counts those that a scan meets. Every list compares the
    # tenant in the index: an agent or a trace that another tenant has is counted like one that nobody has.
    traces, agents = (
        "audit_logs_trace_id_tenant_id_created_at_id_idx",
        "audit_logs_tenant_id_agent_id_created_at_id_idx",
    )
    lists = {
        list_of(agent_id="agent-of-initech"): (agents, 0),
        "SELECT audit.list_audit_logs(p_agent_id => 'agent-of-initech',"
        " p_start_time => now() - interval '9 days 12 hours')": (agents, 0),
        list_of(agent_id="agent-of-nobody"): (agents, 0),
        "SELECT audit.list_audit_logs(p_agent_id => 'agent', p_start_time => now() - interval '9 days 12 hours')": (
            agents,
            9 + RECORDS["acme"],
        ),
        list_of(trace_id="initech-7"): (traces, 0),
        list_of(trace_id="initech-31"): (traces, 0),
        list_of(trace_id="acme-7"): (traces, 1),
    }
    with attack.request() as connection:
        choose(connection, "index")
        for statement, (index, entries) in lists.items():
            met = counted(connection, statement)
            assert met[index][:2] == [1, entries], statement
            others = [each[1] for name, each in met.items() if name.startswith("audit_logs_") and name != index]
            assert sum(others) == 0, statement
        assert '"count": 0' in attack.value(connection, list_of(agent_id="agent-of-initech"))


@pytest.mark.usefixtures("initech")
def test_the_planner_estimates_from_the_values_of_everybody(attack: Attack) -> None:
    # A plan is made, and can be printed, before PostgreSQL refuses to run it. It estimates from the commonest values.
    session = attack.session()
    printed: list[str] = []
    session.add_notice_handler(lambda notice: printed.append(notice.message_detail or ""))

    def estimate(condition: str) -> float:
        printed.clear()
        assert_refused(session, f"SELECT FROM audit.audit_logs WHERE {condition}")
        rows = re.search(r"plan_rows ([0-9.e+]+)", " ".join(printed))
        assert rows
        return float(rows[1])

    session.execute("SET client_min_messages = log; SET debug_print_plan = on; SET debug_pretty_print = off")
    assert estimate("tenant_id = 'initech'") == pytest.approx(30, rel=0.1)
    assert estimate("tenant_id = 'nobody'") <= 3
    # Of another column too, together with a tenant that has much: how common is a value, whosever it is?
    common, rare = (estimate(f"tenant_id = 'acme' AND agent_id = '{agent}'") for agent in ("agent-of-initech", "x"))
    assert common == pytest.approx(30, rel=0.1)
    assert rare <= 3


def test_a_public_id_of_a_key_that_exists_is_told_from_one_that_does_not(attack: Attack) -> None:
    # By the counters again, where not by the clock. It has 64 random bits, and is no secret.
    guesses = [f"rf_{attack.keys['globex'].split('_')[1]}_{'0' * 64}", f"rf_{'0' * 16}_{'0' * 64}"]
    with attack.request() as connection:
        choose(connection, "index")
        counted(connection, f"SELECT audit.enter_tenant('{guesses[0]}')")
        found = [counted(connection, f"SELECT audit.enter_tenant('{guess}')")["api_keys_pkey"] for guess in guesses]
        assert [returned for _, returned, _ in found] == [1, 0]
        assert_own_alone(connection)


def test_the_size_of_everything_together_is_no_secret(attack: Attack) -> None:
    everything = sum(RECORDS.values())
    watcher = attack.session()
    with watcher.transaction():
        # Whoever may insert may MERGE, and that counts the rows of a table for its plan, by no policy.
        watcher.execute(NAME.encode(), ["acme"])
        plan = "\n".join(line for (line,) in watcher.execute(COUNT_BY_MERGE.encode()).fetchall())
        assert f"skipped={everything}" in plan
        assert attack.value(watcher, "SELECT reltuples FROM pg_class WHERE oid = 'audit.audit_logs'::regclass") == (
            everything
        )
        assert attack.value(watcher, "SELECT pg_relation_size('audit.audit_logs')") > 0
        # Keys are counted by one that is refused, if it is looked for in the whole table.
        choose(watcher, "sequential")
        read = counted(watcher, f"SELECT audit.enter_tenant('rf_{'0' * 16}_{'0' * 64}')")
        assert read["api_keys"][1] == len(attack.keys)
    # And the log of the server moves with each record of anybody, by its size.
    position = "SELECT pg_current_wal_insert_lsn()"
    written: list[int] = []
    for text in ("x", "x", "x" * 1500):  # the first may split a page of an index
        before = attack.value(watcher, position)
        with attack.request(tenant="globex") as busy:
            busy.execute("SELECT audit.insert_audit_log('agent', 'LIVE', 'error', p_error => %s)", [text])
            after = attack.value(watcher, position)
            raise psycopg.Rollback
        written.append(attack.value(watcher, "SELECT pg_wal_lsn_diff(%s, %s)", after, before))
    assert written[2] > written[1] > 0


def test_sealing_tells_how_many_records_were_due_and_how_many_tenants_there_are(attack: Attack) -> None:
    # The function returns no number to this role. PostgreSQL counts for it what its own transaction has done.
    session = attack.session()
    counters = """SELECT ARRAY[pg_stat_get_xact_tuples_inserted('audit.seals'::regclass),
                               pg_stat_get_xact_tuples_returned('audit.tenants'::regclass)]"""

    def seal_until(expected: int) -> int:
        """Seal, without a key, until that many records were counted; return how many tenants were seen at last."""
        counted = seen = 0
        while counted < expected:  # transactions of other tests may hold up some of them for a while
            with session.transaction():
                before = attack.value(session, counters)
                assert attack.value(session, "SELECT audit.seal_records(10000)") is None
                after = attack.value(session, counters)
            counted, seen = counted + after[0] - before[0], after[1] - before[1]
        assert counted == expected
        return seen

    seal_until(sum(RECORDS.values()))
    attack.administrator.execute("SELECT audit.create_tenant('initech')")
    for number in (11, 3):
        add_records(attack, "initech", f"agent-{number}", number)
        tenants = seal_until(number)
    assert tenants == len(RECORDS) + 1


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
