"""What audit.prune_records() tells its caller about a tenant that it has to leave out: a warning, no error."""

import psycopg
import pytest

from tests.conftest import CreateRole, TestDatabase
from tests.support.old_records import set_terms, stored, write
from tests.support.sealing import seal


@pytest.mark.parametrize("quiet", ["warning", "error"])
def test_a_prune_warns_of_a_broken_tree_and_prunes_the_others(
    database: TestDatabase, create_role: CreateRole, quiet: str
) -> None:
    kept = set(write(database, "400 days", tenant="acme"))
    write(database, "400 days", tenant="globex")
    seal(database)
    for tenant in ("acme", "globex"):
        set_terms(database, 365, tenant=tenant)
    database.execute("UPDATE audit.trees SET root = sha256('') WHERE tenant_id = 'acme'")
    told: list[tuple[str | None, str | None, str | None]] = []
    job = create_role(member_of=("audit_retention",))
    with psycopg.connect(database.url(job), autocommit=True) as connection:
        connection.add_notice_handler(
            lambda found: told.append((found.severity_nonlocalized, found.sqlstate, found.message_primary))
        )
        connection.execute("SELECT set_config('client_min_messages', %s, false)", [quiet])
        connection.execute("SELECT audit.prune_records(10000)")
        assert told == [("WARNING", "RF009", "acme: the tree contradicts itself")]
        assert (stored(database, "acme"), stored(database, "globex")) == (kept, set())

        told.clear()
        database.execute("UPDATE audit.trees SET root = audit.tree_root(frontier) WHERE tenant_id = 'acme'")
        connection.execute("SELECT audit.prune_records(10000)")
    assert told == []
    assert stored(database, "acme") == set()
