"""audit.isolation_report() asks every node: what is opened on a worker alone is a finding on the coordinator."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.citus.conftest import Distributed

FINDINGS = "SELECT coalesce(string_agg(r.findings, '; '), '') FROM audit.isolation_report() AS r WHERE NOT r.intact"
SHARD = "{shard}"
OWN = "tenant_id = current_setting('app.tenant_id', true)"
# What a superuser does at the worker that has acme's shard, how it is undone, and a part of what is found.
ON_THE_WORKER = {
    "policies switched off": (
        "ALTER TABLE {shard} DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE {shard} ENABLE ROW LEVEL SECURITY",
        "{shard} has it disabled",
    ),
    "not forced on the owner": (
        "ALTER TABLE {shard} NO FORCE ROW LEVEL SECURITY",
        "ALTER TABLE {shard} FORCE ROW LEVEL SECURITY",
        "{shard} does not force it on its owner",
    ),
    "a policy too few": (
        "DROP POLICY keyed_reads_proven_tenant ON {shard}",
        f"CREATE POLICY keyed_reads_proven_tenant ON {SHARD} FOR SELECT TO audit_keyed"
        f" USING ({OWN} AND tenant_id = audit.proven_tenant('read'))",
        "{shard} lacks: policy keyed_reads_proven_tenant",
    ),
    "a policy too many": (
        "CREATE POLICY stray ON {shard} FOR SELECT TO audit_trusted USING (true)",
        "DROP POLICY stray ON {shard}",
        "{shard} policy stray for r to audit_trusted: true, check none unlike the coordinator",
    ),
    "a policy that arrived permissive and says less": (
        f"ALTER POLICY keyed_reads_only_proven_tenant ON {SHARD} USING ({OWN})",
        f"ALTER POLICY keyed_reads_only_proven_tenant ON {SHARD}"
        f" USING ({OWN} AND tenant_id = audit.proven_tenant('read'))",
        "{shard} policy keyed_reads_only_proven_tenant for r to audit_keyed: (tenant_id = current_setting(",
    ),
    "a policy for more roles": (
        "ALTER POLICY keyed_reads_only_proven_tenant ON {shard} TO PUBLIC",
        "ALTER POLICY keyed_reads_only_proven_tenant ON {shard} TO audit_keyed",
        "{shard} policy keyed_reads_only_proven_tenant for r to PUBLIC",
    ),
    "a privilege on a shard": (
        "GRANT SELECT ON {shard} TO audit_keyed",
        "REVOKE SELECT ON {shard} FROM audit_keyed",
        "{shard} audit_keyed has SELECT unlike the coordinator",
    ),
    "a privilege on a column of a shard": (
        "GRANT SELECT (recorded_xid) ON {shard} TO audit_trusted",
        "REVOKE SELECT (recorded_xid) ON {shard} FROM audit_trusted",
        "{shard} audit_trusted has SELECT on column recorded_xid unlike the coordinator",
    ),
    "a privilege of the owner on a shard": (
        "GRANT DELETE ON {shard} TO audit_owner",
        "REVOKE DELETE ON {shard} FROM audit_owner",
        "{shard} audit_owner has DELETE unlike the coordinator",
    ),
    "a privilege on the table of a worker": (
        "GRANT SELECT (id) ON audit.audit_logs TO audit_trusted",
        "REVOKE SELECT (id) ON audit.audit_logs FROM audit_trusted",
        "audit.audit_logs audit_trusted has SELECT on column id unlike the coordinator",
    ),
    "a group that may act on a worker": (
        "GRANT USAGE ON SCHEMA audit TO audit_admin",
        "REVOKE USAGE ON SCHEMA audit FROM audit_admin",
        "audit audit_admin has USAGE unlike the coordinator",
    ),
    "a privilege on the secrets": (
        "GRANT SELECT ON audit.proof_secrets TO audit_trusted",
        "REVOKE SELECT ON audit.proof_secrets FROM audit_trusted",
        "audit.proof_secrets audit_trusted has SELECT unlike the coordinator",
    ),
    "another owner": (
        "ALTER TABLE {shard} OWNER TO audit_keeper",
        "ALTER TABLE {shard} OWNER TO audit_owner; REVOKE DELETE ON {shard} FROM audit_owner;"
        " GRANT DELETE ON {shard} TO audit_keeper",
        "{shard} belongs to audit_keeper unlike the coordinator",
    ),
    "a view that shows a shard": (
        "CREATE VIEW public.stray AS SELECT * FROM {shard}",
        "DROP VIEW public.stray",
        "public.stray reads {shard}",
    ),
    "a child elsewhere": (
        "CREATE TABLE public.stray () INHERITS ({shard})",
        "DROP TABLE public.stray",
        "public.stray inherits from {shard}",
    ),
    "a trigger on a shard": (
        "CREATE TRIGGER stray BEFORE UPDATE ON {shard} FOR EACH ROW"
        " EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        "DROP TRIGGER stray ON {shard}",
        "stray on {shard}",
    ),
    "a table of its own": (
        "CREATE TABLE audit.stray ()",
        "DROP TABLE audit.stray",
        "audit.stray belongs to postgres unlike the coordinator",
    ),
    "a login of its own": (
        "CREATE ROLE stray LOGIN",
        "DROP ROLE stray",
        "stray can log in unlike the coordinator",
    ),
    "a role with a power": (
        "ALTER ROLE test_gateway BYPASSRLS",
        "ALTER ROLE test_gateway NOBYPASSRLS",
        "test_gateway has BYPASSRLS unlike the coordinator",
    ),
    "a membership": (
        "GRANT audit_keeper TO test_gateway",
        "REVOKE audit_keeper FROM test_gateway",
        "test_gateway is a member of audit_keeper unlike the coordinator",
    ),
    "a setting of a login": (
        "ALTER ROLE test_gateway SET row_security = off",
        "ALTER ROLE test_gateway RESET row_security",
        "a stored setting row_security=off, for test_gateway in every database unlike the coordinator",
    ),
    "a setting of the database": (
        "ALTER DATABASE ringfence SET log_statement = 'all'",
        "ALTER DATABASE ringfence RESET log_statement",
        "a stored setting log_statement=all, for every role in ringfence unlike the coordinator",
    ),
    "a tenant in the database's settings": (
        "ALTER DATABASE ringfence SET app.tenant_id = 'acme'",
        "ALTER DATABASE ringfence RESET app.tenant_id",
        "a new session has app.tenant_id already",
    ),
    "another secret": (
        "UPDATE audit.proof_secrets SET inner_key = set_byte(inner_key, 0, 255 - get_byte(inner_key, 0))",
        None,
        "audit.proof_secrets lacks: secret",
    ),
    "no secret": ("DELETE FROM audit.proof_secrets", None, "audit.proof_secrets lacks: secret"),
    "a function of another owner": (
        "ALTER FUNCTION audit.proven_tenant OWNER TO postgres",
        "ALTER FUNCTION audit.proven_tenant OWNER TO audit_owner",
        "audit.proven_tenant belongs to postgres unlike the coordinator",
    ),
    "a function too few": (
        "ALTER FUNCTION audit.tenant_proof RENAME TO away",
        "ALTER FUNCTION audit.away RENAME TO tenant_proof",
        "audit.tenant_proof lacks: has the text",
    ),
    "a node that knows no answer": (
        "ALTER FUNCTION audit.facts_of_node RENAME TO away",
        "ALTER FUNCTION audit.away RENAME TO facts_of_node",
        "cannot be asked",
    ),
}


def findings(distributed: Distributed) -> str:
    """Return what the service's login is told at its start; nothing when all is intact."""
    found: str = distributed.call("audit_app", (FINDINGS, []))
    return found


