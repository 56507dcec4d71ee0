"""`python -m app.distribute` brings records along, changes nothing when repeated, and refuses an unfit cluster."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from app import migrate
from app.distribute import DistributionRefused, distribute
from tests.citus.cluster import CitusCluster

COUNT = "SELECT count(*) FROM audit.audit_logs"


@pytest.fixture(scope="module")
def filled(empty_cluster: CitusCluster) -> Iterator[CitusCluster]:
    """A coordinator with three records in it, as one server has them."""
    migrate.apply(make_conninfo(empty_cluster.url(), options="-c citus.enable_ddl_propagation=off"))
    with empty_cluster.connect() as superuser:
        superuser.execute("SET citus.enable_create_role_propagation = off")  # the workers have none of our roles yet
        superuser.execute("CREATE ROLE test_gateway LOGIN IN ROLE audit_trusted")
        for tenant in ("acme", "globex", "initech"):
            superuser.execute("SELECT audit.create_tenant(p_id => %s)", [tenant])
    for tenant in ("acme", "globex", "initech"):
        with psycopg.connect(empty_cluster.url("test_gateway")) as gateway:
            gateway.execute("SELECT audit.set_tenant(%s)", [tenant])
            gateway.execute("SELECT audit.insert_audit_log('before', 'LIVE', 'success')")
    yield empty_cluster


def value(cluster: CitusCluster, statement: str, node: str = "coordinator") -> object:
    with cluster.connect(node=node) as superuser:
        row = superuser.execute(statement.encode()).fetchone()
        return row[0] if row else None


def test_too_few_workers_are_refused(empty_cluster: CitusCluster) -> None:
    second = empty_cluster.ports["worker_2"]
    with empty_cluster.connect() as superuser:
        superuser.execute("SELECT citus_set_node_property('127.0.0.1', %s, 'shouldhaveshards', false)", [second])
    try:
        with pytest.raises(DistributionRefused, match="1 workers"):
            distribute(empty_cluster.url(), 4)
    finally:
        with empty_cluster.connect() as superuser:
            superuser.execute("SELECT citus_set_node_property('127.0.0.1', %s, 'shouldhaveshards', true)", [second])


def test_a_database_without_the_extension_is_refused(empty_cluster: CitusCluster) -> None:
    with pytest.raises(DistributionRefused, match="no extension citus"):
        distribute(empty_cluster.url(database="postgres"), 4)


def test_records_of_one_server_come_along_and_leave_nothing_behind(filled: CitusCluster) -> None:
    distribute(filled.url(), 4)
    assert value(filled, COUNT) == 3
    shards = "SELECT count(*) FROM pg_dist_shard WHERE logicalrelid = 'audit.audit_logs'::regclass"
    assert value(filled, shards) == 4
    assert value(filled, "SELECT pg_relation_size('audit.audit_logs')") == 0


def test_every_shard_has_forced_policies_and_no_more_privileges(filled: CitusCluster) -> None:
    distribute(filled.url(), 4)
    for node in ("worker_1", "worker_2"):
        with filled.connect(node=node) as superuser:
            superuser.execute("SET citus.override_table_visibility = off")
            shards = superuser.execute(
                "SELECT c.relrowsecurity AND c.relforcerowsecurity,"
                " (SELECT count(*) FROM pg_policy AS p WHERE p.polrelid = c.oid),"
                " has_table_privilege('audit_owner', c.oid, 'UPDATE'),"
                " has_any_column_privilege('audit_keyed', c.oid, 'SELECT')"
                r" FROM pg_class AS c WHERE c.relname ~ '^audit_logs_\d+$' AND c.relkind = 'r'"
            ).fetchall()
        policies = value(filled, "SELECT count(*) FROM pg_policy WHERE polrelid = 'audit.audit_logs'::regclass")
        assert shards == [(True, policies, False, False)] * 2


def test_the_second_run_changes_nothing(filled: CitusCluster) -> None:
    functions = (
        "SELECT md5(string_agg(pg_get_functiondef(oid), '' ORDER BY oid::regprocedure::text))"
        " FROM pg_proc WHERE pronamespace = 'audit'::regnamespace"
    )
    distribute(filled.url(), 4)
    before = [value(filled, functions, node) for node in filled.ports]
    assert distribute(filled.url(), 4) == ["node 0: up to date", "node 1: up to date", "node 2: up to date"]
    assert [value(filled, functions, node) for node in filled.ports] == before
    assert value(filled, COUNT) == 3


def test_what_an_earlier_release_made_of_a_function_is_made_anew(filled: CitusCluster) -> None:
    distribute(filled.url(), 4)
    definition = "SELECT pg_get_functiondef('audit.tenant_proof'::regproc)"
    before = str(value(filled, definition))
    with filled.connect() as superuser:
        superuser.execute("SET citus.enable_ddl_propagation = off")
        superuser.execute(before.replace("make distribute gives", "an earlier release gave").encode())
    assert value(filled, definition) != before
    distribute(filled.url(), 4)
    assert value(filled, definition) == before


def test_a_migration_is_refused_where_there_are_shards(
    filled: CitusCluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    distribute(filled.url(), 4)
    monkeypatch.setenv("MIGRATION_DATABASE_URL", filled.url())
    monkeypatch.setattr("sys.argv", ["app.migrate", "apply"])
    assert migrate.main() == 1
    assert "make distribute takes the place" in capsys.readouterr().err


def test_an_owner_that_a_worker_keeps_out_is_refused(filled: CitusCluster) -> None:
    distribute(filled.url(), 4)
    with filled.connect(node="worker_1") as worker:
        worker.execute("SET citus.enable_ddl_propagation = off")
        worker.execute("SET citus.enable_alter_role_propagation = off")
        worker.execute("ALTER ROLE audit_owner CONNECTION LIMIT 0")
        try:
            with pytest.raises(DistributionRefused, match="audit_owner cannot log in"):
                distribute(filled.url(), 4)
        finally:
            worker.execute("ALTER ROLE audit_owner CONNECTION LIMIT -1")
