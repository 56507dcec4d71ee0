"""The commands of docs/retention.md, run as they stand there, on records that are old enough to go."""

import json
import re
from collections.abc import Iterator

import psycopg
import pytest

from tests.conftest import CreateRole, TestDatabase
from tests.support import pages
from tests.support.processes import running_service
from tests.support.sealing import sealed_and_signed
from tests.support.shell import Shell

PAGE = "docs/retention.md"
ACTS = (
    "SELECT act FROM audit.admin_events WHERE act NOT LIKE 'api key%' AND act <> 'tenant created' ORDER BY created_at"
)


def blocks(heading: str) -> list[str]:
    """Return the commands below a heading of the page, block by block."""
    return pages.commands(PAGE, heading)


@pytest.fixture
def shell(shell: Shell, database: TestDatabase, create_role: CreateRole) -> Iterator[Shell]:
    """As an operator who has made the logins `retention` and `eraser`."""
    shell.variables |= {
        "RETENTION_DATABASE_URL": database.url("retention"),
        "ERASER_DATABASE_URL": database.url("eraser"),
        "OTHER_ADMIN_DATABASE_URL": database.url(create_role(member_of=("audit_admin",))),
    }
    (logins,) = blocks("Logins")
    shell.run(logins)
    yield shell
    database.execute("DROP ROLE retention, eraser")


def append(database: TestDatabase, *, days: int, user: str = "joe", mode: str = "LIVE", approver: str = "ann") -> str:
    """Append a record of acme that is so many days old; return its id."""
    with psycopg.connect(database.url(), autocommit=True) as connection, connection.transaction():
        connection.execute("SELECT audit.set_tenant('acme')")
        ((found,),) = connection.execute(
            "SELECT audit.insert_audit_log('kyc', %s, 'error', p_user_id => %s, p_error => 'no answer',"
            " p_context => %s)",
            [mode, user, json.dumps({"approver": approver})],
        ).fetchall()
    database.execute(
        "UPDATE audit.audit_logs SET created_at = created_at - make_interval(days => %s) WHERE id = %s", days, found
    )
    return str(found)


def users(database: TestDatabase) -> list[str | None]:
    """Return the user of each record that is left."""
    return [user for (user,) in database.execute("SELECT user_id FROM audit.audit_logs ORDER BY created_at, id")]


def test_terms_are_set_and_listed(shell: Shell, database: TestDatabase) -> None:
    terms, _ = blocks("Terms")
    assert re.search(r"^acme +365 +30 ", shell.run(terms), re.MULTILINE)
    assert database.execute("SELECT live_days, dry_run_days FROM audit.list_retention()") == [(365, 30)]


def test_no_administrator_sets_a_live_term_below_six_months(shell: Shell, database: TestDatabase) -> None:
    terms, _ = blocks("Terms")
    shell.run(terms.partition("\n")[0].replace("365", "182"), status=1)
    assert database.execute("SELECT FROM audit.list_retention()") == []
    shell.run(terms.partition("\n")[0].replace("365", "183"))
    assert database.execute("SELECT live_days FROM audit.list_retention()") == [(183,)]


def test_the_owner_raises_the_floor_for_terms_that_are_set_already(shell: Shell, database: TestDatabase) -> None:
    terms, floor = blocks("Terms")
    below = terms.replace("365", "200")
    shell.run(below)
    shell.run(floor)
    assert database.execute("SELECT live_days FROM audit.list_retention()") == [(365,)]
    shell.run(below.partition("\n")[0], status=1)
    shell.run(terms)


def test_what_the_dry_run_counts_is_pruned_and_nothing_else(shell: Shell, database: TestDatabase) -> None:
    (count,), (prune,) = blocks("What would go"), blocks("Prune")
    for days, mode in ((400, "LIVE"), (300, "LIVE"), (40, "DRY_RUN"), (1, "DRY_RUN")):
        append(database, days=days, mode=mode, user=f"{mode} {days}")
    sealed_and_signed(database)
    shell.run(blocks("Terms")[0])
    assert re.findall(r"^acme +(\S+) +(\d+) ", shell.run(count), re.MULTILINE) == [("DRY_RUN", "1"), ("LIVE", "1")]
    assert len(users(database)) == 4
    assert "2 records pruned" in shell.run(prune)
    assert users(database) == ["LIVE 300", "DRY_RUN 1"]
    assert "acme" not in shell.run(count)


def test_the_statement_for_pg_cron_prunes(shell: Shell, database: TestDatabase) -> None:
    (schedule,) = pages.shown(PAGE, "Prune", "sql")
    (statement,) = re.findall(r"'(SELECT audit\..*?)'", schedule)
    append(database, days=400)
    sealed_and_signed(database)
    shell.run(blocks("Terms")[0])
    with psycopg.connect(database.url("retention")) as connection:
        connection.execute(statement.encode())
    assert users(database) == []


def hold_of(printed: str) -> str:
    """Return the id of the hold that a command has placed."""
    return printed.split("\n", 1)[0]