@contextmanager
def as_superuser(distributed: Distributed, node: str, statement: str, mending: str) -> Iterator[None]:
    """Run a statement on one node alone, and at the end the one that undoes it."""
    with distributed.cluster.connect(node=node) as superuser:
        for name in ("ddl", "alter_role", "create_role", "alter_role_set"):
            superuser.execute(f"SELECT set_config('citus.enable_{name}_propagation', 'off', false)".encode())
        superuser.execute(statement.encode())
        try:
            yield
        finally:
            superuser.execute(mending.encode())


@pytest.mark.parametrize("name", ON_THE_WORKER)
def test_what_is_opened_on_a_worker_is_found(distributed: Distributed, name: str) -> None:
    node, shard = distributed.shard_of("acme")
    statement, mending, expected = ON_THE_WORKER[name]
    if mending is None:  # a secret, which the other nodes have
        mending = "DELETE FROM audit.proof_secrets; INSERT INTO audit.proof_secrets SELECT * FROM kept"
        statement = f"CREATE TEMPORARY TABLE kept AS SELECT * FROM audit.proof_secrets; {statement}"
    with as_superuser(distributed, node, statement.format(shard=shard), mending.format(shard=shard)):
        assert expected.format(shard=shard) in findings(distributed)
    assert findings(distributed) == ""


