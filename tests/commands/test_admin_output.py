"""What python -m app.admin prints: events, nothing that a terminal obeys, and no key that nobody got to see."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.conftest import CreateRole, TestDatabase
from tests.support.admin_command import COMMAND, ENVIRONMENT, Admin, command_of

ARGUMENTS = {
    "create-tenant": ["create-tenant", "initech"],
    "list-tenants": ["list-tenants"],
    "issue-key": ["issue-key", "acme", "--label", "core"],
    "list-keys": ["list-keys"],
    "rotate-key": ["rotate-key", "{id}"],
    "revoke-key": ["revoke-key", "{id}"],
    "rotate-secret": ["rotate-secret"],
    "list-events": ["list-events", "--limit", "1000"],
    "set-retention": ["set-retention", "acme", "--live-days", "400"],
    "list-retention": ["list-retention"],
    "place-hold": ["place-hold", "acme", "--reason", "a lawsuit", "--reference", "case 7"],
    "list-holds": ["list-holds"],
    "issue-view-link": ["issue-view-link", "--tenant", "acme"],
    "list-view-links": ["list-view-links"],
}
GIVES_A_KEY = ["issue-key", "rotate-key", "issue-view-link"]
OBEYED, LINE_OF_ITS_OWN = "\x1b]0;owned\x07", "acme  \nglobex  owned"


@pytest.fixture
def operator(create_role: CreateRole) -> str:
    """The login that administers."""
    return create_role(member_of=("audit_admin",))


@pytest.fixture
def admin(database: TestDatabase, operator: str) -> Admin:
    return command_of(database.url(operator))


@pytest.fixture
def arguments_of(database: TestDatabase) -> Callable[[str], list[str]]:
    """Return the arguments of a command that succeeds, with a key to be administered."""
    public_id = database.issue_api_key("acme").split("_")[1]
    return lambda command: [argument.format(id=public_id) for argument in ARGUMENTS[command]]


def keys(database: TestDatabase) -> list[tuple[Any, ...]]:
    return database.execute(
        "SELECT id, expires_at, revoked_at, replaced_by FROM audit.api_keys"
        " UNION ALL SELECT id, expires_at, revoked_at, api_key_id FROM audit.view_links ORDER BY id"
    )


def closed_pipe() -> int:
    """Return the writing end of a pipe that nobody reads."""
    reading, writing = os.pipe()
    os.close(reading)
    return writing


@pytest.mark.parametrize("command", [name for name in ARGUMENTS if name not in GIVES_A_KEY] + ["--help"])
def test_a_reader_that_has_read_enough_ends_a_command_quietly(
    admin: Admin, arguments_of: Callable[[str], list[str]], command: str
) -> None:
    arguments = [command] if command == "--help" else arguments_of(command)
    unread = closed_pipe()

    ended = admin(*arguments, stdout=unread)

    os.close(unread)
    assert (ended.returncode, ended.stderr) == (128 + signal.SIGPIPE, "")


def test_the_first_line_of_many_is_what_head_prints(database: TestDatabase, operator: str) -> None:
    database.execute(
        "SELECT audit.issue_api_key('acme', repeat('x', 200)) FROM generate_series(1, 500)"
    )  # more than a pipe holds
    pipeline = subprocess.run(
        ["bash", "-c", f"{' '.join(COMMAND)} list-keys | head -1; exit ${{PIPESTATUS[0]}}"],
        env=ENVIRONMENT | {"ADMIN_DATABASE_URL": database.url(operator)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip

    assert pipeline.stdout.split()[:3] == ["id", "tenant_id", "label"]
    assert (pipeline.returncode, pipeline.stderr) == (128 + signal.SIGPIPE, "")


@pytest.mark.parametrize("command", GIVES_A_KEY)
@pytest.mark.parametrize("output", ["full", "unread", "closed"])
@pytest.mark.parametrize("json_wanted", [False, True])
def test_a_key_that_cannot_be_printed_is_not_issued(
    admin: Admin, database: TestDatabase, arguments_of: Callable[[str], list[str]], command: str, output: str,
    json_wanted: bool,
) -> None:  # fmt: skip
    arguments = [*(["--json"] if json_wanted else []), *arguments_of(command)]
    before, events = keys(database), database.execute("SELECT count(*) FROM audit.admin_events")

    if output == "closed":
        ended = admin(*arguments, stdout=None, preexec_fn=lambda: os.close(1))
    else:
        nowhere = os.open("/dev/full", os.O_WRONLY) if output == "full" else closed_pipe()
        ended = admin(*arguments, stdout=nowhere)
        os.close(nowhere)

    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert f"no {'view link' if 'link' in command else 'key'} was issued" in ended.stderr
    assert keys(database) == before
    assert database.execute("SELECT count(*) FROM audit.admin_events") == events
    assert admin(*arguments).returncode == 0
    assert len(keys(database)) == len(before) + 1


@pytest.mark.parametrize("command", [name for name in ARGUMENTS if name not in GIVES_A_KEY])
def test_an_answer_that_cannot_be_printed_is_reported_in_one_line(
    admin: Admin, arguments_of: Callable[[str], list[str]], command: str
) -> None:
    with Path("/dev/full").open("w") as full:
        ended = admin(*arguments_of(command), stdout=full)

    assert ended.returncode == 1
    assert ended.stderr == "the answer could not be printed: No space left on device\n"


def test_a_key_is_revoked_although_nobody_can_be_told(
    admin: Admin, database: TestDatabase, arguments_of: Callable[[str], list[str]]
) -> None:
    with Path("/dev/full").open("w") as full:
        admin(*arguments_of("revoke-key"), stdout=full)

    assert database.execute("SELECT revoked_at IS NOT NULL FROM audit.api_keys") == [(True,)]


def test_a_key_whose_commit_fails_is_not_passed_off_as_valid(admin: Admin, database: TestDatabase) -> None:
    # Checked at COMMIT alone, when the key has been printed.
    database.execute(
        "ALTER TABLE audit.api_keys ADD CONSTRAINT at_commit FOREIGN KEY (label) REFERENCES audit.tenants (id)"
        " DEFERRABLE INITIALLY DEFERRED"
    )
    ended = admin("issue-key", "acme", "--label", "core")

    assert ended.returncode == 1
    assert len(ended.stderr.splitlines()) == 1
    assert "the key above may not be valid" in ended.stderr
    assert keys(database) == []
    issued = admin("issue-key", "acme", "--label", "globex")
    assert (issued.returncode, issued.stderr) == (0, "Keep it now: it is not shown again.\n")


@pytest.mark.parametrize("text", [OBEYED, LINE_OF_ITS_OWN, "\u202eowned", "\u0085\u2028owned"])
@pytest.mark.parametrize("command", ["list-tenants", "list-keys", "list-events"])
def test_what_callers_named_is_one_line_that_a_terminal_does_not_obey(admin: Admin, command: str, text: str) -> None:
    admin("create-tenant", "initech", "--name", text)
    admin("issue-key", "initech", "--label", text)
    shown = {"list-tenants": 4, "list-keys": 2, "list-events": 5}[command]

    printed = admin(command).stdout

    assert len(printed.split("\n")) == shown + 1
    assert all(line.isprintable() for line in printed.split("\n"))
    assert "owned" in printed
    assert json.dumps(text)[1:-1] in admin("--json", command).stdout


@pytest.mark.parametrize(
    "arguments",
    [
        [OBEYED],
        ["list-tenants", OBEYED],
        ["list-tenants", f"--{OBEYED}"],
        ["rotate-key", "0" * 16, "--overlap", LINE_OF_ITS_OWN],
        ["list-events", "--since", OBEYED],
        ["create-tenant", OBEYED],
        ["issue-key", LINE_OF_ITS_OWN, "--label", "core"],
        ["rotate-key", OBEYED],
        ["list-events", "--act", LINE_OF_ITS_OWN],
    ],
)
def test_a_refusal_repeats_nothing_that_a_terminal_obeys(admin: Admin, arguments: list[str]) -> None:
    refused = admin(*arguments)

    assert refused.returncode in (1, 2)
    assert len(refused.stderr.split("\n")) == 2
    assert refused.stderr[:-1].isprintable()


def test_an_argument_that_is_not_unicode_is_one_line(admin: Admin) -> None:
    refused = admin("create-tenant", "initech", "--name", os.fsdecode(b"\xff"))

    assert (refused.returncode, refused.stderr) == (1, "an argument is not valid Unicode\n")


def test_a_terminal_without_the_characters_is_shown_escapes(admin: Admin) -> None:
    admin("create-tenant", "initech", "--name", "B\u00e4nk")

    shown = admin("list-tenants", env={"PYTHONIOENCODING": "ascii"})

    assert (shown.returncode, shown.stderr) == (0, "")
    assert "B\\xe4nk" in shown.stdout
    assert "B\u00e4nk" in admin("list-tenants", env={"PYTHONIOENCODING": "utf-8"}).stdout


def page(admin: Admin, *arguments: str) -> Any:
    """Return one page of events as JSON."""
    listed = admin("list-events", "--json", *arguments)
    assert (listed.returncode, listed.stderr) == (0, "")
    return json.loads(listed.stdout)


def test_an_administrator_reads_every_event_page_by_page(admin: Admin, operator: str) -> None:
    admin("rotate-secret")
    key = admin("issue-key", "globex", "--label", "core", "--scopes", "read").stdout.split("_")[1]

    newest, before = page(admin, "--limit", "2")["items"]
    assert (newest["act"], newest["tenant_id"], newest["api_key_id"]) == ("api key issued", "globex", key)
    assert (newest["actor"], newest["detail"]["label"], newest["detail"]["scopes"]) == (operator, "core", ["read"])
    assert (before["act"], before["tenant_id"], before["detail"]) == ("proof secret rotated", None, {"secret_id": 2})

    seen, cursor = [], page(admin, "--limit", "1")["next_cursor"]
    while cursor:
        found = page(admin, "--limit", "1", "--cursor", cursor)
        seen += [item["act"] for item in found["items"]]
        cursor = found["next_cursor"]
    assert seen == ["proof secret rotated", "tenant created", "tenant created"]

    assert {item["tenant_id"] for item in page(admin, "--tenant", "acme")["items"]} == {"acme"}
    assert [item["id"] for item in page(admin, "--act", "api key issued")["items"]] == [newest["id"]]
    assert [item["id"] for item in page(admin, "--since", newest["created_at"])["items"]] == [newest["id"]]
    assert newest["id"] not in str(page(admin, "--until", newest["created_at"]))


def test_events_are_a_table_for_people_which_says_that_there_are_more(admin: Admin) -> None:
    first = admin("list-events", "--limit", "1")

    header, line = first.stdout.splitlines()
    assert header.split() == ["created_at", "act", "tenant_id", "api_key_id", "actor", "detail"]
    assert "tenant created" in line
    assert first.stderr.startswith("There are more: --cursor ")
    rest = admin("list-events", *first.stderr.strip().removeprefix("There are more: ").split())
    assert (len(rest.stdout.splitlines()), rest.stderr) == (2, "")


def test_the_service_reads_no_events_of_administrators(database: TestDatabase) -> None:
    for role in ("audit_app", "audit_gateway"):
        with psycopg.connect(database.url(role)) as app, pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("SELECT audit.list_all_admin_events()")
