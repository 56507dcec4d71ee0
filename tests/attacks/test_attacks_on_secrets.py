"""Keys, hashes, the secret of the proofs and hidden records come out nowhere: no table, view, function or error."""

from collections.abc import Iterator

import pytest

from tests.conftest import TestDatabase
from tests.support.attacker import SECRET, Attack, assert_nothing, assert_own_alone, assert_refused, attacking

CLOSED = [
    "audit.api_keys",
    "audit.api_key_uses",
    "audit.proof_secrets",
    "audit.tenants",
    "pgmigrate.applied_files",
    "pg_authid",
    "pg_shadow",
    "pg_statistic",
    "pg_statistic_ext_data",
    "pg_user_mapping",
    "pg_hba_file_rules",
    "pg_file_settings",
    "pg_subscription",
    "pg_largeobject",
]
# Whatever can be read of the catalogue and of what the server is doing.
OPEN = [
    "pg_proc",
    "pg_description",
    "pg_settings",
    "pg_db_role_setting",
    "pg_policies",
    "pg_stats",
    "pg_stats_ext",
    "pg_stats_ext_exprs",
    "pg_prepared_statements",
    "pg_cursors",
    "pg_stat_activity",
    "pg_locks",
    "pg_shdescription",
    "pg_seclabels",
    "information_schema.routines",
    "information_schema.columns",
    "pg_prepared_xacts",
    "pg_replication_slots",
    "pg_stat_replication",
    "pg_publication_tables",
    "pg_largeobject_metadata",
    "pg_event_trigger",
    "audit.record_rules()",
    "audit.isolation_report()",
    "audit.granted_privileges()",
    "pg_get_keywords()",
]


@pytest.fixture
def attack(database: TestDatabase) -> Iterator[Attack]:
    with attacking(database) as attack:
        yield attack


def test_what_holds_secrets_cannot_be_read(attack: Attack) -> None:
    with attack.request() as connection:
        for relation in CLOSED:
            assert_refused(connection, f"SELECT * FROM {relation}")
            attack.administrator.execute(f"SELECT * FROM {relation}".encode())
        assert_own_alone(connection)


def test_what_can_be_read_holds_no_secret(attack: Attack) -> None:
    secrets = attack.administrator.execute(
        "SELECT encode(inner_key, 'hex') FROM audit.proof_secrets"
        " UNION SELECT encode(outer_key, 'hex') FROM audit.proof_secrets"
        " UNION SELECT encode(secret_sha256, 'hex') FROM audit.api_keys"
        " UNION SELECT encode(spool_inner_key, 'hex') FROM audit.api_keys"
        " UNION SELECT encode(spool_outer_key, 'hex') FROM audit.api_keys UNION SELECT id FROM audit.api_keys"
    ).fetchall()
    hidden = [SECRET, attack.keys["globex"], *(secret for (secret,) in secrets)]
    assert attack.value(attack.administrator, "SELECT count(*) FROM pg_stats WHERE tablename = 'audit_logs'") > 0
    with attack.request() as connection:
        for relation in OPEN:
            text = str(connection.execute(f"SELECT r::text FROM {relation} AS r".encode()).fetchall())
            assert [secret for secret in hidden if secret in text] == [], relation
        assert attack.value(connection, "SELECT count(*) FROM pg_stats WHERE schemaname = 'audit'") == 0


@pytest.mark.parametrize("workers", [0, 4])
def test_parallel_workers_see_no_more(attack: Attack, workers: int) -> None:
    with attack.request() as connection:
        force = "force_parallel_mode" if connection.info.server_version < 160000 else "debug_parallel_query"
        connection.execute(f"SET LOCAL {force} = on".encode())
        connection.execute(f"SET LOCAL max_parallel_workers_per_gather = {workers}".encode())
        assert_own_alone(connection)
        connection.execute("SELECT set_config('app.tenant_id', 'globex', true)")
        assert_nothing(connection)


def test_a_refused_value_is_not_repeated_with_its_row(attack: Attack) -> None:
    taken = attack.value(attack.administrator, "SELECT id FROM audit.audit_logs WHERE tenant_id = 'globex' LIMIT 1")
    with attack.request() as connection:
        # Whoever knows an id learns that it is taken: hence ids that nobody can guess.
        insert = f"INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES ('{taken}', 'acme', 'agent')"
        error = assert_refused(connection, insert, "23505")
        assert error.diag.message_detail is None
        function = f"SELECT audit.insert_audit_log('agent', 'LIVE', 'success', p_id => '{taken}')"
        assert_refused(connection, function, "RF004")
        # Whether a tenant exists is not told: the policy comes before the foreign key.
        for tenant in ("globex", "nobody", ""):
            insert = (
                f"INSERT INTO audit.audit_logs (id, tenant_id, agent_id) VALUES (gen_random_uuid(), '{tenant}', 'a')"
            )
            assert "row-level security" in str(assert_refused(connection, insert))


def test_other_sessions_show_their_statements_but_no_parameters(attack: Attack) -> None:
    victim, watcher = attack.session(), attack.session()

    def seen() -> str:
        return str(watcher.execute("SELECT query FROM pg_stat_activity WHERE pid <> pg_backend_pid()").fetchall())

    with victim.transaction():
        victim.execute("SELECT audit.enter_tenant(%s)", [attack.keys["globex"]])
        assert "audit.enter_tenant($1)" in seen()
        assert attack.keys["globex"].split("_")[2] not in seen()
        # What is written into a statement is seen by every session of the role; the service sends parameters.
        victim.execute(f"SELECT 'literal {SECRET}'".encode())
        assert f"literal {SECRET}" in seen()
