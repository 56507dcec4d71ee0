"""The commands for operators, run as they stand on the pages, on the database of the test."""

import re
from collections.abc import Iterator

import pytest

from tests.conftest import TestDatabase
from tests.support import pages
from tests.support.shell import Shell

_GROUPS = (
    "SELECT pg_has_role('audit_app', 'audit_keyed', 'MEMBER'), pg_has_role('audit_app', 'audit_trusted', 'MEMBER')"
)


@pytest.fixture
def roles_as_before(database: TestDatabase) -> Iterator[None]:
    """Undo what the commands do to roles, which belong to every database of the server."""
    yield
    database.execute("GRANT audit_keyed TO audit_app")
    database.execute("REVOKE audit_trusted FROM audit_app")
    database.execute("REVOKE audit_admin FROM postgres")
    database.execute("DROP ROLE IF EXISTS alice")


def without_what_differs(output: str) -> str:
    """Return the output with a placeholder for keys, their ids and times."""
    output = re.sub(r"\b[0-9a-f]{64}\b|(?<=_)[0-9a-f]{64}", "SECRET", output)
    output = re.sub(r"(?<![0-9a-f])[0-9a-f]{16}(?![0-9a-f])", "ID", output)
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ", "TIME", output)


@pytest.mark.usefixtures("roles_as_before")
def test_a_tenant_and_its_keys_are_administered_and_print_what_is_shown(shell: Shell, database: TestDatabase) -> None:
    make_login, first_key, replace = pages.commands("docs/isolation.md", "API keys")
    printed, replaced = pages.shown("docs/isolation.md", "API keys")
    shell.run(make_login)
    shell.variables["ADMIN_DATABASE_URL"] = database.url("alice")
    output = shell.run(first_key)
    assert without_what_differs(output) == without_what_differs(re.sub("Keep it now.*\n", "", printed))
    (key_id,) = set(re.findall(r"rf_([0-9a-f]{16})_", output))
    shell.variables["KEY_ID"] = key_id
    assert without_what_differs(shell.run(replace)) == without_what_differs(re.sub("Keep it now.*\n", "", replaced))
    database.execute("DROP ROLE alice")


def test_a_view_link_is_issued_listed_and_revoked_as_shown(shell: Shell, database: TestDatabase) -> None:
    database.create_tenant("initech")
    issue, end = pages.commands("docs/isolation.md", "View links")
    (printed,) = pages.shown("docs/isolation.md", "View links")
    output = shell.run(issue)
    assert without_what_differs(output) == without_what_differs(re.sub("Keep it now.*\n", "", printed))
    (shell.variables["LINK_ID"],) = re.findall(r"rfl_([0-9a-f]{16})_", output)
    assert re.search(rf"^{shell.variables['LINK_ID']} +initech +Annual audit +valid .*\nrevoked$", shell.run(end), re.M)


@pytest.mark.usefixtures("roles_as_before")
def test_the_first_keys_on_render_are_issued(shell: Shell) -> None:
    (block,) = pages.commands("docs/deploy.md", "The first keys on Render")
    del shell.variables["ADMIN_DATABASE_URL"]
    assert re.search(r"^rf_[0-9a-f]{16}_[0-9a-f]{64}$", shell.run(block), re.MULTILINE)


@pytest.mark.usefixtures("roles_as_before")
def test_the_groups_are_exchanged_and_back(shell: Shell, database: TestDatabase) -> None:
    (to_names,) = pages.commands("docs/deploy.md", "Behind a gateway")
    (to_keys,) = pages.commands("docs/operations.md", "Upgrade from 0.1")
    assert database.execute(_GROUPS) == [(True, False)]
    shell.run(to_names)
    assert database.execute(_GROUPS) == [(False, True)]
    shell.run(to_keys)
    assert database.execute(_GROUPS) == [(True, False)]


def test_a_migrated_database_has_nothing_to_migrate(shell: Shell) -> None:
    (block,) = pages.commands("docs/operations.md", "Migrations")
    assert "nothing to do" in shell.run(block) or "up to date" in shell.run(block)


def test_a_policy_that_was_edited_is_repaired(shell: Shell, database: TestDatabase) -> None:
    (block,) = pages.commands("docs/operations.md", "Repair an edited policy")
    report = pages.commands("docs/operations.md", "Administration")[-1]
    database.execute("ALTER POLICY keyed_reads_proven_tenant ON audit.audit_logs USING (true)")
    assert re.search(r"\| f +\|", shell.run(report))
    shell.run(block)
    assert not re.search(r"\| f +\|", shell.run(report))


@pytest.mark.usefixtures("roles_as_before")
def test_the_only_login_of_a_platform_administers(shell: Shell, database: TestDatabase) -> None:
    first, rotate, report = pages.commands("docs/operations.md", "Administration")
    assert re.search(r"^acme ", shell.run(first), re.MULTILINE)
    before = database.execute("SELECT id FROM audit.proof_secrets WHERE replaced_at IS NULL")
    shell.run(rotate)
    assert database.execute("SELECT id FROM audit.proof_secrets WHERE replaced_at IS NULL") != before
    assert "(20 rows)" in shell.run(report)


def test_history_is_looked_at_and_imported_as_shown(shell: Shell, database: TestDatabase) -> None:
    (lines,) = pages.shown("docs/importing.md", "Import history", "json")
    (shell.folder / "audit-2025.jsonl").write_text(lines.rstrip("\n"))
    for heading in ("See what an import would do", "Import"):
        (block,) = pages.commands("docs/importing.md", heading)
        (printed,) = pages.shown("docs/importing.md", heading)
        assert shell.run(block, status=1) == printed
    assert (shell.folder / "rejects.jsonl").read_text() == lines.splitlines(keepends=True)[-1]
    assert database.execute("SELECT count(*) FROM audit.audit_logs") == [(4,)]