@pytest.mark.parametrize(
    ("function", "text", "other", "expected"),
    [
        ("transaction_identity", "'citus:'", "'other:'", "audit.transaction_identity has the text"),
        ("proven_tenant", " SET search_path TO 'pg_catalog', 'pg_temp'", "", "does not set search_path"),
    ],
)
def test_a_function_that_reads_otherwise_on_a_worker_is_found(
    distributed: Distributed, function: str, text: str, other: str, expected: str
) -> None:
    definition = f"SELECT pg_get_functiondef('audit.{function}'::regproc)"
    before: str = distributed.call("postgres", (definition, []), node="worker_1")
    with as_superuser(distributed, "worker_1", before.replace(text, other), before):
        assert expected in findings(distributed)
    assert findings(distributed) == ""


def found_with(distributed: Distributed, *statements: str) -> str:
    """Return what a superuser is told of the nodes after these statements, on the coordinator; nothing stays."""
    with distributed.cluster.connect() as superuser, superuser.transaction(force_rollback=True):
        superuser.execute("SET LOCAL citus.enable_ddl_propagation = off")  # the nodes would wait for this transaction
        for statement in statements:
            superuser.execute(statement.encode())
        found = superuser.execute("SELECT string_agg(f.finding, '; ') FROM audit.findings_of_nodes() AS f").fetchone()
    return str(found[0] or "") if found else ""


def test_a_node_that_is_not_active_is_found(distributed: Distributed) -> None:
    assert found_with(distributed) == ""
    port = distributed.cluster.ports["worker_1"]
    inactive = found_with(distributed, f"UPDATE pg_dist_node SET isactive = false WHERE nodeport = {port}")
    assert f"127.0.0.1:{port}: is not active, and was not asked" in inactive


def test_a_restrictive_policy_that_would_widen_a_shard_is_found(distributed: Distributed) -> None:
    stray = f"CREATE POLICY stray ON audit.audit_logs AS RESTRICTIVE FOR SELECT TO audit_keyed USING ({OWN}"
    assert "policy stray on audit.audit_logs" in found_with(distributed, f"{stray})")
    same = found_with(distributed, f"{stray} AND tenant_id = audit.proven_tenant('read'))")
    assert "policy stray on audit.audit_logs" not in same


@pytest.mark.parametrize(
    "function",
    [
        "run_command_on_workers(text,boolean)",
        "master_run_on_worker(text[],integer[],text[],boolean)",
        "assign_distributed_transaction_id(integer,bigint,timestamp with time zone)",
    ],
)
def test_what_nodes_alone_may_call_is_found_where_everybody_may(distributed: Distributed, function: str) -> None:
    grant = f"GRANT EXECUTE ON FUNCTION {function} TO"
    assert found_with(distributed, f"{grant} audit_owner") == ""
    assert f"PUBLIC may call {function}" in found_with(distributed, f"{grant} PUBLIC")