def test_what_is_held_is_neither_pruned_nor_erased_until_it_is_released(shell: Shell, database: TestDatabase) -> None:
    place, release, _ = blocks("Legal holds")
    (prune,), erase = blocks("Prune"), blocks("Erase a person")[0]
    append(database, days=400, user="jane")
    append(database, days=400, user="joe")
    sealed_and_signed(database)
    shell.run(blocks("Terms")[0])
    printed = shell.run(place)
    assert "case 12/2025" in printed
    assert "1 records pruned" in shell.run(prune)
    assert "0 records erased; 1 held" in shell.run(erase, status=1)
    assert users(database) == ["jane"]
    shell.variables["HOLD_ID"] = hold_of(printed)
    shell.run(release)
    assert "1 records pruned" in shell.run(prune)
    assert users(database) == []


def test_a_release_by_two_needs_another_login(shell: Shell, database: TestDatabase) -> None:
    place, release, confirm = blocks("Legal holds")
    shell.run(blocks("Terms")[1])
    shell.variables["HOLD_ID"] = hold_of(shell.run(place))
    status = "SELECT status FROM audit.list_holds()"
    assert "release asked" in shell.run(release)
    assert database.execute(status) == [("release asked",)]
    shell.run(confirm.replace("$OTHER_ADMIN_DATABASE_URL", "$ADMIN_DATABASE_URL"), status=1)
    assert database.execute(status) == [("release asked",)]
    shell.run(confirm)
    assert database.execute(status) == [("released",)]


def test_a_person_and_a_record_are_erased_and_the_events_name_nobody(shell: Shell, database: TestDatabase) -> None:
    person, record = blocks("Erase a person")
    append(database, days=3, user="jane")
    append(database, days=2, user="joe", approver="jane")
    shell.variables["RECORD_ID"] = append(database, days=1, user="ann", approver="bob")
    append(database, days=0, user="joe")
    sealed_and_signed(database)
    assert "2 records erased; 0 held, 0 not sealed yet" in shell.run(person)
    assert users(database) == [None, None, "ann", "joe"]
    shell.run(record)
    assert database.execute("SELECT user_id, error, context FROM audit.audit_logs ORDER BY created_at") == [
        (None, None, None), (None, None, None), (None, None, None), ("joe", "no answer", {"approver": "ann"}),
    ]  # fmt: skip
    assert database.execute(ACTS) == [("person erased",), ("record erased",)]
    assert "jane" not in str(database.execute("SELECT detail FROM audit.admin_events"))


def test_the_space_of_what_was_erased_is_given_back(shell: Shell, database: TestDatabase) -> None:
    (vacuum,) = blocks("What erasure does not cover")
    files = "SELECT pg_relation_filepath('audit.audit_logs')"
    before = database.execute(files)
    shell.run(vacuum)
    assert database.execute(files) != before


def test_everything_about_a_user_is_exported_and_nothing_about_others(
    shell: Shell, database: TestDatabase, api_keys: dict[str, str]
) -> None:
    place = blocks("Legal holds")[0]
    (export,) = blocks("Tell a person what is stored")
    named, approved = append(database, days=2, user="jane"), append(database, days=1, approver="jane")
    append(database, days=0)
    shell.run(place.partition("\n")[0])  # the file with the user
    with running_service(database_url=database.url("audit_app")) as service:
        shell.variables |= {"RINGFENCE_URL": str(service.http.base_url).rstrip("/"), **api_keys}
        shell.run(export)
    for name, expected in (("of-user", named), ("as-approver", approved)):
        *lines, last = (shell.folder / f"audit-logs-{name}.ndjson").read_text().splitlines()
        assert [json.loads(line)["id"] for line in lines] == [expected]
        assert json.loads(last) == {"complete": True, "count": 1}


def test_what_is_left_of_a_tenant_that_leaves_is_listed(shell: Shell, database: TestDatabase) -> None:
    (offboard,) = blocks("A tenant leaves")
    database.issue_api_key("acme")
    printed = shell.run(offboard)
    assert re.search(r"^revoke its keys +no +1 open the tenant$", printed, re.MULTILINE)
    assert re.search(r"^prune its records +yes ", printed, re.MULTILINE)


def test_space_is_shown_by_table_and_index(shell: Shell) -> None:
    (space,) = blocks("Space")
    printed = shell.run(space)
    for relation in ("audit_logs", "audit_logs_pkey", "seals", "pruned_ids"):
        assert re.search(rf"^ {relation} +\| (table|index) ", printed, re.MULTILINE)


def test_every_act_of_retention_is_named_and_no_other(database: TestDatabase) -> None:
    named = set(re.findall(r"`((?:retention|hold|record|records|person) [a-z ]+)`", pages.read(PAGE)))
    ((known,),) = database.execute(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = 'admin_events_act_known'"
    )
    acts = set(re.findall(r"'([a-z ]+)'", known))
    assert named <= acts
    assert {act for act in acts if re.match(r"retention|hold|records pruned|.* erased", act)} <= named
